// revocation.test.mjs - revoked means gone: on every instance, for new requests and for open channels, within a second.
import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { sid } from '../support/accounts.mjs';
import { openChannel } from '../support/client.mjs';
import { startCluster } from '../support/cluster.mjs';
import { until, within } from '../support/process.mjs';
import { rest } from '../support/rest.mjs';
import { seed } from '../support/service.mjs';
import { accessToken, capabilityToken, forgedToken, opened } from '../support/tokens.mjs';

const AT_ONCE_MS = 1000, REVOKED = 45103, SUSPENDED = 20005, TRIES = 4;      // tries: so that each of an instance's loops is asked

let cluster;

before(async () => { cluster = await startCluster({ presence: 2, haproxy: false }); });
after(() => cluster?.stop());

const revoke = (json, options) => cluster.v1('POST', '/Tokens/Revoke', { json, ...options });
const idOf = token => opened(token).payload.jti;

/** The package's ids are the same for all tokens of a key and a second; this one's is its own. */
function ownToken(account, identity, options) {
	const { header, payload } = opened(accessToken(account, identity, options));
	return forgedToken(header, { ...payload, jti: sid('JT') }, account.key.secret);
}

async function revoked(json, options) {
	const answer = await revoke(json, options);
	assert.equal(answer.status, 204, answer.text);
	return Date.now();
}

/** What a hello with that token is answered there: "welcome" or the error's code. */
async function hello(service, token) {
	const channel = await openChannel(service.url);
	const { type, code } = await channel.request({ type: 'hello', token });
	channel.cut();
	return code ?? type;
}

const register = async (service, account, bearer) =>
	(await rest('POST', `${service.url}/v1/Accounts/${account.sid}/Devices`, { bearer, json: { ttl: 5 } })).body.code ?? 'registered';

async function everywhere(account, token) {
	const answers = await Promise.all(cluster.presence.flatMap(service =>
		Array.from({ length: TRIES }, () => [hello(service, token), register(service, account, token)]).flat()));
	return [...new Set(answers)].sort();
}

/** The channels of one client, one per instance and loop or so. */
const connectAll = (identity, options) => Promise.all(cluster.presence.flatMap(at => [1, 2].map(n => cluster.connect(identity, { at, app: `app${n}`, ...options }))));

/** Each hears why and is closed, and nobody is there any more, within a second of `since`. */
async function endAtOnce(clients, since, code = REVOKED) {
	for (const client of clients) {
		assert.equal((await client.next('error', { ms: AT_ONCE_MS })).code, code);
		assert.deepEqual(await within(client.closed, 'the channel is closed', AT_ONCE_MS), { code: 1008, reason: 'token revoked' });
	}
	assert.ok(Date.now() - since < AT_ONCE_MS, `closed after ${Date.now() - since} ms`);
}

async function offlineAtOnce(identity, since, options) {
	await until(async () => (await cluster.readPresence(identity, options)).device_count === 0, `${identity} is not registered`, AT_ONCE_MS);
	assert.ok(Date.now() - since < AT_ONCE_MS, `offline after ${Date.now() - since} ms`);
}

/** A token is dated by the second: the next one is good again. */
const nextSecond = since => until(() => Math.floor(Date.now() / 1000) > Math.floor(since / 1000), 'the next second');

/** Its loop may still be without its store, after an outage; but nobody has told the client that its token is bad. */
async function stillThere(client) {
	await until(async () => (await client.request({ type: 'status', status: 'away' })).type === 'ok', 'the channel works');
	assert.deepEqual(client.all('error').filter(error => error.re === undefined), []);
	await client.close();
}

async function reseed(account, changes) {
	const file = `${cluster.folder.path}/again-${account.sid}.json`;
	writeFileSync(file, JSON.stringify({ accounts: [{ ...account.document, ...changes }] }));
	await seed(cluster.redis, file);
}

describe('what is revoked is gone at once', () => {
	test('one token: its channels end, the client\'s other token goes on', async () => {
		const token = ownToken(cluster.account, 'ann'), other = ownToken(cluster.account, 'ann');
		const ended = await connectAll('ann', { token }), stays = await cluster.connect('ann', { token: other, app: 'other' });
		const since = await revoked({ token_id: idOf(token) });
		await endAtOnce(ended, since);
		await until(async () => (await cluster.readPresence('ann')).device_count === 1, 'only the other is left', AT_ONCE_MS);
		assert.deepEqual(await everywhere(cluster.account, token), [REVOKED]);
		await stillThere(stays);
	});

	test('an identity: all it had ends; a token of later is good', async () => {
		const bob = await connectAll('bob', {}), carol = await connectAll('carol', {});
		const before = accessToken(cluster.account, 'bob', { ttl: 600 });
		const since = await revoked({ identity: 'bob' });
		await endAtOnce(bob, since);
		await offlineAtOnce('bob', since);
		assert.deepEqual(await everywhere(cluster.account, before), [REVOKED]);
		await nextSecond(since);
		assert.deepEqual(await everywhere(cluster.account, before), [REVOKED]);
		assert.deepEqual(await everywhere(cluster.account, accessToken(cluster.account, 'bob')), ['registered', 'welcome']);
		await Promise.all(carol.map(stillThere));
	});

	test('a key: what it signed ends, the other key\'s goes on; the key signs anew', async () => {
		const account = await cluster.addAccount({ keys: [{ sid: sid('SK'), name: 'one', secret: 'one-0123456789abcdef' }, { sid: sid('SK'), name: 'two', secret: 'two-0123456789abcdef' }] });
		const [one, two] = account.keys.map(key => ({ ...account, key }));
		const dan = await connectAll('dan', { token: accessToken(one, 'dan'), account }), eve = await connectAll('eve', { token: accessToken(two, 'eve'), account });
		const since = await revoked({ key: one.key.sid }, { account: one });
		await endAtOnce(dan, since);
		await offlineAtOnce('dan', since, { account: one });
		await nextSecond(since);
		assert.deepEqual(await everywhere(account, accessToken(one, 'dan')), ['registered', 'welcome']);
		await Promise.all(eve.map(stillThere));
	});

	test('a key that is deleted', async () => {
		const answer = await cluster.api2010('POST', '/Keys.json', { form: { FriendlyName: 'to be deleted' } });
		const account = { ...cluster.account, key: { sid: answer.body.sid, secret: answer.body.secret } };
		const fay = await connectAll('fay', { token: accessToken(account, 'fay') }), gus = await connectAll('gus', {});
		assert.equal((await cluster.api2010('DELETE', `/Keys/${account.key.sid}.json`)).status, 204);
		const since = Date.now();
		await endAtOnce(fay, since);
		await offlineAtOnce('fay', since);
		await Promise.all(gus.map(stillThere));
	});

	test('a public key that is deleted', async () => {
		const { publicKey, privateKey } = generateKeyPairSync('ed25519', { publicKeyEncoding: { type: 'spki', format: 'pem' } });
		const { body } = await cluster.v1('POST', '/PublicKeys', { json: { pem: publicKey } });
		const key = body.public_keys[0].sid, { iss: _, ...claims } = opened(accessToken(cluster.account, 'lia')).payload;
		const text = [{ alg: 'EdDSA', typ: 'JWT', kid: key }, claims]
			.map(part => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
		const lia = await connectAll('lia', { token: `${text}.${sign(null, text, privateKey).toString('base64url')}` });
		assert.equal((await cluster.v1('DELETE', `/PublicKeys/${key}`)).status, 204);
		const since = Date.now();
		await endAtOnce(lia, since);
		await offlineAtOnce('lia', since);
	});

	test('an auth token that is replaced: what it signed; what the second one signed goes on', async () => {
		const account = await cluster.addAccount({ auth_token_second: 'second-auth-token-0123456789abcdef' });
		const mia = await connectAll('mia', { account, token: capabilityToken(account, 'mia') });
		const noa = await connectAll('noa', { account, token: capabilityToken({ ...account, auth_token: account.auth_token_second }, 'noa') });
		await reseed(account, { auth_token: 'replaced-auth-token-0123456789ab' });
		const since = Date.now();
		await endAtOnce(mia, since);
		await offlineAtOnce('mia', since, { account });
		await Promise.all(noa.map(stillThere));
	});

	test('an account that is suspended; other accounts hear nothing', async () => {
		const account = await cluster.addAccount();
		const hal = await connectAll('hal', { account }), ida = await connectAll('ida', {});
		const capability = await cluster.connect('ivy', { token: capabilityToken(account, 'ivy') });
		await reseed(account, { status: 'suspended' });
		await endAtOnce([...hal, capability], Date.now(), SUSPENDED);
		await Promise.all(ida.map(stillThere));
	});
});

describe('a revoked token', () => {
	test('renews nothing: the channel goes on with the one that it has', async () => {
		const token = ownToken(cluster.account, 'jan');
		const jan = await cluster.connect('jan');
		await revoked({ token_id: idOf(token) });
		assert.equal((await jan.request({ type: 'token', token })).code, REVOKED);
		assert.equal((await jan.request({ type: 'status', status: 'away' })).type, 'ok');
		await jan.close();
	});

	test('ends nothing that was renewed with another', async () => {
		const token = ownToken(cluster.account, 'kim');
		const kim = await cluster.connect('kim', { token });
		assert.equal((await kim.request({ type: 'token', token: ownToken(cluster.account, 'kim') })).type, 'ok');
		await revoked({ token_id: idOf(token) });
		assert.deepEqual(await everywhere(cluster.account, token), [REVOKED]);
		await stillThere(kim);
	});
});

test('however a hello, a lease and a revocation cross, nothing is left of it', async () => {
	const rounds = Array.from({ length: 120 }, async (_, i) => {
		const identity = `race/${i}`, token = ownToken(cluster.account, identity);
		const channel = await openChannel(cluster.presence[i % 2].url);
		const late = new Promise(resolve => setTimeout(resolve, i % 12));
		const said = channel.request({ type: 'hello', token }), leased = register(cluster.presence[(i + 1) % 2], cluster.account, token);
		const since = await late.then(() => revoked({ token_id: idOf(token) }));
		assert.ok(['welcome', 'error'].includes((await said).type));
		assert.ok(['registered', REVOKED].includes(await leased));
		assert.equal((await within(channel.closed, 'the channel is closed')).code, 1008);
		await until(async () => (await cluster.readPresence(identity)).device_count === 0, `${identity} is not registered`);
		return Date.now() - since;
	});
	const took = Math.max(...await Promise.all(rounds));
	assert.ok(took < 3 * AT_ONCE_MS, `all of them at once: ${took} ms`);
});

describe('when notices are lost', () => {
	test('what was revoked meanwhile ends when the instances hear again', async () => {
		const lea = await connectAll('lea', {}), max = await connectAll('max', {});
		await cluster.redis.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
		await cluster.redis.command('ZADD', `rv:{${cluster.account.sid}}`, String(Date.now() * 1000), 'i|lea');
		await endAtOnce(lea, Date.now());
		await Promise.all(max.map(stillThere));
	});

	test('within a second after Redis is back, however long it was away', async () => {
		const ned = await connectAll('ned', {}), ola = await connectAll('ola', {});
		const failures = () => cluster.presence.map(service => service.output.split('event=redis_connect_failed').length);
		// Nobody is told: what ends ned's channels is that all is looked at again.
		await cluster.redis.command('ZADD', `rv:{${cluster.account.sid}}`, String(Date.now() * 1000), 'i|ned');
		await cluster.redis.shutdown();
		const before = failures();
		await until(() => failures().every((n, i) => n > before[i] + 30), 'the instances have lost patience', 20_000);
		await cluster.redis.start();
		await endAtOnce(ned, Date.now());
		await Promise.all(ola.map(stillThere));
	});

	test('and what is revoked from then on ends at once again', async () => {
		const pia = await until(() => connectAll('pia', {}).catch(() => null), 'every loop has its store again');
		const since = await revoked({ identity: 'pia' });
		await endAtOnce(pia, since);
		await offlineAtOnce('pia', since);
	});
});

describe('revoking', () => {
	test('needs one thing to be named, and a good name', async () => {
		const cases = [
			[{}, 45003, 'token_id'],
			[{ token_id: 'a', identity: 'bob' }, 45002, 'identity'],
			[{ identity: 'bob', key: cluster.account.key.sid }, 45002, 'key'],
			[{ token_id: '' }, 45002, 'token_id'],
			[{ token_id: 'x'.repeat(129) }, 45002, 'token_id'],
			[{ token_id: 'a\nb' }, 45002, 'token_id'],
			[{ token_id: 7 }, 45002, 'token_id'],
			[{ identity: 'not a name' }, 45002, 'identity'],
			[{ key: 'SK1' }, 45002, 'key'],
		];
		for (const [json, code, field] of cases) {
			const { status, body } = await revoke(json);
			assert.deepEqual([status, body.code, body.field], [400, code, field], JSON.stringify(json));
		}
	});

	test('is for servers, each in its own account', async () => {
		const other = await cluster.addAccount();
		const path = `${cluster.url}/v1/Accounts/${cluster.account.sid}/Tokens/Revoke`;
		assert.equal((await rest('POST', path, { bearer: accessToken(cluster.account, 'pam'), json: { identity: 'pam' } })).status, 401);
		assert.equal((await rest('POST', path, { basic: [other.sid, other.auth_token], json: { identity: 'pam' } })).status, 404);
		const child = (await rest('POST', `${cluster.url}/2010-04-01/Accounts.json`, { basic: [other.sid, other.auth_token], form: { FriendlyName: 'child' } })).body;
		const asParent = { basic: [other.sid, other.auth_token], json: { identity: 'pam' } };
		assert.equal((await rest('POST', `${cluster.url}/v1/Accounts/${child.sid}/Tokens/Revoke`, asParent)).status, 204);
	});

	test('is remembered, newest first, page by page', async () => {
		const account = await cluster.addAccount();
		const wanted = [{ token_id: 'SK0-1700000000' }, { identity: 'support/quin' }, { key: account.key.sid }];
		for (const json of wanted)
			await revoked(json, { account });
		await revoked(wanted[0], { account });
		const pages = [];
		for (let token = ''; token !== null;) {
			const { body } = await cluster.v1('GET', `/Tokens/Revocations?PageSize=2${token && `&PageToken=${token}`}`, { account });
			pages.push(body.revocations);
			token = body.next_page_token;
		}
		assert.deepEqual(pages.map(page => page.map(({ revoked_at: _, kept_until: __, ...subject }) => subject)), [[wanted[0], wanted[2]], [wanted[1]]]);
		const { revoked_at: at, kept_until: until } = pages[0][0];
		assert.ok(Math.abs(Date.now() - Date.parse(at)) < 5000 && Date.parse(until) - Date.parse(at) >= 24 * 3600 * 1000);
		assert.equal((await cluster.v1('GET', '/Tokens/Revocations?PageToken=x', { account })).body.field, 'PageToken');
	});
});
