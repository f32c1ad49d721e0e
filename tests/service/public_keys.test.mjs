// public_keys.test.mjs - client tokens that customers sign with private keys of their own: RS256, ES256, EdDSA.
import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import jwt from 'jsonwebtoken';
import { sid } from '../support/accounts.mjs';
import { startCluster } from '../support/cluster.mjs';
import { until } from '../support/process.mjs';
import { rest } from '../support/rest.mjs';
import { accessToken, forgedToken } from '../support/tokens.mjs';

const PAIRS = {
	RS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
	ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
	EdDSA: () => generateKeyPairSync('ed25519'),
};
const pemOf = ({ publicKey }) => publicKey.export({ type: 'spki', format: 'pem' });
const jwkOf = ({ publicKey }) => publicKey.export({ format: 'jwk' });
const now = () => Math.floor(Date.now() / 1000);
const part = value => Buffer.from(JSON.stringify(value)).toString('base64url');

let cluster, account, base;

before(async () => {
	cluster = await startCluster({ presence: 2, routing: 0, haproxy: false });
	account = cluster.account;
	base = `${cluster.url}/v1/Accounts/${account.sid}/PublicKeys`;
});
after(() => cluster?.stop());

const asServer = (method, url, json) => rest(method, url, { basic: [account.sid, account.auth_token], json });

/** Registers what is given and answers with the first key. */
async function register(given) {
	const { status, body, text } = await asServer('POST', base, given);
	assert.equal(status, 201, text);
	return body.public_keys[0];
}

/** A token as customers make it: jsonwebtoken for RS256 and ES256, which does not know EdDSA. */
function signed(algorithm, pair, kid, claims = {}, header = {}) {
	const payload = { sub: account.sid, jti: sid('JT'), iat: now(), exp: now() + 600, grants: { identity: 'alice', voice: { incoming: { allow: true } } }, ...claims };
	for (const name of Object.keys(payload).filter(one => payload[one] === undefined))
		delete payload[name];
	if (algorithm !== 'EdDSA')
		return jwt.sign(payload, pair.privateKey, { algorithm, header: { kid, ...header } });
	const text = `${part({ alg: 'EdDSA', typ: 'JWT', kid, ...header })}.${part(payload)}`;
	return `${text}.${sign(null, Buffer.from(text), pair.privateKey).toString('base64url')}`;
}

const use = (token, at = cluster.url) => rest('POST', `${at}/v1/Accounts/${account.sid}/Devices`, { bearer: token, json: { ttl: 1 } });

async function refused(token, code) {
	const { status, body } = await use(token);
	assert.deepEqual([status, body.code], [401, code]);
}

describe('tokens signed with a private key', () => {
	for (const [algorithm, make] of Object.entries(PAIRS)) {
		test(`${algorithm}: registered as PEM, named by its sid or by a kid, on the channel and over REST`, async () => {
			const pair = make();
			const key = await register({ pem: pemOf(pair), kid: `key of ${algorithm}` });
			assert.equal(key.algorithm, algorithm);
			assert.equal(key.public_key, pemOf(pair));
			for (const kid of [key.sid, key.kid]) {
				assert.equal((await use(signed(algorithm, pair, kid))).status, 201);
				const alice = await cluster.connect('alice', { token: signed(algorithm, pair, kid) });
				assert.deepEqual([alice.welcome.identity, alice.welcome.registered], ['alice', true]);
				await alice.close();
			}
		});

		test(`${algorithm}: registered as a JWK, or in a set`, async () => {
			const [one, two] = [make(), make()];
			const key = await register({ jwk: { ...jwkOf(one), alg: algorithm, use: 'sig' } });
			assert.deepEqual([key.kid, key.public_key], [key.sid, pemOf(one)]);
			await register({ jwks: { keys: [{ ...jwkOf(two), kid: `in a set, ${algorithm}` }] } });
			assert.equal((await use(signed(algorithm, one, key.sid))).status, 201);
			assert.equal((await use(signed(algorithm, two, `in a set, ${algorithm}`))).status, 201);
		});

		test(`${algorithm}: another's signature, and one that was touched`, async () => {
			const pair = make();
			const { sid: kid } = await register({ pem: pemOf(pair) });
			await refused(signed(algorithm, make(), kid), 20107);
			const token = signed(algorithm, pair, kid), at = token.lastIndexOf('.') + 9;
			await refused(token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1), 20107);
			await refused(`${token.slice(0, token.lastIndexOf('.'))}.`, 20107);
		});
	}

	test('the grants are those of access tokens', async () => {
		const pair = PAIRS.EdDSA();
		const { sid: kid } = await register({ pem: pemOf(pair) });
		const grants = { identity: 'chief', voice: { incoming: { allow: true } }, presence: { watch: ['support/*'] } };
		const read = identity => rest('GET', `${cluster.url}/v1/Accounts/${account.sid}/Presence/${encodeURIComponent(identity)}`,
			{ bearer: signed('EdDSA', pair, kid, { grants }) });
		assert.deepEqual([(await read('support/a')).status, (await read('sales/a')).status], [200, 403]);
	});
});

describe('the algorithm is the key\'s', () => {
	let pair, pem, kid;
	const payload = () => ({ iss: kid, sub: account.sid, exp: now() + 600, grants: { identity: 'mallory' } });

	before(async () => {
		pair = PAIRS.RS256();
		pem = pemOf(pair);
		kid = (await register({ pem })).sid;
	});

	test('HS256 with the text of the public key as its secret', async () => {
		for (const secret of [pem, pem.trim(), jwkOf(pair).n, pair.publicKey.export({ type: 'spki', format: 'der' })])
			for (const cty of [undefined, 'twilio-fpa;v=1'])
				await refused(forgedToken({ alg: 'HS256', typ: 'JWT', cty, kid }, payload(), secret), cty ? 20102 : 20103);
	});

	test('none, in any spelling, with a kid that is registered', async () => {
		for (const alg of ['none', 'None', 'NONE', '', null, undefined])
			await refused(forgedToken({ alg, typ: 'JWT', kid }, payload(), null), 20102);
	});

	test('another algorithm with the same pair: RS512, PS256', async () => {
		for (const algorithm of ['RS512', 'PS256', 'RS384'])
			await refused(jwt.sign(payload(), pair.privateKey, { algorithm, keyid: kid }), 20102);
	});

	test('a header of another family than the key', async () => {
		const ed = PAIRS.EdDSA();
		await refused(signed('EdDSA', ed, kid), 20102);
		await refused(jwt.sign(payload(), PAIRS.ES256().privateKey, { algorithm: 'ES256', keyid: kid }), 20102);
		await refused(signed('RS256', pair, account.key.sid), 20102);      // a key with a secret has no public half
	});

	test('a key that the header brings along is not looked at', async () => {
		const mine = PAIRS.RS256();
		await refused(signed('RS256', mine, kid, {}, { jwk: jwkOf(mine), jku: 'https://evil.example/jwks', x5c: ['MIIB'] }), 20107);
	});

	test('no kid, one of nobody, one that is no text', async () => {
		await refused(signed('RS256', pair, undefined), 20102);
		await refused(signed('RS256', pair, sid('SK')), 20103);
		await refused(signed('RS256', pair, 'nobody knows it'), 20103);
		await refused(signed('EdDSA', PAIRS.EdDSA(), 7), 20102);
		await refused(signed('EdDSA', PAIRS.EdDSA(), 'x'.repeat(129)), 20102);
		await refused(signed('EdDSA', PAIRS.EdDSA(), 'line\nbreak'), 20102);
	});

	test('ES256 with a signature in DER', async () => {
		const ec = PAIRS.ES256();
		const { sid: own } = await register({ pem: pemOf(ec) });
		const text = `${part({ alg: 'ES256', typ: 'JWT', kid: own })}.${part({ ...payload(), iss: undefined })}`;
		await refused(`${text}.${sign('sha256', Buffer.from(text), { key: ec.privateKey, dsaEncoding: 'der' }).toString('base64url')}`, 20107);
		assert.equal((await use(`${text}.${sign('sha256', Buffer.from(text), { key: ec.privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`)).body.code, 45101);
	});
});

describe('claims are checked', () => {
	const pair = PAIRS.EdDSA();
	let plain, strict;

	before(async () => {
		plain = (await register({ pem: pemOf(pair), kid: 'plain' })).sid;
		strict = (await register({ pem: pemOf(pair), issuer: 'https://login.example', audience: 'switchhook' })).sid;
	});

	const good = { iss: 'https://login.example', aud: 'switchhook' };
	const cases = [
		['no iss', 'plain', {}, 201],
		['iss is the sid', 'plain', () => ({ iss: plain }), 201],
		['iss is the kid', 'plain', { iss: 'plain' }, 201],
		['iss is another key', 'plain', () => ({ iss: strict }), 20103],
		['iss is anybody', 'plain', { iss: 'https://login.example' }, 20103],
		['iss is no text', 'plain', { iss: ['plain'] }, 20103],
		['aud that nobody asked for', 'plain', { aud: 'another' }, 201],
		['the issuer and audience that were registered', 'strict', good, 201],
		['the audience among others', 'strict', { ...good, aud: ['one', 'switchhook'] }, 201],
		['another issuer', 'strict', { ...good, iss: 'https://login.example/' }, 20103],
		['no issuer', 'strict', { aud: 'switchhook' }, 20103],
		['another audience', 'strict', { ...good, aud: 'another' }, 45110],
		['an audience among others that are not it', 'strict', { ...good, aud: ['one', ['switchhook']] }, 45110],
		['no audience', 'strict', { iss: good.iss }, 45110],
		['no sub', 'plain', { sub: undefined }, 20103],
		['sub is no account', 'plain', { sub: 'alice' }, 20103],
		['another account', 'plain', () => ({ sub: sid('AC') }), 20103],
		['run out', 'plain', () => ({ exp: now() - 10 }), 20104],
		['not yet', 'plain', () => ({ nbf: now() + 60 }), 20105],
		['no end', 'plain', { exp: undefined }, 20101],
		['25 hours', 'plain', () => ({ exp: now() + 25 * 3600 }), 31207],
	];
	for (const [what, kid, claims, expected] of cases) {
		test(what, async () => {
			const given = typeof claims === 'function' ? claims() : claims;
			const { status, body } = await use(signed('EdDSA', pair, kid === 'plain' ? plain : strict, given));
			assert.deepEqual(status === 201 ? 201 : body.code, expected);
		});
	}
});

describe('what is registered', () => {
	const rsa = PAIRS.RS256(), ec = PAIRS.ES256(), ed = PAIRS.EdDSA();
	const privatePem = pair => pair.privateKey.export({ type: 'pkcs8', format: 'pem' });
	const cases = [
		['nothing', {}, 'pem'],
		['two things', { pem: pemOf(ed), jwk: jwkOf(ed) }, 'pem'],
		['text', { pem: 'key' }, 'pem'],
		['no text', { pem: 7 }, 'pem'],
		['a private key', { pem: privatePem(ed) }, 'pem'],
		['an encrypted private key', { pem: ed.privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' }) }, 'pem'],
		['a private key behind a public one', { pem: pemOf(ed) + privatePem(ed) }, 'pem'],
		['two keys', { pem: pemOf(ed) + pemOf(ec) }, 'pem'],
		['RSA of 1024 bits', { pem: pemOf(generateKeyPairSync('rsa', { modulusLength: 1024 })) }, 'pem'],
		['RSA-PSS', { pem: pemOf(generateKeyPairSync('rsa-pss', { modulusLength: 2048 })) }, 'pem'],
		['P-384', { pem: pemOf(generateKeyPairSync('ec', { namedCurve: 'P-384' })) }, 'pem'],
		['secp256k1', { pem: pemOf(generateKeyPairSync('ec', { namedCurve: 'secp256k1' })) }, 'pem'],
		['Ed448', { pem: pemOf(generateKeyPairSync('ed448')) }, 'pem'],
		['X25519', { pem: pemOf(generateKeyPairSync('x25519')) }, 'pem'],
		['a JWK of RSA of 1024 bits', { jwk: jwkOf(generateKeyPairSync('rsa', { modulusLength: 1024 })) }, 'jwk.n'],
		['a private JWK', { jwk: ed.privateKey.export({ format: 'jwk' }) }, 'jwk.d'],
		['a shared secret as a JWK', { jwk: { kty: 'oct', k: 'c2VjcmV0' } }, 'jwk.k'],
		['a JWK without a type', { jwk: { n: 'AQAB' } }, 'jwk.kty'],
		['a JWK of an unknown type', { jwk: { kty: 'AKP' } }, 'jwk.kty'],
		['a JWK of another curve', { jwk: jwkOf(generateKeyPairSync('ec', { namedCurve: 'P-384' })) }, 'jwk.crv'],
		['a JWK of another use', { jwk: { ...jwkOf(ec), use: 'enc' } }, 'jwk.use'],
		['a JWK of another algorithm', { jwk: { ...jwkOf(rsa), alg: 'RS512' } }, 'jwk.alg'],
		['a point that is not on the curve', { jwk: { ...jwkOf(ec), y: jwkOf(ec).x } }, 'jwk.x'],
		['a number that is too short', { jwk: { ...jwkOf(ed), x: 'AAAA' } }, 'jwk.x'],
		['a number with padding', { jwk: { ...jwkOf(rsa), e: 'AQAB=' } }, 'jwk.e'],
		['an even exponent', { jwk: { ...jwkOf(rsa), e: 'AQAC' } }, 'jwk.n'],
		['an empty set', { jwks: { keys: [] } }, 'jwks.keys'],
		['no set', { jwks: {} }, 'jwks.keys'],
		['a set with one that is not taken', { jwks: { keys: [{ ...jwkOf(ed), kid: 'fine' }, { kty: 'RSA', n: 'AQAB' }] } }, 'jwks.keys[1].e'],
		['a set with a kid twice', { jwks: { keys: [{ ...jwkOf(ed), kid: 'twin' }, { ...jwkOf(ec), kid: 'twin' }] } }, 'jwks.keys[1].kid'],
		['17 keys', { jwks: { keys: Array(17).fill(jwkOf(ed)) } }, 'jwks.keys'],
		['a kid for a set', { jwks: { keys: [jwkOf(ed)] }, kid: 'x' }, 'kid'],
		['an empty kid', { pem: pemOf(ed), kid: '' }, 'kid'],
		['a kid that is too long', { pem: pemOf(ed), kid: 'x'.repeat(129) }, 'kid'],
		['a kid with a line break', { pem: pemOf(ed), kid: 'a\nb' }, 'kid'],
		['a kid like a sid', { pem: pemOf(ed), kid: sid('SK') }, 'kid'],
		['a name that is too long', { pem: pemOf(ed), name: 'x'.repeat(257) }, 'name'],
		['an audience that is no text', { pem: pemOf(ed), audience: ['x'] }, 'audience'],
	];
	for (const [what, json, field] of cases) {
		test(`is not ${what}: 400 names ${field}`, async () => {
			const { status, body } = await asServer('POST', base, json);
			assert.deepEqual([status, body.field], [400, field], body.message);
			assert.equal((await asServer('GET', base)).body.public_keys.some(key => key.kid === 'fine'), false);
		});
	}

	test('is a kid once in an account, and all of a set or nothing', async () => {
		await register({ pem: pemOf(PAIRS.EdDSA()), kid: 'mine' });
		const again = await asServer('POST', base, { jwks: { keys: [{ ...jwkOf(PAIRS.EdDSA()), kid: 'new' }, { ...jwkOf(PAIRS.EdDSA()), kid: 'mine' }] } });
		assert.deepEqual([again.status, again.body.code], [409, 20409]);
		assert.equal((await asServer('GET', base)).body.public_keys.some(key => key.kid === 'new'), false);
		const other = await cluster.addAccount();
		const theirs = await rest('POST', `${cluster.url}/v1/Accounts/${other.sid}/PublicKeys`, { basic: [other.sid, other.auth_token], json: { pem: pemOf(ed), kid: 'mine' } });
		assert.equal(theirs.status, 201);
	});
});

describe('an account\'s public keys', () => {
	test('two are good at once while one takes over from the other; a deleted one is not', async () => {
		const [old, fresh] = [PAIRS.ES256(), PAIRS.ES256()];
		const before = await register({ pem: pemOf(old), kid: '2026-11' });
		const kept = signed('ES256', old, '2026-11');
		const elsewhere = cluster.presence[1].url;
		assert.equal((await use(kept, elsewhere)).status, 201);
		await register({ pem: pemOf(fresh), kid: '2026-12' });
		assert.equal((await use(signed('ES256', old, '2026-11'))).status, 201);
		assert.equal((await use(signed('ES256', fresh, '2026-12'))).status, 201);

		assert.equal((await asServer('DELETE', `${base}/${before.sid}`)).status, 204);
		await until(async () => (await use(kept, elsewhere)).status === 401, 'a token that was seen before is forgotten, on every instance');
		await refused(signed('ES256', old, '2026-11'), 20103);
		await refused(signed('ES256', old, before.sid), 20103);
		assert.equal((await use(signed('ES256', fresh, '2026-12'))).status, 201);
		await register({ pem: pemOf(old), kid: '2026-11' });               // the kid is free again
	});

	test('are listed page by page, read and deleted; a key with a secret is none of them', async () => {
		const owner = await cluster.addAccount(), basic = [owner.sid, owner.auth_token];
		const url = `${cluster.url}/v1/Accounts/${owner.sid}/PublicKeys`;
		const keys = Array.from({ length: 5 }, (_, i) => ({ ...jwkOf(PAIRS.EdDSA()), kid: `k${i}` }));
		const made = (await rest('POST', url, { basic, json: { jwks: { keys }, name: 'Five' } })).body.public_keys;
		const found = [];
		for (let next = `${url}?PageSize=2`; next; ) {
			const { body } = await rest('GET', next, { basic });
			found.push(...body.public_keys);
			assert.ok(body.public_keys.length <= 2);
			next = body.next_page_uri && cluster.url + body.next_page_uri;
		}
		assert.deepEqual(found, made.toSorted((a, b) => (a.sid < b.sid ? -1 : 1)));
		assert.deepEqual((await rest('GET', `${url}/${made[0].sid}`, { basic })).body, made[0]);
		for (const method of ['GET', 'DELETE'])
			assert.equal((await rest(method, `${url}/${owner.key.sid}`, { basic })).status, 404);
		assert.equal((await rest('GET', `${url}?PageToken=tomorrow`, { basic })).body.field, 'PageToken');
		assert.equal((await rest('GET', url, { basic: [owner.key.sid, owner.key.secret] })).status, 200);
	});

	test('stand beside the others in Keys.json, which shows no secret and deletes them too', async () => {
		const owner = await cluster.addAccount();
		const basic = [owner.sid, owner.auth_token], url = `${cluster.url}/2010-04-01/Accounts/${owner.sid}/Keys`;
		const pair = PAIRS.EdDSA();
		const [key] = (await rest('POST', `${cluster.url}/v1/Accounts/${owner.sid}/PublicKeys`, { basic, json: { pem: pemOf(pair), kid: 'k', name: 'Pair' } })).body.public_keys;
		const { keys } = (await rest('GET', `${url}.json`, { basic })).body;
		assert.deepEqual(new Set(keys.map(one => one.sid)), new Set([owner.key.sid, key.sid]));
		assert.deepEqual(Object.keys(keys.find(one => one.sid === key.sid)).toSorted(), ['date_created', 'date_updated', 'friendly_name', 'sid']);
		assert.equal((await rest('POST', `${url}/${key.sid}.json`, { basic, form: { FriendlyName: 'Renamed' } })).status, 200);
		assert.deepEqual((await rest('GET', `${cluster.url}/v1/Accounts/${owner.sid}/PublicKeys/${key.sid}`, { basic })).body, { ...key, name: 'Renamed' });
		assert.equal((await rest('DELETE', `${url}/${key.sid}.json`, { basic })).status, 204);
		assert.deepEqual((await rest('GET', `${cluster.url}/v1/Accounts/${owner.sid}/PublicKeys`, { basic })).body.public_keys, []);
		assert.equal((await rest('POST', `${cluster.url}/v1/Accounts/${owner.sid}/PublicKeys`, { basic, json: { pem: pemOf(pair), kid: 'k' } })).status, 201);
	});

	test('are no credentials, and no business of clients', async () => {
		const pair = PAIRS.EdDSA();
		const { sid: kid } = await register({ pem: pemOf(pair) });
		for (const secret of ['', pemOf(pair), jwkOf(pair).x])
			assert.equal((await rest('GET', base, { basic: [kid, secret] })).status, 401);
		assert.equal((await rest('GET', base, { bearer: signed('EdDSA', pair, kid) })).status, 401);
		assert.equal((await rest('POST', base, { bearer: accessToken(account, 'alice'), json: { pem: pemOf(pair) } })).status, 401);
	});
});
