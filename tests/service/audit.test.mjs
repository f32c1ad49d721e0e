// audit.test.mjs - records that were corrupted by hand are found, mended and counted; in normal life there is nothing to find.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startCluster } from '../support/cluster.mjs';
import { until } from '../support/process.mjs';
import { rest } from '../support/rest.mjs';
import { accessToken } from '../support/tokens.mjs';

let cluster, redis, keys;

before(async () => {
	cluster = await startCluster({ routing: 0, haproxy: false, env: { AUDIT_MS: '50', SWEEP_MS: '50' } });
	cluster.presence[0].isSpoilt = true;
	redis = cluster.redis;
});
after(() => cluster?.stop());

const total = name => cluster.presence[0].metric(`switchhook_${name}`);
const mismatches = () => total('presence_mismatch_total');

/** A reply that is a list. */
const list = async (...words) => {
	const text = await redis.command('EVAL', "return table.concat(redis.call(unpack(ARGV)), ' ')", '0', ...words);
	return text ? text.split(' ') : [];
};

/** The keys of a client, by kind: c, x, h and the prefix of the indexes. */
async function keysOf(identity) {
	const key = (await list('KEYS', `c:*:${identity}`))[0];
	const [, tag, account] = key.match(/^c:(\{p\d+\}):(AC\w+):/);
	return { client: key, texts: `x${key.slice(1)}`, index: `i:${tag}:${account}:`, accounts: `A:${tag}`, deadlines: `D:${tag}`, member: `${account}|${identity}`, tag, account };
}

/** Everybody was looked at once more since now. */
async function audited() {
	const clients = (await list('KEYS', 'c:*')).length;
	const seen = await total('presence_audited_total');
	await until(async () => await total('presence_audited_total') >= seen + 2 * clients + 2, 'the audit has been round');
}

/** Spoils something; returns how many mismatches that was, once they are mended. */
async function spoil(...commands) {
	await audited();
	const known = await mismatches();
	for (const command of commands)
		await redis.command(...command);
	await until(async () => await mismatches() > known, 'the audit finds it');
	await audited();
	return await mismatches() - known;
}

const lease = json => rest('POST', `${cluster.url}/v1/Accounts/${cluster.account.sid}/Devices`, { bearer: accessToken(cluster.account, 'lara'), json });

describe('the audit', () => {
	let alice;

	before(async () => {
		alice = await cluster.connect('alice', { media: ['voice', 'video'], attributes: { skill: 'billing' } });
		await lease({ ttl: 600 });
		keys = await keysOf('alice');
	});
	after(() => alice?.close());

	test('finds nothing where nobody has spoilt anything', async () => {
		for (const status of ['away', 'dnd', 'available'])
			await alice.request({ type: 'status', status });
		await cluster.v1('PUT', '/Presence/alice', { json: { status: 'busy' } });
		await cluster.v1('DELETE', '/Presence/alice');
		await audited();
		assert.equal(await mismatches(), 0);
	});

	test('puts a line right that is not what the devices come to, and raises its version', async () => {
		const { body: true_ } = await cluster.v1('GET', '/Presence/alice');
		const line = await redis.command('HGET', keys.client, 'm');
		assert.equal(await spoil(['HSET', keys.client, 'm', line.replace('|available|', '|away|')]), 1);
		const { body: mended } = await cluster.v1('GET', '/Presence/alice');
		assert.deepEqual([mended.status, mended.ringable], [true_.status, true_.ringable]);
		assert.ok(mended.version > true_.version);
	});

	test('lists a client again where it was missing', async () => {
		for (const index of ['s:available', 'r:1', 'r:2', 'a:skill=billing'])
			assert.equal(await spoil(['ZREM', keys.index + index, 'alice']), 1, index);
		for (const query of ['Status=available', 'Ringable=voice', 'Attribute.skill=billing'])
			assert.ok((await cluster.v1('GET', `/Presence?${query}`)).body.clients.some(c => c.identity === 'alice'), query);
	});

	test('finds who is missing from the index of all by those by status', async () => {
		assert.equal(await spoil(['ZREM', `${keys.index}all`, 'alice']), 1);
		assert.equal((await cluster.v1('GET', '/Presence?Prefix=alice')).body.clients.length, 1);
	});

	test('takes a client off lists where it does not belong, and nobody at all off every list', async () => {
		assert.equal(await spoil(['ZADD', `${keys.index}s:dnd`, '0', 'alice'], ['ZADD', `${keys.index}r:4`, '0', 'alice']), 2);
		assert.equal(await spoil(['ZADD', `${keys.index}all`, '0', 'nobody'], ['ZADD', `${keys.index}s:away`, '0', 'nobody']), 2);
		assert.equal(await redis.command('ZSCORE', `${keys.index}all`, 'nobody'), null);
	});

	test('gives a lease its end again', async () => {
		const lara = await keysOf('lara');
		const [entry] = (await list('ZRANGE', lara.deadlines, '0', '-1')).filter(e => e.startsWith(`l|${lara.member}`));
		const ends = await redis.command('ZSCORE', lara.deadlines, entry);
		assert.equal(await spoil(['ZREM', lara.deadlines, entry]), 1);
		assert.equal(await redis.command('ZSCORE', lara.deadlines, entry), ends);
	});

	test('removes what is shown of a device that is not there', async () => {
		const device = `DV${'0'.repeat(32)}`;
		assert.equal(await spoil(['HSET', keys.texts, device, '{}', `t${device}`, 'skill=none'], ['ZADD', `${keys.index}a:skill=none`, '0', 'alice']), 2);
		assert.equal(await redis.command('HEXISTS', keys.texts, device), 0);
		assert.equal(await redis.command('ZSCORE', `${keys.index}a:skill=none`, 'alice'), null);
	});

	test('reaps a ghost: a device of a node that is not in the table', async () => {
		const { welcome: { device, node } } = alice;
		const record = await redis.command('HGET', keys.client, `d${device}`);
		const ghost = `DV${'1'.repeat(32)}`;
		const known = await mismatches();
		await redis.command('HSET', keys.client, `d${ghost}`, record.replaceAll(node, `ND00000000${'0'.repeat(24)}`));
		const { body } = await until(async () => {
			const answer = await cluster.v1('GET', '/Presence/alice?Devices=true');
			return await mismatches() >= known + 3 && answer.body.devices.length === 1 && answer;
		}, 'the ghost is gone');
		assert.deepEqual([body.devices[0].device, body.device_count, body.status], [device, 1, 'available']);
	});

	test('leaves rules alone that have changed since: the line follows, and that is no mismatch', async () => {
		const known = await mismatches();
		await alice.request({ type: 'status', status: 'away' });
		assert.deepEqual((await cluster.v1('GET', '/Presence/alice')).body.ringable, []);
		const changed = await cluster.v1('POST', '/Settings', { json: { away_rings: true }, basic: [cluster.account.sid, cluster.account.auth_token] });
		assert.equal(changed.status, 200, changed.text);
		await cluster.presenceBecomes('alice', p => p.ringable.length === 2, 'rings while away');
		await audited();
		assert.equal(await mismatches(), known);
	});
});
