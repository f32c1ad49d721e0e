// Watching on the client channel: a snapshot, then changes; by name, by prefix, everybody; on any instance.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startCluster } from '../support/cluster.mjs';
import { until } from '../support/process.mjs';
import { accessToken } from '../support/tokens.mjs';
import { View } from '../support/view.mjs';

let cluster;
const open = [];

before(async () => {
	cluster = await startCluster({ presence: 2, routing: 0, haproxy: false });
});

after(async () => {
	for (const channel of open)
		channel.cut();
	await cluster?.stop();
});

async function connect(identity, { watch = ['*'], at = cluster.presence[0], account = cluster.account, incoming = true, ...hello } = {}) {
	const channel = await cluster.connect(identity, { at, account, token: accessToken(account, identity, { watch, incoming }), ...hello });
	open.push(channel);
	channel.view = new View(channel);
	return channel;
}

const done = async (channel, message) => {
	const reply = await channel.request(message);
	assert.equal(reply.type, 'ok', JSON.stringify(reply));
};

describe('watching by name', () => {
	test('gives a snapshot, with those who were never seen, and then what changes', async () => {
		const ann = await connect('named/ann', { at: cluster.presence[1], media: ['voice', 'video'] });
		const boss = await connect('named/boss');
		await done(boss, { type: 'watch', identities: ['named/ann', 'named/nobody'] });
		const seen = await boss.view.snapshot();
		assert.deepEqual([...seen.keys()].sort(), ['named/ann', 'named/nobody']);
		assert.equal(seen.get('named/nobody').status, 'offline');
		assert.equal(seen.get('named/nobody').version, 0);
		const { devices, ...document } = await cluster.readPresence('named/ann');
		assert.deepEqual(seen.get('named/ann'), document);

		await done(ann, { type: 'status', status: 'busy' });
		await boss.view.becomes('named/ann', p => p.status === 'busy' && p.ringable.length === 0, 'is busy');
		const nobody = await connect('named/nobody');
		await boss.view.becomes('named/nobody', p => p.status === 'available', 'has come');
		nobody.cut();
		await boss.view.becomes('named/nobody', p => p.status === 'offline' && p.version > 0, 'has gone');
		assert.equal(boss.view.snapshots.length, 1);
		boss.view.check();
	});

	test('itself needs no permission', async () => {
		const self = await connect('named/self', { watch: undefined });
		await done(self, { type: 'watch', identities: ['named/self'] });
		assert.equal((await self.view.snapshot()).get('named/self').status, 'available');
	});

	test('again gives the state again, and other names are added', async () => {
		const boss = await connect('again/boss');
		await connect('again/a');
		await done(boss, { type: 'watch', identities: ['again/a'] });
		await boss.view.snapshot(1);
		await done(boss, { type: 'watch', identities: ['again/a', 'again/a'] });
		assert.deepEqual([...(await boss.view.snapshot(2)).keys()], ['again/a']);
		await done(boss, { type: 'watch', identities: ['again/b'] });
		assert.deepEqual([...(await boss.view.snapshot(3)).keys()], ['again/b']);
	});

	test('of nobody is a snapshot of nobody', async () => {
		const boss = await connect('empty/boss');
		await done(boss, { type: 'watch', identities: [] });
		assert.equal((await boss.view.snapshot()).size, 0);
	});

	test('of a burst of changes the last one comes, and none after it', async () => {
		const ann = await connect('burst/ann');
		const boss = await connect('burst/boss');
		await done(boss, { type: 'watch', identities: ['burst/ann'] });
		await boss.view.snapshot();
		const statuses = ['busy', 'away', 'available'];
		const replies = Array.from({ length: 60 }, (_, i) => ann.request({ type: 'status', status: statuses[i % 3] }));
		for (const reply of await Promise.all(replies))
			assert.equal(reply.type, 'ok');
		await done(ann, { type: 'status', status: 'dnd' });
		await boss.view.becomes('burst/ann', p => p.status === 'dnd', 'has its last status');
		assert.ok(boss.view.updates <= 61, `${boss.view.updates} updates of 61 changes`);
		boss.view.check();
	});
});

describe('watching by prefix', () => {
	test('gives everybody whose name starts so, and whoever comes later', async () => {
		await connect('support/ann');
		await connect('support/bea', { at: cluster.presence[1] });
		await connect('sales/cid');
		const boss = await connect('prefix-boss', { watch: ['support/*'] });
		await done(boss, { type: 'watch', prefix: 'support/' });
		assert.deepEqual([...(await boss.view.snapshot()).keys()].sort(), ['support/ann', 'support/bea']);

		const dan = await connect('support/dan', { at: cluster.presence[1] });
		await boss.view.becomes('support/dan', p => p.status === 'available', 'has come');
		await connect('sales/eve');
		await done(dan, { type: 'status', status: 'away' });
		await boss.view.becomes('support/dan', p => p.status === 'away', 'is away');
		assert.equal(boss.view.clients.has('sales/eve'), false);
		assert.equal(boss.view.clients.has('sales/cid'), false);
	});

	test('a client that another one waits for by name is seen by the prefix as well', async () => {
		const waiter = await connect('both/waiter');
		const boss = await connect('both/boss');
		await done(waiter, { type: 'watch', identities: ['both/late'] });
		await waiter.view.snapshot();
		await done(boss, { type: 'watch', prefix: 'both/' });
		assert.equal((await boss.view.snapshot()).has('both/late'), false);
		await connect('both/late');
		await Promise.all([waiter, boss].map(one => one.view.becomes('both/late', p => p.status === 'available', 'has come')));
	});

	test('of nobody yet is an empty snapshot', async () => {
		const boss = await connect('nobody-boss');
		await done(boss, { type: 'watch', prefix: 'nobody-yet/' });
		assert.equal((await boss.view.snapshot()).size, 0);
		await connect('nobody-yet/first');
		await boss.view.becomes('nobody-yet/first', p => p.status === 'available', 'has come');
	});

	test('the whole account, and nobody of another account', async () => {
		const account = await cluster.addAccount();
		const boss = await connect('boss', { account });
		await connect('one', { account, at: cluster.presence[1] });
		await done(boss, { type: 'watch', prefix: '' });
		assert.deepEqual([...(await boss.view.snapshot()).keys()].sort(), ['boss', 'one']);
		await connect('whole/other-account');
		await connect('two', { account });
		await boss.view.becomes('two', p => p.status === 'available', 'has come');
		assert.equal(boss.view.clients.size, 3);
	});

	test('many watchers of one prefix share what is read', async () => {
		await connect('shared/ann');
		const watchers = await Promise.all(Array.from({ length: 12 }, (_, i) => connect(`shared-watcher/${i}`)));
		await Promise.all(watchers.map(one => done(one, { type: 'watch', prefix: 'shared/' })));
		for (const one of watchers)
			assert.deepEqual([...(await one.view.snapshot()).keys()], ['shared/ann']);
		await connect('shared/bea');
		await Promise.all(watchers.map(one => one.view.becomes('shared/bea', p => p.status === 'available', 'has come')));
	});
});

describe('what cannot be watched', () => {
	const cases = [
		['neither a name nor a prefix', {}, 45003, 'identities'],
		['both', { identities: ['a'], prefix: 'a' }, 45002, 'prefix'],
		['no list', { identities: 'a' }, 45002, 'identities'],
		['no name', { identities: ['ok/a', 'no name'] }, 45002, 'identities[1]'],
		['no string', { identities: [7] }, 45002, 'identities[0]'],
		['no prefix', { prefix: 'a b' }, 45002, 'prefix'],
		['no cursor', { identities: ['ok/a'], since: 'yesterday' }, 45002, 'since'],
		['a name that the token does not permit', { identities: ['ok/a', 'other/a'] }, 20006, 'identities[1]'],
		['a prefix that the token does not permit', { prefix: 'o' }, 20006, 'prefix'],
	];

	for (const [what, message, code, field] of cases)
		test(what, async () => {
			const boss = await connect('refused', { watch: ['ok/*'] });
			const error = await boss.request({ type: 'watch', ...message });
			assert.equal(error.code, code, JSON.stringify(error));
			assert.equal(error.field, field);
			await done(boss, { type: 'watch', identities: ['ok/b'] }); /* nothing else came to be watched */
			assert.deepEqual([...(await boss.view.snapshot()).keys()], ['ok/b']);
			boss.cut();
		});
});

describe('unwatch', () => {
	async function watched() {
		const ann = await connect('un/ann');
		const bea = await connect('un/bea');
		const boss = await connect('un-boss');
		return { ann, bea, boss };
	}

	async function leave(...channels) {
		for (const channel of channels)
			await channel.close();
	}

	/** bea's change comes after ann's: what comes first, or not at all, is seen by then. */
	async function change(ann, bea, boss) {
		await done(ann, { type: 'status', status: 'away' });
		await done(bea, { type: 'status', status: 'away' });
		await boss.view.becomes('un/bea', p => p.status === 'away', 'is away');
	}

	test('some names', async () => {
		const { ann, bea, boss } = await watched();
		await done(boss, { type: 'watch', identities: ['un/ann', 'un/bea'] });
		await boss.view.snapshot();
		await done(boss, { type: 'unwatch', identities: ['un/ann', 'un/unknown'] });
		await change(ann, bea, boss);
		assert.equal(boss.view.clients.get('un/ann').status, 'available');
		await leave(ann, bea, boss);
	});

	test('a prefix leaves those who are watched by name', async () => {
		const { ann, bea, boss } = await watched();
		await done(boss, { type: 'watch', prefix: 'un/' });
		await done(boss, { type: 'watch', identities: ['un/bea'] });
		await boss.view.becomes('un/ann', () => true, 'is known');
		await boss.view.becomes('un/bea', () => true, 'is known');
		await done(boss, { type: 'unwatch', prefix: 'un/' });
		await change(ann, bea, boss);
		assert.equal(boss.view.clients.get('un/ann').status, 'available');
		await leave(ann, bea, boss);
	});

	test('everything', async () => {
		const { ann, bea, boss } = await watched();
		const other = await connect('un-other');
		await done(boss, { type: 'watch', prefix: '' });
		await boss.view.becomes('un/bea', () => true, 'is known');
		await done(other, { type: 'watch', identities: ['un/bea'] });
		await other.view.snapshot();
		await done(boss, { type: 'unwatch' });
		const { updates } = boss.view;
		await change(ann, bea, other);
		await done(boss, { type: 'ack' });
		assert.equal(boss.view.updates, updates);
		await leave(ann, bea, boss, other);
	});
});

test('nothing is left when the watchers have gone', async () => {
	for (const channel of open)
		channel.cut();
	for (const metric of ['switchhook_watchers', 'switchhook_watched_clients', 'switchhook_watch_edges'])
		for (const instance of cluster.presence)
			await until(async () => await instance.metric(metric) === 0, `${metric} is 0`);
	await until(async () => await cluster.redis.command('PUBSUB', 'CHANNELS') === '*1\r\n$3\r\ninv\r\n', 'nothing is subscribed but inv');
});
