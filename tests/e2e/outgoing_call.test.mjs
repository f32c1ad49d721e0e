// outgoing_call.test.mjs - a client calls: what its token fixes, what the customer is
// told, and what the client hears until the end.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startCluster } from '../support/cluster.mjs';
import { callBecomes, dial, isSigned, join, nothingHeld, readCall, sdpOf, traceOf, VoiceResponse } from '../support/calls.mjs';
import { accessToken, capabilityToken } from '../support/tokens.mjs';

describe('a client\'s own call', () => {
	let cluster;
	before(async () => {
		cluster = await startCluster({ presence: 2, routing: 2, env: { SWEEP_MS: '50' } });
		cluster.customer.answer('/voice', dial('bob'));
	});
	after(() => cluster?.stop());

	const at = i => ({ at: cluster.presence[i] });
	const token = (identity, options) => ({ token: accessToken(cluster.account, identity, options) });

	async function call(client, message = {}) {
		const reply = await client.request({ type: 'call', to: 'client:bob', sdp: sdpOf(client.identity), ...message });
		assert.equal(reply.type, 'ok', JSON.stringify(reply));
		return reply.call;
	}

	test('rings, is answered on the other instance, carries candidates both ways, and is hung up by the callee', async t => {
		const alice = await join(t, cluster, 'alice', at(0));
		const bob = await join(t, cluster, 'bob', at(1));
		const sid = await call(alice);
		const ring = await bob.next('incoming');
		assert.equal(ring.from, 'client:alice');
		assert.equal(ring.to, 'client:bob');
		assert.equal(ring.media, 'voice');
		assert.equal(ring.sdp, sdpOf('alice'));
		assert.notEqual(ring.call, sid);
		assert.deepEqual(await alice.next('progress'), { type: 'progress', call: sid, state: 'ringing' });
		await bob.request({ type: 'answer', token: ring.token, sdp: sdpOf('bob') });
		assert.deepEqual(await alice.next('answered'), { type: 'answered', call: sid, sdp: sdpOf('bob') });
		assert.deepEqual(await bob.next('answered'), { type: 'answered', call: ring.call });

		assert.equal((await alice.request({ type: 'candidate', call: sid, candidate: 'from alice' })).type, 'ok');
		assert.deepEqual(await bob.next('candidate'), { type: 'candidate', call: ring.call, candidate: 'from alice' });
		assert.equal((await bob.request({ type: 'candidate', call: ring.call, candidate: 'from bob' })).type, 'ok');
		assert.deepEqual(await alice.next('candidate'), { type: 'candidate', call: sid, candidate: 'from bob' });

		for (const identity of ['alice', 'bob'])
			await cluster.presenceBecomes(identity, p => p.status === 'on_call' && p.ringable.length === 0, 'is on a call');
		assert.equal((await bob.request({ type: 'hangup', call: ring.call })).type, 'ok');
		assert.deepEqual(await alice.next('hangup'), { type: 'hangup', call: sid, reason: 'completed' });
		assert.equal((await callBecomes(cluster, sid, 'completed')).direction, 'inbound');
		await nothingHeld(cluster, alice, bob);
		assert.equal(bob.all('hangup').length, 0, 'who hung up is not told so');
	});

	test('ends for the callee when the caller hangs up', async t => {
		const alice = await join(t, cluster, 'alice', at(0));
		const bob = await join(t, cluster, 'bob', at(1));
		const sid = await call(alice);
		const ring = await bob.next('incoming');
		await bob.request({ type: 'answer', token: ring.token, sdp: sdpOf('bob') });
		await alice.next('answered');
		await alice.request({ type: 'hangup', call: sid });
		assert.deepEqual(await bob.next('hangup'), { type: 'hangup', call: ring.call, reason: 'remote_hangup' });
		await callBecomes(cluster, sid, 'completed');
		await nothingHeld(cluster, alice, bob);
	});

	test('asks the application of the token, signed, as the first request of a call', async t => {
		const alice = await join(t, cluster, 'alice');
		const bob = await join(t, cluster, 'bob');
		const sid = await call(alice, { to: 'the front desk' });
		const asked = await cluster.customer.next('/voice', { matches: r => r.params.CallSid === sid });
		assert.ok(isSigned(asked, cluster.account));
		assert.deepEqual(asked.params, {
			CallSid: sid, AccountSid: cluster.account.sid, From: 'client:alice', To: 'the front desk',
			Caller: 'client:alice', Called: 'the front desk', CallStatus: 'ringing', ApiVersion: '2010-04-01',
			Direction: 'inbound', ApplicationSid: cluster.account.application.sid,
		});
		assert.equal(asked.method, 'POST');
		await bob.next('incoming');
		await alice.request({ type: 'hangup', call: sid });
		await bob.next('cancel');
		await nothingHeld(cluster, alice, bob);
	});

	test('sends the token\'s fixed parameters and the client\'s own at top level; fixed ones win, reserved names stay ours', async t => {
		const alice = await join(t, cluster, 'alice', token('alice', { params: { tenant: '7', plan: 'fixed', From: 'client:mallory' } }));
		const parameters = {
			plan: 'mine', colour: 'blue', 'ünï cödé ☎': '日本 & = + % 😀', empty: '', __proto__x: 'p', 'a[]': '1', lines: 'a\r\nb',
			CallSid: 'CAevil', AccountSid: 'ACevil', From: 'client:mallory', To: 'client:mallory', Caller: 'm', Called: 'm', CallStatus: 'completed',
			ApiVersion: '1', Direction: 'outbound-api', ApplicationSid: 'APevil', DialCallStatus: 'completed', DialCallSid: 'x', DialBridged: 'true',
			DialCallDuration: '9', ErrorCode: '1', ErrorUrl: 'http://evil/', ParentCallSid: 'CAparent',
		};
		const sid = await call(alice, { parameters });
		const asked = await cluster.customer.next('/voice', { matches: r => r.params.CallSid === sid });
		assert.ok(isSigned(asked, cluster.account));
		const { tenant, plan, colour, 'ünï cödé ☎': odd, empty, __proto__x: p, 'a[]': list, lines, ...rest } = asked.params;
		assert.deepEqual({ tenant, plan, colour, odd, empty, p, list, lines },
			{ tenant: '7', plan: 'fixed', colour: 'blue', odd: parameters['ünï cödé ☎'], empty: '', p: 'p', list: '1', lines: 'a\r\nb' });
		assert.deepEqual(rest, {
			CallSid: sid, AccountSid: cluster.account.sid, From: 'client:alice', To: 'client:bob', Caller: 'client:alice', Called: 'client:bob',
			CallStatus: 'ringing', ApiVersion: '2010-04-01', Direction: 'inbound', ApplicationSid: cluster.account.application.sid,
		});
		assert.equal(new URLSearchParams(asked.body).getAll('From').length, 1);
		assert.equal((await alice.next('hangup')).reason, 'unreachable');
		await nothingHeld(cluster, alice);
	});

	test('takes the fixed parameters of a legacy capability token too', async t => {
		const alice = await join(t, cluster, 'alice', { token: capabilityToken(cluster.account, 'alice', { params: { tenant: 'a b&c=ü' } }) });
		const sid = await call(alice, { parameters: { tenant: 'mine' } });
		const asked = await cluster.customer.next('/voice', { matches: r => r.params.CallSid === sid });
		assert.equal(asked.params.tenant, 'a b&c=ü');
		await alice.next('hangup', { call: sid });
		await nothingHeld(cluster, alice);
	});

	test('needs a token that permits it: 45102, and nobody is asked', async t => {
		const alice = await join(t, cluster, 'alice', token('alice', { outgoing: false }));
		const before = cluster.customer.all('/voice').length;
		const refused = await alice.request({ type: 'call', to: 'client:bob' });
		assert.deepEqual([refused.type, refused.code], ['error', 45102]);
		assert.equal(cluster.customer.all('/voice').length, before);
		await nothingHeld(cluster, alice);
	});

	test('may be made by a client that cannot be called itself', async t => {
		const alice = await join(t, cluster, 'alice', token('alice', { incoming: false }));
		assert.equal(alice.welcome.registered, false);
		const bob = await join(t, cluster, 'bob');
		const sid = await call(alice);
		const ring = await bob.next('incoming');
		await bob.request({ type: 'answer', token: ring.token, sdp: sdpOf('bob') });
		assert.equal((await alice.next('answered', { call: sid })).sdp, sdpOf('bob'));
		await bob.request({ type: 'hangup', call: ring.call });
		await alice.next('hangup', { call: sid });
		await nothingHeld(cluster, bob);
	});

	test('is refused with 45304 while the device is in a call or is rung', async t => {
		const alice = await join(t, cluster, 'alice');
		const bob = await join(t, cluster, 'bob');
		const sid = await call(alice);
		const ring = await bob.next('incoming');
		for (const client of [alice, bob]) {
			const refused = await client.request({ type: 'call', to: 'client:carol' });
			assert.deepEqual([refused.type, refused.code], ['error', 45304]);
		}
		await bob.request({ type: 'answer', token: ring.token });
		await alice.next('answered');
		for (const client of [alice, bob])
			assert.equal((await client.request({ type: 'call', to: 'client:carol' })).code, 45304);
		await alice.request({ type: 'hangup', call: sid });
		await bob.next('hangup');
		await nothingHeld(cluster, alice, bob);
		const again = await call(alice);         // and is free afterwards
		await bob.next('incoming');
		await alice.request({ type: 'hangup', call: again });
		await bob.next('cancel');
		await nothingHeld(cluster, alice, bob);
	});

	test('that is malformed is refused, names the field, and holds nothing', async t => {
		const alice = await join(t, cluster, 'alice');
		const wrong = [
			[{ to: undefined }, 45003], [{ to: 7 }, 45002], [{ to: '' }, 45002], [{ to: 'x'.repeat(256) }, 45002],
			[{ sdp: 5 }, 45002], [{ sdp: 'x'.repeat(48 * 1024 + 1) }, 45002], [{ media: 'smell' }, 45002],
			[{ parameters: 'a=b' }, 45002], [{ parameters: { n: 1 } }, 45002],
		];
		for (const [change, code] of wrong) {
			const refused = await alice.request({ type: 'call', to: 'client:bob', ...change });
			assert.deepEqual([refused.type, refused.code], ['error', code], JSON.stringify(change).slice(0, 60));
			assert.match(refused.message, new RegExp(Object.keys(change)[0]));
		}
		await nothingHeld(cluster, alice);
	});

	test('hears how it ended when the instructions say so', async t => {
		const alice = await join(t, cluster, 'alice');
		const ends = [
			[response => response.reject(), 'rejected', 'no-answer'],
			[response => response.reject({ reason: 'busy' }), 'busy', 'busy'],
			[response => response.hangup(), 'completed', 'completed'],
			[() => {}, 'completed', 'completed'],
		];
		for (const [say, reason, status] of ends) {
			const response = new VoiceResponse();
			say(response);
			cluster.customer.answer('/voice', String(response));
			const sid = await call(alice);
			assert.deepEqual(await alice.next('hangup'), { type: 'hangup', call: sid, reason });
			assert.equal((await readCall(cluster, sid)).status, status);
			await nothingHeld(cluster, alice);
		}
		cluster.customer.answer('/voice', dial('bob'));
	});

	test('is written down with its device and instance', async t => {
		const alice = await join(t, cluster, 'alice', at(1));
		const sid = await call(alice);
		await alice.next('hangup', { call: sid });
		const [created] = await traceOf(cluster, sid, 'created');
		assert.equal(created.node, alice.welcome.node);
		assert.deepEqual(created.detail, { how: 'client', device: alice.welcome.device });
		await nothingHeld(cluster, alice);
	});
});
