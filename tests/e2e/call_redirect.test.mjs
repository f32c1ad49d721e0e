// call_redirect.test.mjs - a call is led elsewhere while it goes on: POST Calls/{CA} with Url or Twiml.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import twilio from 'twilio';
import { startCluster } from '../support/cluster.mjs';
import { callBecomes, dial, isSigned, join, nothingHeld, sdpOf } from '../support/calls.mjs';

describe('a call that is led elsewhere', () => {
	let cluster, library;
	before(async () => {
		cluster = await startCluster({ presence: 2, routing: 2, env: { SWEEP_MS: '50' } });
		library = twilio(cluster.account.sid, cluster.account.auth_token);
		library.api.baseUrl = cluster.url;
	});
	after(() => cluster?.stop());

	const change = (sid, what) => library.calls(sid).update(what);

	/** alice talks with bob, whom she called. */
	async function talk(alice, bob) {
		cluster.customer.answer('/voice', dial('bob'));
		const { call } = await alice.request({ type: 'call', to: 'client:bob', sdp: sdpOf('alice') });
		const ring = await bob.next('incoming');
		await bob.request({ type: 'answer', token: ring.token, sdp: sdpOf('bob') });
		await alice.next('answered');
		await bob.next('answered');
		await callBecomes(cluster, call, 'in-progress');
		return { call, leg: ring.call };
	}

	const joinAll = (t, ...names) => Promise.all(names.map(name => join(t, cluster, name)));

	test('with Url: whom it talked with is hung up, the new instructions dial another', async t => {
		const [alice, bob, carol] = await joinAll(t, 'alice', 'bob', 'carol');
		const { call, leg } = await talk(alice, bob);
		cluster.customer.answer('/elsewhere', dial('carol'));
		const changed = await change(call, { url: `${cluster.customer.url}/elsewhere`, method: 'POST' });
		assert.equal(changed.sid, call);
		assert.deepEqual(await bob.next('hangup'), { type: 'hangup', call: leg, reason: 'completed' });
		const asked = await cluster.customer.next('/elsewhere', { matches: r => r.params.CallSid === call });
		assert.ok(isSigned(asked, cluster.account));
		assert.equal(asked.params.CallStatus, 'in-progress');
		const ring = await carol.next('incoming');
		await carol.request({ type: 'answer', token: ring.token, sdp: sdpOf('carol') });
		assert.deepEqual(await alice.next('answered'), { type: 'answered', call, sdp: sdpOf('carol') });
		await alice.request({ type: 'hangup', call });
		await callBecomes(cluster, call, 'completed');
		await nothingHeld(cluster, alice, bob, carol);
	});

	test('with Twiml, while it rings: the ring ends, the new instructions run', async t => {
		const [alice, bob, carol] = await joinAll(t, 'alice', 'bob', 'carol');
		cluster.customer.answer('/voice', dial('bob'));
		const { call } = await alice.request({ type: 'call', to: 'client:bob', sdp: sdpOf('alice') });
		const ring = await bob.next('incoming');
		await change(call, { twiml: dial('carol') });
		assert.deepEqual(await bob.next('cancel'), { type: 'cancel', call: ring.call, reason: 'completed' });
		const second = await carol.next('incoming');
		await carol.request({ type: 'reject', token: second.token });
		await alice.next('hangup');
		await nothingHeld(cluster, alice, bob, carol);
	});

	test('while the customer thinks about its first instructions: that request is given up', async t => {
		const [alice, carol] = await joinAll(t, 'alice', 'carol');
		cluster.customer.answer('/voice', () => new Promise(() => {}));
		const { call } = await alice.request({ type: 'call', to: 'client:bob', sdp: sdpOf('alice') });
		await cluster.customer.next('/voice', { matches: r => r.params.CallSid === call });
		await change(call, { twiml: dial('carol') });
		const ring = await carol.next('incoming');
		await alice.request({ type: 'hangup', call });
		assert.equal((await carol.next('cancel')).call, ring.call);
		await nothingHeld(cluster, alice, carol);
	});

	test('not a leg, not a call that is over, not one that nobody has answered yet; wrong fields are named', async t => {
		const [alice, bob] = await joinAll(t, 'alice', 'bob');
		const { call, leg } = await talk(alice, bob);
		await assert.rejects(change(leg, { twiml: dial('bob') }), { code: 21220, status: 400 });
		await assert.rejects(change(call, { url: 'ftp://example.com/' }), { code: 21205, status: 400 });
		await assert.rejects(change(call, { twiml: 'x'.repeat(4001) }), { code: 45002, status: 400, message: /Twiml/ });
		await assert.rejects(change(call, {}), { status: 400, message: /Status/ });
		await change(call, { status: 'completed' });
		await callBecomes(cluster, call, 'completed');
		await assert.rejects(change(call, { twiml: dial('bob') }), { code: 21220, status: 400 });
		const created = await library.calls.create({ to: 'client:alice', from: '+15550199', twiml: dial('bob') });
		await alice.next('incoming');
		await assert.rejects(change(created.sid, { twiml: dial('bob') }), { code: 21220, status: 400 });
		await change(created.sid, { status: 'canceled' });
		await nothingHeld(cluster, alice, bob);
	});
});
