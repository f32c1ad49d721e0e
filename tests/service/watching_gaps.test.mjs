// Watching when something is missed: Redis away, a subscription lost, a message lost; and going on behind a cursor.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startCluster } from '../support/cluster.mjs';
import { until } from '../support/process.mjs';
import { NO_AUDIT } from '../support/service.mjs';
import { accessToken } from '../support/tokens.mjs';
import { View } from '../support/view.mjs';

let cluster;

before(async () => {
	cluster = await startCluster({ presence: 2, routing: 0, haproxy: false, env: NO_AUDIT });
});

after(async () => {
	await cluster?.stop();
});

async function connect(identity, at = cluster.presence[0]) {
	const channel = await cluster.connect(identity, { at, token: accessToken(cluster.account, identity, { watch: ['*'] }) });
	channel.view = new View(channel);
	return channel;
}

const done = async (channel, message) => {
	const reply = await channel.request(message);
	assert.equal(reply.type, 'ok', JSON.stringify(reply));
};

/** A device held by REST: who changes while somebody's channel or the store is away. */
async function lease(identity) {
	const base = `${cluster.presence[1].url}/v1/Accounts/${cluster.account.sid}/Devices`;
	const headers = { authorization: `Bearer ${accessToken(cluster.account, identity)}`, 'content-type': 'application/json' };
	const answer = await fetch(base, { method: 'POST', headers, body: JSON.stringify({ media: ['voice'], ttl: 600 }) });
	assert.equal(answer.status, 201);
	const { device } = await answer.json();
	return {
		async becomes(status) {
			const changed = await fetch(`${base}/${device}`, { method: 'PUT', headers, body: JSON.stringify({ status }) });
			assert.equal(changed.status, 200);
			return changed.json();
		},
	};
}

async function sees(channel, identity) {
	const { devices, ...document } = await cluster.readPresence(identity);
	await channel.view.becomes(identity, p => p.version === document.version, 'is as in the store');
	assert.deepEqual(channel.view.clients.get(identity), document);
}

describe('a gap', () => {
	test('a lost subscription: resync, then everything again, with what was missed', async () => {
		const ann = await lease('gap/ann');
		const byName = await connect('gap-name');
		const byPrefix = await connect('gap-prefix');
		await done(byName, { type: 'watch', identities: ['gap/ann', 'gap/never'] });
		await done(byPrefix, { type: 'watch', prefix: 'gap/' });
		await Promise.all([byName.view.snapshot(), byPrefix.view.snapshot()]);
		assert.equal(byName.view.clients.get('gap/ann').status, 'available');

		await cluster.redis.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
		await ann.becomes('busy');
		await Promise.all([byName, byPrefix].map(async one => {
			await one.view.snapshot(2);
			assert.deepEqual(one.view.resyncs, ['reconnected']);
			await sees(one, 'gap/ann');
			one.view.check();
		}));
		assert.equal(byName.view.clients.get('gap/never').version, 0);
		await ann.becomes('away');
		await Promise.all([byName, byPrefix].map(one => one.view.becomes('gap/ann', p => p.status === 'away', 'is away')));
		await Promise.all([byName, byPrefix].map(one => one.close()));
	});

	test('Redis started anew: resync, and what changed meanwhile', async () => {
		const bea = await lease('restart/bea');
		const boss = await connect('restart-boss');
		await done(boss, { type: 'watch', prefix: '' });
		await boss.view.snapshot();
		await cluster.redis.shutdown();
		await cluster.redis.start();
		await until(() => boss.view.snapshots.length === 2, 'a snapshot after the restart');
		assert.deepEqual(boss.view.resyncs, ['reconnected']);
		await until(() => bea.becomes('dnd').catch(() => false), 'the instance is back');
		await sees(boss, 'restart/bea');
		boss.view.check();
		await boss.close();
	});

	test('a message that is missing is noticed with the next one', async () => {
		const cid = await lease('lost/cid');
		const boss = await connect('lost-boss');
		await done(boss, { type: 'watch', identities: ['lost/cid'] });
		await boss.view.snapshot();
		await cid.becomes('busy');
		await boss.view.becomes('lost/cid', p => p.status === 'busy', 'is busy');
		/* as if one had been published and not come */
		const key = `s:{p${partition(cluster.account.sid, 'lost/cid')}}:${cluster.account.sid}`;
		assert.ok(await cluster.redis.command('HINCRBY', key, 'n', '1') > 1);
		await cid.becomes('away');
		await boss.view.snapshot(2);
		assert.deepEqual(boss.view.resyncs, ['a message is missing']);
		await sees(boss, 'lost/cid');
		await boss.close();
	});

	test('subscriptions lost again and again while everybody changes: each view ends as the store is', async () => {
		const names = Array.from({ length: 12 }, (_, i) => `again/${i}`);
		const writers = await Promise.all(names.map(lease));
		const watchers = await Promise.all(Array.from({ length: 8 }, (_, i) => connect(`again-watcher/${i}`, cluster.presence[i % 2])));
		await Promise.all(watchers.map((watcher, i) => done(watcher, i % 2 ? { type: 'watch', prefix: 'again/' } : { type: 'watch', identities: names })));
		let over = false;
		const storm = writers.map(async (writer, i) => {
			for (let n = i; !over; n++)
				await writer.becomes(['available', 'busy', 'away', 'dnd'][n % 4]);
		});
		for (let lost = 1; lost <= 6; lost++) {
			await cluster.redis.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
			await until(() => watchers.every(({ view }) => view.resyncs.length >= lost), 'all have heard of it');
		}
		over = true;
		await Promise.all(storm);
		for (const name of names)
			await Promise.all(watchers.map(watcher => sees(watcher, name)));
		watchers.forEach(({ view }) => view.check());
		await Promise.all(watchers.map(watcher => watcher.close()));
	});

	test('a store that lost everything: who was there is shown offline', async () => {
		await lease('empty/dan');
		const boss = await connect('empty-boss');
		await done(boss, { type: 'watch', identities: ['empty/dan'] });
		assert.equal((await boss.view.snapshot()).get('empty/dan').status, 'available');
		await cluster.redis.command('EVAL', `for _, k in ipairs(redis.call('KEYS', '*empty/dan')) do redis.call('DEL', k) end return 1`, '0');
		await cluster.redis.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
		await boss.view.snapshot(2);
		assert.equal(boss.view.clients.get('empty/dan').status, 'offline');
		await boss.close();
	});
});

describe('going on behind a cursor', () => {
	/** As if the client had last changed a minute ago: long before the margin, in which it is told of once more. */
	const age = identity => cluster.redis.command('EVAL', `
		local m = redis.call('HGET', KEYS[1], 'm')
		local version = string.match(m, '^%d+')
		return redis.call('HSET', KEYS[1], 'm', string.format('%.0f', version - 60e6) .. string.sub(m, #version + 1))`,
	'1', `c:{p${partition(cluster.account.sid, identity)}}:${cluster.account.sid}:${identity}`);

	test('only those who have changed since, on another instance', async () => {
		const [old, changed] = [await lease('resume/old'), await lease('resume/changed')];
		await age('resume/old');
		const first = await connect('resume-boss');
		await lease('resume/last');
		await done(first, { type: 'watch', prefix: 'resume/' });
		assert.equal((await first.view.snapshot()).size, 3);
		const { cursor } = first.view;
		await first.close();
		await changed.becomes('busy');
		await lease('resume/new');

		const second = await connect('resume-boss', cluster.presence[1]);
		await done(second, { type: 'watch', prefix: 'resume/', since: cursor });
		const seen = await second.view.snapshot();
		assert.equal(second.view.snapshots[0].resumed, true);
		assert.deepEqual(second.view.resyncs, []);
		assert.equal(seen.get('resume/changed').status, 'busy');
		assert.equal(seen.get('resume/new').status, 'available');
		assert.equal(seen.has('resume/old'), false);
		await old.becomes('away');
		await second.view.becomes('resume/old', p => p.status === 'away', 'is away');
		await second.close();

		const third = await connect('resume-boss');
		await done(third, { type: 'watch', identities: ['resume/old', 'resume/changed', 'resume/nobody'], since: second.view.cursor });
		assert.equal((await third.view.snapshot()).get('resume/old').status, 'away');
		assert.equal(third.view.snapshots[0].resumed, true);
		assert.equal(third.view.clients.has('resume/nobody'), false);
		await third.close();

		const fourth = await connect('resume-boss');         // in several messages
		await done(fourth, { type: 'watch', identities: ['resume/old'], since: third.view.cursor });
		await done(fourth, { type: 'watch', identities: ['resume/changed', 'resume/new'], since: third.view.cursor });
		await fourth.view.becomes('resume/old', p => p.status === 'away', 'is away');
		assert.ok(fourth.view.snapshots.every(({ resumed }) => resumed));
		assert.deepEqual(fourth.view.resyncs, []);
		await fourth.close();
	});

	test('of another Redis, or from long ago: resync, and everything', async () => {
		const boss = await connect('stale-boss');
		await done(boss, { type: 'watch', identities: ['stale-boss'] });
		await boss.view.snapshot();
		const [epoch] = boss.view.cursor.split('-');
		await boss.close();
		const weekAgo = (Date.now() - 7 * 24 * 3600 * 1000) * 1000;
		for (const since of [`${epoch === '00000001' ? '00000002' : '00000001'}-${Date.now() * 1000}`, `${epoch}-${weekAgo}`]) {
			const again = await connect('stale-boss');
			await done(again, { type: 'watch', identities: ['stale-boss'], since });
			assert.equal((await again.view.snapshot()).size, 1);
			assert.deepEqual(again.view.resyncs, ['cursor']);
			assert.equal(again.view.snapshots[0].resumed, false);
			await again.close();
		}
	});
});

/** As keys.h says. */
function partition(account, identity) {
	const crc16 = text => [...Buffer.from(text)].reduce((crc, byte) => {
		crc ^= byte << 8;
		for (let i = 0; i < 8; i++)
			crc = crc & 0x8000 ? crc << 1 ^ 0x1021 : crc << 1;
		return crc & 0xffff;
	}, 0);
	return (crc16(account) + crc16(identity) % 8) % 128;
}
