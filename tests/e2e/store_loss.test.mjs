// store_loss.test.mjs - what channels hold outlives whatever the store forgets, and whoever takes their
// instance for dead: clients stay connected, and are present again.
import assert from 'node:assert/strict';
import { cpSync, rmSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startCluster } from '../support/cluster.mjs';
import { dial, sdpOf } from '../support/calls.mjs';
import { until } from '../support/process.mjs';

const NODE_LEASE_MS = 600, MANY = 150;

let cluster, clients;

before(async () => {
	cluster = await startCluster({ presence: 2, routing: 1, haproxy: false, env: {
		SWEEP_MS: '50', NODE_LEASE_MS: String(NODE_LEASE_MS), NODE_RENEW_MS: '100', REDIS_TIMEOUT_MS: '1000', LEG_LOST_MS: '5000', LIMIT_ADDRESS_PER_S: '0',
	} });
	cluster.customer.answer('/voice', dial('callee', { timeout: 30 }));
});
after(() => cluster?.stop());

const name = i => `group/${i}`;
const attributes = { skill: ['billing', 'sales'], language: 'de' };

/** Clients on the first instance, each with something of its own to say. */
async function connectMany(t, n = MANY) {
	clients = await Promise.all(Array.from({ length: n }, (_, i) => cluster.connect(name(i),
		{ at: cluster.presence[0], status: i % 2 ? 'available' : 'away', media: ['voice', 'video'], attributes, app: 'desk', host: `host ${i}` })));
	await clients[1].request({ type: 'status', status: 'busy', attributes: { skill: 'none' } });
	t.after(async () => {
		clients.forEach(client => client.cut());
		await Promise.all(clients.map((_, i) => cluster.presenceBecomes(name(i), p => p.device_count === 0, 'is gone after the test')));
	});
}

const statusOf = i => i === 1 ? 'busy' : i % 2 ? 'available' : 'away';

/** Everybody as they said, with the device and the channel that they had. */
async function everybodyIsBack({ ms = 5000, at = cluster.presence[1] } = {}) {
	const expected = clients.map((client, i) => ({
		status: statusOf(i), media: ['voice', 'video'], device: client.welcome.device, host: `host ${i}`, attributes: i === 1 ? { skill: 'none' } : attributes,
	}));
	let documents;
	await until(async () => {
		documents = await Promise.all(clients.map((_, i) => cluster.readPresence(name(i), { at }).catch(() => ({ devices: [] }))));
		return documents.every(({ devices, status }, i) => devices.length === 1 && status === expected[i].status);
	}, 'everybody is back', ms).catch(error => {
		throw new Error(`${error.message}; ${documents.filter(d => d.devices.length === 1).length} of ${clients.length} are there`);
	});
	assert.deepEqual(documents.map(({ devices: [{ status, media, device, host, attributes: said }] }) => ({ status, media, device, host, attributes: said })), expected);
	assert.ok(clients.every(client => client.socket.readyState === client.socket.OPEN), 'every channel is still open');
	assert.deepEqual(clients.flatMap(client => client.all('drain')), []);
}

/** The channels are of use: a status is taken, by the device that it had. */
async function channelsWork() {
	const said = await Promise.all(clients.map((client, i) => client.request({ type: 'status', status: statusOf(i) })));
	assert.deepEqual(said.filter(({ type }) => type !== 'ok'), []);
}

describe('clients stay connected and are present again', () => {
	test('after their instance slept for longer than its lease and was buried', async t => {
		await connectMany(t);
		const [sleeper, other] = cluster.presence;
		const node = clients[0].welcome.node;
		sleeper.sigstop();
		await until(async () => (await cluster.readPresence(name(0), { at: other })).status === 'offline', 'others take its clients for gone', NODE_LEASE_MS + 3000);
		sleeper.sigcont();
		await everybodyIsBack();
		const [{ node: now }] = (await cluster.readPresence(name(0))).devices;
		assert.notEqual(now, node);
		await channelsWork();
		assert.ok(await sleeper.metric('switchhook_devices_reasserted_total') >= MANY);
	});

	test('after such a sleep even a status that comes first of all is taken', async t => {
		await connectMany(t, 3);
		const [sleeper, other] = cluster.presence;
		sleeper.sigstop();
		await until(async () => (await cluster.readPresence(name(0), { at: other })).status === 'offline', 'others take its clients for gone', NODE_LEASE_MS + 3000);
		const said = clients.map((client, i) => client.request({ type: 'status', status: statusOf(i) }));
		sleeper.sigcont();
		assert.deepEqual((await Promise.all(said)).map(({ type }) => type), ['ok', 'ok', 'ok']);
		await everybodyIsBack();
	});

	test('after the store has lost everything but the accounts', async t => {
		await connectMany(t);
		await cluster.redis.command('EVAL', `for _, key in ipairs(redis.call('KEYS', '*')) do
			if not string.find(key, '^[ak][pn]?:{AC') then redis.call('DEL', key) end
		end`, 0);
		await everybodyIsBack();
		await channelsWork();
	});

	test('after the store came back without its last writes, and within 5 s', async t => {
		const { folder } = cluster.redis, saved = `${folder.path}-saved`;
		await cluster.redis.shutdown();
		cpSync(folder.path, saved, { recursive: true });
		t.after(() => rmSync(saved, { recursive: true, force: true }));
		await cluster.redis.start();
		await cluster.acquainted();
		await until(async () => (await Promise.all([...cluster.presence, ...cluster.routing].map(s => s.isReady()))).every(Boolean), 'all are ready');
		await connectMany(t);
		await cluster.redis.crash();
		rmSync(folder.path, { recursive: true });
		cpSync(saved, folder.path, { recursive: true });
		await cluster.redis.start();
		await everybodyIsBack({ ms: 5000 });
		await channelsWork();
	});

	for (const mode of ['ALL', 'WRITE'])
		test(`after CLIENT PAUSE ${mode} for longer than the lease, without being offline for a moment`, async t => {
			await connectMany(t, 20);
			const versions = (await Promise.all(clients.map((_, i) => cluster.readPresence(name(i))))).map(p => p.version);
			await cluster.redis.command('CLIENT', 'PAUSE', String(3 * NODE_LEASE_MS), mode);
			await sleep(3 * NODE_LEASE_MS);
			await until(async () => (await Promise.all(cluster.presence.map(s => s.isReady()))).every(Boolean), 'both are ready');
			await everybodyIsBack();
			const after = (await Promise.all(clients.map((_, i) => cluster.readPresence(name(i))))).map(p => p.version);
			assert.deepEqual(after, versions, 'nobody has changed');
		});
});

test('an instance that has slept registers nobody before it knows whether it was buried', async t => {
	await connectMany(t, 2);
	const [sleeper, other] = cluster.presence;
	const { node } = clients[0].welcome;
	sleeper.sigstop();
	await until(async () => (await cluster.readPresence(name(0), { at: other })).status === 'offline', 'others take its clients for gone', NODE_LEASE_MS + 3000);
	const early = Array.from({ length: 10 }, (_, i) => cluster.connect(`early/${i}`, { at: sleeper }).catch(error => error));
	await sleep(100);
	sleeper.sigcont();
	for (const client of await Promise.all(early)) {
		if (client instanceof Error) {
			assert.match(client.message, /20503|closed|opens/);
		} else {
			assert.notEqual(client.welcome.node, node);
			client.cut();
		}
	}
	await everybodyIsBack();
});

test('a talk goes on when the instance that holds a device of it slept and comes back in time', async t => {
	const caller = await cluster.connect('caller', { at: cluster.presence[1] });
	const callee = await cluster.connect('callee', { at: cluster.presence[0] });
	t.after(() => [caller, callee].forEach(client => client.cut()));
	const { call } = await caller.request({ type: 'call', to: 'client:callee', sdp: sdpOf('caller') });
	const ring = await callee.next('incoming');
	await callee.request({ type: 'answer', token: ring.token, sdp: sdpOf('callee') });
	await Promise.all([caller.next('answered'), callee.next('answered')]);
	cluster.presence[0].sigstop();
	await until(async () => (await cluster.readPresence('callee', { at: cluster.presence[1] })).device_count === 0, 'it is taken for gone', NODE_LEASE_MS + 3000);
	cluster.presence[0].sigcont();
	await cluster.presenceBecomes('callee', p => p.status === 'on_call' && p.device_count === 1, 'is back on the call');
	await until(async () => (await caller.request({ type: 'candidate', call, candidate: 'here' })).type === 'ok', 'the way to it is known');
	assert.equal((await callee.next('candidate', { call: ring.call })).candidate, 'here');
	await caller.request({ type: 'hangup', call });
	assert.equal((await callee.next('hangup')).reason, 'remote_hangup');
});

test('a device that has come back elsewhere closes its old channel when the store is told again', async () => {
	const old = await cluster.connect('mover', { at: cluster.presence[0] });
	const now = await cluster.connect('mover', { at: cluster.presence[1], device: old.welcome.device });
	assert.equal(old.socket.readyState, old.socket.OPEN);
	await cluster.redis.command('CLIENT', 'KILL', 'TYPE', 'normal');
	assert.deepEqual(await old.closed, { code: 1008, reason: 'replaced' });
	const { devices } = await until(() => cluster.readPresence('mover').catch(() => null), 'the store is there again');
	assert.deepEqual(devices.map(({ node }) => node), [now.welcome.node]);
	await until(async () => (await now.request({ type: 'status', status: 'away' })).type === 'ok', 'the newer channel is the device\'s');
	now.cut();
});
