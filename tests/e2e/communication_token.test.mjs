// communication_token.test.mjs - the token of a ring: whoever has it, and only that device,
// answers with it once and in time, wherever it lands; everything else changes nothing.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startCluster } from '../support/cluster.mjs';
import { callBecomes, dial, join, nothingHeld, recordOf, sdpOf, traceOf, VoiceResponse } from '../support/calls.mjs';
import { rest } from '../support/rest.mjs';

const BASE64URL = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

describe('the communication token', () => {
	let cluster;
	before(async () => {
		cluster = await startCluster({ presence: 2, routing: 2, env: { SWEEP_MS: '50' } });
		cluster.customer.answer('/voice', dial('alice'));
	});
	after(() => cluster?.stop());

	async function ringing(client) {
		const { body } = await cluster.communicate({ async: true, sdp: sdpOf('gateway') });
		return { call: body.call, ring: await client.next('incoming') };
	}

	const post = (token, { at = cluster, ...more } = {}) => rest('POST', `${at.url}/v1/Communications/Answer`, { json: { token, ...more } });
	const bothWays = async (client, token) => [(await client.request({ type: 'answer', token })).code, (await post(token)).body.code];

	/** The call has settled when its record stands still: rung, and its effects done. */
	async function settled(call) {
		let before;
		for (let now = await recordOf(cluster, call); now !== before || /^fx=./m.test(now); now = await recordOf(cluster, call))
			before = now;
		return before;
	}

	test('merges at either routing instance, whichever of them owns the call', async t => {
		const alice = await join(t, cluster, 'alice');
		const owners = new Set();
		for (let i = 0; owners.size < 2 || i < 10; i++) {
			const { call, ring } = await ringing(alice);
			const [{ host: owner }] = await traceOf(cluster, call, 'created');
			const other = cluster.routing.find(instance => instance.name !== owner);
			const { status, body } = await post(ring.token, { at: other, sdp: sdpOf('alice') });
			assert.deepEqual([status, body], [200, { call: ring.call, status: 'in-progress' }]);
			assert.equal((await alice.next('answered')).call, ring.call);
			const record = await settled(call);
			assert.ok(record.includes(`asdp=${sdpOf('alice')}`));
			await alice.request({ type: 'hangup', call: ring.call });
			await callBecomes(cluster, call, 'completed');
			owners.add(owner);
		}
		await nothingHeld(cluster, alice);
	});

	test('needs no other credential, and no other credential replaces it', async t => {
		const alice = await join(t, cluster, 'alice');
		const { call, ring } = await ringing(alice);
		for (const json of [{}, { token: '' }, { token: 7 }, { token: null }, { token: ring.call }, []]) {
			const answer = await rest('POST', `${cluster.url}/v1/Communications/Answer`, { json, basic: [cluster.account.sid, cluster.account.auth_token] });
			assert.ok([400, 403].includes(answer.status), `${JSON.stringify(json)}: ${answer.text}`);
		}
		assert.equal((await post(ring.token)).status, 200);
		await alice.request({ type: 'hangup', call: ring.call });
		await callBecomes(cluster, call, 'completed');
		await nothingHeld(cluster, alice);
	});

	test('replayed is refused with 45302 while the call lives and after it', async t => {
		const alice = await join(t, cluster, 'alice');
		const { call, ring } = await ringing(alice);
		await alice.request({ type: 'answer', token: ring.token, sdp: sdpOf('alice') });
		await alice.next('answered');
		const before = await settled(call);
		assert.deepEqual(await bothWays(alice, ring.token), [45302, 45302]);
		assert.equal(await recordOf(cluster, call), before);
		await alice.request({ type: 'hangup', call: ring.call });
		await callBecomes(cluster, call, 'completed');
		const ended = await settled(call);
		assert.deepEqual(await bothWays(alice, ring.token), [45302, 45302]);
		assert.equal(await recordOf(cluster, call), ended);
		await nothingHeld(cluster, alice);
	});

	test('with any one character changed, added or taken away is refused with 45300', async t => {
		const alice = await join(t, cluster, 'alice');
		const { call, ring } = await ringing(alice);
		const before = await settled(call);
		const { token } = ring;
		const edited = [token.slice(1), token.slice(0, -1), `${token}A`, `${token}=`, ` ${token}`, token.toUpperCase(), `CT2${token.slice(3)}`];
		for (let i = 0; i < token.length; i++) {
			const at = BASE64URL.indexOf(token[i]);
			for (const bit of [1, 32])
				edited.push(token.slice(0, i) + (at < 0 ? String.fromCharCode(token.charCodeAt(i) ^ bit) : BASE64URL[at ^ bit]) + token.slice(i + 1));
		}
		for (let i = 0; i < edited.length; i += 40) {          // a channel holds 64 messages that wait
			const some = edited.slice(i, i + 40);
			const replies = await Promise.all(some.map(wrong => alice.request({ type: 'answer', token: wrong })));
			replies.forEach((reply, n) => assert.equal(reply.code, 45300, some[n]));
			const answers = await Promise.all(some.map(wrong => post(wrong)));
			answers.forEach(({ status, body }, n) => assert.deepEqual([status, body.code], [403, 45300], some[n]));
		}
		assert.equal(await recordOf(cluster, call), before);
		assert.equal((await alice.request({ type: 'answer', token })).type, 'ok', 'and the real one still answers');
		await alice.request({ type: 'hangup', call: ring.call });
		await callBecomes(cluster, call, 'completed');
		await nothingHeld(cluster, alice);
	});

	test('of another ring\'s parts is refused: no two tokens can be made into a third', async t => {
		const [laptop, phone] = [await join(t, cluster, 'alice', { at: cluster.presence[0] }), await join(t, cluster, 'alice', { at: cluster.presence[1] })];
		const { call, ring } = await ringing(laptop);
		const other = await phone.next('incoming');
		const before = await settled(call);
		const dots = ring.token.split('.'), others = other.token.split('.');
		for (let i = 1; i < dots.length; i++) {
			const mixed = [...dots.slice(0, i), ...others.slice(i)].join('.');
			if (mixed !== ring.token && mixed !== other.token)
				assert.deepEqual(await bothWays(laptop, mixed), [45300, 45300]);
		}
		const half = ring.token.length - 60;
		assert.deepEqual(await bothWays(laptop, ring.token.slice(0, half) + other.token.slice(half)), [45300, 45300]);
		const elsewhere = ring.token.replace(dots[1], `ND${'0'.repeat(32)}`);
		assert.deepEqual(await bothWays(laptop, elsewhere), [45300, 45300], 'that names another host');
		assert.equal(await recordOf(cluster, call), before);
		await cluster.v1('POST', `/Communications/${call}`, { json: { action: 'hangup' } });
		await Promise.all([laptop.next('cancel'), phone.next('cancel')]);
		await nothingHeld(cluster, laptop);
	});

	test('of another device, client or account is refused on the channel with 45300', async t => {
		const alice = await join(t, cluster, 'alice', { at: cluster.presence[0] });
		const phone = await join(t, cluster, 'alice', { at: cluster.presence[1] });
		const bob = await join(t, cluster, 'bob');
		const stranger = await join(t, cluster, 'alice', { account: await cluster.addAccount() });
		const { call, ring } = await ringing(alice);
		const other = await phone.next('incoming');
		const before = await settled(call);
		for (const thief of [phone, bob, stranger]) {
			assert.equal((await thief.request({ type: 'answer', token: ring.token })).code, 45300);
			assert.equal((await thief.request({ type: 'reject', token: ring.token })).code, 45300);
			assert.equal((await thief.request({ type: 'reject', call: ring.call })).code, 45204);
			assert.equal((await thief.request({ type: 'hangup', call: ring.call })).code, 45204);
			assert.equal((await thief.request({ type: 'ringing', call: ring.call })).code, 45204);
		}
		assert.equal(await recordOf(cluster, call), before);
		assert.equal((await alice.request({ type: 'answer', token: ring.token })).type, 'ok');
		assert.equal((await phone.next('cancel', { call: other.call })).reason, 'answered_elsewhere');
		await alice.request({ type: 'hangup', call: ring.call });
		await callBecomes(cluster, call, 'completed');
		await nothingHeld(cluster, alice, bob);
	});

	test('comes too late: 45301 while the call goes on without its ring, 45303 when it has ended', async t => {
		const alice = await join(t, cluster, 'alice');
		const bob = await join(t, cluster, 'bob');
		const response = new VoiceResponse();
		response.dial({ timeout: 1 }).client('alice');
		response.dial().client('bob');
		cluster.customer.answer('/voice', String(response));
		const { call, ring } = await ringing(alice);
		assert.equal((await alice.next('cancel')).reason, 'timeout');
		const second = await bob.next('incoming');
		const before = await settled(call);
		assert.deepEqual(await bothWays(alice, ring.token), [45301, 45301]);
		assert.equal(await recordOf(cluster, call), before);
		assert.equal((await post(ring.token)).status, 410);
		await bob.request({ type: 'reject', call: second.call });
		await callBecomes(cluster, call, 'busy');
		const ended = await settled(call);
		assert.deepEqual(await bothWays(alice, ring.token), [45303, 45303]);
		assert.deepEqual(await bothWays(bob, second.token), [45303, 45303]);
		assert.equal(await recordOf(cluster, call), ended);
		await nothingHeld(cluster, alice, bob);
		cluster.customer.answer('/voice', dial('alice'));
	});

	test('that its own device has rejected answers no more', async t => {
		const alice = await join(t, cluster, 'alice', { at: cluster.presence[0] });
		const phone = await join(t, cluster, 'alice', { at: cluster.presence[1] });
		const { call, ring } = await ringing(alice);
		const other = await phone.next('incoming');
		assert.equal((await alice.request({ type: 'reject', token: ring.token })).type, 'ok');
		assert.deepEqual(await bothWays(alice, ring.token), [45301, 45301]);
		assert.equal((await phone.request({ type: 'answer', token: other.token })).type, 'ok');
		await phone.request({ type: 'hangup', call: other.call });
		await callBecomes(cluster, call, 'completed');
		assert.equal(alice.all('cancel').length, 0, 'who rejects hears no cancel');
		await nothingHeld(cluster, alice);
	});
});
