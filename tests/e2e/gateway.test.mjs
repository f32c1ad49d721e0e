// gateway.test.mjs - numbers and SIP addresses: legs that a gateway is rung for, beside clients and alone.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import twilio from 'twilio';
import { startCluster } from '../support/cluster.mjs';
import { accountWith, callBecomes, dial, join, nothingHeld, parametersOf, readCall, sdpOf, traceOf, VoiceResponse } from '../support/calls.mjs';
import { say } from '../support/gateway.mjs';
import { until } from '../support/process.mjs';
import { isSignedTheStandardWay, isSignedWithBody, webhookSecret } from '../support/webhooks.mjs';

const DESK = '+15550177';
const GIVE_UP_MS = 1200, TIMEOUT_MS = 300;

describe('a gateway', () => {
	let cluster, gateway, library;
	before(async () => {
		cluster = await startCluster({ presence: 2, routing: 2, gateway: true, env: {
			SWEEP_MS: '50', CALLBACK_RETRY_MS: '50', NODE_LEASE_MS: '600', NODE_RENEW_MS: '100',
			GATEWAY_GIVE_UP_MS: String(GIVE_UP_MS), GATEWAY_TIMEOUT_MS: String(TIMEOUT_MS),
		} });
		gateway = cluster.gateway;
		library = twilio(cluster.account.sid, cluster.account.auth_token);
		library.api.baseUrl = cluster.url;
	});
	after(() => cluster?.stop());

	/** What a Dial of these does, when alice calls: numbers as they are, clients by their names. */
	function dialing(targets, attributes, more = {}) {
		const response = new VoiceResponse();
		const verb = response.dial({ timeout: 20, ...attributes });
		for (const target of [targets].flat())
			target.startsWith('+') ? verb.number(more, target) : target.startsWith('sip') ? verb.sip(more, target) : verb.client(target);
		response.redirect('/next');
		cluster.customer.answer('/voice', String(response));
		cluster.customer.answer('/next', '<Response><Hangup/></Response>');
	}

	/** alice calls, and the gateway is rung. */
	async function ringing(t, { to = DESK } = {}) {
		const alice = await join(t, cluster, 'alice', { at: cluster.presence[0] });
		const { call } = await alice.request({ type: 'call', to: 'somebody', sdp: sdpOf('alice') });
		return { alice, call, ring: await gateway.next('ring', { call, to }) };
	}

	async function talking(t) {
		const { alice, call, ring } = await ringing(t);
		assert.equal((await say(cluster, ring, 'answer', { sdp: sdpOf('desk') })).status, 200);
		await alice.next('answered', { call });
		await gateway.next('answered', { communication: ring.communication });
		return { alice, call, ring };
	}

	/** How the Dial went, as its document's successor is told, or the trace. */
	const dialOver = async call => {
		await callBecomes(cluster, call, 'completed').catch(() => {});
		return (await traceOf(cluster, call, 'dial_over')).map(e => e.detail);
	};

	test('is asked to ring a number, signed both ways; its answer connects; either side hears the other', async t => {
		dialing(DESK, { callerId: '+15550111' }, { statusCallback: '/leg', statusCallbackEvent: 'initiated ringing answered completed' });
		const secret = await webhookSecret(cluster, cluster.account);
		const { alice, call, ring: { request, id, expires_at, ...ring } } = await ringing(t);
		const leg = ring.communication;
		assert.equal(id, `${leg}-g1`);
		assert.deepEqual(ring, { communication: leg, call, account: cluster.account.sid, action: 'ring', from: '+15550111', to: DESK, media: 'voice',
			parameters: {}, sdp: sdpOf('alice') });
		assert.equal(leg.slice(0, -6), call.slice(0, -6), 'a leg of its call');
		assert.ok(Math.abs(Date.parse(expires_at) - Date.now() - 20_000) < 2000, expires_at);
		assert.ok(isSignedWithBody(cluster.account, request));
		assert.ok(secret === null || isSignedTheStandardWay(secret, request));

		assert.equal((await say(cluster, ring, 'ringing')).status, 200);
		assert.equal((await say(cluster, ring, 'candidate', { candidate: 'candidate:0' })).status, 200);
		assert.equal((await alice.request({ type: 'candidate', call, candidate: 'candidate:00' })).type, 'ok');
		const answer = await say(cluster, ring, 'answer', { sdp: sdpOf('desk') });
		assert.deepEqual([answer.status, answer.body.call], [200, leg]);
		assert.deepEqual(await alice.next('answered', { call }), { type: 'answered', call, sdp: sdpOf('desk'), candidates: ['candidate:0'] });
		assert.deepEqual((await gateway.next('answered', { communication: leg })).candidates, ['candidate:00']);
		const view = await readCall(cluster, leg);
		assert.deepEqual([view.to, view.parent_call_sid, view.direction, view.status], [DESK, call, 'outbound-dial', 'in-progress']);

		assert.equal((await say(cluster, ring, 'candidate', { candidate: 'candidate:1' })).status, 200);
		assert.deepEqual(await alice.next('candidate'), { type: 'candidate', call, candidate: 'candidate:1' });
		assert.equal((await alice.request({ type: 'candidate', call, candidate: 'candidate:2' })).type, 'ok');
		assert.equal((await gateway.next('candidate', { communication: leg })).candidate, 'candidate:2');

		assert.equal((await say(cluster, ring, 'hangup')).status, 200);
		await alice.next('hangup', { call });
		await callBecomes(cluster, call, 'completed');
		assert.deepEqual(gateway.told(leg), ['ring', 'answered', 'candidate'], 'who hung up hears no more of it');
		const statuses = [];
		for (let i = 0; i < 4; i++)
			statuses.push(parametersOf(await cluster.customer.next('/leg', { matches: r => r.params.CallSid === leg })));
		assert.deepEqual(statuses.map(p => p.CallStatus), ['initiated', 'ringing', 'in-progress', 'completed']);
		assert.ok(statuses.every(p => p.To === DESK && p.ParentCallSid === call));
		assert.deepEqual((await traceOf(cluster, call, 'ring')).map(e => e.detail), [{ to: DESK, leg: 1, by: 'gateway' }]);
		await nothingHeld(cluster, alice);
	});

	// JSON writes a control character as six and a quote as two: nothing that is accepted may be too long to be passed on.
	test('is told the longest offer and the longest parameters, and nobody dies of it', async () => {
		const sdp = '\u0001'.repeat(41_000), quotes = '"'.repeat(63_000);
		cluster.customer.answer('/voice', `<Response><Dial timeout="5"><Number>${DESK}<Parameter name="q" value='${quotes}'/></Number></Dial></Response>`);
		const { body: { call } } = await cluster.communicate({ sdp, async: true });
		const ring = await gateway.next('ring', { call, to: DESK });
		assert.equal(ring.sdp, sdp);
		assert.deepEqual(ring.parameters, { q: quotes });
		await say(cluster, ring, 'reject');
		await callBecomes(cluster, call, 'busy');
	});

	test('hears that the caller has hung up, while it rings and while they talk', async t => {
		dialing(DESK);
		const first = await ringing(t);
		await first.alice.request({ type: 'hangup', call: first.call });
		assert.equal((await gateway.next('cancel', { communication: first.ring.communication })).reason, 'caller_hangup');
		const late = await say(cluster, first.ring, 'answer');
		assert.deepEqual([late.status, late.body.code], [410, 45303]);
		const second = await talking(t);
		await second.alice.request({ type: 'hangup', call: second.call });
		assert.equal((await gateway.next('hangup', { communication: second.ring.communication })).reason, 'remote_hangup');
		assert.deepEqual(gateway.told(second.ring.communication), ['ring', 'answered', 'hangup']);
		await nothingHeld(cluster, second.alice);
	});

	for (const [reason, status, outcome] of [['busy', 'busy', 'busy'], ['declined', 'busy', 'declined'], [undefined, 'busy', 'declined'], ['unreachable', 'no-answer', 'unreachable']])
		test(`rejects: ${reason ?? 'no reason'} is ${status} for the customer`, async t => {
			dialing(DESK, { action: '/after' });
			cluster.customer.answer('/after', '<Response><Hangup/></Response>');
			const { call, ring } = await ringing(t);
			assert.equal((await say(cluster, ring, 'reject', { reason })).status, 200);
			const after = await cluster.customer.next('/after', { matches: r => r.params.CallSid === call });
			assert.deepEqual([after.params.DialCallStatus, after.params.DialCallSid], [status, ring.communication]);
			assert.deepEqual(await dialOver(call), [{ status, outcome }]);
			assert.equal((await readCall(cluster, ring.communication)).status, status);
			assert.deepEqual(gateway.told(ring.communication), ['ring']);
		});

	test('rings beside clients: whoever is first wins, the others are cancelled', async t => {
		dialing([DESK, 'bob', '+15550178']);
		const bob = await join(t, cluster, 'bob', { at: cluster.presence[1] });
		const one = await ringing(t);
		const other = await gateway.next('ring', { call: one.call, to: '+15550178' });
		const rung = await bob.next('incoming');
		assert.equal((await say(cluster, one.ring, 'answer', { sdp: sdpOf('desk') })).status, 200);
		assert.equal((await bob.next('cancel', { call: rung.call })).reason, 'answered_elsewhere');
		assert.equal((await gateway.next('cancel', { communication: other.communication })).reason, 'answered_elsewhere');
		const late = await say(cluster, other, 'answer');
		assert.deepEqual([late.status, late.body.code], [409, 45302]);
		assert.equal((await say(cluster, one.ring, 'answer', { sdp: sdpOf('desk') })).status, 200, 'the winner may repeat itself');
		await one.alice.request({ type: 'hangup', call: one.call });
		await nothingHeld(cluster, bob);

		const two = await ringing(t);
		const again = await bob.next('incoming');
		await bob.request({ type: 'answer', token: again.token, sdp: sdpOf('bob') });
		assert.equal((await gateway.next('cancel', { communication: two.ring.communication })).reason, 'answered_elsewhere');
		await bob.request({ type: 'hangup', call: again.call });
		await nothingHeld(cluster, bob, two.alice);
	});

	test('that nobody answers is cancelled when the ring is over', async t => {
		dialing(DESK, { timeout: 1 });
		const { call, ring } = await ringing(t);
		await say(cluster, ring, 'ringing');
		assert.equal((await gateway.next('cancel', { communication: ring.communication })).reason, 'timeout');
		assert.deepEqual(await dialOver(call), [{ status: 'no-answer', outcome: 'no-answer' }]);
	});

	test('that refuses the ring cannot reach the number: the Dial is over at once', async t => {
		gateway.answers({ status: 404, body: 'no such number' });
		t.after(() => gateway.answers(undefined));
		dialing(DESK);
		const { call, ring } = await ringing(t);
		assert.deepEqual(await dialOver(call), [{ status: 'no-answer', outcome: 'unreachable' }]);
		assert.equal((await readCall(cluster, ring.communication)).status, 'no-answer');
		assert.deepEqual(gateway.told(ring.communication), ['ring']);
	});

	test('that is down is asked again and again, with one id, then given up; once it is up, it hears that it is over', async t => {
		gateway.answers({ status: 503 });
		t.after(() => gateway.answers(undefined));
		dialing(DESK);
		const since = performance.now();
		const { call, ring } = await ringing(t);
		await gateway.next('ring', { communication: ring.communication, again: true });
		assert.deepEqual(await dialOver(call), [{ status: 'no-answer', outcome: 'unreachable' }]);
		const took = performance.now() - since;
		assert.ok(took >= GIVE_UP_MS - 100 && took < 8000, `it took ${took} ms`);
		gateway.answers(undefined);
		assert.equal((await gateway.next('cancel', { communication: ring.communication })).reason, 'unreachable');
	});

	test('that is too slow may have rung all the same: its answer counts', async t => {
		let release;
		gateway.answers(() => new Promise(resolve => { release = resolve; }));
		t.after(() => gateway.answers(undefined));
		dialing(DESK);
		const { alice, call, ring } = await ringing(t);
		await gateway.next('ring', { communication: ring.communication, again: true });
		assert.equal((await say(cluster, ring, 'answer', { sdp: sdpOf('desk') })).status, 200);
		assert.equal((await alice.next('answered', { call })).sdp, sdpOf('desk'));
		gateway.answers(undefined);
		release?.();
		await gateway.next('answered', { communication: ring.communication });
		await alice.request({ type: 'hangup', call });
		await gateway.next('hangup', { communication: ring.communication });
		await nothingHeld(cluster, alice);
	});

	test('rings a SIP address with what the document says of it', async t => {
		cluster.customer.answer('/voice', { instructions: [{ verb: 'dial', clients: [{ sip: 'sip:desk@pbx.example;transport=tls', username: 'u', password: 'p' }] }] });
		const { alice, call, ring } = await ringing(t, { to: 'sip:desk@pbx.example;transport=tls' });
		assert.deepEqual([ring.username, ring.password], ['u', 'p']);
		assert.equal((await readCall(cluster, ring.communication)).to, 'sip:desk@pbx.example;transport=tls');
		await alice.request({ type: 'hangup', call });
		await gateway.next('cancel', { communication: ring.communication });
	});

	test('is rung for a call of the backend, and its answer runs the instructions', async t => {
		const bob = await join(t, cluster, 'bob', { at: cluster.presence[1] });
		const call = await library.calls.create({ to: DESK, from: '+15550199', twiml: dial('bob') });
		assert.equal(call.to, DESK);
		const ring = await gateway.next('ring', { call: call.sid });
		assert.deepEqual([ring.call, ring.from, ring.needs_offer, ring.sdp], [call.sid, '+15550199', true, undefined]);
		assert.equal((await say(cluster, ring, 'answer', { sdp: sdpOf('desk') })).status, 200);
		const rung = await bob.next('incoming');
		assert.equal(rung.sdp, sdpOf('desk'), 'its offer is what he is rung with');
		await bob.request({ type: 'answer', token: rung.token, sdp: sdpOf('bob') });
		assert.equal((await gateway.next('answered', { communication: ring.communication })).sdp, sdpOf('bob'));
		await say(cluster, ring, 'candidate', { candidate: 'candidate:3' });
		assert.equal((await bob.next('candidate')).candidate, 'candidate:3');
		await bob.request({ type: 'candidate', call: rung.call, candidate: 'candidate:4' });
		assert.equal((await gateway.next('candidate', { communication: ring.communication })).candidate, 'candidate:4');
		await library.calls(call.sid).update({ status: 'completed' });
		assert.equal((await gateway.next('hangup', { communication: ring.communication })).reason, 'completed');
		await bob.next('hangup', { call: rung.call });
		await callBecomes(cluster, call.sid, 'completed');

		const second = await library.calls.create({ to: DESK, from: '+15550199', twiml: dial('bob') });
		const again = await gateway.next('ring', { call: second.sid });
		await say(cluster, again, 'answer', { sdp: sdpOf('desk') });
		const late = await bob.next('incoming');
		await say(cluster, again, 'hangup');
		assert.equal((await bob.next('cancel', { call: late.call })).reason, 'caller_hangup');
		assert.equal((await callBecomes(cluster, second.sid, 'completed')).to, DESK);
		assert.deepEqual(gateway.told(again.communication), ['ring']);
		await nothingHeld(cluster, bob);
	});

	test('connects two numbers with each other', async () => {
		const response = new VoiceResponse();
		response.dial().number('+15550178');
		const call = await library.calls.create({ to: DESK, from: '+15550199', twiml: String(response) });
		const first = await gateway.next('ring', { call: call.sid });
		await say(cluster, first, 'answer', { sdp: sdpOf('one') });
		const second = await gateway.next('ring', { call: call.sid });
		assert.equal(second.to, '+15550178');
		assert.equal(second.sdp, sdpOf('one'));
		await say(cluster, second, 'answer', { sdp: sdpOf('two') });
		assert.equal((await gateway.next('answered', { communication: first.communication })).sdp, sdpOf('two'));
		await say(cluster, second, 'candidate', { candidate: 'candidate:5' });
		assert.equal((await gateway.next('candidate', { communication: first.communication })).candidate, 'candidate:5');
		await say(cluster, first, 'hangup');
		assert.equal((await gateway.next('hangup', { communication: second.communication })).reason, 'remote_hangup');
		await callBecomes(cluster, call.sid, 'completed');
	});

	test('in turns: the next number is rung when the one before does not answer', async t => {
		dialing([DESK, 'bob', '+15550178'], { sequential: true });
		const { alice, call, ring } = await ringing(t);
		await say(cluster, ring, 'reject', { reason: 'busy' });
		const next = await gateway.next('ring', { call, to: '+15550178' });
		assert.equal((await say(cluster, next, 'answer')).status, 200);
		await alice.next('answered', { call });
		await alice.request({ type: 'hangup', call });
		await gateway.next('hangup', { communication: next.communication });
	});

	test('speaks for the legs that it is rung for, and for no others', async t => {
		dialing([DESK, 'bob']);
		const bob = await join(t, cluster, 'bob');
		const { alice, call, ring } = await ringing(t);
		const rung = await bob.next('incoming');
		const stranger = await cluster.addAccount();
		for (const [whom, action, more, options, expected] of [
			[ring, 'answer', {}, { account: stranger }, [404, 20404]],
			[{ communication: rung.call }, 'answer', {}, {}, [404, 20404]],
			[{ communication: call }, 'hangup', {}, {}, [404, 20404]],
			[{ communication: ring.communication.replace(/.{6}$/, '000063') }, 'hangup', {}, {}, [404, 20404]],
			[ring, 'reject', { reason: 'tired' }, {}, [400, 45002]],
			[ring, 'sing', {}, {}, [400, 45002]],
			[ring, 'candidate', {}, {}, [400, 45003]],
			[ring, 'answer', { sdp: 5 }, {}, [400, 45002]],
		]) {
			const answer = await say(cluster, whom, action, more, options);
			assert.deepEqual([answer.status, answer.body.code], expected, `${action} ${JSON.stringify(more)}: ${answer.text}`);
		}
		assert.equal((await readCall(cluster, ring.communication)).status, 'ringing');
		await alice.request({ type: 'hangup', call });
		await nothingHeld(cluster, alice, bob);
	});

	test('answers though the instance that had it rung is dead, and is told so by another', async t => {
		dialing(DESK);
		const { alice, call, ring } = await ringing(t);
		const [node] = (await cluster.redis.command('EVAL', `return redis.call('HGET', redis.call('KEYS', 'call:{c*}:' .. ARGV[1])[1], 'own')`, 0, call)).split('.');
		const name = (await traceOf(cluster, call)).find(e => e.node === node).host;
		const owner = cluster.routing.find(instance => instance.name === name);
		const other = cluster.routing.find(instance => instance !== owner);
		await owner.kill9();
		assert.equal((await say(cluster, ring, 'answer', { sdp: sdpOf('desk') }, { at: other })).status, 200);
		assert.equal((await alice.next('answered', { call })).sdp, sdpOf('desk'));
		await gateway.next('answered', { communication: ring.communication });
		await alice.request({ type: 'hangup', call });
		await gateway.next('hangup', { communication: ring.communication });
		await callBecomes(cluster, call, 'completed');
		assert.deepEqual(gateway.told(ring.communication), ['ring', 'answered', 'hangup']);
		await nothingHeld(cluster, alice);
		await owner.restart();
		await cluster.acquainted();
	});

	test('may bring in a communication itself: of that there is nothing to answer', async t => {
		cluster.customer.answer('/voice', dial('bob'));
		const bob = await join(t, cluster, 'bob');
		const { body: { call } } = await cluster.communicate({ async: true });
		await bob.next('incoming');
		for (const action of ['ringing', 'answer', 'reject']) {
			const answer = await say(cluster, { communication: call }, action);
			assert.deepEqual([answer.status, answer.body.code], [400, 21220]);
		}
		await say(cluster, { communication: call }, 'hangup');
		await nothingHeld(cluster, bob);
	});
});

describe('without a gateway', () => {
	let cluster;
	before(async () => { cluster = await startCluster({ haproxy: true }); });
	after(() => cluster?.stop());

	test('a number is not rung, and the trace says why; clients beside it are', async t => {
		const response = new VoiceResponse();
		const verb = response.dial();
		verb.number(DESK);
		verb.client('bob');
		const account = await accountWith(cluster, {});
		cluster.customer.answer('/voice', String(response));
		const bob = await join(t, cluster, 'bob', { account });
		const { body: { call } } = await cluster.v1('POST', '/Communications', { account, json: { from: '+15550123', to: account.number.number, async: true } });
		const ring = await bob.next('incoming');
		const trace = await cluster.v1('GET', `/Calls/${call}/Trace`, { account });
		assert.deepEqual(trace.body.events.filter(e => e.event === 'not_rung').map(e => e.detail), [{ to: DESK, reason: 'no_gateway' }]);
		await bob.request({ type: 'reject', call: ring.call });
		await until(async () => (await cluster.api2010('GET', `/Calls/${call}.json`, { account })).body.status === 'busy', 'the call ends');
	});
});
