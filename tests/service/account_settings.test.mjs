// An account's settings: read, changed in part, refused with the field's name; what they do to presence and to web pages.
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { writeFileSync } from 'node:fs';
import { openChannel } from '../support/client.mjs';
import { startCluster } from '../support/cluster.mjs';
import { until } from '../support/process.mjs';
import { rest } from '../support/rest.mjs';
import { seed } from '../support/service.mjs';
import { accessToken } from '../support/tokens.mjs';

const SECRET = /^whsec_[A-Za-z0-9+/]{32}$/;
let cluster, account;

before(async () => { cluster = await startCluster({ presence: 2, haproxy: false }); });
// With settings as they are when nobody names them.
beforeEach(async () => { account = await cluster.addAccount({ close_grace_ms: undefined, ring_proof_ms: undefined }); });
after(() => cluster?.stop());

const withToken = () => ({ account, basic: [account.sid, account.auth_token] });
const read = async options => (await cluster.v1('GET', '/Settings', { ...withToken(), ...options })).body;
const change = (json, options) => cluster.v1('POST', '/Settings', { ...withToken(), json, ...options });
const changed = async (json, options) => {
	const answer = await change(json, options);
	assert.equal(answer.status, 200, answer.text);
	return answer.body;
};

describe('settings', () => {
	test('have presets', async () => {
		const { webhook_secret, updated_at, ...settings } = await read();
		assert.deepEqual(settings, { account: account.sid, call_waiting: false, away_rings: false, close_grace_ms: 2000, ring_proof_ms: 2000, away_after_missed: 0,
			presence_webhook_url: null, policy_url: null, wake_url: null, wake_hold_s: 10, origins: [] });
		assert.match(webhook_secret, SECRET);
		assert.ok(Date.parse(updated_at) > 0);
	});

	test('are changed in part; the rest stays', async () => {
		const before = await read();
		const full = { call_waiting: true, away_rings: true, close_grace_ms: 0, ring_proof_ms: 500, away_after_missed: 3, presence_webhook_url: 'https://example.com/p?x=1',
			policy_url: 'http://example.com:8080/policy', wake_url: 'https://example.com/wake', wake_hold_s: 30, origins: ['https://app.example.com', 'http://localhost:3000'] };
		const one = await changed(full);
		assert.deepEqual({ ...one, updated_at: null }, { ...before, ...full, updated_at: null });
		assert.ok(one.updated_at > before.updated_at);
		const two = await changed({ away_rings: false, origins: [], policy_url: '', unknown: 7, call_waiting: null });
		assert.deepEqual({ ...two, updated_at: null }, { ...one, away_rings: false, origins: [], policy_url: null, updated_at: null });
		assert.deepEqual(await read(), two);
	});

	test('are refused naming the field, and then nothing changes', async () => {
		const before = await read();
		for (const [json, field] of [
			[{ call_waiting: 'yes' }, 'call_waiting'], [{ away_rings: 1 }, 'away_rings'],
			[{ close_grace_ms: -1 }, 'close_grace_ms'], [{ close_grace_ms: 60_001 }, 'close_grace_ms'], [{ close_grace_ms: '2' }, 'close_grace_ms'], [{ close_grace_ms: 1.5 }, 'close_grace_ms'],
			[{ ring_proof_ms: 10_001 }, 'ring_proof_ms'], [{ ring_proof_ms: '' }, 'ring_proof_ms'], [{ wake_hold_s: 0 }, 'wake_hold_s'], [{ wake_hold_s: 31 }, 'wake_hold_s'], [{ wake_url: 'example.com' }, 'wake_url'], [{ away_after_missed: -1 }, 'away_after_missed'], [{ away_after_missed: 101 }, 'away_after_missed'],
			[{ presence_webhook_url: 'ftp://example.com/' }, 'presence_webhook_url'], [{ presence_webhook_url: 'example.com' }, 'presence_webhook_url'],
			[{ policy_url: `https://example.com/${'x'.repeat(2048)}` }, 'policy_url'], [{ policy_url: {} }, 'policy_url'],
			[{ origins: 'https://example.com' }, 'origins'], [{ origins: Array(21).fill('https://example.com') }, 'origins'],
			...['https://Example.com', 'https://example.com/', 'https://example.com:443', 'http://example.com:80', 'https://a b', 'https://', 'null', '*', 'ws://example.com', 'https://u@example.com', 7, '']
				.map(bad => [{ call_waiting: true, origins: ['https://example.com', bad] }, 'origins[1]']),
		]) {
			const answer = await change(json);
			assert.deepEqual([answer.status, answer.body.field], [400, field], JSON.stringify(json));
		}
		assert.deepEqual(await read(), before);
	});

	test('are for servers, the webhook secret for the auth token', async () => {
		const byKey = { basic: [account.key.sid, account.key.secret] };
		assert.equal((await read(byKey)).webhook_secret, null);
		assert.equal((await changed({ call_waiting: true }, byKey)).webhook_secret, null);
		assert.match((await read()).webhook_secret, SECRET);
		for (const method of ['GET', 'POST'])
			assert.equal((await cluster.v1(method, '/Settings', { account, basic: undefined, bearer: accessToken(account, 'alice') })).status, 401);
	});

	test('a new webhook secret is shown to whoever makes it', async () => {
		const { webhook_secret: first } = await read();
		const answer = await cluster.v1('POST', '/Settings/WebhookSecret', { account });
		assert.equal(answer.status, 200);
		assert.match(answer.body.webhook_secret, SECRET);
		assert.notEqual(answer.body.webhook_secret, first);
		assert.equal((await read()).webhook_secret, answer.body.webhook_secret);
		const stored = await cluster.redis.command('HGET', `a:{${account.sid}}`, 'record');
		assert.ok(!stored.includes(answer.body.webhook_secret.slice(6)), 'it is sealed at rest');
	});

	test('seeding again leaves what the file does not name, and changes what it names', async () => {
		await changed({ call_waiting: true, close_grace_ms: 5, presence_webhook_url: 'https://example.com/p', origins: ['https://a.example'] });
		const before = await read();
		const again = async document => {
			writeFileSync(`${cluster.folder.path}/again.json`, JSON.stringify({ accounts: [document] }));
			await seed(cluster.redis, `${cluster.folder.path}/again.json`);
		};
		await again(account.document);
		assert.deepEqual(await read(), before);
		await again({ ...account.document, name: 'Renamed', close_grace_ms: 7, origins: ['https://b.example'], policy_url: 'https://example.com/q' });
		assert.deepEqual({ ...await read(), updated_at: null },
			{ ...before, close_grace_ms: 7, origins: ['https://b.example'], policy_url: 'https://example.com/q', updated_at: null });
	});

	test('an account of before they were there has the presets, and gets a secret at its first change', async () => {
		const record = JSON.parse(await cluster.redis.command('HGET', `a:{${account.sid}}`, 'record'));
		for (const name of ['close_grace_ms', 'ring_proof_ms', 'away_after_missed', 'wake_hold_s', 'webhook_secret'])
			delete record[name];
		await cluster.redis.command('HSET', `a:{${account.sid}}`, 'record', JSON.stringify(record));
		await cluster.redis.command('PUBLISH', 'inv', account.sid);
		const old = await read();
		assert.deepEqual([old.close_grace_ms, old.ring_proof_ms, old.away_after_missed, old.wake_hold_s, old.webhook_secret], [2000, 2000, 0, 10, null]);
		assert.match((await changed({})).webhook_secret, SECRET);
	});
});

describe('rules', () => {
	const rulesOf = async () => {
		const keys = await Promise.all(Array.from({ length: 128 }, (_, i) => cluster.redis.command('HGET', `s:{p${i}}:${account.sid}`, 'p')));
		return keys.filter(Boolean).map(text => text.split('|'));
	};
	const register = identity => cluster.v1('POST', '/Devices', { account, basic: undefined, bearer: accessToken(account, identity), json: { ttl: 60 } });

	test('reach every partition where the account has clients, newest version last, and no other', async () => {
		assert.deepEqual(await rulesOf(), []);
		await changed({ away_rings: true });
		assert.deepEqual(await rulesOf(), []);
		await Promise.all(Array.from({ length: 40 }, (_, i) => register(`client${i}`)));
		assert.equal((await rulesOf()).length, 8);
		const { updated_at } = await changed({ call_waiting: true, close_grace_ms: 1234, away_after_missed: 2, presence_webhook_url: 'https://example.com/p' });
		for (const [version, flags, grace, , away] of await rulesOf())
			assert.deepEqual([Number(version), flags, grace, away], [Date.parse(updated_at), '7', '1234', '2']);
		const seen = await changed({ away_rings: false, call_waiting: false, presence_webhook_url: '' });
		assert.deepEqual((await rulesOf()).map(([version, flags]) => [Number(version), flags]), Array(8).fill([Date.parse(seen.updated_at), '0']));
	});

	test('decide whether a client that is away can be rung', async () => {
		const channel = await cluster.connect('alice', { at: cluster.presence[1], account, status: 'away' });
		const ringable = async () => (await cluster.readPresence('alice', { at: cluster.presence[0], account })).ringable;
		assert.deepEqual(await ringable(), []);
		await changed({ away_rings: true });
		await channel.request({ type: 'status', media: ['voice', 'video'] });
		assert.deepEqual(await ringable(), ['voice', 'video']);
		await changed({ away_rings: false });
		await channel.request({ type: 'status', media: ['voice'] });
		assert.deepEqual(await ringable(), []);
		await channel.close();
	});
});

describe('origins of web pages', () => {
	const Origin = 'https://app.example.com', Other = 'https://evil.example';
	const ask = (origin, options = {}) => cluster.v1('GET', '/Presence/alice', { account, at: cluster.presence[1], basic: undefined, bearer: accessToken(account, 'alice'),
		headers: origin ? { Origin: origin } : {}, ...options });

	test('are any, unless some are named', async () => {
		assert.equal((await ask(Other)).status, 200);
		await changed({ origins: [Origin, 'http://localhost:3000'] });
		await until(async () => (await ask(Other)).status === 403, 'others are refused', 1000);
		assert.equal((await ask(Other)).body.code, 45104);
		for (const origin of [Origin, 'http://localhost:3000', undefined])
			assert.equal((await ask(origin)).status, 200, origin);
		for (const origin of ['https://app.example.com.evil.example', 'http://app.example.com', 'https://app.example.com:8443', 'null', 'https://app.example.com https://evil.example'])
			assert.equal((await ask(origin)).status, 403, origin);
		assert.equal((await ask(Origin)).headers.get('access-control-allow-origin'), Origin);
		await changed({ origins: [] });
		await until(async () => (await ask(Other)).status === 200, 'all are let in again', 1000);
	});

	test('count for server credentials, too', async () => {
		await changed({ origins: [Origin] });
		const byKey = { bearer: undefined, basic: [account.key.sid, account.key.secret] };
		await until(async () => (await ask(Other, byKey)).status === 403, 'others are refused', 1000);
		const mine = await ask(Origin, byKey);
		assert.deepEqual([mine.status, mine.headers.get('access-control-allow-origin')], [200, null]);
		assert.equal((await ask(undefined, byKey)).status, 200);
	});

	test('a preflight is answered before anybody is known', async () => {
		await changed({ origins: [Origin] });
		const answer = await rest('OPTIONS', `${cluster.url}/v1/Accounts/${account.sid}/Devices`, { headers: { Origin, 'Access-Control-Request-Method': 'POST' } });
		assert.deepEqual([answer.status, answer.headers.get('access-control-allow-origin')], [204, Origin]);
	});

	test('are asked of a channel', async () => {
		await changed({ origins: [Origin] });
		const hello = async origin => {
			const channel = await openChannel(cluster.presence[1].url, origin ? { origin } : {});
			const answer = await channel.request({ type: 'hello', token: accessToken(account, 'alice') });
			await (answer.type === 'welcome' ? channel.close() : channel.closed);
			return answer;
		};
		await until(async () => (await hello(Other)).code === 45104, 'a page of another origin is refused', 1000);
		for (const origin of [Origin, undefined])
			assert.equal((await hello(origin)).type, 'welcome');
	});
});
