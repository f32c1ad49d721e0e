// presence_wait.test.mjs - GET Presence with Wait: the answer comes with the change, or when the time is over.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { sid } from '../support/accounts.mjs';
import { startCluster } from '../support/cluster.mjs';
import { until, within } from '../support/process.mjs';
import { accessToken, forgedToken, opened } from '../support/tokens.mjs';

const DEADLINE_MS = 400;

let cluster, account;

before(async () => {
	cluster = await startCluster({ presence: 2, routing: 0, haproxy: false, env: { REQUEST_DEADLINE_MS: String(DEADLINE_MS) } });
	account = cluster.account;
});
after(() => cluster?.stop());

const get = (name, query, options) => cluster.v1('GET', `/Presence/${encodeURIComponent(name)}?${new URLSearchParams(query)}`, options);
const show = (identity, json) => cluster.v1('PUT', `/Presence/${encodeURIComponent(identity)}`, { json, at: cluster.presence[1] });
const versionOf = async name => (await get(name, {})).body.version;

const watchers = async n => {
	await until(async () => (await Promise.all(cluster.presence.filter(s => !s.wasKilled).map(s => s.metric('switchhook_watchers')))).reduce((a, b) => a + b) === n,
		`${n} are watching`);
};

/** Asks, and is waiting when this resolves; the answer is in `answer`. */
async function wait(name, query, options) {
	const others = (await Promise.all(cluster.presence.filter(s => !s.wasKilled).map(s => s.metric('switchhook_watchers')))).reduce((a, b) => a + b);
	const answer = get(name, { Wait: '50s', ...query }, options);
	await watchers(others + 1);
	return { answer };
}

describe('the answer', () => {
	test('comes at once when there is another version, or none was given', async () => {
		const version = await versionOf('a/1');
		for (const query of [{ Wait: '50s', Version: version + 1 }, { Wait: '50s' }, { Wait: '50s', Version: 1 }]) {
			const { status, body } = await within(get('a/1', query), 'an answer', 5000);
			assert.deepEqual([status, body.version], [200, version]);
		}
		assert.equal((await within(get('a/1', { Version: version }), 'an answer', 5000)).status, 304, 'without Wait');
		await watchers(0);
	});

	test('comes with the change', async () => {
		const { answer } = await wait('a/2', { Version: await versionOf('a/2') });
		await show('a/2', { status: 'busy' });
		const { status, body, headers } = await within(answer, 'the answer', 5000);
		assert.deepEqual([status, body.status, headers.get('etag')], [200, 'busy', `"${body.version}"`]);
		await watchers(0);
	});

	test('comes with the change to all who wait, with the devices if they are asked for', async () => {
		const version = await versionOf('a/3');
		const plain = await wait('a/3', { Version: version });
		const whole = await wait('a/3', { Version: version, Devices: 'true' }, { at: cluster.presence[1] });
		const client = await cluster.connect('a/3');
		assert.equal((await plain.answer).body.status, 'available');
		assert.deepEqual((await whole.answer).body.devices.map(d => d.device), [client.welcome.device]);
		await client.close();
	});

	test('is 304 with the ETag when the time is over, later than requests may take', async () => {
		await show('a/4', { status: 'away' });
		const version = await versionOf('a/4');
		const since = performance.now();
		const { status, headers, text } = await get('a/4', { Wait: '1s', Version: version });
		const took = performance.now() - since;
		assert.deepEqual([status, headers.get('etag'), text], [304, `"${version}"`, '']);
		assert.ok(took >= 990 && took > DEADLINE_MS, `after ${took} ms`);
		await watchers(0);
	});

	test('waits for If-None-Match as well', async () => {
		const etag = (await get('a/5', {})).headers.get('etag');
		const { answer } = await wait('a/5', {}, { headers: { 'If-None-Match': etag } });
		await show('a/5', { status: 'dnd' });
		assert.equal((await answer).body.status, 'dnd');
		assert.equal((await within(get('a/5', { Wait: '50s' }, { headers: { 'If-None-Match': '"other"' } }), 'an answer', 5000)).status, 200);
	});

	test('misses no change, whenever it comes', async () => {
		let version = await versionOf('a/6');
		for (let i = 0; i < 30; i++) {
			const answer = get('a/6', { Wait: '50s', Version: version });
			const { body: shown } = await show('a/6', { status: i % 2 ? 'away' : 'busy' });
			const { status, body } = await within(answer, 'the answer', 5000);
			assert.deepEqual([status, body.version], [200, shown.version]);
			version = body.version;
		}
		await watchers(0);
	});
});

describe('what it refuses', () => {
	for (const [field, values] of Object.entries({ Wait: ['56s', '-1s', 'x', '1m', '', 's', '1.5s', '1000ms'], Version: ['x', '-1', '', '1.0', '99999999999999999999'] })) {
		test(`values of ${field}`, async () => {
			for (const value of values) {
				const { status, body } = await get('alice', { [field]: value });
				assert.deepEqual([status, body?.code, body?.field], [400, 45002, field], value);
			}
		});
	}

	test('nothing that it takes: seconds with and without their unit', async () => {
		for (const value of ['0', '0s', '55', '55s'])
			assert.equal((await get('alice', { Wait: value })).status, 200, value);
	});
});

describe('its other ends', () => {
	test('a client that hangs up leaves nothing behind', async () => {
		const version = await versionOf('b/1');
		const hangUp = new AbortController();
		const waits = await Promise.all(Array.from({ length: 10 }, () => get('b/1', { Wait: '50s', Version: version }, { signal: hangUp.signal })
			.catch(error => ({ status: error.name }))).concat(watchers(10).then(() => hangUp.abort())));
		assert.deepEqual([...new Set(waits.slice(0, -1).map(a => a.status))], ['AbortError']);
		await watchers(0);
	});

	test('a token whose time is over', async () => {
		const bearer = accessToken(account, 'bob', { watch: ['a/8'], ttl: 2 });
		const { answer } = await wait('a/8', { Version: await versionOf('a/8') }, { bearer });
		const { status } = await within(answer, 'the answer', 4000);
		assert.equal(status, 304);
		await watchers(0);
	});

	test('a revoked token', async () => {
		const { header, payload } = opened(accessToken(account, 'b/2'));
		const bearer = forgedToken(header, { ...payload, jti: sid('JT') }, account.key.secret);
		const { answer } = await wait('b/2', { Version: await versionOf('b/2') }, { basic: undefined, bearer });
		assert.equal((await cluster.v1('POST', '/Tokens/Revoke', { json: { identity: 'b/2' } })).status, 204);
		const { status, body } = await within(answer, 'the answer', 1000);
		assert.deepEqual([status, body.code], [401, 45103]);
		await watchers(0);
	});

	test('Redis restarted meanwhile: it waits on, and hears what comes', async () => {
		const { answer } = await wait('b/3', { Version: await versionOf('b/3') });
		await cluster.redis.shutdown();
		await cluster.redis.start();
		await until(async () => (await show('b/3', { status: 'busy' })).status === 200, 'Redis is back');
		assert.equal((await within(answer, 'the answer')).body.status, 'busy');
		await watchers(0);
	});

	test('an instance that drains answers at once, and stops', async () => {
		const [first] = cluster.presence;
		const version = await versionOf('b/4');
		const answers = [];
		for (let i = 0; i < 4; i++)
			answers.push((await wait('b/4', { Version: version }, { at: first })).answer);
		const since = performance.now();
		const stopped = first.stop();
		for (const answer of answers) {
			const { status, headers } = await answer;
			assert.deepEqual([status, headers.get('etag')], [304, `"${version}"`]);
		}
		await stopped;
		assert.ok(performance.now() - since < 10_000);
	});
});
