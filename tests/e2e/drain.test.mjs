// drain.test.mjs - SIGTERM: clients are told when to come back, find the other instance, and keep
// their calls; the instance ends with 0 and leaves nobody behind.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { callBecomes, dial, nothingHeld, readCall, sdpOf } from '../support/calls.mjs';
import { startCluster } from '../support/cluster.mjs';
import { until } from '../support/process.mjs';
import { RawChannel, RawSocket } from '../support/raw.mjs';
import { accessToken } from '../support/tokens.mjs';

const SPREAD_MS = 300, LEG_LOST_MS = 1500;

let cluster;

before(async () => {
	cluster = await startCluster({ presence: 2, routing: 2, env: { RECONNECT_SPREAD_MS: String(SPREAD_MS), LEG_LOST_MS: String(LEG_LOST_MS), SWEEP_MS: '100' } });
});
after(() => cluster?.stop());

/** Drains that instance for the time of `meanwhile`, then starts it again. */
async function drained(t, service, meanwhile) {
	t.after(() => service.process.isRunning || service.restart());
	const stopped = service.stop();
	await Promise.all([meanwhile?.(), stopped]);
	return service.process.exited;
}

describe('a presence instance that is told to stop', () => {
	test('tells each client when to come back, closes with 1012, exits 0; nobody stays behind', async t => {
		const [first, second] = cluster.presence;
		const clients = await Promise.all(Array.from({ length: 30 }, (_, i) => cluster.connect(`c${i}`, { at: first })));
		const stays = await cluster.connect('stays', { at: second });
		const { code } = await drained(t, first, async () => {
			const moments = await Promise.all(clients.map(async client => {
				const { reconnect_after_ms } = await client.next('drain');
				assert.equal((await client.closed).code, 1012);
				return reconnect_after_ms;
			}));
			assert.ok(moments.every(ms => Number.isInteger(ms) && ms >= 0 && ms <= SPREAD_MS), String(moments));
			assert.ok(new Set(moments).size > 5, 'they do not all come at once');
		});
		assert.equal(code, 0);
		for (let i = 0; i < clients.length; i++)
			assert.equal((await cluster.readPresence(`c${i}`, { at: second })).status, 'offline');
		assert.equal((await cluster.readPresence('stays', { at: second })).status, 'available');
		assert.equal(await second.metric('switchhook_nodes_buried_total'), 0);
		assert.doesNotMatch(String(await cluster.redis.command('HKEYS', 'nodes:{n}')), new RegExp(clients[0].welcome.node));
		await stays.close();
	});

	test('is not asked any more: whoever comes back through the balancer finds the other one', async t => {
		const [first, second] = cluster.presence;
		const clients = await Promise.all(Array.from({ length: 10 }, (_, i) => cluster.connect(`c${i}`, { at: first })));
		await drained(t, first, () => Promise.all(clients.map(async (client, i) => {
			await client.next('drain');
			await client.closed;
			const again = await cluster.connect(`c${i}`, { device: client.welcome.device });
			assert.deepEqual([again.welcome.host, again.welcome.device], ['presence-2', client.welcome.device]);
			assert.equal((await cluster.readPresence(`c${i}`, { at: second })).status, 'available');
			await again.close();
		})));
	});

	test('says so to health checks while one client dawdles, and waits for it only so long', async t => {
		const [first] = cluster.presence;
		const slow = await RawChannel.open(first.port);        // answers no close
		slow.text({ type: 'hello', token: accessToken(cluster.account, 'slow') });
		assert.equal((await slow.message()).type, 'welcome');
		const check = await RawSocket.open(first.port);        // a health check that keeps its connection
		const ask = () => check.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n');
		ask();
		assert.equal((await check.answer()).status, 200);
		const since = performance.now();
		await drained(t, first, async () => {
			assert.equal((await slow.message()).type, 'drain');
			ask();
			assert.ok([503, undefined].includes((await check.answer())?.status), 'draining, or gone');
			assert.equal(await slow.closeCode(), 1012);
		});
		check.destroy();
		assert.ok(performance.now() - since < 4000);
		slow.destroy();
		await cluster.presenceBecomes('slow', p => p.status === 'offline', 'is offline');
	});

	test('finishes the requests that it has begun', async t => {
		const [first] = cluster.presence;
		await cluster.redis.command('CLIENT', 'PAUSE', '400', 'ALL');
		const asked = Promise.all(Array.from({ length: 5 }, (_, i) => cluster.v1('GET', `/Presence/x${i}`, { at: first })));
		await until(async () => await first.metric('switchhook_http_connections') >= 5, 'the requests are there');
		await drained(t, first);
		for (const answer of await asked)
			assert.deepEqual([answer.status, answer.body.status], [200, 'offline']);
	});

	test('ends at once when nobody is there', async t => {
		const [, second] = cluster.presence;
		const since = performance.now();
		await drained(t, second);
		assert.ok(performance.now() - since < 1500);
	});

	test('ends at once at the second signal, whoever dawdles', async t => {
		const [first] = cluster.presence;
		const slow = await RawChannel.open(first.port);
		slow.text({ type: 'hello', token: accessToken(cluster.account, 'slow') });
		assert.equal((await slow.message()).type, 'welcome');
		const since = performance.now();
		await drained(t, first, async () => {
			assert.equal((await slow.message()).type, 'drain');
			first.process.kill('SIGTERM');
		});
		assert.ok(performance.now() - since < 1500);
		slow.destroy();
		await cluster.presenceBecomes('slow', p => p.status === 'offline', 'is offline', 6000);
	});
});

describe('a call in progress', () => {
	/** alice, on the first instance, has called bob on the second, who has answered. */
	async function talking() {
		cluster.customer.answer('/voice', dial('bob'));
		const [first, second] = cluster.presence;
		const [alice, bob] = [await cluster.connect('alice', { at: first }), await cluster.connect('bob', { at: second })];
		const { call } = await alice.request({ type: 'call', to: 'client:bob', sdp: sdpOf('alice') });
		const ring = await bob.next('incoming');
		assert.equal((await bob.request({ type: 'answer', token: ring.token, sdp: sdpOf('bob') })).type, 'ok');
		await alice.next('answered', { call });
		await bob.next('answered', { call: ring.call });
		return { alice, bob, call, ring };
	}

	async function movesOver(t, who) {
		const talk = await talking();
		const service = cluster.presence[who === 'alice' ? 0 : 1];
		const [leg, otherLeg, other] = who === 'alice' ? [talk.call, talk.ring.call, talk.bob] : [talk.ring.call, talk.call, talk.alice];
		let back;
		await drained(t, service, async () => {
			const { device } = talk[who].welcome;
			await talk[who].next('drain');
			await talk[who].closed;
			back = await cluster.connect(who, { device });
			assert.equal(back.welcome.device, device);
			assert.notEqual(back.welcome.host, service.name);
		});
		await cluster.presenceBecomes(who, p => p.status === 'on_call', 'is on the call');
		assert.equal((await readCall(cluster, talk.call)).status, 'in-progress');

		await other.request({ type: 'candidate', call: otherLeg, candidate: 'to the new socket' });
		assert.equal((await back.next('candidate', { call: leg })).candidate, 'to the new socket');
		await back.request({ type: 'candidate', call: leg, candidate: 'from the new socket' });
		assert.equal((await other.next('candidate', { call: otherLeg })).candidate, 'from the new socket');
		return { ...talk, back, leg, other, otherLeg };
	}

	for (const who of ['alice', 'bob']) {
		test(`survives the drain of ${who === 'alice' ? "the caller's" : "the callee's"} instance; the moved side can hang up`, async t => {
			const { call, back, leg, other, otherLeg } = await movesOver(t, who);
			assert.equal((await back.request({ type: 'hangup', call: leg })).type, 'ok');
			await other.next('hangup', { call: otherLeg });
			await callBecomes(cluster, call, 'completed');
			await nothingHeld(cluster);
			await Promise.all([back.close(), other.close()]);
		});
	}

	test('survives it for the other side, too: the moved one hears the hang-up', async t => {
		const { call, back, leg, other, otherLeg } = await movesOver(t, 'bob');
		await other.request({ type: 'hangup', call: otherLeg });
		await back.next('hangup', { call: leg });
		await callBecomes(cluster, call, 'completed');
		await Promise.all([back.close(), other.close()]);
	});

	test('ends with client_lost when the client does not come back', async t => {
		const { alice, bob, call, ring } = await talking();
		let since;
		await drained(t, cluster.presence[0], async () => {
			await alice.closed;
			since = performance.now();
		});
		const { reason } = await bob.next('hangup', { call: ring.call });
		const took = performance.now() - since;
		assert.equal(reason, 'client_lost');
		assert.ok(took > LEG_LOST_MS - 200 && took < LEG_LOST_MS + 1500, `${took} ms`);
		await callBecomes(cluster, call, 'completed');
		await cluster.presenceBecomes('bob', p => p.status === 'available', 'is free again');
		await bob.close();
	});

	test('survives the drain of the instance that works on it', async t => {
		const { alice, bob, call, ring } = await talking();
		const [first, second] = cluster.routing;
		for (const service of [first, second]) {
			await drained(t, service);
			await alice.request({ type: 'candidate', call, candidate: service.name });
			assert.equal((await bob.next('candidate', { call: ring.call })).candidate, service.name);
			await service.restart();
		}
		await alice.request({ type: 'hangup', call });
		await bob.next('hangup', { call: ring.call });
		await callBecomes(cluster, call, 'completed');
		await nothingHeld(cluster, { identity: 'alice' }, { identity: 'bob' });
		await Promise.all([alice.close(), bob.close()]);
	});
});
