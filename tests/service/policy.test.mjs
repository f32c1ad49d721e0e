// policy.test.mjs - the account's own server is asked who may register: yes, no, and silence.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startCluster } from '../support/cluster.mjs';
import { openChannel } from '../support/client.mjs';
import { rest } from '../support/rest.mjs';
import { accessToken } from '../support/tokens.mjs';
import { isSignedTheStandardWay, isSignedWithBody, webhookSecret } from '../support/webhooks.mjs';

const ENV = { WORKERS: '1', POLICY_TIMEOUT_MS: '300', FETCH_BREAK_AFTER: '0' };
const REFUSED = 45106, UNAVAILABLE = 45105;

let cluster, number = 0;

before(async () => { cluster = await startCluster({ presence: 2, routing: 0, haproxy: false, env: ENV }); });
after(() => cluster?.stop());

/** An account whose policy is at a path of its own; `asked` is what it has heard. */
async function withPolicy(answer, url) {
	const path = `/policy${++number}`;
	cluster.customer.answer(path, answer);
	const account = await cluster.addAccount({ policy_url: url ?? `${cluster.customer.url}${path}` });
	return { account, path, asked: () => cluster.customer.all(path).map(request => JSON.parse(request.body)) };
}

/** The answer to a hello: welcome or error; the channel is closed after it. */
async function hello(account, identity, { at = cluster.presence[0], token = accessToken(account, identity), ...rest } = {}) {
	const channel = await openChannel(at.url);
	const answer = await channel.request({ type: 'hello', token, ...rest });
	channel.cut();
	return answer;
}

const lease = (account, identity, json = {}, bearer = accessToken(account, identity)) =>
	rest('POST', `${cluster.url}/v1/Accounts/${account.sid}/Devices`, { bearer, json });

describe('an account\'s policy', () => {
	test('is asked who, from where, with which token and device, signed both ways', async () => {
		const { account, path, asked } = await withPolicy({ allow: true });
		const secret = await webhookSecret(cluster, account);
		const welcome = await hello(account, 'support/ann', { app: 'desk', host: 'her phone' });
		assert.equal(welcome.type, 'welcome');
		const request = await cluster.customer.next(path);
		assert.ok(isSignedWithBody(account, request), 'X-Twilio-Signature with bodySHA256');
		assert.ok(isSignedTheStandardWay(secret, request), 'Standard Webhooks');
		const { token_id: id, ...question } = asked()[0];
		assert.match(id, new RegExp(`^${account.key.sid}-\\d+$`));
		assert.deepEqual(question, {
			account: account.sid, identity: 'support/ann', key: account.key.sid, device: welcome.device, app: 'desk', host: 'her phone', address: '127.0.0.1',
		});
	});

	test('admits by REST as on the channel', async () => {
		const { account, asked } = await withPolicy({ allow: true });
		const made = await lease(account, 'bob', { app: 'pager' });
		assert.equal(made.status, 201, made.text);
		assert.deepEqual([asked()[0].device, asked()[0].app], [made.body.device, 'pager']);
	});

	test('refuses, and the client hears why', async () => {
		const { account } = await withPolicy({ allow: false, reason: 'outside of office hours' });
		const refused = await hello(account, 'carl'), byRest = await lease(account, 'carl');
		assert.deepEqual([refused.code, refused.message], [REFUSED, 'outside of office hours']);
		assert.deepEqual([byRest.status, byRest.body.code, byRest.body.message], [403, REFUSED, 'outside of office hours']);
		assert.equal((await cluster.readPresence('carl', { account })).device_count, 0);
	});

	test('refuses with a plain 403, too', async () => {
		const { account } = await withPolicy({ status: 403, body: 'no' });
		assert.equal((await hello(account, 'dora')).code, REFUSED);
		const { account: other } = await withPolicy({ status: 403, headers: { 'Content-Type': 'application/json' }, body: '{"reason":"blocked"}' });
		assert.equal((await hello(other, 'dora')).message, 'blocked');
	});

	const SILENCE = {
		'another status': { status: 500, body: '{"allow":true}' },
		'a redirect': { status: 302, headers: { Location: '/elsewhere' } },
		'no JSON': { status: 200, body: 'yes' },
		'no word of allow': { allowed: true },
		'an allow that is no boolean': { allow: 'true' },
		'nothing in time': () => new Promise(() => {}),
	};
	for (const [what, answer] of Object.entries(SILENCE)) {
		test(`admits nobody by ${what}`, async () => {
			const { account } = await withPolicy(answer);
			const byRest = await lease(account, 'eve');
			assert.deepEqual([(await hello(account, 'eve')).code, byRest.status, byRest.body.code], [UNAVAILABLE, 503, UNAVAILABLE]);
			assert.ok(byRest.headers.get('retry-after'));
		});
	}

	test('admits nobody while its server is down, or at an address that customers may not reach', async () => {
		const { account } = await withPolicy({ allow: true }, 'http://127.0.0.1:1/policy');
		assert.equal((await hello(account, 'fay')).code, UNAVAILABLE);
		const { account: other } = await withPolicy({ allow: true }, 'http://10.0.0.1/policy');
		assert.equal((await hello(other, 'fay')).code, UNAVAILABLE);
	});

	test('is not asked for clients that do not register', async () => {
		const { account, asked } = await withPolicy({ allow: false });
		const welcome = await hello(account, 'gus', { token: accessToken(account, 'gus', { incoming: false }) });
		assert.deepEqual([welcome.type, welcome.registered, asked().length], ['welcome', false, 0]);
	});

	test('that takes its time admits nobody whose token was revoked meanwhile', async () => {
		const answers = [];
		const { account, path } = await withPolicy(() => new Promise(resolve => answers.push(resolve)));
		const ways = [hello(account, 'gina'), lease(account, 'gina')];
		await Promise.all(ways.map(() => cluster.customer.next(path)));
		assert.equal((await cluster.v1('POST', '/Tokens/Revoke', { account, json: { identity: 'gina' } })).status, 204);
		for (const answer of answers)
			answer({ allow: true });
		const [onChannel, byRest] = await Promise.all(ways);
		assert.deepEqual([onChannel.code, byRest.status, byRest.body.code], [45103, 401, 45103]);
		assert.equal((await cluster.readPresence('gina', { account })).version, 0);
	});

	test('ends no channel that its device has: who is refused takes nothing over', async () => {
		const { account, path } = await withPolicy({ allow: true });
		const first = await cluster.connect('hal', { account });
		cluster.customer.answer(path, { allow: false });
		const again = await hello(account, 'hal', { token: accessToken(account, 'hal', { ttl: 1000 }), device: first.welcome.device });
		assert.equal(again.code, REFUSED);
		assert.equal((await first.request({ type: 'status', status: 'away' })).type, 'ok');
		await first.close();
	});
});

describe('a yes', () => {
	test('is kept for its token, by each instance; a no is asked again', async () => {
		const { account, path, asked } = await withPolicy({ allow: true });
		const token = accessToken(account, 'ida');
		for (let i = 0; i < 3; i++)
			assert.equal((await hello(account, 'ida', { token })).type, 'welcome');
		assert.equal((await lease(account, 'ida', {}, token)).status, 201);
		assert.equal(asked().length, 1);
		assert.equal((await hello(account, 'ida', { token, at: cluster.presence[1] })).type, 'welcome');
		assert.equal((await hello(account, 'ida', { token: accessToken(account, 'ida', { ttl: 1000 }) })).type, 'welcome');
		assert.equal(asked().length, 3);
		cluster.customer.answer(path, { allow: false });
		const other = accessToken(account, 'jan');
		for (let i = 0; i < 2; i++)
			assert.equal((await hello(account, 'jan', { token: other })).code, REFUSED);
		assert.equal(asked().length, 5);
	});

	test('is forgotten when the account changes', async () => {
		const { account, path } = await withPolicy({ allow: true });
		const token = accessToken(account, 'kim');
		assert.equal((await hello(account, 'kim', { token })).type, 'welcome');
		cluster.customer.answer(path, { allow: false });
		assert.equal((await cluster.v1('POST', '/Settings', { account, json: { away_rings: true } })).status, 200);
		assert.equal((await hello(account, 'kim', { token })).code, REFUSED);
		assert.equal((await cluster.v1('POST', '/Settings', { account, json: { policy_url: '' } })).status, 200);
		assert.equal((await hello(account, 'kim', { token })).type, 'welcome');
	});
});
