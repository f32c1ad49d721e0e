// communication.test.mjs - the gateway's side of an incoming communication: waiting for
// the outcome, not waiting, giving up, and going on with it.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startCluster } from '../support/cluster.mjs';
import { callBecomes, connected, dial, join, nothingHeld, readCall, sdpOf } from '../support/calls.mjs';

const ANSWER_WAIT_MS = 600;

describe('an incoming communication, as its gateway sees it', () => {
	let cluster;
	before(async () => {
		cluster = await startCluster({ presence: 2, routing: 2, env: { ANSWER_WAIT_MS: String(ANSWER_WAIT_MS), SWEEP_MS: '50' } });
		cluster.customer.answer('/voice', dial('alice'));
	});
	after(() => cluster?.stop());

	const goOn = (call, action, options) => cluster.v1('POST', `/Communications/${call}`, { json: { action }, ...options });

	test('waits until a client has answered, and is told who and with which SDP', async t => {
		const alice = await join(t, cluster, 'alice');
		const { call, ring, outcome } = await connected(cluster, alice, { answer: sdpOf('alice') });
		assert.deepEqual(outcome, { call, status: 'in-progress', outcome: 'answered', answered_by: 'alice', sdp: sdpOf('alice') });
		await alice.request({ type: 'hangup', call: ring.call });
		await callBecomes(cluster, call, 'completed');
		await nothingHeld(cluster, alice);
	});

	test('waits until it is refused, and is told how', async t => {
		const alice = await join(t, cluster, 'alice');
		const waiting = cluster.communicate();
		const ring = await alice.next('incoming');
		await alice.request({ type: 'reject', call: ring.call, reason: 'declined' });
		const { status, body } = await waiting;
		assert.equal(status, 200);
		assert.deepEqual({ status: body.status, outcome: body.outcome, sdp: body.sdp }, { status: 'busy', outcome: 'declined', sdp: undefined });
		await nothingHeld(cluster, alice);
	});

	test('that does not want to wait has its call at once, and reads later what became of it', async t => {
		const alice = await join(t, cluster, 'alice');
		const { status, body } = await cluster.communicate({ async: true });
		assert.equal(status, 202);
		assert.match(body.call, /^CA[0-9a-f]{32}$/);
		assert.equal(body.status, 'ringing');
		const ring = await alice.next('incoming');
		await alice.request({ type: 'answer', token: ring.token });
		await callBecomes(cluster, body.call, 'in-progress');
		await alice.request({ type: 'hangup', call: ring.call });
		await callBecomes(cluster, body.call, 'completed');
		await nothingHeld(cluster, alice);
	});

	test('hears 202 when nobody has answered in time; the ring goes on', async t => {
		const alice = await join(t, cluster, 'alice');
		const since = performance.now();
		const { status, body } = await cluster.communicate();
		const took = performance.now() - since;
		assert.equal(status, 202);
		assert.equal(body.status, 'ringing');
		assert.ok(took >= ANSWER_WAIT_MS - 5 && took < ANSWER_WAIT_MS + 1000, `it took ${took} ms`);
		const ring = await alice.next('incoming');
		assert.equal((await alice.request({ type: 'answer', token: ring.token })).type, 'ok');
		await callBecomes(cluster, body.call, 'in-progress');
		assert.deepEqual((await goOn(body.call, 'hangup')).status, 200);
		assert.equal((await alice.next('hangup', { call: ring.call })).reason, 'remote_hangup');
		await nothingHeld(cluster, alice);
	});

	test('that hangs up its request is a caller who hung up: the ring ends at once', async t => {
		const alice = await join(t, cluster, 'alice');
		const request = new AbortController();
		const waiting = cluster.communicate({ signal: request.signal });
		const ring = await alice.next('incoming');
		request.abort();
		await assert.rejects(waiting, { name: 'AbortError' });
		assert.deepEqual(await alice.next('cancel'), { type: 'cancel', call: ring.call, reason: 'caller_hangup' });
		const late = await alice.request({ type: 'answer', token: ring.token });
		assert.equal(late.code, 45303);
		await nothingHeld(cluster, alice);
	});

	test('may hang up on the ring and on the talk, and no second time', async t => {
		const alice = await join(t, cluster, 'alice');
		const { body: { call } } = await cluster.communicate({ async: true });
		const ring = await alice.next('incoming');
		assert.equal((await goOn(call, 'hangup')).status, 200);
		assert.equal((await alice.next('cancel', { call: ring.call })).reason, 'caller_hangup');
		assert.equal((await callBecomes(cluster, call, 'canceled')).end_time === null, false);
		const again = await goOn(call, 'hangup');
		assert.deepEqual([again.status, again.body.code], [410, 45303]);
		await nothingHeld(cluster, alice);
	});

	test('exchanges candidates with the winner, before and while they are connected, in both directions as far as it has a channel', async t => {
		const alice = await join(t, cluster, 'alice');
		const { body: { call } } = await cluster.communicate({ async: true });
		const ring = await alice.next('incoming');
		assert.equal((await goOn(call, 'candidate', { json: { action: 'candidate', candidate: 'early' } })).status, 200);
		await alice.request({ type: 'answer', token: ring.token });
		await callBecomes(cluster, call, 'in-progress');
		assert.deepEqual((await alice.next('answered')).candidates, ['early']);
		const candidate = 'candidate:1 1 udp 2130706431 192.0.2.1 54321 typ host "ü"';
		assert.equal((await goOn(call, 'candidate', { json: { action: 'candidate', candidate } })).status, 200);
		assert.deepEqual(await alice.next('candidate'), { type: 'candidate', call: ring.call, candidate });
		const back = await alice.request({ type: 'candidate', call: ring.call, candidate });
		assert.equal(back.code, 20409, 'a gateway has no channel');
		await alice.request({ type: 'hangup', call: ring.call });
		await callBecomes(cluster, call, 'completed');
		await nothingHeld(cluster, alice);
	});

	test('speaks for its own communications only', async t => {
		const alice = await join(t, cluster, 'alice');
		const stranger = await cluster.addAccount();
		const { body: { call } } = await cluster.communicate({ async: true });
		const ring = await alice.next('incoming');
		for (const action of ['hangup', 'candidate']) {
			const answer = await cluster.v1('POST', `/Communications/${call}`, { account: stranger, json: { action, candidate: 'x' } });
			assert.deepEqual([answer.status, answer.body.code], [404, 20404]);
		}
		const foreign = await cluster.v1('POST', `/Communications/${call}`, { basic: [stranger.sid, stranger.auth_token], json: { action: 'hangup' } });
		assert.deepEqual([foreign.status, foreign.body.code], [404, 20404], 'not told whether the account is there');
		assert.equal((await readCall(cluster, call)).status, 'ringing');
		assert.equal(alice.all('cancel').length, 0);
		await goOn(call, 'hangup');
		await alice.next('cancel', { call: ring.call });
		await nothingHeld(cluster, alice);
	});

	test('is refused before anything rings when something in it is wrong, and told what', async t => {
		const alice = await join(t, cluster, 'alice');
		const wrong = [
			[{ from: undefined }, 400, 45003, 'from'],
			[{ from: 5 }, 400, 45002, 'from'],
			[{ from: '' }, 400, 45002, 'from'],
			[{ to: 'a\nb' }, 400, 45002, 'to'],
			[{ media: 'smoke' }, 400, 45002, 'media'],
			[{ sdp: { v: 0 } }, 400, 45002, 'sdp'],
			[{ sdp: 'x'.repeat(48 * 1024 + 1) }, 400, 45002, 'sdp'],
			[{ parameters: { deep: { er: '1' } } }, 400, 45002, 'parameters'],
			[{ parameters: [] }, 400, 45002, 'parameters'],
			[{ status_callback: 'ftp://example.com/' }, 400, 45002, 'status_callback'],
			[{ async: 'yes' }, 400, 45002, 'async'],
			[{ to: '+15559999' }, 404, 20404],
			[{ to: 'AP' + '0'.repeat(32) }, 404, 20404],
		];
		for (const [change, status, code, field] of wrong) {
			const answer = await cluster.communicate(change);
			assert.deepEqual([answer.status, answer.body?.code, answer.body?.field], [status, code, field], `${JSON.stringify(change).slice(0, 80)}: ${answer.text}`);
		}
		assert.equal((await cluster.v1('POST', '/Communications', { basic: [cluster.account.sid, 'wrong'], json: {} })).status, 401);
		assert.equal(alice.all('incoming').length, 0);
	});

	test('may name an application instead of an address', async t => {
		const alice = await join(t, cluster, 'alice');
		const { call, ring } = await connected(cluster, alice, { to: cluster.account.application.sid });
		const asked = (await cluster.customer.all('/voice')).at(-1);
		assert.equal(asked.params.ApplicationSid, cluster.account.application.sid);
		assert.equal(asked.params.To, cluster.account.application.sid);
		await alice.request({ type: 'hangup', call: ring.call });
		await callBecomes(cluster, call, 'completed');
		await nothingHeld(cluster, alice);
	});
});
