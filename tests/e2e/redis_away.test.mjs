// redis_away.test.mjs - Redis restarts, stands still or is not there yet: nobody alive is taken
// offline, sockets stay open, and whoever asks meanwhile is told at once to come again.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { startCluster } from '../support/cluster.mjs';
import { openChannel } from '../support/client.mjs';
import { until } from '../support/process.mjs';
import { rest } from '../support/rest.mjs';
import { accessToken } from '../support/tokens.mjs';

const LEASE_MS = 600, REDIS_TIMEOUT_MS = 600;
const SHORT = { NODE_LEASE_MS: String(LEASE_MS), NODE_RENEW_MS: '150', SWEEP_MS: '100', REDIS_TIMEOUT_MS: String(REDIS_TIMEOUT_MS) };
const AWAY_MS = 3 * LEASE_MS;
const AT_ONCE_MS = 250;

const sleep = ms => new Promise(resolve => setTimeout(resolve, ms));       // the length of the outage is what is tested

async function clusterOf(t, { presence = 2, routing = 1, env } = {}) {
	const cluster = await startCluster({ presence, routing, env: { ...SHORT, ...env } });
	t.after(() => cluster.stop());
	return cluster;
}

const services = cluster => [...cluster.presence, ...cluster.routing];

/** /readyz speaks for the one loop that answers; each loop has three connections to Redis. */
async function isWholeReady(service) {
	return await service.isReady() && await service.metric('switchhook_redis_connected') === 3 * Number(service.env.WORKERS);
}

const allReady = cluster => until(async () => (await Promise.all(services(cluster).map(isWholeReady))).every(Boolean), 'all loops of all instances are ready again');

async function assertRefusedAtOnce(ask, what) {
	const since = performance.now();
	const answer = await ask();
	const took = performance.now() - since;
	assert.deepEqual([answer.status, answer.body.status], [503, 503], `${what}: ${answer.text}`);
	assert.match(answer.headers.get('retry-after'), /^[1-9]/, what);
	assert.ok(took < AT_ONCE_MS, `${what} after ${took} ms`);
}

/** What everybody is told while Redis is away. */
async function assertAllRefused(cluster, client) {
	const { account } = cluster;
	const bearer = accessToken(account, 'late');
	const asks = {
		'presence': () => cluster.v1('GET', '/Presence/alice'),
		'registration': () => rest('POST', `${cluster.url}/v1/Accounts/${account.sid}/Devices`, { bearer, json: {} }),
		'communication': () => cluster.communicate(),
		'a call': () => cluster.api2010('POST', '/Calls.json', { form: { To: 'client:alice', From: '+15550123', Url: 'http://127.0.0.1:1/' } }),
		'an application': () => cluster.api2010('GET', '/Applications.json'),
	};
	// The first calls on a connection that stands still have to find that out; the time for it has passed here.
	for (const [what, ask] of Object.entries(asks))
		await assertRefusedAtOnce(ask, what);
	const since = performance.now();
	const error = await client.request({ type: 'status', status: 'away' });
	assert.ok(error.type === 'error' && error.code >= 45500 && error.code < 45600, JSON.stringify(error));
	const channel = await openChannel(cluster.url);
	const refused = await channel.request({ type: 'hello', token: bearer });
	assert.equal(refused.type, 'error', JSON.stringify(refused));
	await channel.closed;
	assert.ok(performance.now() - since < 4 * AT_ONCE_MS);
	for (const service of services(cluster)) {
		const [health, ready] = await Promise.all(['healthz', 'readyz'].map(path => fetch(`${service.url}/${path}`)));
		assert.deepEqual([health.status, ready.status], [200, 503], service.name);
	}
}

/** Clients on both instances before, `outage` meanwhile, the same clients after. */
async function survives(t, cluster, outage) {
	const clients = await Promise.all(Array.from({ length: 10 }, (_, i) => cluster.connect(`c${i}`, { at: cluster.presence[i % 2] })));
	const before = await Promise.all(clients.map((_, i) => cluster.readPresence(`c${i}`)));

	await outage(clients[0]);
	assert.ok(clients.every(c => c.socket.readyState === c.socket.OPEN), 'sockets stay open');
	await allReady(cluster);
	await sleep(LEASE_MS + 1000 + 500);                                        // after every grace, too

	assert.ok(clients.every(c => c.socket.readyState === c.socket.OPEN), 'sockets stay open afterwards');
	assert.deepEqual(await Promise.all(clients.map((_, i) => cluster.readPresence(`c${i}`))), before);
	for (const service of services(cluster))
		assert.equal(await service.metric('switchhook_nodes_buried_total'), 0);
	for (const client of clients)
		assert.equal((await client.request({ type: 'status', status: 'away' })).type, 'ok');
	const late = await cluster.connect('late');
	assert.equal(late.welcome.registered, true);
}

describe('nobody who is alive is taken offline', { concurrency: 3 }, () => {
	test('when Redis restarts with its data', async t => {
		const cluster = await clusterOf(t);
		await survives(t, cluster, async client => {
			await cluster.redis.shutdown();
			await assertAllRefused(cluster, client);
			await sleep(AWAY_MS);
			await cluster.redis.start();
		});
	});

	test('when Redis crashes and comes back at once', async t => {
		const cluster = await clusterOf(t);
		await survives(t, cluster, async () => {
			await cluster.redis.crash();
			await cluster.redis.start();
		});
	});

	test('when Redis stands still for longer than the lease', async t => {
		const cluster = await clusterOf(t);
		await survives(t, cluster, async client => {
			cluster.redis.pause();
			await sleep(2 * REDIS_TIMEOUT_MS + 300);
			await assertAllRefused(cluster, client);
			await sleep(AWAY_MS);
			cluster.redis.resume();
		});
	});

	test('when Redis answers nobody for longer than the lease', async t => {
		const cluster = await clusterOf(t);
		await survives(t, cluster, async () => {
			await cluster.redis.command('CLIENT', 'PAUSE', String(AWAY_MS), 'ALL');
			await sleep(AWAY_MS);
		});
	});

	test('when Redis stands still again and again, while a dead instance waits for its burial', async t => {
		const cluster = await clusterOf(t, { presence: 3, routing: 0, env: { NODE_LEASE_MS: '400', NODE_RENEW_MS: '200' } });
		const [dying, ...living] = cluster.presence;
		const clients = await Promise.all(Array.from({ length: 8 }, (_, i) => cluster.connect(`c${i}`, { at: living[i % 2] })));
		await cluster.connect('lost', { at: dying });
		const before = await Promise.all(clients.map((_, i) => cluster.readPresence(`c${i}`, { at: living[0] })));
		await dying.kill9();
		for (let round = 0; round < 4; round++) {
			await sleep(120 + 70 * round);
			cluster.redis.pause();
			await sleep(700);
			cluster.redis.resume();
		}
		await until(async () => (await cluster.readPresence('lost', { at: living[0] }).catch(() => ({}))).status === 'offline', 'the dead one is reaped in the end');
		assert.deepEqual(await Promise.all(clients.map((_, i) => cluster.readPresence(`c${i}`, { at: living[0] }))), before);
		assert.ok(clients.every(c => c.socket.readyState === c.socket.OPEN));
	});

	test('nor a device by REST lease whose heartbeats were refused', async t => {
		const cluster = await clusterOf(t, { routing: 0, env: { NODE_LEASE_MS: '3000' } });
		const bearer = accessToken(cluster.account, 'alice');
		const url = `${cluster.url}/v1/Accounts/${cluster.account.sid}/Devices`;
		const { body } = await rest('POST', url, { bearer, json: { ttl: 1 } });
		cluster.redis.pause();
		await sleep(2500);
		cluster.redis.resume();
		await allReady(cluster);
		assert.equal((await cluster.readPresence('alice')).status, 'available');
		assert.equal((await rest('PUT', `${url}/${body.device}`, { bearer, json: {} })).status, 200);
		assert.equal((await cluster.readPresence('alice')).device_count, 1);
		await cluster.presenceBecomes('alice', p => p.status === 'offline', 'is offline once nobody renews it');
	});
});

describe('what happens while Redis is away', { concurrency: 3 }, () => {
	test('a client that leaves is offline when Redis is back', async t => {
		const cluster = await clusterOf(t, { routing: 0 });
		const [closed, cut, staying] = await Promise.all(['closed', 'cut', 'staying'].map(name => cluster.connect(name)));
		await cluster.redis.shutdown();
		await closed.close();
		cut.cut();
		await sleep(LEASE_MS);
		await cluster.redis.start();
		await allReady(cluster);
		for (const name of ['closed', 'cut'])
			await cluster.presenceBecomes(name, p => p.status === 'offline', 'is offline');
		assert.equal((await cluster.readPresence('staying')).status, 'available');
		assert.equal(staying.socket.readyState, staying.socket.OPEN);
	});

	test('a device that comes back on another instance is not taken away by the old one\'s farewell', async t => {
		const cluster = await clusterOf(t, { routing: 0 });
		const [first, second] = cluster.presence;
		const old = await cluster.connect('alice', { at: first });
		await cluster.redis.shutdown();
		await old.close();
		await cluster.redis.start();
		const back = await until(() => cluster.connect('alice', { at: second, device: old.welcome.device }).catch(() => null), 'alice is back');
		await allReady(cluster);
		await sleep(1000);                                                       // the farewell is tried every 500 ms
		const presence = await cluster.readPresence('alice');
		assert.deepEqual([presence.status, presence.devices.map(d => d.device)], ['available', [back.welcome.device]]);
	});

	test('a hello that waited for Redis is not undone elsewhere when it fails', async t => {
		const cluster = await clusterOf(t, { routing: 0 });
		const [first, second] = cluster.presence;
		const { welcome: { device } } = await cluster.connect('alice', { at: first }).then(async c => (await c.close(), c));
		await cluster.redis.command('CLIENT', 'PAUSE', String(3 * REDIS_TIMEOUT_MS), 'WRITE');
		const failing = await openChannel(first.url);
		failing.send({ type: 'hello', id: 1, token: accessToken(cluster.account, 'alice'), device });
		await failing.closed;
		const back = await until(() => cluster.connect('alice', { at: second, device }).catch(() => null), 'alice is on the other instance');
		await sleep(1200);                                                       // farewells of the first one come until then
		assert.equal((await cluster.readPresence('alice')).status, 'available');
		assert.equal((await back.request({ type: 'status', status: 'away' })).type, 'ok');
	});

	test('an instance that stops ends as it should', async t => {
		const cluster = await clusterOf(t, { presence: 2, routing: 1, env: { DRAIN_MAX_MS: '1500' } });
		await cluster.connect('alice', { at: cluster.presence[0] });
		await cluster.redis.shutdown();
		await Promise.all([cluster.presence[0].stop(), cluster.routing[0].stop()]);
		await cluster.redis.start();
		await until(() => isWholeReady(cluster.presence[1]), 'the other one is ready');
		await cluster.presenceBecomes('alice', p => p.status === 'offline', 'is offline by the lease');
	});
});

test('an instance that starts before Redis waits for it, alive but not ready', async t => {
	const cluster = await clusterOf(t, { presence: 1, routing: 1 });
	await Promise.all(services(cluster).map(s => s.stop()));
	await cluster.redis.shutdown();
	const starting = Promise.all(services(cluster).map(s => s.restart()));
	for (const service of services(cluster)) {
		await until(async () => (await fetch(`${service.url}/healthz`).catch(() => null))?.status === 200, 'it answers');
		const ready = await rest('GET', `${service.url}/readyz`);
		assert.equal(ready.status, 503);
		assert.match(ready.text, /waiting/);
		await assertRefusedAtOnce(() => cluster.v1('GET', service.program === 'presence-svc' ? '/Presence/alice' : '/Calls/CA00000000000000000000000000000000/Trace', { at: service }), service.name);
	}
	await cluster.redis.start();
	await starting;
	assert.equal((await cluster.connect('alice', { at: cluster.presence[0] })).welcome.registered, true);
});
