// endings.test.mjs - every way in which a ring or a talk ends: who hears what, and that
// everybody can be rung again afterwards.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startCluster } from '../support/cluster.mjs';
import { callBecomes, connected, dial, join, nothingHeld, reasonsOf, readCall, sdpOf, traceOf } from '../support/calls.mjs';

const LEG_LOST_MS = 600;

describe('a call ends', () => {
	let cluster;
	before(async () => {
		cluster = await startCluster({ presence: 2, routing: 2, env: { SWEEP_MS: '50', LEG_LOST_MS: String(LEG_LOST_MS), PING_MS: '200', DEAD_MS: '700' } });
	});
	after(() => cluster?.stop());

	const at = i => ({ at: cluster.presence[i] });
	const begin = async changes => (await cluster.communicate({ async: true, sdp: sdpOf('gateway'), ...changes })).body.call;

	/** alice has called bob; both are talking. */
	async function talking(t, options = [at(0), at(1)]) {
		cluster.customer.answer('/voice', dial('bob'));
		const alice = await join(t, cluster, 'alice', options[0]);
		const bob = await join(t, cluster, 'bob', options[1]);
		const { call } = await alice.request({ type: 'call', to: 'client:bob', sdp: sdpOf('alice') });
		const ring = await bob.next('incoming');
		await bob.request({ type: 'answer', token: ring.token, sdp: sdpOf('bob') });
		await Promise.all([alice.next('answered'), bob.next('answered')]);
		return { alice, bob, call, ring };
	}

	test('nobody answers in time: every device hears timeout, once, within a second of it', async t => {
		cluster.customer.answer('/voice', dial(['alice', 'bob'], { timeout: 1 }));
		const devices = [await join(t, cluster, 'alice', at(0)), await join(t, cluster, 'alice', at(1)), await join(t, cluster, 'bob', at(1))];
		const since = performance.now();
		const waiting = cluster.communicate();
		const rings = await Promise.all(devices.map(device => device.next('incoming')));
		for (const [i, device] of devices.entries())
			assert.deepEqual(await device.next('cancel'), { type: 'cancel', call: rings[i].call, reason: 'timeout' });
		const took = performance.now() - since;
		assert.ok(took >= 1000 && took < 2000, `after ${took} ms`);
		const { body } = await waiting;
		assert.deepEqual([body.status, body.outcome], ['no-answer', 'no-answer']);
		await nothingHeld(cluster, devices[0], devices[2]);
		assert.ok(devices.every(device => device.all('cancel').length === 1));
	});

	for (const reason of ['declined', 'busy'])
		test(`the only device rejects (${reason})`, async t => {
			cluster.customer.answer('/voice', dial('alice'));
			const alice = await join(t, cluster, 'alice');
			const waiting = cluster.communicate();
			const ring = await alice.next('incoming');
			assert.equal((await alice.request({ type: 'reject', token: ring.token, reason })).type, 'ok');
			const { body } = await waiting;
			assert.deepEqual([body.status, body.outcome], ['busy', reason]);
			await nothingHeld(cluster, alice);
			assert.equal(alice.all('cancel').length, 0);
			assert.equal((await alice.request({ type: 'reject', token: ring.token })).code, 45303);
		});

	test('one device rejects, the other rings on; when it rejects too the call is declined', async t => {
		cluster.customer.answer('/voice', dial('alice'));
		const laptop = await join(t, cluster, 'alice', at(0)), phone = await join(t, cluster, 'alice', at(1));
		const waiting = cluster.communicate();
		const [ring, other] = await Promise.all([laptop.next('incoming'), phone.next('incoming')]);
		await laptop.request({ type: 'reject', call: ring.call });
		await cluster.presenceBecomes('alice', p => p.ringable.length === 1, 'can be rung on the laptop');
		await phone.request({ type: 'reject', call: other.call, reason: 'busy' });
		assert.deepEqual((await waiting).body.outcome, 'declined');
		await nothingHeld(cluster, laptop);
	});

	test('a wrong reason, or none of a known ring, changes nothing', async t => {
		cluster.customer.answer('/voice', dial('alice'));
		const alice = await join(t, cluster, 'alice');
		const call = await begin();
		const ring = await alice.next('incoming');
		for (const [message, code] of [[{ reason: 'bored', call: ring.call }, 45002], [{}, 45003], [{ call: call }, 45204], [{ token: 'CT1.x' }, 45300], [{ call: 7 }, 45002]])
			assert.equal((await alice.request({ type: 'reject', ...message })).code, code, JSON.stringify(message));
		assert.equal((await alice.request({ type: 'hangup', call: ring.call })).type, 'ok', 'a hang-up of a ring declines it');
		await callBecomes(cluster, call, 'busy');
		await nothingHeld(cluster, alice);
	});

	test('the caller leaves while it rings: every device hears caller_hangup, once', async t => {
		cluster.customer.answer('/voice', dial(['bob', 'carol']));
		const alice = await join(t, cluster, 'alice', at(0));
		const rung = [await join(t, cluster, 'bob', at(0)), await join(t, cluster, 'bob', at(1)), await join(t, cluster, 'carol', at(1))];
		const { call } = await alice.request({ type: 'call', to: 'client:bob' });
		const rings = await Promise.all(rung.map(device => device.next('incoming')));
		assert.equal((await alice.request({ type: 'hangup', call })).type, 'ok');
		for (const [i, device] of rung.entries())
			assert.deepEqual(await device.next('cancel'), { type: 'cancel', call: rings[i].call, reason: 'caller_hangup' });
		await callBecomes(cluster, call, 'canceled');
		await nothingHeld(cluster, alice, rung[0], rung[2]);
		assert.ok(rung.every(device => device.all('cancel').length === 1));
	});

	test('the caller leaves while the customer\'s server still thinks: the call ends at once, nobody is rung', async t => {
		let release;
		const thinking = new Promise(resolve => { release = resolve; });
		t.after(() => release());
		cluster.customer.answer('/voice', () => thinking.then(() => dial('bob')));
		const alice = await join(t, cluster, 'alice');
		const bob = await join(t, cluster, 'bob');
		const { call } = await alice.request({ type: 'call', to: 'client:bob' });
		await cluster.customer.next('/voice', { matches: r => r.params.CallSid === call });
		await alice.request({ type: 'hangup', call });
		await callBecomes(cluster, call, 'canceled', 1500);
		await nothingHeld(cluster, alice, bob);
		release();
		assert.equal(bob.all('incoming').length, 0);
	});

	test('a rung device vanishes: the others ring on; when none is left nobody was reachable', async t => {
		cluster.customer.answer('/voice', dial('alice'));
		const laptop = await join(t, cluster, 'alice', at(0)), phone = await join(t, cluster, 'alice', at(1));
		const waiting = cluster.communicate();
		await Promise.all([laptop.next('incoming'), phone.next('incoming')]);
		laptop.cut();
		await cluster.presenceBecomes('alice', p => p.device_count === 1, 'has one device');
		assert.equal(phone.all('cancel').length, 0);
		phone.cut();
		const { body } = await waiting;
		assert.deepEqual([body.status, body.outcome], ['no-answer', 'unreachable']);
		await nothingHeld(cluster);
	});

	for (const [who, index] of [['caller', 0], ['callee', 1]])
		test(`the ${who} vanishes from a talk: the other one hears it after LEG_LOST_MS, not before`, async t => {
			const { alice, bob, call, ring } = await talking(t);
			const [gone, other, otherCall] = index === 0 ? [alice, bob, ring.call] : [bob, alice, call];
			const since = performance.now();
			gone.cut();
			const heard = await other.next('hangup', { call: otherCall });
			const took = performance.now() - since;
			assert.ok(took >= LEG_LOST_MS - 5 && took < LEG_LOST_MS + 1200, `after ${took} ms`);
			assert.equal(heard.reason, index === 0 ? 'client_lost' : 'completed');
			await callBecomes(cluster, call, 'completed');
			await nothingHeld(cluster, other);
		});

	test('a device that comes back in time keeps its talk, on the other instance too', async t => {
		const { alice, bob, call, ring } = await talking(t);
		bob.cut();
		await cluster.presenceBecomes('bob', p => p.device_count === 0, 'is gone');
		const back = await cluster.connect('bob', { ...at(0), device: bob.welcome.device });
		back.identity = 'bob';
		assert.equal(back.welcome.device, bob.welcome.device);
		await cluster.presenceBecomes('bob', p => p.status === 'on_call', 'is on the call again');
		await alice.request({ type: 'candidate', call, candidate: 'are you there' });
		assert.equal((await back.next('candidate', { call: ring.call })).candidate, 'are you there');
		await new Promise(resolve => setTimeout(resolve, LEG_LOST_MS + 300));    // the promise is that nothing happens in this time
		assert.equal((await readCall(cluster, call)).status, 'in-progress');
		assert.equal((await back.request({ type: 'hangup', call: ring.call })).type, 'ok');
		await alice.next('hangup', { call });
		await nothingHeld(cluster, alice, back);
		await back.close();
	});

	test('a Dial has a time limit: both sides hear it', async t => {
		cluster.customer.answer('/voice', dial('bob', { timeLimit: 1 }));
		const alice = await join(t, cluster, 'alice'), bob = await join(t, cluster, 'bob');
		const { call } = await alice.request({ type: 'call', to: 'client:bob' });
		const ring = await bob.next('incoming');
		await bob.request({ type: 'answer', token: ring.token });
		assert.equal((await bob.next('hangup', { call: ring.call })).reason, 'time_limit');
		assert.equal((await alice.next('hangup', { call })).reason, 'completed');
		await callBecomes(cluster, call, 'completed');
		await nothingHeld(cluster, alice, bob);
	});

	test('an answered call that the gateway hangs up while REST ends it too ends once', async t => {
		cluster.customer.answer('/voice', dial('alice'));
		const alice = await join(t, cluster, 'alice');
		const { call, ring } = await connected(cluster, alice);
		await Promise.all([
			cluster.v1('POST', `/Communications/${call}`, { json: { action: 'hangup' } }),
			cluster.api2010('POST', `/Calls/${call}.json`, { form: { Status: 'completed' } }),
		]);
		await alice.next('hangup', { call: ring.call });
		await callBecomes(cluster, call, 'completed');
		assert.equal((await traceOf(cluster, call, 'ended')).length, 1);
		await nothingHeld(cluster, alice);
		assert.equal(alice.all('hangup').length, 1);
		assert.deepEqual(await reasonsOf(cluster, call), {});
	});
});
