// call_unmade.test.mjs - the store is slow just when a call is made: its creator is told 503, and the call, which
// is made a moment later all the same, ends at once.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startCluster } from '../support/cluster.mjs';
import { claimsOf, dial, join, nothingHeld, sdpOf } from '../support/calls.mjs';
import { until } from '../support/process.mjs';
import { accessToken } from '../support/tokens.mjs';

describe('a call that its creator believes not made', () => {
	let cluster;
	before(async () => {
		cluster = await startCluster({ presence: 1, routing: 1, haproxy: false, env: { REDIS_TIMEOUT_MS: '300', SWEEP_MS: '50', WORKERS: '1' } });
		cluster.customer.answer('/voice', dial('bob'));
	});
	after(() => cluster?.stop());

	const calls = () => cluster.redis.command('EVAL', "local n, live = 0, 0 for _, k in ipairs(redis.call('KEYS', 'call:*')) do n = n + 1 if redis.call('HGET', k, 'st') ~= 'ended' then live = live + 1 end end return n * 1000 + live", 0);

	/** Runs `make` while Redis stands still; everything that it needs but the call's own record is cached. */
	async function inAPause(make) {
		const before = Math.floor(await calls() / 1000);
		cluster.redis.pause();
		const refused = await make().finally(() => cluster.redis.resume());
		await until(async () => Math.floor(await calls() / 1000) === before + 1, 'the call is made after all');
		await until(async () => await calls() % 1000 === 0, 'it has ended');
		return refused;
	}

	test('by a gateway', async t => {
		const bob = await join(t, cluster, 'bob', { at: cluster.presence[0] });
		const communicate = () => cluster.communicate({ at: cluster.routing[0], async: true });
		await communicate();
		await bob.request({ type: 'reject', token: (await bob.next('incoming')).token });
		await until(async () => await calls() % 1000 === 0, 'the first call has ended');
		const { status } = await inAPause(communicate);
		assert.equal(status, 503);
		await nothingHeld(cluster, bob);
	});

	test('by a client', async t => {
		// She may call, but is not registered: so the record is the first that the store hears of.
		const alice = await cluster.connect('alice', { at: cluster.presence[0], token: accessToken(cluster.account, 'alice', { incoming: false }) });
		t.after(() => alice.cut());
		const call = () => alice.request({ type: 'call', to: 'client:nobody', sdp: sdpOf('alice') });
		cluster.customer.answer('/voice', dial('nobody'));
		await call();
		await alice.next('hangup');
		await until(async () => await calls() % 1000 === 0, 'the first call has ended');
		const refused = await inAPause(call);
		assert.equal(refused.type, 'error');
		await nothingHeld(cluster);
	});

	test('by a client whose device was taken for it: that is let go', async t => {
		const alice = await join(t, cluster, 'alice', { at: cluster.presence[0] });
		const call = () => alice.request({ type: 'call', to: 'client:nobody', sdp: sdpOf('alice') });
		await call();
		await alice.next('hangup');
		await nothingHeld(cluster, alice);
		cluster.redis.pause();
		const refused = await call().finally(() => cluster.redis.resume());
		assert.equal(refused.type, 'error');
		await until(async () => await claimsOf(cluster) !== '', 'her device is taken after all');
		await nothingHeld(cluster, alice);
	});
});
