// bridge_death.test.mjs - a routing instance dies or is shut down in the middle of a call: the
// ring still ends in time, an answer still merges, a talk goes on, nothing stays claimed.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startCluster } from '../support/cluster.mjs';
import { until } from '../support/process.mjs';
import { callBecomes, dial, join, nothingHeld, readCall, sdpOf, traceOf } from '../support/calls.mjs';

const RING_S = 2;

describe('when a routing instance goes', () => {
	let cluster, alice, bob;
	before(async () => {
		cluster = await startCluster({ presence: 2, routing: 2, env: {
			SWEEP_MS: '50', NODE_LEASE_MS: '600', NODE_RENEW_MS: '100', CALLBACK_RETRY_MS: '50', FETCH_TOTAL_MS: '5000', DRAIN_MAX_MS: '8000',
		} });
	});
	after(() => cluster?.stop());

	/** The others have seen that they are gone, and then that they are back. */
	async function bringBack() {
		await cluster.acquainted();
		await Promise.all(cluster.routing.filter(instance => instance.wasKilled).map(instance => instance.restart()));
		await cluster.acquainted();
	}

	/** alice and bob on different instances; afterwards every routing instance is there again. */
	async function actors(t) {
		t.after(bringBack);
		cluster.customer.answer('/voice', dial('bob', { timeout: RING_S }));
		alice = await join(t, cluster, 'alice', { at: cluster.presence[0] });
		bob = await join(t, cluster, 'bob', { at: cluster.presence[1] });
	}

	/** alice calls bob; which instance works on it. */
	async function ringing() {
		const { call } = await alice.request({ type: 'call', to: 'client:bob', sdp: sdpOf('alice') });
		const ring = await bob.next('incoming');
		return { call, ring, owner: await ownerOf(call) };
	}

	async function talking() {
		const { call, ring, owner } = await ringing();
		await bob.request({ type: 'answer', token: ring.token, sdp: sdpOf('bob') });
		await Promise.all([alice.next('answered'), bob.next('answered')]);
		return { call, ring, owner };
	}

	const OWNER = `return redis.call('HGET', redis.call('KEYS', 'call:{c*}:' .. ARGV[1])[1], 'own')`;

	async function ownerOf(call) {
		const [node] = (await cluster.redis.command('EVAL', OWNER, 0, call)).split('.');
		const event = (await traceOf(cluster, call)).find(e => e.node === node);
		return cluster.routing.find(instance => instance.name === event.host);
	}

	/** The other instance has taken it over, and is alone in that. */
	async function isAdopted(call, owner, ms) {
		let adopted;
		await until(async () => (adopted = await traceOf(cluster, call, 'adopted')).length > 0, 'the call is adopted', ms);
		assert.ok(adopted.every(e => e.host !== owner.name), JSON.stringify(adopted));
	}

	test('killed while it rings: the ring ends within its timeout and a second, for every device', async t => {
		await actors(t);
		const { call, ring, owner } = await ringing();
		const since = performance.now();
		await owner.kill9();
		assert.equal((await bob.next('cancel', { call: ring.call })).reason, 'timeout');
		const took = performance.now() - since;
		assert.ok(took < RING_S * 1000 + 1000, `after ${took} ms`);
		assert.equal((await alice.next('hangup', { call })).reason, 'no-answer');
		await callBecomes(cluster, call, 'no-answer');
		await isAdopted(call, owner);
		await nothingHeld(cluster, alice, bob);
		assert.equal(bob.all('cancel').length, 1);
	});

	test('killed while it rings: an answer still merges, and the talk ends as it should', async t => {
		await actors(t);
		const { call, ring, owner } = await ringing();
		await owner.kill9();
		assert.equal((await bob.request({ type: 'answer', token: ring.token, sdp: sdpOf('bob') })).type, 'ok');
		assert.deepEqual(await alice.next('answered', { ms: 4000 }), { type: 'answered', call, sdp: sdpOf('bob') });
		await bob.next('answered', { call: ring.call });
		await isAdopted(call, owner);
		await alice.request({ type: 'hangup', call });
		await bob.next('hangup', { call: ring.call });
		await nothingHeld(cluster, alice, bob);
	});

	test('killed while it rings: a rejection, and the caller\'s hang-up, are heard all the same', async t => {
		await actors(t);
		for (const [who, reason] of [['bob', 'declined'], ['alice', 'caller_hangup']]) {
			const { call, ring, owner } = await ringing();
			await owner.kill9();
			if (who === 'bob') {
				await bob.request({ type: 'reject', call: ring.call });
				assert.equal((await alice.next('hangup', { call })).reason, reason);
			} else {
				await alice.request({ type: 'hangup', call });
				assert.equal((await bob.next('cancel', { call: ring.call })).reason, reason);
			}
			await nothingHeld(cluster, alice, bob);
			await bringBack();
		}
	});

	test('killed during a talk: it goes on, candidates pass, and either side may hang up', async t => {
		await actors(t);
		for (const who of ['alice', 'bob']) {
			const { call, ring, owner } = await talking();
			await owner.kill9();
			await alice.request({ type: 'candidate', call, candidate: 'still here' });
			assert.equal((await bob.next('candidate')).candidate, 'still here');
			const [leaves, stays, legOfLeaver, legOfStayer] = who === 'alice' ? [alice, bob, call, ring.call] : [bob, alice, ring.call, call];
			assert.equal((await leaves.request({ type: 'hangup', call: legOfLeaver })).type, 'ok');
			await stays.next('hangup', { call: legOfStayer });
			await callBecomes(cluster, call, 'completed');
			await nothingHeld(cluster, alice, bob);
			await bringBack();
		}
	});

	test('killed while the customer\'s server thinks: another one asks it again, and the call goes on', async t => {
		await actors(t);
		let asked = 0, release;
		cluster.customer.answer('/voice', async () => {
			if (++asked === 1)
				await new Promise(resolve => { release = resolve; });
			return dial('bob');
		});
		const { call } = await alice.request({ type: 'call', to: 'client:bob', sdp: sdpOf('alice') });
		const first = await cluster.customer.next('/voice', { matches: r => r.params.CallSid === call });
		const owner = (await Promise.all(cluster.routing.map(async r => await r.metric('switchhook_calls_owned') > 0 && r))).find(Boolean);
		await owner.kill9();
		const again = await cluster.customer.next('/voice', { matches: r => r.params.CallSid === call });
		assert.equal(again.headers['i-twilio-idempotency-token'], first.headers['i-twilio-idempotency-token'], 'the same request, as its token says');
		assert.equal(again.body, first.body);
		const ring = await bob.next('incoming');
		await bob.request({ type: 'answer', token: ring.token, sdp: sdpOf('bob') });
		await alice.next('answered', { call });
		await alice.request({ type: 'hangup', call });
		await bob.next('hangup');
		release();
		await nothingHeld(cluster, alice, bob);
	});

	/** Given from hand to hand: not left for the sweep, which takes what is 300 ms late. */
	async function isHandedOver(call, owner) {
		await isAdopted(call, owner);
		const [letGo, adopted] = await Promise.all(['let_go', 'adopted'].map(event => traceOf(cluster, call, event)));
		const gap = Date.parse(adopted.at(-1).at) - Date.parse(letGo.at(-1).at);
		assert.ok(gap < 250, `nobody had the call for ${gap} ms`);
	}

	test('shut down while it rings: handed over at once, exit 0; answer and hang-up go on', async t => {
		await actors(t);
		const { call, ring, owner } = await ringing();
		await owner.stop();
		await isHandedOver(call, owner);
		assert.equal(bob.all('cancel').length, 0);
		assert.equal((await bob.request({ type: 'answer', token: ring.token, sdp: sdpOf('bob') })).type, 'ok');
		assert.equal((await alice.next('answered', { call, ms: 1000 })).sdp, sdpOf('bob'));
		await bob.next('answered', { call: ring.call });
		await bob.request({ type: 'hangup', call: ring.call });
		await alice.next('hangup', { call });
		await nothingHeld(cluster, alice, bob);
		assert.equal(bob.all('incoming').length, 1, 'rung once, whoever owns the call');
	});

	test('shut down while it rings: the ring still ends in time', async t => {
		await actors(t);
		const since = performance.now();
		const { call, ring, owner } = await ringing();
		await owner.stop();
		assert.equal((await bob.next('cancel', { call: ring.call })).reason, 'timeout');
		const took = performance.now() - since;
		assert.ok(took >= RING_S * 1000 - 50 && took < RING_S * 1000 + 1000, `after ${took} ms`);
		await alice.next('hangup', { call });
		await nothingHeld(cluster, alice, bob);
	});

	test('shut down during a talk: handed over, exit 0, and the talk goes on', async t => {
		await actors(t);
		const { call, ring, owner } = await talking();
		await owner.stop();
		await isHandedOver(call, owner);
		assert.equal((await readCall(cluster, call)).status, 'in-progress');
		assert.equal(alice.all('hangup').length + bob.all('hangup').length, 0);
		await alice.request({ type: 'hangup', call });
		assert.equal((await bob.next('hangup', { call: ring.call, ms: 1000 })).reason, 'remote_hangup');
		await nothingHeld(cluster, alice, bob);
	});

	test('shut down while a gateway waits: it is told 202 and the call goes on elsewhere', async t => {
		await actors(t);
		const account = cluster.account;
		const [instance] = cluster.routing;
		const waiting = cluster.communicate({ at: instance, sdp: sdpOf('gateway') });
		const ring = await bob.next('incoming');
		await instance.stop();
		const { status, body } = await waiting;
		assert.equal(status, 202);
		assert.equal((await bob.request({ type: 'answer', token: ring.token, sdp: sdpOf('bob') })).type, 'ok');
		await callBecomes(cluster, body.call, 'in-progress');
		await cluster.v1('POST', `/Communications/${body.call}`, { account, json: { action: 'hangup' } });
		await bob.next('hangup', { call: ring.call });
		await nothingHeld(cluster, alice, bob);
	});

	test('killed while a gateway waits: the gateway is gone with it, so the ring ends', async t => {
		await actors(t);
		const [instance] = cluster.routing;
		const waiting = cluster.communicate({ at: instance }).catch(error => error);
		const ring = await bob.next('incoming');
		await instance.kill9();
		assert.ok(await waiting instanceof Error);
		const { reason } = await bob.next('cancel', { call: ring.call });
		assert.ok(['caller_hangup', 'timeout'].includes(reason), reason);
		await nothingHeld(cluster, alice, bob);
	});

	test('all of them one after the other, call by call: every call is whole', async t => {
		await actors(t);
		cluster.customer.answer('/voice', dial('bob', { timeout: 20 }));
		for (let round = 0; round < 4; round++) {
			const { call, ring } = await ringing();
			await cluster.routing[round % 2].stop();
			await bringBack();
			await bob.request({ type: 'answer', token: ring.token });
			await alice.next('answered', { call });
			await alice.request({ type: 'hangup', call });
			await bob.next('hangup', { call: ring.call });
		}
		for (const type of ['incoming', 'answered', 'hangup'])
			assert.equal(bob.all(type).length, 4, type);
		await nothingHeld(cluster, alice, bob);
	});
});
