// messages.test.mjs - messages go the way of calls: instructions say who gets them, presence who can; devices
// acknowledge, senders hear of it.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startCluster } from '../support/cluster.mjs';
import { dial, isSigned, join, parametersOf, readCall, reasonsOf, sdpOf, traceOf } from '../support/calls.mjs';

const MEDIA = ['voice', 'message'];

describe('a message', () => {
	let cluster;
	before(async () => { cluster = await startCluster({ presence: 2, routing: 2, env: { SWEEP_MS: '50', CALLBACK_RETRY_MS: '50', NODE_LEASE_MS: '600', NODE_RENEW_MS: '100' } }); });
	after(() => cluster?.stop());

	const send = (body, more) => cluster.communicate({ media: 'message', body, ...more });

	/** Takes the next message, and says so. */
	async function take(client) {
		const message = await client.next('message');
		assert.equal((await client.request({ type: 'ack', message: message.message })).type, 'ok');
		return message;
	}

	test('from outside: the customer\'s server is asked, the client gets it, the sender hears that it has', async t => {
		cluster.customer.answer('/voice', dial('alice'));
		const alice = await join(t, cluster, 'alice', { media: MEDIA });
		const answer = send('Grüße \u{1F600}\n"quoted"', { parameters: { topic: 'invoice' }, status_callback: `${cluster.customer.url}/status` });
		const { message, sent_at, ...rest } = await take(alice);
		assert.deepEqual(rest, { type: 'message', from: '+15550123', to: 'client:alice', body: 'Grüße \u{1F600}\n"quoted"', parameters: { topic: 'invoice' } });
		assert.ok(Math.abs(Date.parse(sent_at) - Date.now()) < 5000, sent_at);
		const { status, body } = await answer;
		assert.deepEqual([status, body.status, body.outcome, body.answered_by], [200, 'completed', 'delivered', 'alice']);
		const asked = await cluster.customer.next('/voice', { matches: r => r.params.MessageSid === body.call });
		assert.ok(isSigned(asked, cluster.account));
		const { From, To, Body, MediaType, CallSid, topic } = asked.params;
		assert.deepEqual({ From, To, Body, MediaType, CallSid, topic },
			{ From: '+15550123', To: cluster.account.number.number, Body: 'Grüße \u{1F600}\n"quoted"', MediaType: 'message', CallSid: body.call, topic: 'invoice' });
		const told = parametersOf(await cluster.customer.next('/status'));
		assert.deepEqual([told.MessageSid, told.MessageStatus, told.CallStatus], [body.call, 'delivered', 'completed']);
		assert.equal(message.slice(0, -6), body.call.slice(0, -6));
		assert.equal((await readCall(cluster, message)).status, 'completed');
		assert.deepEqual((await traceOf(cluster, body.call, 'delivered')).map(e => e.detail.client), ['alice']);
		assert.deepEqual((await cluster.readPresence('alice')).status, 'available', 'no device was taken');
	});

	test('goes to every device that takes messages, once; a receipt from one of a client is enough', async t => {
		cluster.customer.answer('/voice', dial('alice'));
		const [desk, mobile, phone] = [await join(t, cluster, 'alice', { media: MEDIA, at: cluster.presence[0] }), await join(t, cluster, 'alice', { media: MEDIA, at: cluster.presence[1] }),
			await join(t, cluster, 'alice', { media: ['voice'] })];
		const answer = send('to all');
		const [one, two] = await Promise.all([desk.next('message'), mobile.next('message')]);
		assert.notEqual(one.message, two.message);
		assert.equal((await desk.request({ type: 'ack', message: two.message })).code, 45204, 'nobody acknowledges for another device');
		await mobile.request({ type: 'ack', message: two.message });
		assert.equal((await answer).body.outcome, 'delivered');
		assert.equal((await desk.request({ type: 'ack', message: one.message })).type, 'ok', 'too late is no mistake');
		assert.equal((await desk.request({ type: 'ack', message: one.message })).type, 'ok', 'nor is twice');
		assert.equal(phone.all('message').length, 0);
		assert.equal(desk.all('message').length, 1);
	});

	test('from a client: she hears of each client that has it', async t => {
		cluster.customer.answer('/voice', dial(['alice', 'carol']));
		const bob = await join(t, cluster, 'bob');
		const alice = await join(t, cluster, 'alice', { media: MEDIA });
		const carol = await join(t, cluster, 'carol', { media: MEDIA });
		const { type, message } = await bob.request({ type: 'message', to: 'team', body: 'hello', parameters: { k: 'v' } });
		assert.equal(type, 'ok');
		const [forAlice, forCarol] = await Promise.all([take(alice), take(carol)]);
		assert.deepEqual([forAlice.from, forAlice.parameters, forCarol.to], ['client:bob', { k: 'v' }, 'client:carol']);
		const receipts = [await bob.next('receipt'), await bob.next('receipt')].sort((a, b) => a.to < b.to ? -1 : 1);
		assert.deepEqual(receipts.map(({ at, ...rest }) => rest), [
			{ type: 'receipt', message, status: 'delivered', to: 'client:alice', device: alice.welcome.device },
			{ type: 'receipt', message, status: 'delivered', to: 'client:carol', device: carol.welcome.device }]);
		assert.equal((await cluster.customer.next('/voice', { matches: r => r.params.MessageSid === message })).params.To, 'team');
		assert.equal((await cluster.readPresence('bob')).status, 'available');
	});

	test('that nobody can take goes on to the next verb, and is undelivered at the end', async t => {
		cluster.customer.answer('/voice', dial(['nobody', 'voiceonly', 'quiet', 'away']).replace('</Response>', '<Redirect>/fallback</Redirect></Response>'));
		cluster.customer.answer('/fallback', dial('alice'));
		await join(t, cluster, 'voiceonly', { media: ['voice'] });
		await join(t, cluster, 'quiet', { media: MEDIA, status: 'dnd' });
		const bob = await join(t, cluster, 'bob');
		const { message } = await bob.request({ type: 'message', to: 'team', body: 'anybody?' });
		const { at, ...receipt } = await bob.next('receipt');
		assert.deepEqual(receipt, { type: 'receipt', message, status: 'undelivered', reason: 'unreachable' });
		assert.deepEqual(await reasonsOf(cluster, message), { nobody: 'offline', voiceonly: 'media', quiet: 'dnd', away: 'offline', alice: 'offline' });
		const { status, body } = await send('and from outside?');
		assert.deepEqual([status, body.status, body.outcome], [200, 'no-answer', 'unreachable']);

		const alice = await join(t, cluster, 'alice', { media: MEDIA, status: 'busy' });
		const again = send('now?');
		assert.equal((await take(alice)).body, 'now?', 'busy, and in a call, one can be written to');
		assert.equal((await again).body.outcome, 'delivered');
	});

	test('that a device does not acknowledge is undelivered when the time of the Dial is over', async t => {
		cluster.customer.answer('/voice', dial('alice', { timeout: 1 }));
		const alice = await join(t, cluster, 'alice', { media: MEDIA });
		const answer = send('hello?');
		const { message } = await alice.next('message');
		assert.deepEqual((await answer).body.outcome, 'unreachable');
		assert.equal((await alice.request({ type: 'ack', message })).type, 'ok');
		assert.equal((await readCall(cluster, message)).status, 'no-answer');
	});

	test('in turns: the first who acknowledges is the only one', async t => {
		cluster.customer.answer('/voice', dial(['alice', 'carol'], { sequential: true }));
		const [alice, carol] = [await join(t, cluster, 'alice', { media: MEDIA }), await join(t, cluster, 'carol', { media: MEDIA })];
		const answer = send('who?');
		await take(alice);
		assert.equal((await answer).body.answered_by, 'alice');
		assert.equal(carol.all('message').length, 0);
	});

	test('outlives the instance that delivers it: heard once, and its receipt comes', async t => {
		cluster.customer.answer('/voice', dial('alice'));
		const alice = await join(t, cluster, 'alice', { media: MEDIA });
		const bob = await join(t, cluster, 'bob');
		const { message } = await bob.request({ type: 'message', to: 'alice', body: 'hold on' });
		const heard = await alice.next('message');
		const { node } = (await traceOf(cluster, message, 'ring'))[0];
		const name = (await traceOf(cluster, message)).find(e => e.node === node).host;
		const owner = cluster.routing.find(instance => instance.name === name);
		await owner.kill9();
		assert.equal((await alice.request({ type: 'ack', message: heard.message })).type, 'ok');
		assert.equal((await bob.next('receipt')).status, 'delivered');
		assert.equal((await readCall(cluster, message)).status, 'completed');
		assert.equal(alice.all('message').length, 1);
		await owner.restart();
		await cluster.acquainted();
	});

	test('is refused before anything is asked when something in it is wrong', async t => {
		const bob = await join(t, cluster, 'bob');
		for (const [body, code] of [['', 45002], [5, 45002], ['x'.repeat(16 * 1024 + 1), 45002]]) {
			const answer = await send(body);
			assert.deepEqual([answer.status, answer.body.code, answer.body.field], [400, code, 'body']);
			const told = await bob.request({ type: 'message', to: 'team', body });
			assert.deepEqual([told.code, told.field], [code, 'body']);
		}
		assert.equal((await bob.request({ type: 'message', to: 'team' })).code, 45003);
		assert.equal((await bob.request({ type: 'message', body: 'hello' })).field, 'to');
		for (const message of ['CA1', `CA${'0'.repeat(32)}`])
			assert.equal((await bob.request({ type: 'ack', message })).code, 45204);
		assert.equal((await bob.request({ type: 'ack', message: `CA${'0'.repeat(31)}1` })).code, 20404);
	});

	test('may want to be answered with a call: the ring has its body, and who answers is connected with the sender', async t => {
		cluster.customer.answer('/voice', dial('alice'));
		const alice = await join(t, cluster, 'alice', { media: MEDIA });
		const answer = send('Help!', { answer_with_call: true, sdp: sdpOf('sender') });
		const ring = await alice.next('incoming');
		assert.deepEqual([ring.media, ring.body, ring.sdp], ['message', 'Help!', sdpOf('sender')]);
		await alice.request({ type: 'answer', token: ring.token, sdp: sdpOf('alice') });
		const { body } = await answer;
		assert.deepEqual([body.outcome, body.answered_by, body.sdp], ['answered', 'alice', sdpOf('alice')]);
		assert.equal((await cluster.customer.next('/voice', { matches: r => r.params.MessageSid === body.call })).params.Body, 'Help!');
		await alice.request({ type: 'hangup', call: ring.call });

		const bob = await join(t, cluster, 'bob', { media: MEDIA });
		const { call } = await bob.request({ type: 'call', to: 'client:alice', media: 'message', body: 'Me too', sdp: sdpOf('bob') });
		const again = await alice.next('incoming');
		assert.equal(again.body, 'Me too');
		await alice.request({ type: 'answer', token: again.token, sdp: sdpOf('alice') });
		assert.equal((await bob.next('answered', { call })).sdp, sdpOf('alice'));
		await bob.request({ type: 'hangup', call });
		await alice.next('hangup', { call: again.call });
	});

	test('media message without a body is a call, as before', async t => {
		cluster.customer.answer('/voice', dial('alice'));
		const alice = await join(t, cluster, 'alice', { media: MEDIA });
		const answer = cluster.communicate({ media: 'message' });
		const ring = await alice.next('incoming');
		assert.equal(ring.media, 'message');
		await alice.request({ type: 'reject', call: ring.call });
		assert.equal((await answer).body.outcome, 'declined');
	});

	test('the largest passes unchanged', async t => {
		cluster.customer.answer('/voice', dial('alice'));
		const alice = await join(t, cluster, 'alice', { media: MEDIA });
		const body = '\u0001ü"'.repeat(4 * 1024);
		assert.equal(Buffer.byteLength(body), 16 * 1024);
		const answer = send(body);
		assert.equal((await take(alice)).body, body);
		assert.equal((await answer).body.outcome, 'delivered');
	});
});
