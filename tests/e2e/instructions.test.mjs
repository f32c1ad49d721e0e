// instructions.test.mjs - what the customer's server says is what happens, said in TwiML made by
// the twilio package or in the same verbs as JSON.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startCluster } from '../support/cluster.mjs';
import { callBecomes, dial, join, nothingHeld, readCall, sdpOf, traceOf, VoiceResponse } from '../support/calls.mjs';

const json = (...instructions) => ({ instructions });
const twiml = write => {
	const response = new VoiceResponse();
	write(response);
	return String(response);
};

describe('instructions', () => {
	let cluster;
	before(async () => {
		cluster = await startCluster({ presence: 2, routing: 2, env: { SWEEP_MS: '50' } });
	});
	after(() => cluster?.stop());

	const say = (path, document) => cluster.customer.answer(path, document);
	const hear = (path, sid) => cluster.customer.next(path, { matches: r => sid === undefined || r.params.CallSid === sid });

	async function begin(changes) {
		const { status, body } = await cluster.communicate({ async: true, sdp: sdpOf('gateway'), ...changes });
		assert.equal(status, 202);
		return body.call;
	}

	/** The same verbs in both languages. */
	function inBothLanguages(what, documents, run) {
		for (const [language, document] of Object.entries(documents))
			test(`${what} (${language})`, t => run(t, document));
	}

	inBothLanguages('Reject refuses the call', {
		TwiML: twiml(r => r.reject()), JSON: json({ verb: 'reject' }),
	}, async (t, document) => {
		say('/voice', document);
		const { body } = await cluster.communicate();
		assert.deepEqual([body.status, body.outcome], ['no-answer', 'rejected']);
		assert.equal((await readCall(cluster, body.call)).duration, null);
	});

	inBothLanguages('Reject with busy is busy', {
		TwiML: twiml(r => r.reject({ reason: 'busy' })), JSON: json({ verb: 'reject', reason: 'busy' }),
	}, async (t, document) => {
		say('/voice', document);
		const { body } = await cluster.communicate();
		assert.deepEqual([body.status, body.outcome], ['busy', 'busy']);
	});

	inBothLanguages('Hangup ends it, and nothing after it runs', {
		TwiML: twiml(r => { r.hangup(); r.dial().client('alice'); }), JSON: json({ verb: 'hangup' }, { verb: 'dial', clients: [{ identity: 'alice' }] }),
	}, async (t, document) => {
		const alice = await join(t, cluster, 'alice');
		say('/voice', document);
		const { body } = await cluster.communicate();
		assert.equal(body.status, 'completed');
		assert.equal(alice.all('incoming').length, 0);
	});

	inBothLanguages('an empty document ends the call', { TwiML: twiml(() => {}), JSON: json() }, async (t, document) => {
		say('/voice', document);
		assert.equal((await cluster.communicate()).body.status, 'completed');
	});

	inBothLanguages('Pause waits as long as it says, then the next verb runs', {
		TwiML: twiml(r => { r.pause({ length: 1 }); r.reject(); }), JSON: json({ verb: 'pause', length: 1 }, { verb: 'reject' }),
	}, async (t, document) => {
		say('/voice', document);
		const since = performance.now();
		const { body } = await cluster.communicate();
		const took = performance.now() - since;
		assert.equal(body.outcome, 'rejected');
		assert.ok(took >= 1000 && took < 1900, `it took ${took} ms`);
	});

	inBothLanguages('a Pause ends when the caller does', {
		TwiML: twiml(r => r.pause({ length: 3000 })), JSON: json({ verb: 'pause', length: 3000 }),
	}, async (t, document) => {
		say('/voice', document);
		const call = await begin();
		await hear('/voice', call);
		await cluster.v1('POST', `/Communications/${call}`, { json: { action: 'hangup' } });
		await callBecomes(cluster, call, 'canceled', 2000);
	});

	inBothLanguages('Redirect goes on elsewhere; relative addresses mean the document\'s server and folder', {
		TwiML: [twiml(r => r.redirect('deep/next?a=1')), twiml(r => r.redirect({ method: 'GET' }, '../last')), twiml(r => r.redirect('/end'))],
		JSON: [json({ verb: 'redirect', url: 'deep/next?a=1' }), json({ verb: 'redirect', url: '../last', method: 'GET' }), json({ verb: 'redirect', url: '/end' })],
	}, async (t, [first, second, third]) => {
		say('/voice', first);
		say('/deep/next', second);
		say('/last', third);
		say('/end', twiml(r => r.reject()));
		const { body } = await cluster.communicate();
		assert.equal(body.outcome, 'rejected');
		const next = await hear('/deep/next', body.call);
		assert.deepEqual([next.method, next.query.a, next.params.CallStatus], ['POST', '1', 'ringing']);
		const last = await cluster.customer.next('/last');
		assert.deepEqual([last.method, last.query.CallSid], ['GET', body.call]);
		await hear('/end', body.call);
		const tokens = cluster.customer.requests.filter(r => r.path !== '/status' && (r.params.CallSid ?? r.query.CallSid) === body.call).map(r => r.headers['i-twilio-idempotency-token']);
		assert.equal(new Set(tokens).size, 4, 'each request has an idempotency token of its own');
	});

	inBothLanguages('Dial rings clients with parameters; the action hears how it went; the next document goes on', {
		TwiML: twiml(r => {
			const client = r.dial({ timeout: 20, action: '/dialed', method: 'POST' }).client({});
			client.identity('alice');
			client.parameter({ name: 'ticket', value: '7 & <8>' });
			client.parameter({ name: 'größe', value: '日本' });
		}),
		JSON: json({ verb: 'dial', timeout: 20, action: '/dialed', clients: [{ identity: 'alice', parameters: { ticket: '7 & <8>', 'größe': '日本' } }] }),
	}, async (t, document) => {
		const alice = await join(t, cluster, 'alice');
		say('/voice', document);
		say('/dialed', twiml(r => r.hangup()));
		const call = await begin();
		const ring = await alice.next('incoming');
		assert.deepEqual(ring.parameters, { ticket: '7 & <8>', 'größe': '日本' });
		assert.ok(ring.ring_ms > 18000 && ring.ring_ms <= 20000, `ring_ms ${ring.ring_ms}`);
		await alice.request({ type: 'answer', token: ring.token, sdp: sdpOf('alice') });
		await alice.next('answered');
		await alice.request({ type: 'hangup', call: ring.call });
		const { params } = await hear('/dialed', call);
		assert.deepEqual([params.DialCallStatus, params.DialCallSid, params.DialBridged, params.DialCallDuration, params.CallStatus], ['completed', ring.call, 'true', '0', 'in-progress']);
		await callBecomes(cluster, call, 'completed');
		await nothingHeld(cluster, alice);
	});

	for (const [what, answer, expected] of [
		['declined', 'declined', ['busy', 'false']],
		['busy', 'busy', ['busy', 'false']],
		['not answered', null, ['no-answer', 'false']],
	])
		test(`the action hears of a Dial that was ${what}`, async t => {
			const alice = await join(t, cluster, 'alice');
			say('/voice', dial('alice', { timeout: 1, action: '/dialed' }));
			say('/dialed', twiml(r => r.reject()));
			const call = await begin();
			const ring = await alice.next('incoming');
			if (answer)
				await alice.request({ type: 'reject', call: ring.call, reason: answer });
			else
				assert.equal((await alice.next('cancel')).reason, 'timeout');
			const { params } = await hear('/dialed', call);
			assert.deepEqual([params.DialCallStatus, params.DialBridged], expected);
			assert.deepEqual([params.DialCallSid, params.DialCallDuration, params.CallStatus], [ring.call, undefined, 'ringing']);
			await callBecomes(cluster, call, 'no-answer');
			await nothingHeld(cluster, alice);
		});

	test('the duration is of the talk, not of the ring', async t => {
		const alice = await join(t, cluster, 'alice');
		say('/voice', dial('alice', { action: '/dialed', timeLimit: 1 }));
		say('/dialed', twiml(r => r.hangup()));
		const call = await begin();
		const ring = await alice.next('incoming');
		await alice.request({ type: 'answer', token: ring.token });
		assert.equal((await alice.next('hangup')).reason, 'time_limit');
		const { params } = await hear('/dialed', call);
		assert.deepEqual([params.DialCallStatus, params.DialCallDuration], ['completed', '1']);
		assert.equal((await callBecomes(cluster, call, 'completed')).duration, '1');
		await nothingHeld(cluster, alice);
	});

	test('without an action the next verb runs; the last Dial names the outcome', async t => {
		const bob = await join(t, cluster, 'bob');
		say('/voice', twiml(r => { r.dial({ timeout: 1 }).client('alice'); r.dial().client('bob'); }));
		const waiting = cluster.communicate();
		const ring = await bob.next('incoming');
		await bob.request({ type: 'reject', call: ring.call });
		const { body } = await waiting;
		assert.deepEqual([body.status, body.outcome], ['busy', 'declined']);
		await nothingHeld(cluster, bob);
	});

	test('verbs that need a media engine, unknown ones and unknown attributes are passed over and noted', async () => {
		say('/voice', '<?xml version="1.0"?>\n<Response>\n<Say voice="alice">Grüße</Say>\n<Dance/>\n<Pause length="0" tempo="1"/>\n<Reject/>\n</Response>');
		const { body } = await cluster.communicate();
		assert.equal(body.outcome, 'rejected');
		const trace = await traceOf(cluster, body.call);
		assert.deepEqual(trace.filter(e => e.event === 'skipped').map(e => [e.detail.verb, e.detail.code]), [['Say', 45400]]);
		assert.deepEqual(trace.filter(e => e.event === 'warning').map(e => [e.detail.code, e.detail.line]), [[12200, 4], [12200, 5]]);
	});

	inBothLanguages('a Gather is passed over with its prompts, and the next verb runs', {
		TwiML: twiml(r => { r.gather({ numDigits: 1, action: '/digits' }).say('press one'); r.say('Grüße "an alle"'); r.reject(); }),
		JSON: json({ verb: 'gather', num_digits: 1, action: '/digits', prompts: [{ verb: 'say', text: 'press one' }] }, { verb: 'say', text: 'Grüße "an alle"' }, { verb: 'reject' }),
	}, async (t, document) => {
		say('/voice', document);
		const { body } = await cluster.communicate();
		assert.equal(body.outcome, 'rejected');
		const skipped = await traceOf(cluster, body.call, 'skipped');
		assert.deepEqual(skipped.map(({ detail }) => [detail.verb, detail.code, detail.content]), [['Gather', 45400, ''], ['Say', 45400, 'Grüße "an alle"']]);
		assert.equal(cluster.customer.all('/digits').length, 0);
	});

	test('what Twilio would do and this does not is told once, with its line', async () => {
		say('/voice', '<Response>\n<Dial record="record-from-answer" hangupOnStar="false" timeout="1">\n<Client url="/whisper">nobody</Client></Dial>\n'
			+ '<Dial record="true" answerOnBridge="true" timeout="1"><Client>nobody</Client></Dial>\n<Connect/>\n<Reject/>\n</Response>');
		const { body } = await cluster.communicate();
		assert.equal(body.outcome, 'rejected');
		const warnings = await traceOf(cluster, body.call, 'warning');
		assert.deepEqual(warnings.map(({ detail }) => [detail.code, detail.line, detail.text]), [
			[45400, 2, 'Dial: record needs a media engine, there is none'],
			[45401, 3, 'Client: url has no effect here'],
			[45402, 5, 'Connect: not available here'],
		]);
	});

	const REFUSED = [
		['a Conference', '<Response>\n<Dial>\n<Conference>room</Conference></Dial></Response>', 45403, 3, 'Conference: there is no mixer for a conference'],
		['a Conference in JSON', json({ verb: 'dial', targets: [{ conference: 'room' }] }), 45403, 0, 'instructions[0].targets[0]: there is no mixer for a conference'],
		['TaskRouter', '<Response><Enqueue\nworkflowSid="WW1"/></Response>', 12200, 1, "Enqueue: workflowSid is TaskRouter's, which is not here"],
		['a strategy that is none', json({ verb: 'hangup' }, { verb: 'dial', strategy: 'random', clients: [{ identity: 'a' }] }), 13200, 0, 'instructions[1]: strategy has to be one of: all in_order round_robin longest_idle'],
		['what a device cannot be required to be', '<Response>\n<Dial>\n<Client require="skill">a</Client></Dial></Response>', 13200, 3, /^Client: require has to name attributes/],
	];

	for (const [what, document, code, line, text] of REFUSED)
		test(`${what} refuses the whole document, with line or path; the call has failed`, async () => {
			say('/voice', document);
			const { body } = await cluster.communicate();
			assert.equal(body.status, 'failed');
			const [{ detail }, ...more] = await traceOf(cluster, body.call, 'instructions_refused');
			assert.deepEqual([detail.code, detail.line, more.length], [code, line, 0]);
			assert[text instanceof RegExp ? 'match' : 'equal'](detail.text, text);
		});

	test('an endless Redirect ends the call as failed', async () => {
		say('/voice', twiml(r => r.redirect('/voice')));
		const before = cluster.customer.all('/voice').length;
		const { status, body } = await cluster.communicate();
		assert.deepEqual([status, body.status], [200, 'failed']);
		const fetched = cluster.customer.all('/voice').length - before;
		assert.ok(fetched > 1 && fetched <= 200, `fetched ${fetched} times`);
	});
});
