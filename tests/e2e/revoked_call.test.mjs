// revoked_call.test.mjs - a token's end in the middle of a call: revoked, its leg is that of a lost device, and it is
// no way back; run out, the call goes on; renewed in time, nobody sees anything.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startCluster } from '../support/cluster.mjs';
import { openChannel } from '../support/client.mjs';
import { callBecomes, dial, join, nothingHeld, readCall, sdpOf } from '../support/calls.mjs';
import { until, within } from '../support/process.mjs';
import { rest } from '../support/rest.mjs';
import { accessToken, opened } from '../support/tokens.mjs';

const LEG_LOST_MS = 600, AT_ONCE_MS = 1000, REVOKED = 45103;

let cluster;
before(async () => {
	cluster = await startCluster({ presence: 2, routing: 2, env: { SWEEP_MS: '50', LEG_LOST_MS: String(LEG_LOST_MS) } });
});
after(() => cluster?.stop());

const at = i => ({ at: cluster.presence[i] });

async function revoke(json) {
	const answer = await cluster.v1('POST', '/Tokens/Revoke', { json });
	assert.equal(answer.status, 204, answer.text);
	return performance.now();
}

/** `caller` has called `callee`; both are talking.  Names of their own: what is revoked in one test is not in the next. */
async function talking(t, caller, callee, tokens = {}) {
	cluster.customer.answer('/voice', dial(callee));
	const one = await join(t, cluster, caller, { ...at(0), token: tokens[caller] }), two = await join(t, cluster, callee, { ...at(1), token: tokens[callee] });
	const { call } = await one.request({ type: 'call', to: `client:${callee}`, sdp: sdpOf(caller) });
	const ring = await two.next('incoming');
	await two.request({ type: 'answer', token: ring.token, sdp: sdpOf(callee) });
	await Promise.all([one.next('answered'), two.next('answered')]);
	return { one, two, call, ring };
}

async function endsAtOnce(client, since) {
	assert.equal((await client.next('error')).code, REVOKED);
	assert.equal((await within(client.closed, 'the channel closes')).code, 1008);
	await until(async () => (await cluster.readPresence(client.identity)).device_count === 0, 'its registration is over', AT_ONCE_MS);
	assert.ok(performance.now() - since < AT_ONCE_MS, `after ${performance.now() - since} ms`);
}

describe('revoked in the middle of a call', () => {
	for (const [who, index] of [['caller', 0], ['callee', 1]])
		test(`the ${who}: gone at once, and the other one hears it as of a lost device`, async t => {
			const names = [`ann-${who}`, `bob-${who}`];
			const { one, two, call, ring } = await talking(t, ...names);
			const [gone, other, otherCall] = index === 0 ? [one, two, ring.call] : [two, one, call];
			const since = await revoke({ identity: names[index] });
			await endsAtOnce(gone, since);
			const heard = await other.next('hangup', { call: otherCall });
			const took = performance.now() - since;
			assert.ok(took >= LEG_LOST_MS - AT_ONCE_MS / 2 && took < LEG_LOST_MS + 1200, `after ${took} ms`);
			assert.equal(heard.reason, index === 0 ? 'client_lost' : 'completed');
			await callBecomes(cluster, call, 'completed');
			await nothingHeld(cluster, other);
		});

	test('the old token is no way back to the call, a new one is', async t => {
		const token = accessToken(cluster.account, 'carl');
		const { one, two, call, ring } = await talking(t, 'dora', 'carl', { carl: token });
		const since = await revoke({ identity: 'carl' });
		await endsAtOnce(two, since);
		const channel = await openChannel(cluster.presence[0].url);
		assert.equal((await channel.request({ type: 'hello', token, device: two.welcome.device })).code, REVOKED);
		await callBecomes(cluster, call, 'completed');
		assert.ok(ring.call && one);
	});

	test('a device that rings: its ring ends, the next one\'s goes on', async t => {
		cluster.customer.answer('/voice', dial(['eve', 'fay']));
		const eve = await join(t, cluster, 'eve', at(0)), fay = await join(t, cluster, 'fay', at(1));
		const waiting = cluster.communicate({ sdp: sdpOf('gateway') });
		const [, ring] = await Promise.all([eve.next('incoming'), fay.next('incoming')]);
		await endsAtOnce(eve, await revoke({ identity: 'eve' }));
		assert.equal(fay.all('cancel').length, 0);
		assert.equal((await fay.request({ type: 'answer', token: ring.token, sdp: sdpOf('fay') })).type, 'ok');
		const { body } = await waiting;
		assert.deepEqual([body.outcome, body.answered_by], ['answered', 'fay']);
		await fay.request({ type: 'hangup', call: ring.call });
		await nothingHeld(cluster, fay);
	});

	test('the answer to a ring comes too late for whoever was revoked', async t => {
		cluster.customer.answer('/voice', dial('gus'));
		const gus = await join(t, cluster, 'gus', at(0));
		const waiting = cluster.communicate({ sdp: sdpOf('gateway') });
		const ring = await gus.next('incoming');
		await endsAtOnce(gus, await revoke({ identity: 'gus' }));
		const { body } = await waiting;
		assert.deepEqual([body.status, body.outcome], ['no-answer', 'unreachable']);
		const answer = await rest('POST', `${cluster.routing[0].url}/v1/Communications/Answer`, { json: { token: ring.token, sdp: sdpOf('gus') } });
		assert.equal(answer.status, 410, answer.text);
	});
});

describe('a token that ends in the middle of a call', () => {
	test('is renewed in time: neither the call nor anybody who looks notices', async t => {
		const { one, two, call } = await talking(t, 'hal', 'ida', { ida: accessToken(cluster.account, 'ida', { ttl: 3 }) });
		const { version, since } = await cluster.readPresence('ida');
		await two.next('token_will_expire');
		const end = opened(accessToken(cluster.account, 'ida', { ttl: 3 })).payload.exp * 1000;
		assert.equal((await two.request({ type: 'token', token: accessToken(cluster.account, 'ida') })).type, 'ok');
		await until(() => Date.now() > end + 200, 'the first token has run out');
		const later = await cluster.readPresence('ida');
		assert.deepEqual([later.status, later.version, later.since], ['on_call', version, since]);
		assert.equal((await readCall(cluster, call)).status, 'in-progress');
		assert.equal(two.all('error').length, 0);
		await one.request({ type: 'hangup', call });
		await nothingHeld(cluster, one, two);
	});

	test('is not renewed: the client is offline, the call goes on to its end', async t => {
		const { one, two, call, ring } = await talking(t, 'jan', 'kim', { kim: accessToken(cluster.account, 'kim', { ttl: 2 }) });
		assert.equal((await two.next('error')).code, 20104);
		await until(async () => (await cluster.readPresence('kim')).device_count === 0, 'kim is not registered');
		await one.request({ type: 'candidate', call, candidate: 'are you there' });
		assert.equal((await two.next('candidate', { call: ring.call })).candidate, 'are you there');
		await one.request({ type: 'hangup', call });
		await two.next('hangup', { call: ring.call });
		assert.equal((await two.closed).code, 1008);
		await nothingHeld(cluster, one);
	});
});
