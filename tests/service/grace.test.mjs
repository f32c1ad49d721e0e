// grace.test.mjs - a channel that breaks: the device counts for the account's grace, so that a client
// that comes back in time is never seen to have been away; unregister ends it at once.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startCluster } from '../support/cluster.mjs';
import { until } from '../support/process.mjs';

const LONG_MS = 60_000, SHORT_MS = 400;

let cluster, patient, brief;

before(async () => {
	cluster = await startCluster({ presence: 2, routing: 0, haproxy: false, env: { SWEEP_MS: '20' } });
	patient = await cluster.addAccount({ close_grace_ms: LONG_MS });
	brief = await cluster.addAccount({ close_grace_ms: SHORT_MS });
});
after(() => cluster?.stop());

const readIn = (account, identity) => cluster.readPresence(identity, { account });
const becomes = (account, identity, isSo, what) => until(async () => {
	const document = await readIn(account, identity);
	return isSo(document) && document;
}, `${identity} ${what}`);

/** Everything that somebody who watches the client is told, as statuses; the first one is the snapshot's. */
async function watching(account, identity) {
	const watcher = await cluster.connect(identity, { account, at: cluster.presence[1], status: 'away' });
	assert.equal((await watcher.request({ type: 'watch', identities: [identity] })).type, 'ok');
	await watcher.next('snapshot');
	return { watcher, heard: () => watcher.all('presence').flatMap(({ clients }) => clients) };
}

describe('a channel that breaks', () => {
	test('leaves its device counted, but nobody can ring it', async () => {
		const alice = await cluster.connect('alice', { account: patient });
		const before = await readIn(patient, 'alice');
		assert.deepEqual([before.status, before.ringable], ['available', ['voice']]);
		alice.cut();
		const after = await becomes(patient, 'alice', p => p.ringable.length === 0, 'cannot be rung');
		assert.deepEqual([after.status, after.device_count], ['available', 1]);
		assert.equal(after.since, before.since);
	});

	test('and a client that comes back, on any instance, was never away for anybody', async () => {
		let bob = await cluster.connect('bob', { account: patient });
		const { device } = bob.welcome;
		const since = (await readIn(patient, 'bob')).since;
		const { watcher, heard } = await watching(patient, 'bob');
		const versions = [];
		for (let round = 0; round < 20; round++) {
			round % 2 ? bob.cut() : await bob.close();
			bob = await cluster.connect('bob', { account: patient, at: cluster.presence[round % 2], device });
			assert.equal(bob.welcome.device, device);
			const { status, device_count, version, since: since_now } = await readIn(patient, 'bob');
			assert.deepEqual({ status, device_count, since_now }, { status: 'available', device_count: 2, since_now: since });
			versions.push(version);
		}
		assert.deepEqual(versions, [...versions].sort((a, b) => a - b));
		await bob.request({ type: 'status', status: 'dnd' });
		await until(() => heard().some(client => client.status === 'dnd'), 'the watcher hears of the last change');
		assert.deepEqual([...new Set(heard().map(client => client.status))], ['available', 'dnd']);
		assert.deepEqual([...new Set(heard().map(client => client.device_count))], [2]);
		watcher.cut();
		bob.cut();
	});

	test('and a client that does not is offline after the grace, not before', async () => {
		const carol = await cluster.connect('carol', { account: brief });
		const since = performance.now();
		carol.cut();
		await becomes(brief, 'carol', p => p.status === 'offline', 'is offline');
		const took = performance.now() - since;
		assert.ok(took >= SHORT_MS && took < SHORT_MS + 1500, `${took} ms`);
		assert.equal((await readIn(brief, 'carol')).device_count, 0);
	});

	test('of an account without grace is gone at once', async () => {
		const dora = await cluster.connect('dora');
		dora.cut();
		await cluster.presenceBecomes('dora', p => p.status === 'offline', 'is offline');
	});

	test('of one of two devices leaves the other alone', async () => {
		const [desk, phone] = await Promise.all([0, 1].map(i => cluster.connect('erin', { account: brief, at: cluster.presence[i] })));
		desk.cut();
		const after = await becomes(brief, 'erin', p => p.device_count === 1, 'has one device');
		assert.deepEqual([after.status, after.ringable, after.devices[0].device], ['available', ['voice'], phone.welcome.device]);
		phone.cut();
	});

	test('in the same moment by hundreds, who come back at once, shows nobody as offline', async () => {
		const names = Array.from({ length: 200 }, (_, i) => `storm/${i}`);
		const first = await Promise.all(names.map(name => cluster.connect(name, { account: patient, at: cluster.presence[0] })));
		const statuses = async () => Promise.all(names.map(async name => (await readIn(patient, name)).status));
		first.forEach(client => client.cut());
		const again = await Promise.all(first.map((client, i) => cluster.connect(names[i], { account: patient, at: cluster.presence[1], device: client.welcome.device })));
		assert.deepEqual([...new Set(await statuses())], ['available']);
		await until(async () => await cluster.presence[0].metric('switchhook_devices_held') === 0, 'every old channel has been taken leave of');
		assert.deepEqual([...new Set(await statuses())], ['available']);
		assert.deepEqual(await Promise.all(names.map(async name => (await readIn(patient, name)).device_count)), names.map(() => 1));
		again.forEach(client => client.cut());
	});
});

describe('unregister', () => {
	test('ends the registration at once, whatever the grace, and the channel stays', async () => {
		const frank = await cluster.connect('frank', { account: patient });
		assert.deepEqual(await frank.request({ type: 'unregister' }), { type: 'ok', re: 2 });
		const { status, device_count } = await readIn(patient, 'frank');
		assert.deepEqual({ status, device_count }, { status: 'offline', device_count: 0 });
		assert.equal((await frank.request({ type: 'ack' })).type, 'ok');
		assert.equal((await frank.request({ type: 'status', status: 'away' })).code, 45203);
		assert.equal((await frank.request({ type: 'unregister' })).code, 45203);
		assert.equal((await frank.request({ type: 'hello', token: 'x' })).code, 20409);
		assert.equal((await readIn(patient, 'frank')).status, 'offline');
		const held = await cluster.presence[0].metric('switchhook_devices_held');
		await frank.close();
		assert.equal(await cluster.presence[0].metric('switchhook_devices_held'), held);
	});

	test('and the device may register again on another channel', async () => {
		const grace = await cluster.connect('grace', { account: patient });
		await grace.request({ type: 'unregister' });
		const open = await cluster.presence[0].metric('switchhook_ws_connections');
		const again = await cluster.connect('grace', { account: patient, device: grace.welcome.device });
		assert.equal(again.welcome.registered, true);
		assert.equal((await readIn(patient, 'grace')).status, 'available');
		grace.cut();
		await until(async () => await cluster.presence[0].metric('switchhook_ws_connections') === open, 'the first channel is over');
		assert.equal((await readIn(patient, 'grace')).status, 'available');
		again.cut();
	});
});
