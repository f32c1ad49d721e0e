// instance_death.test.mjs - an instance is killed, or stands still: its clients are offline in time,
// nobody else's are, and whoever has come back before is left alone.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { startCluster } from '../support/cluster.mjs';
import { until, within } from '../support/process.mjs';

const LEASE_MS = 600;
const SHORT = { NODE_LEASE_MS: String(LEASE_MS), NODE_RENEW_MS: '150', SWEEP_MS: '100' };

const isOffline = p => p.status === 'offline' && p.device_count === 0;

async function clusterOf(t, presence, env = SHORT) {
	const cluster = await startCluster({ presence, routing: 0, env });
	t.after(() => cluster.stop());
	return cluster;
}

/** How long `identity` takes to be offline, read on the instance `at`. */
async function offlineWithin(cluster, identity, at, ms) {
	const since = performance.now();
	await until(async () => isOffline(await cluster.readPresence(identity, { at })), `${identity} is offline`, ms);
	return performance.now() - since;
}

const connectAll = (cluster, at, prefix, n) => Promise.all(Array.from({ length: n }, (_, i) => cluster.connect(`${prefix}${i}`, { at })));

describe('a killed instance', { concurrency: 3 }, () => {
	test('takes its clients offline within the node lease + 1 s, and nobody else (as they come: 3 s, renewed every second)', async t => {
		const cluster = await clusterOf(t, 2, { NODE_LEASE_MS: '3000', NODE_RENEW_MS: '1000' });
		const [dying, living] = cluster.presence;
		const [alice, bob] = [await cluster.connect('alice', { at: dying }), await cluster.connect('bob', { at: living })];
		const before = await cluster.readPresence('bob', { at: living });
		await dying.kill9();
		const took = await offlineWithin(cluster, 'alice', living, 4000);
		assert.ok(took <= 4000, `${took} ms`);
		await within(alice.closed, 'alice hears of it');
		assert.deepEqual(await cluster.readPresence('bob', { at: living }), before);
		assert.equal((await bob.request({ type: 'ack' })).type, 'ok');
	});

	test('takes all of its clients, however many, and only them', async t => {
		const cluster = await clusterOf(t, 3);
		const [dying, ...living] = cluster.presence;
		const [mine, others] = await Promise.all([connectAll(cluster, dying, 'lost', 120), connectAll(cluster, living[0], 'kept', 20)]);
		// One client with devices on both: it stays, with one device less.
		const both = [await cluster.connect('both', { at: dying, status: 'dnd' }), await cluster.connect('both', { at: living[1] })];
		await dying.kill9();
		await Promise.all(mine.map((_, i) => offlineWithin(cluster, `lost${i}`, living[i % 2], LEASE_MS + 1500)));
		const left = await cluster.readPresence('both', { at: living[0] });
		assert.deepEqual([left.status, left.device_count, left.devices[0].device], ['available', 1, both[1].welcome.device]);
		for (let i = 0; i < others.length; i++)
			assert.equal((await cluster.readPresence(`kept${i}`, { at: living[1] })).status, 'available');
		const reaped = await Promise.all(living.map(s => s.metric('switchhook_devices_reaped_total')));
		assert.equal(reaped[0] + reaped[1], 121);
		// Nothing of it is left in the store.
		await until(async () => !String(await cluster.redis.command('HGETALL', 'nodes:{n}')).includes(mine[0].welcome.node), 'the node is forgotten');
		assert.doesNotMatch(String(await cluster.redis.command('KEYS', 'n:*')), new RegExp(mine[0].welcome.node));
	});

	test('does not take a client that has registered again elsewhere, with the same device', async t => {
		const cluster = await clusterOf(t, 2);
		const [dying, living] = cluster.presence;
		const before = await connectAll(cluster, dying, 'c', 20);
		await dying.kill9();
		const after = await Promise.all(before.map((client, i) => cluster.connect(`c${i}`, { at: living, device: client.welcome.device })));
		assert.deepEqual(after.map(c => c.welcome.device), before.map(c => c.welcome.device));
		const versions = await Promise.all(after.map(async (_, i) => (await cluster.readPresence(`c${i}`, { at: living })).version));
		await until(async () => await living.metric('switchhook_nodes_buried_total') === 1, 'the dead one is buried');
		await until(async () => !String(await cluster.redis.command('HGETALL', 'nodes:{n}')).includes(before[0].welcome.node), 'and reaped');
		assert.equal(await living.metric('switchhook_devices_reaped_total'), 0);
		for (const [i, client] of after.entries()) {
			const presence = await cluster.readPresence(`c${i}`, { at: living });
			assert.deepEqual([presence.status, presence.version], ['available', versions[i]]);
			assert.equal((await client.request({ type: 'status', status: 'away' })).type, 'ok');
		}
	});

	test('leaves nobody for ever, even if all instances die: the next one cleans up', async t => {
		const cluster = await clusterOf(t, 2);
		await Promise.all([connectAll(cluster, cluster.presence[0], 'a', 5), connectAll(cluster, cluster.presence[1], 'b', 5)]);
		await Promise.all(cluster.presence.map(s => s.kill9()));
		const [first] = cluster.presence;
		await first.restart();
		for (let i = 0; i < 5; i++)
			for (const name of [`a${i}`, `b${i}`])
				await offlineWithin(cluster, name, first, 2 * LEASE_MS + 3000);
	});
});

describe('an instance that stands still', { concurrency: 3 }, () => {
	test('for less than its lease loses nobody', async t => {
		const cluster = await clusterOf(t, 2, { NODE_LEASE_MS: '2000', NODE_RENEW_MS: '150' });
		const [sleeping, living] = cluster.presence;
		const alice = await cluster.connect('alice', { at: sleeping });
		const { version } = await cluster.readPresence('alice', { at: living });
		sleeping.sigstop();
		await new Promise(resolve => setTimeout(resolve, 700));        // the length of the nap is what is tested
		sleeping.sigcont();
		assert.equal((await alice.request({ type: 'ack' })).type, 'ok');
		assert.equal((await cluster.readPresence('alice', { at: living })).version, version);
		assert.doesNotMatch(sleeping.output, /node_was_buried/);
	});

	test('past its lease is buried; when it goes on it takes a new id, and its clients are back without having noticed', async t => {
		const cluster = await clusterOf(t, 2);
		const [sleeping, living] = cluster.presence;
		const clients = await connectAll(cluster, sleeping, 'c', 10);
		const bob = await cluster.connect('bob', { at: living });
		const oldNode = clients[0].welcome.node;
		sleeping.sigstop();
		await Promise.all(clients.map((_, i) => offlineWithin(cluster, `c${i}`, living, LEASE_MS + 1500)));
		assert.ok(clients.every(c => c.socket.readyState === c.socket.OPEN), 'their sockets are open all the time');

		sleeping.sigcont();
		await until(() => sleeping.isReady(), 'it is ready again');
		for (const [i, client] of clients.entries()) {
			const { devices: [device] } = await cluster.presenceBecomes(`c${i}`, p => p.status === 'available', 'is back');
			assert.ok(device.node > oldNode, 'ids rise');
			assert.equal(device.device, client.welcome.device);
			assert.equal((await client.request({ type: 'ack' })).type, 'ok');
		}
		assert.equal((await bob.request({ type: 'ack' })).type, 'ok');
		assert.equal((await cluster.readPresence('bob', { at: living })).status, 'available');
	});

	test('does no harm afterwards to clients that have gone elsewhere meanwhile', async t => {
		const cluster = await clusterOf(t, 2);
		const [sleeping, living] = cluster.presence;
		const old = await cluster.connect('alice', { at: sleeping });
		sleeping.sigstop();
		const alice = await cluster.connect('alice', { at: living, device: old.welcome.device });
		const { version } = await cluster.readPresence('alice', { at: living });
		await until(async () => await living.metric('switchhook_nodes_buried_total') === 1, 'it is buried');
		sleeping.sigcont();
		assert.deepEqual(await old.closed, { code: 1008, reason: 'replaced' });
		await until(() => sleeping.isReady(), 'it is ready again');
		const presence = await cluster.readPresence('alice', { at: living });
		assert.deepEqual([presence.status, presence.version], ['available', version]);
		assert.equal((await alice.request({ type: 'status', status: 'away' })).type, 'ok');
	});
});
