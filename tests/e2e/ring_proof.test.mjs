// ring_proof.test.mjs - a device has to acknowledge its ring; who does not is skipped, and not rung before it is heard
// again. Whoever misses too many rings is shown as away.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startCluster } from '../support/cluster.mjs';
import { accountWith, callBecomes, claimsOf, dial, reasonsOf, sdpOf, traceOf } from '../support/calls.mjs';
import { until } from '../support/process.mjs';

const PROOF_MS = 1000;
let cluster;
before(async () => { cluster = await startCluster({ presence: 2, routing: 2, env: { SWEEP_MS: '50' } }); });
after(() => cluster?.stop());

/** An account of the test's own, whose address answers with this document; clients join on the instances by turns. */
async function desk(t, document, settings = { ring_proof_ms: PROOF_MS }) {
	const path = `/${t.name.replaceAll(/[^a-z]+/gi, '-')}`;
	cluster.customer.answer(path, document);
	const account = await accountWith(cluster, { voice_url: cluster.customer.url + path }, settings);
	const mine = {
		v1: (method, path, options) => cluster.v1(method, path, { account, ...options }),
		api2010: (method, path, options) => cluster.api2010(method, path, { account, ...options }),
	};
	let turn = 0;
	return {
		join: async (identity, options) => {
			const client = await cluster.connect(identity, { at: cluster.presence[turn++ % 2], account, ...options });
			t.after(() => client.socket.terminate());
			return client;
		},
		call: async () => (await mine.v1('POST', '/Communications', { json: { from: '+15550123', to: account.number.number, async: true } })).body.call,
		becomes: (call, status) => callBecomes(mine, call, status),
		trace: (call, event) => traceOf(mine, call, event),
		reasons: call => reasonsOf(mine, call),
		presence: async identity => { const { status, ringable, device_count } = (await mine.v1('GET', `/Presence/${identity}`)).body; return { status, ringable, device_count }; },
		isFree: () => until(async () => await claimsOf(cluster, account) === '', 'no device is claimed'),
	};
}

const acknowledge = (client, ring) => client.request({ type: 'ringing', call: ring.call });
const answer = (client, ring) => client.request({ type: 'answer', token: ring.token, sdp: sdpOf('client') });
const SUSPECT = { status: 'available', ringable: [], device_count: 1 }, FINE = { status: 'available', ringable: ['voice'], device_count: 1 };

describe('proof', () => {
	test('who is silent is skipped and hears it; who has acknowledged rings on', async t => {
		const { join, call, becomes, presence, isFree } = await desk(t, dial(['ann', 'bob'], { timeout: 20 }));
		const [ann, bob] = await Promise.all([join('ann'), join('bob')]);
		const id = await call();
		const [first, second] = await Promise.all([ann.next('incoming'), bob.next('incoming')]);
		const since = performance.now();
		await acknowledge(bob, second);
		assert.equal((await ann.next('cancel', { call: first.call })).reason, 'unreachable');
		const took = performance.now() - since;
		assert.ok(took > PROOF_MS - 300 && took < PROOF_MS + 1500, `after ${took} ms`);
		await until(async () => (await presence('ann')).ringable.length === 0, 'ann is suspect');
		assert.equal((await answer(ann, first)).type, 'error', 'her turn is over');
		assert.equal((await answer(bob, second)).type, 'ok');
		await becomes(id, 'in-progress');
		await bob.request({ type: 'hangup', call: second.call });
		await becomes(id, 'completed');
		assert.equal(bob.all('cancel').length, 0);
		await isFree();
	});

	test('when nobody acknowledges the Dial goes on at once, as unreachable', async t => {
		const { join, call, becomes, trace, isFree } = await desk(t, dial('ann', { timeout: 20 }));
		const ann = await join('ann');
		const id = await call();
		await ann.next('incoming');
		await becomes(id, 'no-answer');
		assert.deepEqual((await trace(id, 'dial_over'))[0].detail, { status: 'no-answer', outcome: 'unreachable' });
		assert.deepEqual((await trace(id, 'cancel'))[0].detail, { leg: 1, reason: 'unreachable' });
		assert.equal(ann.all('cancel').length, 1);
		await isFree();
	});

	test('a suspect is counted, but not rung before it is heard: by a message, or by any other byte', async t => {
		const { join, call, becomes, reasons, presence } = await desk(t, dial('ann', { timeout: 20 }));
		const ann = await join('ann');
		for (const speak of [() => ann.request({ type: 'unwatch', identities: ['bob'] }), () => ann.socket.ping()]) {
			const first = await call();
			await ann.next('incoming');
			await becomes(first, 'no-answer');
			await ann.next('cancel');
			assert.deepEqual(await presence('ann'), SUSPECT);
			const second = await call();
			await becomes(second, 'no-answer');
			assert.deepEqual(await reasons(second), { ann: 'suspect' });
			await speak();
			await until(async () => (await presence('ann')).ringable.length === 1, 'she can be rung again');
			assert.deepEqual(await presence('ann'), FINE);
		}
	});

	test('an answer or a rejection is proof as well', async t => {
		const { join, call, becomes, presence } = await desk(t, dial(['ann', 'bob'], { timeout: 20 }));
		const [ann, bob] = await Promise.all([join('ann'), join('bob')]);
		const id = await call();
		const ring = await ann.next('incoming');
		await bob.request({ type: 'reject', call: (await bob.next('incoming')).call });
		assert.equal((await answer(ann, ring)).type, 'ok');
		await becomes(id, 'in-progress');
		assert.deepEqual(await presence('bob'), FINE);
		await ann.request({ type: 'hangup', call: ring.call });
		await becomes(id, 'completed');
		assert.deepEqual([...ann.all('cancel'), ...bob.all('cancel')], []);
	});

	test('in turns, the next one rings as soon as one is found silent', async t => {
		const { join, call, becomes, trace } = await desk(t, dial(['ann', 'bob'], { sequential: true, timeout: 20 }));
		const [ann, bob] = await Promise.all([join('ann'), join('bob')]);
		const id = await call();
		await ann.next('incoming');
		const ring = await bob.next('incoming');
		await answer(bob, ring);
		await becomes(id, 'in-progress');
		assert.deepEqual((await trace(id, 'turn_over')).map(e => e.detail.outcome), ['unreachable']);
		assert.equal((await ann.next('cancel')).reason, 'unreachable');
	});
});

describe('missed rings', () => {
	test('turn a device away after so many in a row, until it says a status', async t => {
		const { join, call, becomes, reasons, presence } = await desk(t, dial('ann', { timeout: 1 }), { away_after_missed: 2 });
		const ann = await join('ann');
		const missed = async () => {
			const id = await call();
			assert.equal((await ann.next('cancel', { call: (await ann.next('incoming')).call })).reason, 'timeout');
			await becomes(id, 'no-answer');
		};
		await missed();
		const declined = await call();
		await ann.request({ type: 'reject', call: (await ann.next('incoming')).call });
		await becomes(declined, 'busy');
		await missed();                      // not in a row
		assert.deepEqual(await presence('ann'), FINE);
		await missed();
		await until(async () => (await presence('ann')).status === 'away', 'ann is away');
		const refused = await call();
		await becomes(refused, 'no-answer');
		assert.deepEqual(await reasons(refused), { ann: 'away' });
		await ann.request({ type: 'status', status: 'available' });
		assert.deepEqual(await presence('ann'), FINE);
	});
});
