// Watching under load and at its limits: a storm of writes, slow readers, 10,000 clients, a token with less.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startCluster } from '../support/cluster.mjs';
import { populate } from '../support/population.mjs';
import { until } from '../support/process.mjs';
import { accessToken } from '../support/tokens.mjs';
import { View } from '../support/view.mjs';

const WATCHED_MAX = 10_000;
let cluster;

before(async () => {
	cluster = await startCluster({ presence: 2, routing: 0, haproxy: false,
		env: { MAX_QUEUE: '65536', WATCH_STALL_MS: '700', MAX_MESSAGE: '262144', LIMIT_ACCOUNT_PER_S: '0', LIMIT_IDENTITY_PER_S: '0', LIMIT_ADDRESS_PER_S: '0' } });
});

after(async () => {
	await cluster?.stop();
});

async function connect(identity, { watch = ['*'], at = cluster.presence[0], account = cluster.account } = {}) {
	const channel = await cluster.connect(identity, { at, account, token: accessToken(account, identity, { watch }) });
	channel.view = new View(channel);
	return channel;
}

const done = async (channel, message) => {
	const reply = await channel.request(message);
	assert.equal(reply.type, 'ok', JSON.stringify(reply));
};

test('a storm of writes while watchers come: each view ends as the store is, and no version goes back', async () => {
	const writers = await Promise.all(Array.from({ length: 24 }, (_, i) => connect(`storm/${i}`, { at: cluster.presence[i % 2] })));
	const statuses = ['available', 'busy', 'away', 'dnd'];
	let over = false, writes = 0;
	const storm = writers.map(async (writer, i) => {
		for (let n = i; !over; n++, writes++)
			await done(writer, { type: 'status', status: statuses[n % statuses.length] });
	});
	const watchers = [];
	for (let i = 0; i < 30; i++) {
		const watcher = await connect(`storm-watcher/${i}`, { at: cluster.presence[i % 2] });
		await done(watcher, i % 3 ? { type: 'watch', prefix: 'storm/' } : { type: 'watch', identities: writers.map((_, n) => `storm/${n}`) });
		watchers.push(watcher);
	}
	await Promise.all(watchers.map(watcher => watcher.view.snapshot()));
	over = true;
	await Promise.all(storm);
	assert.ok(writes > 200, `${writes} writes`);

	for (const [i] of writers.entries()) {
		const { devices, ...document } = await cluster.readPresence(`storm/${i}`, { at: cluster.presence[0] });
		for (const watcher of watchers) {
			await watcher.view.becomes(`storm/${i}`, p => p.version === document.version, 'is as in the store');
			assert.deepEqual(watcher.view.clients.get(`storm/${i}`), document);
		}
	}
	for (const watcher of watchers) {
		watcher.view.check();
		assert.deepEqual(watcher.view.resyncs, []);
	}
	await Promise.all([...writers, ...watchers].map(channel => channel.close()));
});

describe('10,000 clients', () => {
	let account;

	before(async () => {
		account = await cluster.addAccount();
		await populate(cluster.redis, account, 'crowd/', WATCHED_MAX);
	});

	test('are watched by one channel, in frames of bounded size', async () => {
		const boss = await connect('boss', { account });
		await done(boss, { type: 'watch', prefix: 'crowd/' });
		await until(() => boss.view.snapshots.length === 1, 'the snapshot', 30_000);
		assert.equal(boss.view.clients.size, WATCHED_MAX);
		const frames = boss.all('snapshot');
		assert.ok(frames.length > 10);
		assert.ok(frames.every(frame => JSON.stringify(frame).length < 40_000));
		assert.equal(frames.filter(frame => !frame.more).length, 1);

		const refused = await boss.request({ type: 'watch', identities: ['one-more'] });
		assert.equal(refused.code, 45205);
		assert.equal(refused.field, 'identities');
		const known = await boss.request({ type: 'watch', identities: ['crowd/1', 'crowd/2'] });
		assert.equal(known.type, 'ok'); /* they are among them */
		await until(() => boss.view.snapshots.length === 2, 'their snapshot');
		await boss.close();
	});

	test('one more is refused: a prefix of more', async () => {
		const boss = await connect('boss', { account });
		const refused = await boss.request({ type: 'watch', prefix: '' });
		assert.equal(refused.code, 45205);
		assert.equal(refused.field, 'prefix');
		await done(boss, { type: 'watch', identities: ['boss'] });
		await boss.view.snapshot();
		await boss.close();
	});

	test('one more that comes later: the channel hears it, and watches nobody any more', async () => {
		const boss = await connect('boss', { account });
		await done(boss, { type: 'watch', prefix: 'crowd/' });
		await until(() => boss.view.snapshots.length === 1, 'the snapshot', 30_000);
		const late = await connect('crowd/late', { account });
		assert.equal((await boss.next('error')).code, 45205);
		await done(boss, { type: 'watch', identities: ['crowd/late'] });
		await boss.view.snapshot(2);
		await Promise.all([boss.close(), late.close()]);
	});
});

describe('a slow reader', () => {
	let account;

	before(async () => {
		account = await cluster.addAccount();
		await populate(cluster.redis, account, 'flood/', 9000);
	});

	test('that stops is cut, with the reason, and others are not', async () => {
		const cuts = await cluster.presence[0].metric('switchhook_watch_cuts_total');
		const slow = await connect('slow', { account });
		const quick = await connect('quick', { account });
		slow.socket._socket.pause();
		/* again and again, until the socket's own buffers are full */
		for (let i = 0; i < 20; i++)
			slow.send({ type: 'watch', prefix: 'flood/' });
		await done(quick, { type: 'watch', prefix: 'flood/' });
		await until(async () => {
			slow.send({ type: 'watch', prefix: 'flood/' });
			return await cluster.presence[0].metric('switchhook_watch_cuts_total') === cuts + 1;
		}, 'the reader is cut', 30_000);
		slow.socket._socket.resume();
		const { code } = await slow.closed;
		assert.ok(code === 1008 || code === 1006, `closed with ${code}`);
		await until(() => quick.view.snapshots.length === 1, 'the other one has its snapshot', 30_000);
		assert.equal(quick.view.clients.size, 9000);
		await quick.close();
	});

	test('that pauses gets everything, bounded', async () => {
		const slow = await connect('pauses', { account });
		slow.socket._socket.pause();
		slow.send({ type: 'watch', prefix: 'flood/' });
		const quick = await connect('quick', { account });
		await done(quick, { type: 'watch', prefix: 'flood/' });
		await until(() => quick.view.snapshots.length === 1, 'the other one has its snapshot', 30_000);
		slow.socket._socket.resume();
		await until(() => slow.view.snapshots.length === 1, 'it has its snapshot, too', 30_000);
		assert.equal(slow.view.clients.size, 9000);
		await Promise.all([slow.close(), quick.close()]);
	});
});

test('a token renewed with less: the rest stops at once', async () => {
	const [ann, bea] = await Promise.all([connect('less/a/ann'), connect('less/b/bea')]);
	const boss = await connect('less-boss', { watch: ['less/*'] });
	await done(boss, { type: 'watch', prefix: 'less/' });
	await boss.view.snapshot();
	await done(boss, { type: 'token', token: accessToken(cluster.account, 'less-boss', { watch: ['less/b/*'] }) });
	await done(ann, { type: 'status', status: 'busy' });
	await done(bea, { type: 'status', status: 'busy' });
	await boss.view.becomes('less/b/bea', p => p.status === 'busy', 'is busy');
	assert.equal(boss.view.clients.get('less/a/ann').status, 'available');
	assert.equal((await boss.request({ type: 'watch', prefix: 'less/' })).code, 20006);
	await done(boss, { type: 'token', token: accessToken(cluster.account, 'less-boss', {}) });
	await done(boss, { type: 'watch', identities: ['less-boss'] });
	await done(bea, { type: 'status', status: 'away' });
	await done(boss, { type: 'status', status: 'away' }); /* later, so it would come with hers or after her */
	await boss.view.becomes('less-boss', p => p.status === 'away', 'is away');
	assert.equal(boss.view.clients.get('less/b/bea').status, 'busy');
	await Promise.all([ann, bea, boss].map(channel => channel.close()));
});

test('a token that ends, ends watching', async () => {
	const ann = await connect('ends/ann');
	const boss = await cluster.connect('ends-boss', { at: cluster.presence[0], token: accessToken(cluster.account, 'ends-boss', { watch: ['*'], ttl: 2 }) });
	boss.view = new View(boss);
	await done(boss, { type: 'watch', identities: ['ends/ann'] });
	await boss.view.snapshot();
	assert.equal(await cluster.presence[0].metric('switchhook_watchers'), 1);
	await boss.closed;
	await until(async () => await cluster.presence[0].metric('switchhook_watchers') === 0, 'nobody watches');
	await ann.close();
});
