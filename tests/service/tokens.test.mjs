// tokens.test.mjs - which client tokens open the channel and the REST interface, and what each refusal says.
import assert from 'node:assert/strict';
import { createSign, generateKeyPairSync } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { sid } from '../support/accounts.mjs';
import { openChannel } from '../support/client.mjs';
import { startCluster } from '../support/cluster.mjs';
import { rest } from '../support/rest.mjs';
import { accessToken, capabilityToken, forgedToken, opened } from '../support/tokens.mjs';

let cluster, account, other, suspended;

before(async () => {
	cluster = await startCluster({ routing: 0, haproxy: false });
	account = cluster.account;
	[other, suspended] = await Promise.all([cluster.addAccount(), cluster.addAccount({ status: 'suspended' })]);
});
after(() => cluster?.stop());

const now = () => Math.floor(Date.now() / 1000);

/** A good token with other claims (undefined takes one away), signed anew. */
function signedWith(claims, { header = {}, secret = account.key.secret, hash, base = accessToken(account, 'mallory') } = {}) {
	const { header: head, payload } = opened(base);
	return forgedToken({ ...head, ...header }, { ...payload, ...claims }, secret, hash);
}

const register = (token, owner = account) => rest('POST', `${cluster.url}/v1/Accounts/${owner.sid}/Devices`, { bearer: token, json: {} });

describe('tokens of the twilio package are accepted', () => {
	const kinds = {
		'access token, HS256': () => accessToken(account, 'alice'),
		'access token, HS384': () => accessToken(account, 'alice', { algorithm: 'HS384' }),
		'access token, HS512': () => accessToken(account, 'alice', { algorithm: 'HS512' }),
		'access token for 24 hours': () => accessToken(account, 'alice', { ttl: 24 * 3600 }),
		'access token that is valid since a minute ago': () => accessToken(account, 'alice', { nbf: now() - 60 }),
		'capability token': () => capabilityToken(account, 'alice'),
	};
	for (const [kind, make] of Object.entries(kinds)) {
		test(`${kind}: on the channel`, async () => {
			const alice = await cluster.connect('alice', { token: make() });
			assert.deepEqual([alice.welcome.identity, alice.welcome.account, alice.welcome.registered], ['alice', account.sid, true]);
			assert.equal((await cluster.readPresence('alice')).status, 'available');
			await alice.close();
		});

		test(`${kind}: over REST`, async () => {
			const token = make();
			const made = await register(token);
			assert.deepEqual([made.status, made.body.identity], [201, 'alice']);
			assert.equal((await rest('DELETE', `${cluster.url}/v1/Accounts/${account.sid}/Devices/${made.body.device}`, { bearer: token })).status, 204);
		});
	}

	test('a capability token signed with the second auth token', async () => {
		const turning = await cluster.addAccount({ auth_token_second: 'second-auth-token-0123456789' });
		const token = capabilityToken({ ...turning, auth_token: 'second-auth-token-0123456789' }, 'alice');
		assert.equal((await register(token, turning)).status, 201);
	});
});

describe('a token permits what it says and no more', () => {
	for (const [kind, make] of Object.entries({ access: accessToken, capability: capabilityToken })) {
		test(`${kind} token without incoming: admitted, not registered`, async () => {
			const token = make(account, `caller-${kind}`, { incoming: false });
			const caller = await cluster.connect('caller', { token });
			assert.equal(caller.welcome.registered, false);
			assert.equal((await cluster.readPresence(`caller-${kind}`)).status, 'offline');
			assert.equal((await caller.request({ type: 'status', status: 'away' })).code, 45203);
			const made = await register(token);
			assert.deepEqual([made.status, made.body.code], [403, 45101]);
			await caller.close();
		});

		test(`${kind} token without outgoing: may not call`, async () => {
			const silent = await cluster.connect('silent', { token: make(account, 'silent', { outgoing: false }) });
			assert.equal((await silent.request({ type: 'call', to: 'client:bob' })).code, 45102);
			await silent.close();
		});
	}

	test('a token that names no client opens no channel', async () => {
		const channel = await openChannel(cluster.url);
		const { scope, ...claims } = opened(capabilityToken(account, 'x', { incoming: false })).payload;
		const token = forgedToken({ typ: 'JWT', alg: 'HS256' }, { ...claims, scope: scope.replace(/&clientName=x/, '') }, account.auth_token);
		assert.equal((await channel.request({ type: 'hello', token })).code, 20106);
		assert.equal((await channel.closed).code, 1008);
	});
});

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });

function signedByRsa() {
	const { header, payload } = opened(accessToken(account, 'mallory'));
	const unsigned = forgedToken({ ...header, alg: 'RS256' }, payload, null);
	return unsigned + createSign('sha256').update(unsigned.slice(0, -1)).sign(rsa.privateKey).toString('base64url');
}

const flipped = token => token.slice(0, -4) + (token.at(-4) === 'A' ? 'B' : 'A') + token.slice(-3);

// what it is: [the token, its code, the HTTP status, the account of the path]
const refused = {
	'signed with another secret': [() => accessToken({ ...account, key: { ...account.key, secret: 'x'.repeat(32) } }, 'mallory'), 20107, 401],
	"signed with another account's key under our key's name": [() => signedWith({}, { secret: other.key.secret }), 20107, 401],
	'capability signed with a wrong auth token': [() => capabilityToken({ ...account, auth_token: other.auth_token }, 'mallory'), 20107, 401],
	'access token signed with the auth token': [() => signedWith({}, { secret: account.auth_token }), 20107, 401],
	'a changed signature': [() => flipped(accessToken(account, 'mallory')), 20107, 401],
	'a changed payload': [() => { const [h, , s] = accessToken(account, 'mallory').split('.'); return [h, accessToken(account, 'alice').split('.')[1], s].join('.'); }, 20107, 401],
	'HS512 in the header, HS256 in the signature': [() => signedWith({}, { header: { alg: 'HS512' } }), 20107, 401],
	'a truncated signature': [() => accessToken(account, 'mallory').slice(0, -11), 20107, 401],
	'a signature cut within a byte': [() => accessToken(account, 'mallory').slice(0, -10), 20101, 401],
	'no signature': [() => accessToken(account, 'mallory').replace(/[^.]*$/, ''), 20107, 401],
	'an unknown key': [() => signedWith({ iss: sid('SK') }), 20103, 401],
	'an unknown account': [() => signedWith({ sub: sid('AC') }), 20103, 401],
	"another account's key": [() => signedWith({ sub: other.sid }), 20103, 401],
	'no issuer': [() => signedWith({ iss: undefined }), 20103, 401],
	'expired a minute ago': [() => accessToken(account, 'mallory', { ttl: -60 }), 20104, 401],
	'not valid yet': [() => accessToken(account, 'mallory', { nbf: now() + 60 }), 20105, 401],
	'a lifetime of 25 hours': [() => accessToken(account, 'mallory', { ttl: 25 * 3600 }), 31207, 401],
	'a lifetime of 25 hours by an issue in the future': [() => signedWith({ iat: now() + 7200, exp: now() + 25 * 3600 }), 31207, 401],
	'alg none': [() => signedWith({}, { header: { alg: 'none' }, secret: null }), 20102, 401],
	'alg None with the signature of HS256': [() => signedWith({}, { header: { alg: 'None' } }), 20102, 401],
	'no alg': [() => signedWith({}, { header: { alg: undefined } }), 20102, 401],
	'RS256 with a key of its own': [signedByRsa, 20102, 401],
	'a critical header': [() => signedWith({}, { header: { crit: ['exp'] } }), 20102, 401],
	'another content type': [() => signedWith({}, { header: { cty: 'twilio-fpa;v=2' } }), 20102, 401],
	'cut in the payload': [() => accessToken(account, 'mallory').slice(0, 120), 20101, 401],
	'one part too many': [() => accessToken(account, 'mallory') + '.x', 20101, 401],
	'not a token': [() => 'mallory', 20101, 401],
	'not base64': [() => 'a b.c d.e f', 20101, 401],
	'no expiry': [() => signedWith({ exp: undefined }), 20101, 401],
	'an expiry that is a text': [() => signedWith({ exp: '9999999999' }), 20101, 401],
	'no grants': [() => signedWith({ grants: undefined }), 20106, 403],
	'an identity that is no name': [() => accessToken(account, '../mallory'), 20106, 403],
	'an identity that is too long': [() => accessToken(account, 'm'.repeat(122)), 20106, 403],
	'grants of wrong types': [() => signedWith({ grants: { identity: 'mallory', voice: { incoming: { allow: 'yes' } } } }), 20106, 403],
	'a suspended account': [() => accessToken(suspended, 'mallory'), 20005, 403, () => suspended],
};

describe('tokens that are refused, each with its own code, leaving nothing behind', () => {
	for (const [what, [make, code, status, owner = () => account]] of Object.entries(refused)) {
		test(what, async () => {
			const token = make();
			const channel = await openChannel(cluster.url);
			const error = await channel.request({ type: 'hello', token });
			assert.deepEqual([error.type, error.code], ['error', code], JSON.stringify(error));
			assert.equal((await channel.closed).code, 1008);

			const answer = await register(token, owner());
			assert.deepEqual([answer.status, answer.body?.code], [status, code], answer.text);
		});
	}

	test("one account's token at another account's address", async () => {
		const answer = await register(accessToken(account, 'mallory'), other);
		assert.deepEqual([answer.status, answer.body.code], [403, 20108]);
		assert.deepEqual((await register(accessToken(account, 'mallory'), { sid: sid('AC') })).body.code, 20108);
	});

	test('server credentials and no credentials are no token', async () => {
		const url = `${cluster.url}/v1/Accounts/${account.sid}/Devices`;
		for (const options of [{}, { basic: [account.sid, account.auth_token] }, { bearer: '' }]) {
			const answer = await rest('POST', url, { ...options, json: {} });
			assert.deepEqual([answer.status, answer.body.code], [401, 20003]);
			assert.match(answer.headers.get('www-authenticate'), /^Bearer /);
		}
	});

	test('a token in the address is not looked at', async () => {
		const answer = await rest('POST', `${cluster.url}/v1/Accounts/${account.sid}/Devices?token=${accessToken(account, 'mallory')}`, { json: {} });
		assert.equal(answer.status, 401);
	});

	test('nobody is there, and nobody ever was', async () => {
		const presence = await cluster.readPresence('mallory');
		assert.deepEqual([presence.status, presence.version, presence.devices], ['offline', 0, []]);
		assert.doesNotMatch(String(await cluster.redis.command('KEYS', 'c:*')), /mallory/);
	});
});
