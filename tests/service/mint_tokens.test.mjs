// mint_tokens.test.mjs - access tokens minted over REST: as the twilio package would make them, signed by the right key, good for what was asked.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import jwt from 'jsonwebtoken';
import { sid } from '../support/accounts.mjs';
import { startCluster } from '../support/cluster.mjs';
import { rest } from '../support/rest.mjs';
import { accessToken, opened } from '../support/tokens.mjs';

let cluster, account;

before(async () => {
	cluster = await startCluster({ haproxy: false });
	account = cluster.account;
});
after(() => cluster?.stop());

const byKey = owner => [owner.key.sid, owner.key.secret];
const byAccount = owner => [owner.sid, owner.auth_token];
const now = () => Math.floor(Date.now() / 1000);

const ask = (json, { owner = account, basic = byKey(owner), ...more } = {}) => rest('POST', `${cluster.url}/v1/Accounts/${owner.sid}/Tokens`, { basic, json, ...more });

async function mint(json, how) {
	const { status, body, text, headers } = await ask(json, how);
	assert.equal(status, 201, text);
	assert.equal(headers.get('cache-control'), 'no-store');
	return body;
}

describe('a minted token', () => {
	test('has the shape of one that the twilio package makes', async () => {
		const outgoing = { application_sid: account.application.sid, parameters: { tier: 'gold', name: 'Zoë' } };
		const [{ token }, theirs] = [await mint({ identity: 'alice', outgoing }), accessToken(account, 'alice', { params: outgoing.parameters })];
		const [a, b] = [opened(token), opened(theirs)];
		assert.deepEqual(a.header, b.header);
		assert.deepEqual(Object.keys(a.payload).toSorted(), Object.keys(b.payload).toSorted());
		const rest = ({ jti, iat, exp, ...others }) => others;
		assert.deepEqual(rest(a.payload), rest(b.payload));
		assert.equal(a.payload.exp - a.payload.iat, 3600);
		assert.ok(Math.abs(a.payload.iat - now()) <= 2);
		jwt.verify(token, account.key.secret, { algorithms: ['HS256'], issuer: account.key.sid, subject: account.sid });
	});

	test('is described by the answer', async () => {
		const { token, token_id: id, identity, key, expires_at: expires } = await mint({ identity: 'support/alice', ttl: 60 });
		const { payload } = opened(token);
		assert.deepEqual([payload.jti, payload.grants.identity, payload.iss, new Date(payload.exp * 1000).toISOString()], [id, identity, key, expires]);
		assert.equal(payload.exp - payload.iat, 60);
		assert.notEqual((await mint({ identity: 'support/alice' })).token_id, id);
	});

	test('registers its client on the channel and over REST, and is heard of as its token_id', async () => {
		const { token } = await mint({ identity: 'alice' });
		const alice = await cluster.connect('alice', { token });
		assert.deepEqual([alice.welcome.identity, alice.welcome.registered], ['alice', true]);
		await alice.close();
		assert.equal((await rest('POST', `${cluster.url}/v1/Accounts/${account.sid}/Devices`, { bearer: token, json: { ttl: 1 } })).status, 201);
	});

	test('may do what it was asked for and nothing else', async () => {
		const read = async (token, identity) => (await rest('GET', `${cluster.url}/v1/Accounts/${account.sid}/Presence/${encodeURIComponent(identity)}`, { bearer: token })).status;
		const silent = (await mint({ identity: 'silent', incoming: false })).token;
		const made = await rest('POST', `${cluster.url}/v1/Accounts/${account.sid}/Devices`, { bearer: silent, json: {} });
		assert.deepEqual([made.status, made.body.code], [403, 45101]);
		assert.deepEqual(await Promise.all(['silent', 'bob', 'support/a'].map(one => read(silent, one))), [200, 403, 403]);

		const { token } = await mint({ identity: 'chief', watch: ['support/*', 'bob'], override: true });
		assert.deepEqual(await Promise.all(['support/a', 'support/b/c', 'bob', 'carol', 'support'].map(one => read(token, one))), [200, 200, 200, 403, 403]);
		const all = (await mint({ identity: 'chief', watch: ['*'] })).token;
		assert.equal(await read(all, 'carol'), 200);
		assert.deepEqual(opened(token).payload.grants.presence, { watch: ['support/*', 'bob'], override: true });
	});

	test('calls out with the application and the parameters that were fixed', async () => {
		cluster.customer.answer('/voice', '<Response><Reject/></Response>');
		const { token } = await mint({ identity: 'caller', outgoing: { application_sid: account.application.sid, parameters: { tier: 'gold' } } });
		const caller = await cluster.connect('caller', { token });
		await caller.request({ type: 'call', to: 'client:nobody' });
		const { params } = await cluster.customer.next('/voice');
		assert.equal(params.tier, 'gold');
		await caller.close();
	});
});

describe('is signed', () => {
	const signer = async (json, how) => {
		const { token, key } = await mint(json, how);
		assert.equal(opened(token).payload.iss, key);
		return key;
	};

	test('with the key that asked, even when the body names another', async () => {
		const owner = await cluster.addAccount({ keys: ['a', 'b'].map(name => ({ sid: sid('SK'), name, secret: `secret-of-key-${name}-0123456789` })) });
		const [a, b] = owner.document.keys;
		assert.equal(await signer({ identity: 'alice' }, { owner, basic: [b.sid, b.secret] }), b.sid);
		assert.equal(await signer({ identity: 'alice', key: a.sid }, { owner, basic: [b.sid, b.secret] }), b.sid);
		assert.equal(await signer({ identity: 'alice', key: b.sid }, { owner, basic: byAccount(owner) }), b.sid);
		assert.equal(await signer({ identity: 'alice' }, { owner, basic: byAccount(owner) }), [a.sid, b.sid].toSorted()[0]);
	});

	test('by no public key, and by none at all when there is no secret', async () => {
		const owner = await cluster.addAccount({ keys: [] }), basic = byAccount(owner);
		const jwk = { kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' };
		const [pair] = (await rest('POST', `${cluster.url}/v1/Accounts/${owner.sid}/PublicKeys`, { basic, json: { jwk } })).body.public_keys;
		const none = await ask({ identity: 'alice' }, { owner, basic });
		assert.deepEqual([none.status, none.body.code], [409, 20409]);
		assert.match(none.body.message, /no API key with a secret/);
		const named = await ask({ identity: 'alice', key: pair.sid }, { owner, basic });
		assert.deepEqual([named.status, named.body.field], [400, 'key']);
		const { body: made } = await rest('POST', `${cluster.url}/2010-04-01/Accounts/${owner.sid}/Keys.json`, { basic, form: {} });
		assert.equal(await signer({ identity: 'alice' }, { owner, basic }), made.sid);
	});

	test('by no key of another account', async () => {
		const other = await cluster.addAccount();
		const answer = await ask({ identity: 'alice', key: other.key.sid }, { basic: byAccount(account) });
		assert.deepEqual([answer.status, answer.body.field], [400, 'key']);
	});
});

describe('what is asked', () => {
	const AP = sid('AP');
	const cases = [
		['no identity', {}, 'identity'],
		['an identity that is none', { identity: 'a b' }, 'identity'],
		['a pattern as the identity', { identity: '*' }, 'identity'],
		['longer than a day', { identity: 'a', ttl: 86401 }, 'ttl'],
		['no time at all', { identity: 'a', ttl: 0 }, 'ttl'],
		['a time that is no number', { identity: 'a', ttl: '60' }, 'ttl'],
		['incoming as a word', { identity: 'a', incoming: 'yes' }, 'incoming'],
		['override as a number', { identity: 'a', override: 1 }, 'override'],
		['outgoing without an application', { identity: 'a', outgoing: {} }, 'outgoing.application_sid'],
		['outgoing with something else', { identity: 'a', outgoing: { application_sid: sid('SK') } }, 'outgoing.application_sid'],
		['parameters that are no texts', { identity: 'a', outgoing: { application_sid: AP, parameters: { n: 1 } } }, 'outgoing.parameters'],
		['parameters that are too long', { identity: 'a', outgoing: { application_sid: AP, parameters: { n: 'x'.repeat(8000) } } }, 'outgoing.parameters'],
		['watching by a word', { identity: 'a', watch: 'support/*' }, 'watch'],
		['watching by half a name', { identity: 'a', watch: ['sup*'] }, 'watch'],
		['watching too much', { identity: 'a', watch: Array(65).fill('b') }, 'watch'],
		['a key that is none', { identity: 'a', key: 'secret' }, 'key'],
	];
	for (const [what, json, field] of cases) {
		test(`${what}: 400 names ${field}`, async () => {
			const { status, body } = await ask(json);
			assert.deepEqual([status, body.field], [400, field], body.message);
		});
	}

	test('by a client, or by nobody: 401', async () => {
		const { token } = await mint({ identity: 'alice' });
		assert.equal((await ask({ identity: 'bob' }, { basic: null, bearer: token })).status, 401);
		assert.equal((await ask({ identity: 'bob' }, { basic: null })).status, 401);
		assert.equal((await ask({ identity: 'bob' }, { basic: [account.key.sid, 'wrong-secret-0123456789'] })).status, 401);
	});

	test('with a key that was deleted meanwhile: 401', async () => {
		const owner = await cluster.addAccount();
		await mint({ identity: 'alice' }, { owner });
		assert.equal((await rest('DELETE', `${cluster.url}/2010-04-01/Accounts/${owner.sid}/Keys/${owner.key.sid}.json`, { basic: byAccount(owner) })).status, 204);
		assert.equal((await ask({ identity: 'alice' }, { owner })).status, 401);
	});
});
