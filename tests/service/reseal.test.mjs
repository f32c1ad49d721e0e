// reseal.test.mjs - presence-svc --reseal: what it seals again, what it leaves alone, what it
// says of records that do not open, and that a change by others wins.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { after, before, beforeEach, describe, test } from 'node:test';
import { makeAccount, sid } from '../support/accounts.mjs';
import { run, temporaryFolder, until } from '../support/process.mjs';
import { PASSWORD, startRedis } from '../support/redis.mjs';
import { runService, seed, settings } from '../support/service.mjs';

const A = 'first-cluster-secret-0123456789abcdef', B = 'second-cluster-secret-0123456789abcdef';
const A_ONLY = { CLUSTER_SECRET: A }, B_ONLY = { CLUSTER_SECRET: B };
const B_AND_A = { CLUSTER_SECRET: B, CLUSTER_SECRET_PREVIOUS: A };

const customer = { url: 'http://127.0.0.1:1' };         // nobody asks it
const SECRETS = /auth-token-of-|key-secret-of-/;

let redis, folder;

before(async () => {
	folder = temporaryFolder();
	redis = await startRedis();
});
after(async () => {
	await redis?.stop();
	folder?.remove();
});
beforeEach(() => redis.command('FLUSHALL'));

/** An account with n keys, all with secrets that are recognised. */
function account(n, changes) {
	const keys = Array.from({ length: n }, (_, i) => ({ sid: sid('SK'), name: `Key ${i}`, secret: `key-secret-of-${sid('xx')}` }));
	return makeAccount(customer, { auth_token: `auth-token-of-${sid('xx')}`, keys, ...changes });
}

async function seeded(env, ...accounts) {
	const file = `${folder.path}/${sid('xx')}.json`;
	writeFileSync(file, JSON.stringify({ accounts: accounts.map(a => a.document) }));
	await seed(redis, file, env);
	return accounts;
}

async function reseal(env) {
	const { code, output } = await runService('presence-svc', ['--reseal'], settings(redis, env));
	assert.doesNotMatch(output, SECRETS);
	assert.doesNotMatch(output, /Sanitizer|runtime error/);
	const [, ...counts] = /^(\d+) records: (\d+) resealed, (\d+) already current, (\d+) unreadable$/m.exec(output) ?? assert.fail(output);
	const [records, resealed, current, unreadable] = counts.map(Number);
	return { code, output, counts: { records, resealed, current, unreadable } };
}

async function becomes(env, code, counts) {
	const result = await reseal(env);
	assert.deepEqual({ code: result.code, counts: result.counts }, { code, counts }, result.output);
	return result.output;
}

const record = ({ sid: id }) => redis.command('HGET', `a:{${id}}`, 'record');
const keyRecord = ({ sid: id }, key) => redis.command('HGET', `k:{${id}}`, key.sid);

/** How often caches were told to drop an account: once with every write. */
const published = async () => Number(/cmdstat_publish:calls=(\d+)/.exec(await redis.command('INFO', 'commandstats'))[1]);

/** A record without what is sealed in it. */
const open = text => Object.entries(JSON.parse(text)).filter(([, value]) => !String(value).startsWith('s1.'));

test('an empty store has nothing to reseal', () => becomes(B_AND_A, 0, { records: 0, resealed: 0, current: 0, unreadable: 0 }));

test('the secrets of accounts and keys, and nothing else, are sealed anew; doing it again writes nothing', async () => {
	const [first] = await seeded(A_ONLY, account(2, { auth_token_second: 'auth-token-of-late' }), account(0, { status: 'closed' }));
	const all = async () => [await record(first), await keyRecord(first, first.keys[0])];
	const before = await all(), told = await published();
	await becomes(B_AND_A, 0, { records: 4, resealed: 4, current: 0, unreadable: 0 });
	const after = await all();
	after.forEach((text, i) => {
		assert.notEqual(text, before[i]);
		assert.deepEqual(open(text), open(before[i]), 'also the version and the times');
	});
	await becomes(B_AND_A, 0, { records: 4, resealed: 0, current: 4, unreadable: 0 });
	assert.deepEqual(await all(), after);
	assert.equal(await published(), told + 4);
	await becomes(B_ONLY, 0, { records: 4, resealed: 0, current: 4, unreadable: 0 });
});

test('what has been sealed under the new secret already counts as current', async () => {
	await seeded(A_ONLY, account(3));
	await seeded(B_ONLY, account(1));
	await becomes(B_AND_A, 0, { records: 6, resealed: 4, current: 2, unreadable: 0 });
});

test('with the old secret alone nothing opens any more, and all of it is named', async () => {
	const [one] = await seeded(A_ONLY, account(1));
	await becomes(B_AND_A, 0, { records: 2, resealed: 2, current: 0, unreadable: 0 });
	const output = await becomes(A_ONLY, 1, { records: 2, resealed: 0, current: 0, unreadable: 2 });
	assert.ok(output.includes(`account ${one.sid}, account ${one.sid}: auth_token cannot be read\n`), output);
	assert.ok(output.includes(`account ${one.sid}, api_key ${one.keys[0].sid}: secret cannot be read\n`), output);
	await becomes(B_ONLY, 0, { records: 2, resealed: 0, current: 2, unreadable: 0 });
});

test('many accounts are walked in pieces, with a word now and then', async () => {
	await seeded(A_ONLY, ...Array.from({ length: 150 }, () => account(6)));
	const output = await becomes(B_AND_A, 0, { records: 1050, resealed: 1050, current: 0, unreadable: 0 });
	assert.match(output, /^so far 1000 records: 1000 resealed, 0 already current, 0 unreadable$/m);
	await becomes(B_ONLY, 0, { records: 1050, resealed: 0, current: 1050, unreadable: 0 });
});

describe('a record that does not open', () => {
	let one, key, hash;
	beforeEach(async () => {
		[one] = await seeded(A_ONLY, account(2, { auth_token_second: 'auth-token-of-late' }), account(1));
		[key] = one.keys;
		hash = `k:{${one.sid}}`;
	});

	const edit = async (field, change) => redis.command('HSET', hash, field.sid, change(await keyRecord(one, field)));
	const flipped = text => text.replace(/(s1\.[0-9a-f]{4}\.)(.)/, (_, head, first) => head + (first === 'A' ? 'B' : 'A'));

	const cases = {
		'a damaged secret': [() => edit(key, flipped), () => `api_key ${key.sid}: secret cannot be read`],
		'another record\'s secret': [async () => redis.command('HSET', hash, key.sid, await keyRecord(one, one.keys[1])), () => `api_key ${key.sid}: secret cannot be read`],
		'no JSON': [() => edit(key, text => text.slice(0, -5)), () => `api_key ${key.sid}: the record cannot be read`],
		'an id that is none': [async () => redis.command('HSET', hash, 'SK1', await keyRecord(one, key)) && redis.command('HDEL', hash, key.sid),
			() => 'api_key SK1: the record cannot be read'],
		'no version': [() => edit(key, text => text.replace(/"updated":\d+,/, '')), () => `api_key ${key.sid}: updated is missing`],
		'a version in the wrong place': [() => edit(key, text => text.replace(/^\{("updated":\d+),("created":\d+)/, '{$2,$1')),
			() => `api_key ${key.sid}: the record is never the version that was just read`],
		'an account\'s second token': [async () => redis.command('HSET', `a:{${one.sid}}`, 'record', (await record(one)).replace(/("auth_token_second":"s1\.....\.).../, '$1AAA')),
			() => `account ${one.sid}: auth_token_second cannot be read`],
	};
	for (const [what, [spoil, said]] of Object.entries(cases)) {
		test(`${what} is named; everything else is resealed`, async () => {
			await spoil();
			const output = await becomes(B_AND_A, 1, { records: 5, resealed: 4, current: 0, unreadable: 1 });
			assert.ok(output.includes(`account ${one.sid}, ${said()}\n`), output);
			assert.equal(output.match(/^account /mg).length, 1, output);
		});
	}

	test('is well again after it was taken away and seeded anew', async () => {
		await edit(key, flipped);
		await becomes(B_AND_A, 1, { records: 5, resealed: 4, current: 0, unreadable: 1 });
		await redis.command('HDEL', hash, key.sid);
		await seeded(B_AND_A, one);
		await becomes(B_ONLY, 0, { records: 5, resealed: 0, current: 5, unreadable: 0 });
	});
});

test('a failure of the store ends it with 1, and names where', async () => {
	const [one] = await seeded(A_ONLY, account(0));
	await redis.command('SET', `k:{${one.sid}}`, 'not a hash');
	const { code, output } = await runService('presence-svc', ['--reseal'], settings(redis, B_AND_A));
	assert.equal(code, 1, output);
	assert.ok(output.includes(`resealing stopped at account ${one.sid}: `), output);
	assert.match(output, /^so far 1 records: 1 resealed, 0 already current, 0 unreadable$/m);
});

test('a change between reading and writing wins, and is sealed anew itself', async () => {
	const [one] = await seeded(A_ONLY, account(1));
	const changed = (await record(one)).replace('"Test"', '"Renamed"').replace(/"updated":(\d+)/, (_, at) => `"updated":${Number(at) + 1}`);
	const isHeldBack = pattern => until(async () => (await redis.command('CLIENT', 'LIST')).split('\n').some(line => /flags=b/.test(line) && pattern.test(line)), `${pattern} waits`);

	// Redis takes reads only, and holds back first another's change, then what --reseal makes of the record that it read before.
	await redis.command('CLIENT', 'PAUSE', 20_000, 'WRITE');
	const change = run('redis-cli', ['-p', String(redis.port), '--no-auth-warning', '-a', PASSWORD, 'HSET', `a:{${one.sid}}`, 'record', changed]);
	await isHeldBack(/cmd=hset/);
	const resealing = reseal({ ...B_AND_A, REDIS_TIMEOUT_MS: '20000' });
	await isHeldBack(/name=reseal.*cmd=evalsha/);
	await redis.command('CLIENT', 'UNPAUSE');
	await change;
	const { code, counts, output } = await resealing;
	assert.deepEqual({ code, counts }, { code: 0, counts: { records: 2, resealed: 2, current: 0, unreadable: 0 } }, output);
	assert.equal(JSON.parse(await record(one)).name, 'Renamed');
	await becomes(B_ONLY, 0, { records: 2, resealed: 0, current: 2, unreadable: 0 });
});
