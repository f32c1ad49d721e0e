// disconnect.test.mjs - however a client leaves, it is offline: closed, cut, or silently gone.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startCluster } from '../support/cluster.mjs';
import { within } from '../support/process.mjs';
import { closeFrame, frame, PING, PONG, RawChannel, TEXT } from '../support/raw.mjs';
import { accessToken } from '../support/tokens.mjs';

const PING_MS = 150, DEAD_MS = 450;
const SLACK_MS = 400;

let cluster, service;

before(async () => {
	cluster = await startCluster({ routing: 0, haproxy: false, env: { PING_MS: String(PING_MS), DEAD_MS: String(DEAD_MS) } });
	[service] = cluster.presence;
});
after(() => cluster?.stop());

const isOffline = p => p.status === 'offline' && p.device_count === 0;

/** How long it takes until `identity` is offline after `leave`. */
async function offlineAfter(identity, leave) {
	const since = performance.now();
	await leave();
	await cluster.presenceBecomes(identity, isOffline, 'is offline');
	return performance.now() - since;
}

async function rawClient(identity) {
	const raw = await RawChannel.open(service.port);
	raw.text({ type: 'hello', token: accessToken(cluster.account, identity) });
	assert.equal((await raw.message()).type, 'welcome');
	return raw;
}

describe('a client is offline at once', () => {
	test('when it closes', async () => {
		for (const code of [1000, 1001, 4999]) {
			const alice = await cluster.connect('alice');
			assert.ok(await offlineAfter('alice', () => alice.socket.close(code, 'bye')) < SLACK_MS);
			assert.equal((await alice.closed).code, code);
		}
	});

	test('when its connection is cut', async () => {
		const alice = await cluster.connect('alice');
		assert.ok(await offlineAfter('alice', () => alice.cut()) < SLACK_MS);
		const reset = await rawClient('alice');
		assert.ok(await offlineAfter('alice', () => reset.socket.resetAndDestroy()) < SLACK_MS);
	});

	test('when it sends a close frame and does not wait for the answer', async () => {
		const raw = await rawClient('alice');
		assert.ok(await offlineAfter('alice', () => { raw.write(closeFrame(1000)); raw.destroy(); }) < SLACK_MS);
	});

	test('when only half of the connection ends', async () => {
		const raw = await rawClient('alice');
		assert.ok(await offlineAfter('alice', () => raw.socket.end()) < SLACK_MS);
		raw.destroy();
	});

	test('with the last of its devices, not before', async () => {
		const devices = await Promise.all([cluster.connect('alice', { status: 'busy' }), cluster.connect('alice'), cluster.connect('alice', { status: 'away' })]);
		for (const [left, word] of [[2, 'busy'], [1, 'away']]) {
			devices.splice(left === 2 ? 1 : 0, 1)[0].cut();
			assert.equal((await cluster.presenceBecomes('alice', p => p.device_count === left, 'has one less')).status, word);
		}
		devices[0].cut();
		await cluster.presenceBecomes('alice', isOffline, 'is offline');
	});
});

describe('only received bytes prove life', { concurrency: true }, () => {
	test('a client that falls silent is pinged, and dead after DEAD_MS', async () => {
		const raw = await rawClient('dora');
		const took = await offlineAfter('dora', () => {});
		assert.ok(took > DEAD_MS - 50 && took < DEAD_MS + SLACK_MS, `${took} ms`);
		const frames = [];
		for (let next = await raw.frame(); next; next = await raw.frame())
			frames.push(next.opcode);
		assert.ok(frames.length >= 1 && frames.every(opcode => opcode === PING), String(frames));
		await within(raw.ended, 'the server has closed');
		raw.destroy();
	});

	test('a client that stands still comes back as a new connection', async () => {
		const stopped = await cluster.connect('eve', {});
		stopped.socket._socket.pause();          // as a stopped process: the kernel acknowledges, nobody reads
		assert.ok(await offlineAfter('eve', () => {}) < DEAD_MS + SLACK_MS);
		stopped.socket._socket.resume();
		await within(stopped.closed, 'it hears that the connection is gone');
		const again = await cluster.connect('eve', { device: stopped.welcome.device });
		assert.equal(again.welcome.device, stopped.welcome.device);
		await again.close();
	});

	test('pongs do', async () => {
		const fay = await cluster.connect('fay');
		await assert.rejects(within(fay.closed, 'closed', 3 * DEAD_MS), /not within/);
		assert.equal((await cluster.readPresence('fay')).status, 'available');
		await fay.close();
	});

	const signs = [['gil', 'messages do', frame(TEXT, '{"type":"ack"}')], ['hal', 'pings do', frame(PING)], ['ivo', 'pongs that nobody asked for do', frame(PONG)]];
	for (const [identity, what, bytes] of signs) {
		test(`${what}, without any pong to our pings`, async () => {
			const raw = await rawClient(identity);
			const beat = setInterval(() => raw.write(bytes), PING_MS / 2);
			await assert.rejects(within(raw.ended, 'closed', 3 * DEAD_MS), /not within/);
			clearInterval(beat);
			raw.destroy();
			await cluster.presenceBecomes(identity, isOffline, 'is offline');
		});
	}
});
