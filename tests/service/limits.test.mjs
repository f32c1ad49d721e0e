// limits.test.mjs - how often an address, an account and a client may ask, and how many channels an account holds.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { openChannel } from '../support/client.mjs';
import { startCluster } from '../support/cluster.mjs';
import { until } from '../support/process.mjs';
import { rest } from '../support/rest.mjs';
import { accessToken } from '../support/tokens.mjs';

// Buckets hold a minute's worth and fill slowly: what passes is counted, not timed.
const BURST_S = 30, ADDRESS = 4, FAILURES = 1, ACCOUNT = 3, IDENTITY = 1, CHANNELS = 5;

let cluster, presence, routing;

before(async () => {
	cluster = await startCluster({ haproxy: false, env: {
		WORKERS: '1', LIMIT_BURST_S: String(BURST_S), LIMIT_ADDRESS_PER_S: String(ADDRESS), LIMIT_FAILURES_PER_S: String(FAILURES),
		LIMIT_ACCOUNT_PER_S: String(ACCOUNT), LIMIT_IDENTITY_PER_S: String(IDENTITY), LIMIT_ACCOUNT_CHANNELS: String(CHANNELS),
	} });
	[presence] = cluster.presence;
	[routing] = cluster.routing;
});
after(() => cluster?.stop());

let hosts = 0;
const freshAddress = () => `198.51.100.${++hosts}`;
const ask = (address, path, { at = presence, method = 'GET', ...options } = {}) =>
	rest(method, `${at.url}${path}`, { headers: { 'X-Forwarded-For': address }, ...options });

/** How many of so many requests pass, made at once or each after the answer to the last; the others are 429 with a time to wait. */
async function passing(n, request, message, { oneByOne = false } = {}) {
	const answers = oneByOne ? [] : await Promise.all(Array.from({ length: n }, request));
	while (answers.length < n)
		answers.push(await request());
	const refused = answers.filter(({ status }) => status === 429);
	for (const { headers, body } of refused) {
		assert.match(headers.get('retry-after'), /^[1-9]\d*$/);
		assert.equal(body.code, 20429);
		assert.match(body.message, message);
	}
	return n - refused.length;
}

/** As many as the burst, and what came in while it was tried. */
const assertAbout = (actual, rate) => assert.ok(actual >= rate * BURST_S && actual <= rate * (BURST_S + 5), `${actual} of ${rate * BURST_S}`);

describe('requests', () => {
	const serverPath = account => `/v1/Accounts/${account.sid}/Presence/nobody`;

	test('of one address are limited before their credentials are looked at, on both services', async () => {
		for (const [at, path] of [[presence, serverPath(cluster.account)], [routing, `/v1/Accounts/${cluster.account.sid}/Calls/CA00000000000000000000000000000000/Trace`]]) {
			const address = freshAddress();
			assertAbout(await passing(ADDRESS * BURST_S + 60, () => ask(address, path, { at }), /this address/), ADDRESS);
			assert.equal((await ask(freshAddress(), path, { at })).status, 401);
		}
	});

	test('of an IPv6 network are those of one address', async () => {
		let host = 0;
		const passed = await passing(ADDRESS * BURST_S + 60, () => ask(`2001:db8:7:7::${(++host).toString(16)}`, serverPath(cluster.account)), /this address/);
		assertAbout(passed, ADDRESS);
		assert.equal((await ask('2001:db8:7:8::1', serverPath(cluster.account))).status, 401);
	});

	test('with wrong credentials are few, and then right ones wait too', async () => {
		const address = freshAddress(), { account } = cluster;
		const wrong = await passing(FAILURES * BURST_S + 20, () => ask(address, serverPath(account), { basic: [account.sid, 'wrong'] }), /wrong credentials/, { oneByOne: true });
		assertAbout(wrong, FAILURES);
		const right = await ask(address, serverPath(account), { basic: [account.sid, account.auth_token] });
		assert.equal(right.status, 429);
		assert.equal((await ask(freshAddress(), serverPath(account), { basic: [account.sid, account.auth_token] })).status, 200);
	});

	test('with refused tokens count the same', async () => {
		const address = freshAddress(), { account } = cluster;
		const bearer = accessToken({ ...account, key: { ...account.key, secret: 'another' } }, 'alice');
		assertAbout(await passing(FAILURES * BURST_S + 20, () => ask(address, serverPath(account), { bearer }), /wrong credentials/, { oneByOne: true }), FAILURES);
	});

	test('of one account are limited wherever they come from, and other accounts go on', async () => {
		const account = await cluster.addAccount(), other = await cluster.addAccount();
		const passed = await passing(ACCOUNT * BURST_S + 40, () => ask(freshAddress(), serverPath(account), { basic: [account.sid, account.auth_token] }), /this account/);
		assertAbout(passed, ACCOUNT);
		assert.equal((await ask(freshAddress(), serverPath(other), { basic: [other.sid, other.auth_token] })).status, 200);
	});

	test('of one client are limited, and other clients go on', async () => {
		const account = await cluster.addAccount();
		const path = `/v1/Accounts/${account.sid}/Presence/alice`;
		const as = identity => ask(freshAddress(), path.replace('alice', identity), { bearer: accessToken(account, identity) });
		assertAbout(await passing(IDENTITY * BURST_S + 20, () => as('alice'), /this client/), IDENTITY);
		assert.equal((await as('bob')).status, 200);
	});

	test('of operators are not counted', async () => {
		const address = freshAddress();
		const statuses = new Set((await Promise.all(Array.from({ length: ADDRESS * BURST_S + 60 }, () => ask(address, '/healthz')))).map(({ status }) => status));
		assert.deepEqual([...statuses], [200]);
	});
});

describe('on the channel', () => {
	test('messages of one client beyond its rate are refused with a time to wait, and the channel stays', async () => {
		const account = await cluster.addAccount();
		const alice = await cluster.connect('alice', { account });
		const replies = await Promise.all(Array.from({ length: IDENTITY * BURST_S + 20 }, () => alice.request({ type: 'ack' })));
		const refused = replies.filter(({ type }) => type === 'error');
		assertAbout(replies.length - refused.length + 1, IDENTITY);      // hello was one
		for (const { code, retry_after_ms } of refused) {
			assert.equal(code, 20429);
			assert.ok(retry_after_ms > 0 && retry_after_ms <= 1000 / IDENTITY, String(retry_after_ms));
		}
		await until(async () => (await alice.request({ type: 'ack' })).type === 'ok', 'it goes on after the wait');
		const bob = await cluster.connect('bob', { account });
		assert.equal((await bob.request({ type: 'ack' })).type, 'ok');
		alice.cut();
		bob.cut();
	});

	test('hellos with refused tokens are few, and closed with 1013 then', async () => {
		const address = freshAddress(), { account } = cluster;
		const token = accessToken({ ...account, key: { ...account.key, secret: 'another' } }, 'alice');
		const channels = await Promise.all(Array.from({ length: FAILURES * BURST_S + 10 }, () => openChannel(presence.url, { headers: { 'X-Forwarded-For': address } })));
		const answers = [];
		for (const client of channels) {
			const { code, retry_after_ms } = await client.request({ type: 'hello', token });
			answers.push({ code, retry_after_ms, closed: (await client.closed).code });
		}
		await assert.rejects(openChannel(presence.url, { headers: { 'X-Forwarded-For': address } }), /429/);
		const limited = answers.filter(({ code }) => code === 20429);
		assertAbout(answers.length - limited.length, FAILURES);
		for (const { retry_after_ms, closed } of limited)
			assert.deepEqual([retry_after_ms > 0, closed], [true, 1013]);
		for (const { code, closed } of answers.filter(answer => !limited.includes(answer)))
			assert.deepEqual([code, closed], [20107, 1008]);
	});

	test('an account holds so many and no more, until one of them closes', async () => {
		const account = await cluster.addAccount();
		const clients = await Promise.all(Array.from({ length: CHANNELS }, (_, i) => cluster.connect(`holder/${i}`, { account })));
		await assert.rejects(cluster.connect('one-more', { account }), /20429.*as many channels/);
		assert.equal((await cluster.readPresence('one-more', { account })).version, 0);
		const other = await cluster.addAccount();
		(await cluster.connect('one-more', { account: other })).cut();
		await clients[0].close();
		const next = await cluster.connect('one-more', { account });
		[...clients, next].forEach(client => client.cut());
	});
});

test('what was refused is counted', async () => {
	assert.ok(await presence.metric('switchhook_limited_total') > 100);
	assert.ok(await presence.metric('switchhook_errors_total', 'TOO_MANY_REQUESTS') > 100);
});
