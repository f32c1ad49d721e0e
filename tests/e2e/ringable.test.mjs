// ringable.test.mjs - presence decides: only devices that can be rung are rung, and the trace
// says why the others were not.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startCluster } from '../support/cluster.mjs';
import { callBecomes, claimsOf, connected, dial, join, nothingHeld, reasonsOf, traceOf } from '../support/calls.mjs';
import { rest } from '../support/rest.mjs';
import { accessToken } from '../support/tokens.mjs';

describe('presence decides who rings', () => {
	let cluster;
	before(async () => {
		cluster = await startCluster({ presence: 2, routing: 2, env: { SWEEP_MS: '50' } });
		cluster.customer.answer('/voice', dial('alice', { action: '/dialed' }));
		cluster.customer.answer('/dialed', '<Response/>');
	});
	after(() => cluster?.stop());

	/** A communication that reaches nobody: how it ended, why, and that the action heard it within a second. */
	async function reachesNobody(reason, { status, outcome }, changes) {
		const since = performance.now();
		const { status: http, body } = await cluster.communicate(changes);
		const took = performance.now() - since;
		assert.equal(http, 200);
		const heard = await cluster.customer.next('/dialed', { matches: r => r.params.CallSid === body.call });
		assert.ok(heard.at - since < 1000, `the action was told after ${heard.at - since} ms`);
		assert.ok(took < 1500, `it took ${took} ms`);
		assert.deepEqual([heard.params.DialCallStatus, heard.params.DialBridged, heard.params.DialCallSid, heard.params.DialCallDuration], [status, 'false', undefined, undefined]);
		assert.deepEqual(await reasonsOf(cluster, body.call), { alice: reason });
		assert.deepEqual([body.status, body.outcome], [status, outcome]);
		assert.equal((await traceOf(cluster, body.call, 'ring')).length, 0);
		assert.equal(await claimsOf(cluster), '');
	}

	/** A communication that rings exactly these devices of alice. */
	async function rings(devices, others, reasons = {}) {
		const { body } = await cluster.communicate({ async: true });
		const rung = await Promise.all(devices.map(device => device.next('incoming')));
		const events = await traceOf(cluster, body.call, 'ring');
		assert.deepEqual(events.map(e => e.detail.device).sort(), devices.map(d => d.welcome.device).sort());
		for (const [i, device] of devices.entries())
			await device.request({ type: 'reject', call: rung[i].call });
		await callBecomes(cluster, body.call, 'busy');
		for (const device of others)
			assert.equal(device.all('incoming').length, 0);
		assert.deepEqual(await reasonsOf(cluster, body.call), reasons);
		await nothingHeld(cluster);
	}

	const NO_ANSWER = { status: 'no-answer', outcome: 'unreachable' };
	const BUSY = { status: 'busy', outcome: 'busy' };

	test('nobody is connected: offline', () => reachesNobody('offline', NO_ANSWER));

	test('she was connected a moment ago: offline', async t => {
		const alice = await join(t, cluster, 'alice');
		await alice.close();
		await cluster.presenceBecomes('alice', p => p.status === 'offline', 'is offline');
		await reachesNobody('offline', NO_ANSWER);
	});

	for (const [status, outcome] of [['away', NO_ANSWER], ['busy', BUSY], ['dnd', BUSY]])
		test(`her only device is ${status}`, async t => {
			const alice = await join(t, cluster, 'alice', { status });
			await reachesNobody(status, outcome);
			await alice.request({ type: 'status', status: 'available' });
			await rings([alice], []);
			await alice.request({ type: 'status', status });
			await reachesNobody(status, outcome);
			assert.equal(alice.all('incoming').length, 1);
		});

	test('her device has other media', async t => {
		const alice = await join(t, cluster, 'alice', { media: ['video', 'message'] });
		await reachesNobody('media', NO_ANSWER);
		assert.equal(alice.all('incoming').length, 0);
		const { body } = await cluster.communicate({ async: true, media: 'video' });
		const ring = await alice.next('incoming');
		assert.equal(ring.media, 'video');
		await alice.request({ type: 'reject', call: ring.call });
		await callBecomes(cluster, body.call, 'busy');
		await nothingHeld(cluster);
	});

	test('her device has only a REST lease', async () => {
		const registered = await rest('POST', `${cluster.url}/v1/Accounts/${cluster.account.sid}/Devices`, {
			bearer: accessToken(cluster.account, 'alice'), json: { ttl: 60 },
		});
		assert.equal(registered.status, 201, registered.text);
		assert.deepEqual((await cluster.readPresence('alice')).status, 'available');
		await reachesNobody('no_channel', NO_ANSWER);
		const removed = await rest('DELETE', `${cluster.url}/v1/Accounts/${cluster.account.sid}/Devices/${registered.body.device}`, { bearer: accessToken(cluster.account, 'alice') });
		assert.equal(removed.status, 204);
	});

	test('her token permits no incoming communication', async t => {
		const alice = await join(t, cluster, 'alice', { token: accessToken(cluster.account, 'alice', { incoming: false }) });
		await reachesNobody('offline', NO_ANSWER);
		assert.equal(alice.all('incoming').length, 0);
	});

	test('she is in a call', async t => {
		const alice = await join(t, cluster, 'alice', { at: cluster.presence[0] });
		const { call, ring } = await connected(cluster, alice);
		const second = await cluster.communicate();
		assert.deepEqual([second.body.status, second.body.outcome], ['busy', 'busy']);
		assert.deepEqual(await reasonsOf(cluster, second.body.call), { alice: 'on_call' });
		const spare = await join(t, cluster, 'alice', { at: cluster.presence[1] });
		const third = await cluster.communicate();
		assert.deepEqual(await reasonsOf(cluster, third.body.call), { alice: 'on_call' }, 'a call on one device blocks the client');
		await alice.request({ type: 'hangup', call: ring.call });
		await callBecomes(cluster, call, 'completed');
		assert.equal(alice.all('incoming').length + spare.all('incoming').length, 1);
		await nothingHeld(cluster, alice);
	});

	test('she is being rung by another call: engaged', async t => {
		const alice = await join(t, cluster, 'alice');
		const { body: { call } } = await cluster.communicate({ async: true });
		const ring = await alice.next('incoming');
		const second = await cluster.communicate();
		assert.deepEqual([second.body.status, second.body.outcome], ['busy', 'busy']);
		assert.deepEqual(await reasonsOf(cluster, second.body.call), { alice: 'engaged' });
		await alice.request({ type: 'reject', call: ring.call });
		await callBecomes(cluster, call, 'busy');
		await nothingHeld(cluster, alice);
	});

	test('of several devices only those that can be are rung', async t => {
		const laptop = await join(t, cluster, 'alice', { at: cluster.presence[0] });
		const phone = await join(t, cluster, 'alice', { at: cluster.presence[1] });
		const away = await join(t, cluster, 'alice', { status: 'away' });
		const busy = await join(t, cluster, 'alice', { status: 'busy' });
		const screen = await join(t, cluster, 'alice', { media: ['video'] });
		await rings([laptop, phone], [away, busy, screen]);
	});

	test('dnd on one device silences all of them', async t => {
		const laptop = await join(t, cluster, 'alice');
		const phone = await join(t, cluster, 'alice', { status: 'dnd' });
		await reachesNobody('dnd', BUSY);
		await phone.request({ type: 'status', status: 'available' });
		await rings([laptop, phone], []);
	});

	test('of several clients of one Dial each has its own reason', async t => {
		const [bob] = [await join(t, cluster, 'bob'), await join(t, cluster, 'carol', { status: 'dnd' }), await join(t, cluster, 'dave', { media: ['message'] }), await join(t, cluster, 'erin', { status: 'away' })];
		cluster.customer.answer('/voice', dial(['bob', 'carol', 'dave', 'erin', 'nobody', 'support/tier1/frank']));
		const { body } = await cluster.communicate({ async: true });
		const ring = await bob.next('incoming');
		assert.deepEqual(await reasonsOf(cluster, body.call), { carol: 'dnd', dave: 'media', erin: 'away', nobody: 'offline', 'support/tier1/frank': 'offline' });
		await bob.request({ type: 'reject', call: ring.call });
		await callBecomes(cluster, body.call, 'busy');
		await nothingHeld(cluster, bob);
		cluster.customer.answer('/voice', dial('alice', { action: '/dialed' }));
	});

	test('another account\'s client of the same name is another client', async t => {
		const stranger = await cluster.addAccount();
		const theirs = await join(t, cluster, 'alice', { account: stranger });
		await reachesNobody('offline', NO_ANSWER);
		assert.equal(theirs.all('incoming').length, 0);
	});

	test('a client may be a path, and ring', async t => {
		const frank = await join(t, cluster, 'support/tier1/frank@example.com');
		cluster.customer.answer('/voice', dial('support/tier1/frank@example.com'));
		const { call, ring } = await connected(cluster, frank);
		assert.equal(ring.to, 'client:support/tier1/frank@example.com');
		await frank.request({ type: 'hangup', call: ring.call });
		await callBecomes(cluster, call, 'completed');
		await nothingHeld(cluster, frank);
		cluster.customer.answer('/voice', dial('alice', { action: '/dialed' }));
	});
});
