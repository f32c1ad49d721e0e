// created_call.test.mjs - a call that the backend creates, with the real REST client of the
// twilio package: rings the client by presence, her answer runs the instructions.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import twilio from 'twilio';
import { startCluster } from '../support/cluster.mjs';
import { callBecomes, dial, isSigned, join, nothingHeld, reasonsOf, sdpOf, VoiceResponse } from '../support/calls.mjs';

describe('a call created by the backend', () => {
	let cluster, library;
	before(async () => {
		cluster = await startCluster({ presence: 2, routing: 2, env: { SWEEP_MS: '50' } });
		library = twilio(cluster.account.sid, cluster.account.auth_token);
		library.api.baseUrl = cluster.url;
	});
	after(() => cluster?.stop());

	const create = options => library.calls.create({ to: 'client:alice', from: '+15550199', ...options });
	// A resource that calls.create returned cannot be fetched by itself: the package (6.2.0) forgets its sid.
	const fetched = ({ sid }) => library.calls(sid).fetch();
	const change = ({ sid }, what) => library.calls(sid).update(what);
	const hear = (path, sid, more = {}) => cluster.customer.next(path, { matches: r => r.params.CallSid === sid && Object.entries(more).every(([k, v]) => r.params[k] === v) });

	/** alice answers with her offer; bob, whom the instructions dial, with his answer. */
	async function connectBoth(alice, bob, sid) {
		const first = await alice.next('incoming');
		assert.equal(first.needs_offer, true);
		assert.equal(first.sdp, undefined);
		assert.equal(first.from, '+15550199');
		assert.equal((await alice.request({ type: 'answer', token: first.token, sdp: sdpOf('alice') })).type, 'ok');
		const second = await bob.next('incoming');
		assert.equal(second.sdp, sdpOf('alice'), 'her offer is what he is rung with');
		assert.equal(second.needs_offer, undefined);
		await bob.request({ type: 'answer', token: second.token, sdp: sdpOf('bob') });
		assert.deepEqual(await alice.next('answered'), { type: 'answered', call: first.call, sdp: sdpOf('bob') });
		await bob.next('answered', { call: second.call });
		await callBecomes(cluster, sid, 'in-progress');
		return { first, second };
	}

	test('is answered at once with the resource, which says queued or ringing', async t => {
		const alice = await join(t, cluster, 'alice');
		const call = await create({ twiml: '<Response><Hangup/></Response>' });
		assert.match(call.sid, /^CA[0-9a-f]{32}$/);
		assert.ok(['queued', 'ringing'].includes(call.status), call.status);
		assert.deepEqual({ to: call.to, from: call.from, direction: call.direction, accountSid: call.accountSid, apiVersion: call.apiVersion, startTime: call.startTime, endTime: call.endTime, parentCallSid: call.parentCallSid },
			{ to: 'client:alice', from: '+15550199', direction: 'outbound-api', accountSid: cluster.account.sid, apiVersion: '2010-04-01', startTime: null, endTime: null, parentCallSid: null });
		assert.ok(Math.abs(call.dateCreated - Date.now()) < 5000);
		const ring = await alice.next('incoming');
		await alice.request({ type: 'answer', token: ring.token, sdp: sdpOf('alice') });
		assert.deepEqual(await alice.next('hangup'), { type: 'hangup', call: ring.call, reason: 'completed' });
		const over = await fetched(call);
		assert.equal(over.status, 'completed');
		assert.ok(over.startTime instanceof Date && over.endTime >= over.startTime);
		assert.equal(over.duration, '0');
		await nothingHeld(cluster, alice);
	});

	test('Url: her answer fetches it, signed; it dials bob; both SDPs pass; the leg can be read; she hangs up', async t => {
		const alice = await join(t, cluster, 'alice', { at: cluster.presence[0] });
		const bob = await join(t, cluster, 'bob', { at: cluster.presence[1] });
		cluster.customer.answer('/answered', dial('bob'));
		const call = await create({ url: `${cluster.customer.url}/answered?x=1`, method: 'POST' });
		const { first, second } = await connectBoth(alice, bob, call.sid);
		const asked = await hear('/answered', call.sid);
		assert.ok(isSigned(asked, cluster.account));
		assert.deepEqual([asked.params.CallStatus, asked.params.Direction, asked.params.To, asked.query.x], ['in-progress', 'outbound-api', 'client:alice', '1']);
		assert.equal((await fetched(call)).status, 'in-progress');
		const leg = await library.calls(second.call).fetch();
		assert.deepEqual([leg.sid, leg.parentCallSid, leg.to, leg.status, leg.direction], [second.call, call.sid, 'client:bob', 'in-progress', 'outbound-dial']);
		for (const identity of ['alice', 'bob'])
			await cluster.presenceBecomes(identity, p => p.status === 'on_call' && p.ringable.length === 0, 'is on a call');
		await alice.request({ type: 'hangup', call: first.call });
		assert.equal((await bob.next('hangup', { call: second.call })).reason, 'remote_hangup');
		assert.equal((await callBecomes(cluster, call.sid, 'completed')).status, 'completed');
		await nothingHeld(cluster, alice, bob);
	});

	test('Twiml runs without any fetch; the callee hangs up, and the next verb runs for her', async t => {
		const alice = await join(t, cluster, 'alice');
		const bob = await join(t, cluster, 'bob');
		const response = new VoiceResponse();
		response.dial().client('bob');
		response.dial().client('carol');
		const before = cluster.customer.requests.length;
		const call = await create({ twiml: response });
		const { first, second } = await connectBoth(alice, bob, call.sid);
		const carol = await join(t, cluster, 'carol');
		await bob.request({ type: 'hangup', call: second.call });
		const third = await carol.next('incoming');
		assert.equal(third.sdp, sdpOf('alice'));
		await carol.request({ type: 'reject', call: third.call });
		assert.equal((await alice.next('hangup')).call, first.call);
		assert.equal((await callBecomes(cluster, call.sid, 'completed')).status, 'completed');
		assert.equal(cluster.customer.requests.length, before);
		await nothingHeld(cluster, alice, bob, carol);
	});

	test('ApplicationSid: the application\'s voice URL speaks', async t => {
		const alice = await join(t, cluster, 'alice');
		const bob = await join(t, cluster, 'bob');
		cluster.customer.answer('/voice', dial('bob'));
		const call = await create({ applicationSid: cluster.account.application.sid });
		const { first } = await connectBoth(alice, bob, call.sid);
		assert.equal((await hear('/voice', call.sid)).params.ApplicationSid, cluster.account.application.sid);
		await alice.request({ type: 'hangup', call: first.call });
		await bob.next('hangup');
		await nothingHeld(cluster, alice, bob);
	});

	test('rings every ringable device of hers; one answers, the other hears so; her reject is busy', async t => {
		const laptop = await join(t, cluster, 'alice', { at: cluster.presence[0] });
		const phone = await join(t, cluster, 'alice', { at: cluster.presence[1] });
		const call = await create({ twiml: '<Response><Pause length="60"/></Response>' });
		const [ring, other] = await Promise.all([laptop.next('incoming'), phone.next('incoming')]);
		await phone.request({ type: 'answer', token: other.token, sdp: sdpOf('phone') });
		assert.deepEqual(await laptop.next('cancel'), { type: 'cancel', call: ring.call, reason: 'answered_elsewhere' });
		await callBecomes(cluster, call.sid, 'in-progress');
		await phone.request({ type: 'hangup', call: other.call });
		await callBecomes(cluster, call.sid, 'completed');
		await nothingHeld(cluster, laptop);

		const refused = await create({ twiml: '<Response><Pause length="60"/></Response>' });
		for (const device of [laptop, phone])
			await device.request({ type: 'reject', call: (await device.next('incoming')).call });
		await callBecomes(cluster, refused.sid, 'busy');
		await nothingHeld(cluster, laptop);
	});

	test('ends as no-answer after its Timeout, and when nobody is there, with the reason in the trace', async t => {
		const alice = await join(t, cluster, 'alice');
		const call = await create({ twiml: '<Response/>', timeout: 1 });
		const ring = await alice.next('incoming');
		assert.deepEqual(await alice.next('cancel'), { type: 'cancel', call: ring.call, reason: 'timeout' });
		await callBecomes(cluster, call.sid, 'no-answer');
		await nothingHeld(cluster, alice);
		const nobody = await create({ to: 'client:nobody', twiml: '<Response/>' });
		await callBecomes(cluster, nobody.sid, 'no-answer', 1000);
		assert.deepEqual(await reasonsOf(cluster, nobody.sid), { nobody: 'offline' });
	});

	test('Status=canceled ends the ring, Status=completed the talk; each side hears it', async t => {
		const alice = await join(t, cluster, 'alice');
		const bob = await join(t, cluster, 'bob');
		const ringing = await create({ twiml: dial('bob') });
		const ring = await alice.next('incoming');
		await change(ringing, { status: 'canceled' });
		assert.deepEqual(await alice.next('cancel'), { type: 'cancel', call: ring.call, reason: 'canceled' });
		await callBecomes(cluster, ringing.sid, 'canceled');
		await nothingHeld(cluster, alice, bob);

		const talk = await create({ twiml: dial('bob') });
		const { first, second } = await connectBoth(alice, bob, talk.sid);
		await assert.rejects(change(talk, { status: 'canceled' }), { code: 21220, status: 400 });
		await change(talk, { status: 'completed' });
		assert.equal((await alice.next('hangup', { call: first.call })).reason, 'completed');
		assert.equal((await bob.next('hangup', { call: second.call })).reason, 'completed');
		await callBecomes(cluster, talk.sid, 'completed');
		await assert.rejects(change(talk, { status: 'completed' }), { code: 21220, status: 400 });
		await nothingHeld(cluster, alice, bob);

		const early = await create({ twiml: dial('bob') });
		await alice.next('incoming');
		await change(early, { status: 'completed' });
		await alice.next('cancel');
		await callBecomes(cluster, early.sid, 'canceled');
		await nothingHeld(cluster, alice, bob);
	});

	test('status callbacks tell its course in order', async t => {
		const alice = await join(t, cluster, 'alice');
		const call = await create({
			twiml: '<Response><Hangup/></Response>', statusCallback: `${cluster.customer.url}/created-status`,
			statusCallbackEvent: ['initiated', 'ringing', 'answered', 'completed'], statusCallbackMethod: 'GET',
		});
		const ring = await alice.next('incoming');
		await alice.request({ type: 'ringing', call: ring.call });
		await alice.request({ type: 'answer', token: ring.token, sdp: sdpOf('alice') });
		const heard = [];
		while (heard.at(-1)?.query.CallStatus !== 'completed') {
			heard.push(await cluster.customer.next('/created-status', { matches: r => r.query.CallSid === call.sid }));
			assert.ok(isSigned(heard.at(-1), cluster.account));
		}
		assert.deepEqual(heard.map(r => [r.query.CallStatus, r.query.SequenceNumber]), [['initiated', '0'], ['ringing', '1'], ['in-progress', '2'], ['completed', '3']]);
		assert.ok(heard.every(r => r.method === 'GET' && r.query.Direction === 'outbound-api' && r.query.CallbackSource === 'call-progress-events'));
		await nothingHeld(cluster, alice);
	});

	test('works with an API key as well', async t => {
		const alice = await join(t, cluster, 'alice');
		const byKey = twilio(cluster.account.key.sid, cluster.account.key.secret, { accountSid: cluster.account.sid });
		byKey.api.baseUrl = cluster.url;
		const call = await byKey.calls.create({ to: 'client:alice', from: 'client:backend', twiml: '<Response/>' });
		const ring = await alice.next('incoming');
		assert.equal(ring.from, 'client:backend');
		await byKey.calls(call.sid).update({ status: 'canceled' });
		await alice.next('cancel');
		await nothingHeld(cluster, alice);
	});
});
