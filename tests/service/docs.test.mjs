// The OpenAPI documents against the sources and the running services: every route is described, every
// operation described exists, and every answer that it may give is seen, and is as described.
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { sid } from '../support/accounts.mjs';
import { startCluster } from '../support/cluster.mjs';
import { openDocument, operationsOf, routesOf } from '../support/documents.mjs';
import { listen } from '../support/events.mjs';
import { until } from '../support/process.mjs';
import { rest } from '../support/rest.mjs';
import { startService } from '../support/service.mjs';
import { accessToken, forgedToken } from '../support/tokens.mjs';

const SECURITY = { NONE: [], SERVER: ['server'], CLIENT: ['client'], ANY: ['server', 'client'], PARENT: ['server'] };
const MANY = 50;                     // devices that a client may have
const documents = { 'presence-svc': openDocument('openapi-presence'), 'routing-svc': openDocument('openapi-routing') };
const operations = Object.entries(documents).flatMap(([service, document]) => operationsOf(document).map(one => ({ ...one, service, document })));
const byId = Object.fromEntries(operations.map(one => [`${one.service} ${one.id}`, one]));
const seen = new Map();              // "service operation" -> statuses

let cluster, account, other, known;

const find = name => byId[`presence-svc ${name}`] ?? byId[`routing-svc ${name}`] ?? byId[name];

function urlOf({ service, path }, params, query) {
	const at = service === 'presence-svc' ? cluster.presence[0] : cluster.routing[0];
	const filled = path.replaceAll(/\{(\w+)\}/g, (_, name) => encodeURIComponent({ A: account.sid, ...known, ...params }[name]));
	return at.url + filled + (query ? `?${new URLSearchParams(query)}` : '');
}

function credentialsFor({ operation, path }, identity = 'alice') {
	const names = operation.security.map(one => Object.keys(one)[0]);
	if (names.includes('server'))
		return { basic: path.includes('{A}') ? [account.key.sid, account.key.secret] : [account.sid, account.auth_token] };
	return names.length ? { bearer: accessToken(account, identity) } : {};
}

/** Does what is described, and fails unless the answer has that status and looks as described. */
async function ask(name, status, { params, query, identity, ...request } = {}) {
	const one = typeof name === 'string' ? find(name) : name;
	assert.ok(one, `${name} is described`);
	const what = `${one.id} ${status}`;
	const given = { ...credentialsFor(one, identity), ...request };
	checkRequest(one, given, status, what);
	const answer = await rest(one.method, urlOf(one, params, query), given);
	assert.equal(answer.status, status, `${what}: ${answer.text}`);
	checkAnswer(one, answer, what);
	seen.set(`${one.service} ${one.id}`, (seen.get(`${one.service} ${one.id}`) ?? new Set()).add(String(status)));
	return answer;
}

/** What we send ourselves, where it is meant to succeed, is as described too. */
function checkRequest({ document, path, method, operation }, { json, form }, status, what) {
	if (status >= 300 || (json === undefined && form === undefined))
		return;
	const type = json === undefined ? 'application/x-www-form-urlencoded' : 'application/json';
	const base = operation.requestBody.$ref?.slice(2).split('/') ?? ['paths', path, method.toLowerCase(), 'requestBody'];
	document.check(json ?? form, `the request of ${what}`, ...base, 'content', type, 'schema');
}

function checkAnswer({ document, path, method, operation, statuses }, answer, what) {
	const status = statuses.includes(String(answer.status)) ? String(answer.status) : 'default';
	const described = operation.responses[status];
	assert.ok(described, `${what} is described`);
	assert.match(answer.headers.get('request-id'), /^RQ[0-9a-f]{32}$/);
	const { content = {}, headers = {} } = document.follow(described);
	for (const [header, one] of Object.entries(headers))
		assert.match(answer.headers.get(header) ?? '', new RegExp(document.follow(one).schema.pattern), `${what}: ${header}`);
	const [type] = Object.keys(content);
	if (!type) {
		assert.equal(answer.text, '', what);
		return;
	}
	assert.equal(answer.headers.get('content-type').split(';')[0], type, what);
	const base = described.$ref?.slice(2).split('/') ?? ['paths', path, method.toLowerCase(), 'responses', status];
	document.check(type === 'application/json' ? answer.body : answer.text, what, ...base, 'content', type, 'schema');
	if (answer.status >= 400 && type === 'application/json')
		assert.equal(answer.body.status, answer.status, what);
}

const created = async (name, request) => (await ask(name, 201, request)).body;

before(async () => {
	cluster = await startCluster({ haproxy: false, gateway: true });
	account = cluster.account;
	other = await cluster.addAccount();
	cluster.customer.answer('/voice', { instructions: [{ verb: 'dial', clients: [{ identity: 'alice' }] }] });
	known = { identity: 'alice', DV: sid('DV'), SK: account.key.sid, name: 'nobody', letter: 'p1-1-1', CA: sid('CA'), AP: account.application.sid, PN: account.number.sid };
});
after(() => cluster?.stop());

for (const [service, document] of Object.entries(documents)) {
	describe(`the description of ${service}`, () => {
		test('holds together', () => document.checkReferences());

		test('has every route of routes.c, with its credentials, and no other', () => {
			const described = operationsOf(document).map(({ method, path, operation }) =>
				`${method} ${path} ${operation.security.flatMap(one => Object.keys(one))}`);
			const routes = routesOf(service).map(({ method, path, auth }) => `${method} ${path} ${SECURITY[auth]}`);
			assert.ok(routes.length > 10);
			assert.deepEqual(described.sort(), routes.sort());
		});
	});
}

test('what both documents describe is the same in both', () => {
	const [one, two] = Object.values(documents);
	for (const part of [['components', 'schemas', 'Error'], ['components', 'schemas', 'ListPage'], ['components', 'schemas', 'Time'], ['components', 'schemas', 'TwilioDate'],
		['components', 'parameters'], ['paths', '/healthz'], ['paths', '/readyz'], ['paths', '/metrics']])
		for (const key of Object.keys(one.at(...part)).filter(k => two.at(...part)[k]))
			assert.deepEqual(one.at(...part)[key], two.at(...part)[key], `${part.join('.')}.${key}`);
});

describe('devices and presence', () => {
	test('a device is registered, changed, and gone', async () => {
		const device = await created('createDevice', { json: { app: 'phone', host: 'pocket', media: ['voice', 'video'], attributes: { skill: ['billing'] }, ttl: 60 } });
		known.DV = device.device;
		await ask('updateDevice', 200, { json: { status: 'away' } });
		await ask('updateDevice', 200, { json: {} });
		await ask('updateDevice', 400, { json: { status: 'asleep' } });
		await ask('getPresence', 200);
		await ask('getPresence', 200, { query: { Devices: 'true' } });
		await ask('deleteDevice', 204);
		const channel = await cluster.connect('alice', { at: cluster.presence[0] });
		known.DV = channel.welcome.device;
		await ask('updateDevice', 409, { json: {} });
		await ask('deleteDevice', 409);
		await channel.close();
		known.DV = (await created('createDevice', { json: {} })).device;
	});

	test('presence is read by a client too, and not again while it is the same', async () => {
		const { headers } = await ask('getPresence', 200, { basic: undefined, bearer: accessToken(account, 'alice') });
		await ask('getPresence', 304, { headers: { 'If-None-Match': headers.get('etag') } });
		await ask('getPresence', 403, { basic: undefined, bearer: accessToken(account, 'bob') });
		await ask('getPresence', 200, { params: { identity: 'never/seen' } });
	});

	test('many clients are read at once, and not again while they are the same', async () => {
		const bearer = accessToken(account, 'alice'), client = { basic: undefined, bearer };
		const json = { identities: ['alice', 'never/seen'] };
		for (const [name, request] of [['queryPresence', { json }], ['listPresence', { query: { Prefix: 'a', Status: 'available', PageSize: '1' } }]]) {
			const { headers } = await ask(name, 200, request);
			await ask(name, 304, { ...request, headers: { 'If-None-Match': headers.get('etag') } });
		}
		assert.deepEqual((await ask('queryPresence', 200, { ...client, json })).body.denied, ['never/seen']);
		await ask('queryPresence', 403, { ...client, json, bearer: accessToken(other, 'alice') });
		await ask('listPresence', 403, client);
		await ask('getPresenceHistory', 200);
		await ask('getPresenceHistory', 403, { ...client, params: { identity: 'bob' } });
	});

	test('a user chooses what to show, and takes it back', async () => {
		const client = { basic: undefined, bearer: accessToken(account, 'alice') };
		await ask('putPresence', 200, { json: { status: 'dnd', note: 'in a meeting', until: new Date(Date.now() + 60_000).toISOString() } });
		await ask('putPresence', 403, { ...client, json: { status: 'dnd' } });
		await ask('deletePresence', 403, client);
		await ask('deletePresence', 200);
	});

	test('presence is waited for', async () => {
		const { body } = await ask('getPresence', 200);
		await ask('getPresence', 304, { query: { Version: body.version, Wait: '1s' } });
		await ask('getPresence', 400, { query: { Wait: '56s' } });
	});

	test('presence is streamed; every event is as described', async () => {
		const one = find('getPresenceStream');
		const stream = await listen(urlOf(one, {}, { Identity: 'alice' }), { bearer: accessToken(account, 'alice', { ttl: 2 }), lastId: '00000000-1' });
		assert.equal(stream.headers['content-type'], Object.keys(one.operation.responses['200'].content)[0]);
		seen.set('presence-svc getPresenceStream', new Set(['200']));
		await stream.snapshot();
		await ask('updateDevice', 200, { json: { status: 'busy' } });
		await stream.next('presence');
		await stream.next('error');
		const { stream: drained } = await drainedStream();
		const schemas = { snapshot: 'StreamFrame', presence: 'StreamFrame', resync: 'StreamResync', token_will_expire: 'StreamExpiry', drain: 'StreamDrain', error: 'StreamError' };
		const events = [...stream.heard, ...drained.heard];
		assert.deepEqual([...new Set(events.map(event => event.type))].sort(), Object.keys(schemas).sort());
		for (const { type, data, id } of events) {
			one.document.check(data, type, 'components', 'schemas', schemas[type]);
			assert.equal(id, data.more ? undefined : data.cursor, type);
		}
		await ask('getPresenceStream', 403, { basic: undefined, bearer: accessToken(account, 'alice') });
	});

	test('a client has no more devices than it may', async () => {
		await Promise.all(Array.from({ length: MANY }, () => created('createDevice', { identity: 'crowd', json: { ttl: 1 } })));
		const refused = await ask('createDevice', 429, { identity: 'crowd', json: { ttl: 1 } });
		assert.ok(refused.headers.get('retry-after'));
	});

	test('a token without incoming permission registers nothing', async () => {
		const bearer = accessToken(account, 'alice', { incoming: false });
		for (const [name, json] of [['createDevice', {}], ['updateDevice', {}], ['deleteDevice', undefined]])
			assert.equal((await ask(name, 403, { bearer, json })).body.code, 45101);
	});

	test('the way into the channel wants a WebSocket', async () => {
		await ask('connectChannel', 426);
		const channel = await cluster.connect('alice', { at: cluster.presence[0] });
		seen.get('presence-svc connectChannel').add('101');
		await channel.close();
		assert.equal((await badHandshake()).status, 400);
	});
});

/** A stream that hears of the end of its instance, which lets an account have one. */
async function drainedStream() {
	const instance = await startService('presence-svc', cluster.redis, { name: 'small', env: { ...cluster.env, WORKERS: '1', LIMIT_ACCOUNT_CHANNELS: '1' } });
	const path = `/v1/Accounts/${account.sid}/PresenceStream?Identity=alice`;
	const stream = await listen(instance.url + path, { basic: [account.key.sid, account.key.secret] });
	const refused = await rest('GET', instance.url + path, { basic: [account.key.sid, account.key.secret] });
	assert.equal(refused.status, 429);
	checkAnswer(find('getPresenceStream'), refused, 'getPresenceStream 429');
	seen.get('presence-svc getPresenceStream').add('429');
	await stream.snapshot();
	await instance.stop();
	return { stream };
}

/** fetch does not send what a handshake needs: an upgrade with a key that is none. */
async function badHandshake() {
	const { request } = await import('node:http');
	const { url } = cluster.presence[0];
	const headers = { Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Version': '13', 'Sec-WebSocket-Key': 'short' };
	return new Promise((resolve, reject) => request(`${url}/v1/connect`, { headers }, async response => {
		let text = '';
		for await (const piece of response.setEncoding('utf8'))
			text += piece;
		const answer = { status: response.statusCode, headers: new Headers(response.headers), text, body: JSON.parse(text) };
		checkAnswer(find('connectChannel'), answer, 'connectChannel 400');
		seen.get('presence-svc connectChannel').add('400');
		resolve(answer);
	}).on('error', reject).end());
}

describe('tokens', () => {
	test('are revoked, and what was is listed', async () => {
		await ask('revokeTokens', 204, { json: { identity: 'somebody/else' } });
		await ask('revokeTokens', 400, { json: {} });
		assert.equal((await ask('listRevocations', 200)).body.revocations[0].identity, 'somebody/else');
		await ask('listRevocations', 400, { query: { PageToken: 'x' } });
	});
});

describe('dead letters', () => {
	test('are listed, delivered after all, thrown away', async () => {
		const letters = async n => until(async () => {
			const { dead_letters } = (await ask('listDeadLetters', 200)).body;
			return dead_letters.length === n && dead_letters;
		}, `${n} dead letters`);
		for (const entry of ['one', 'another']) // that nobody can read die at once
			await cluster.redis.command('EVAL', `local tag = string.match(redis.call('KEYS', 'c:{p*}:' .. ARGV[1])[1], '{.-}')
				redis.call('RPUSH', 'o:' .. tag .. ':' .. ARGV[1], ARGV[2])
				return redis.call('ZADD', 'O:' .. tag, 1, ARGV[1])`, 0, `${account.sid}:alice`, entry);
		const [{ id: letter }] = await letters(2);
		await ask('deleteDeadLetter', 204, { params: { letter } });
		const [{ id }] = await letters(1);
		await ask('replayDeadLetter', 204, { params: { letter: id } });
		await letters(1);
		assert.deepEqual((await ask('replayDeadLetters', 200, { json: { kind: 'presence' } })).body, { replayed: 1, left: 0 });
	});
});

describe('the keys of client tokens, and tokens', () => {
	const pem = () => generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' });

	test('a public key is registered once, read, listed, deleted', async () => {
		const json = { pem: pem(), kid: 'one', name: 'One', audience: 'us' };
		const [{ sid: SK }] = (await created('createPublicKeys', { json })).public_keys;
		await created('createPublicKeys', { json: { jwks: { keys: [{ ...generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' }), kid: 'two' }] } } });
		assert.equal((await ask('createPublicKeys', 409, { json })).body.code, 20409);
		await ask('getPublicKey', 200, { params: { SK } });
		const { next_page_uri: next } = (await ask('listPublicKeys', 200, { query: { PageSize: '1' } })).body;
		await ask('listPublicKeys', 200, { query: Object.fromEntries(new URL(next, cluster.url).searchParams) });
		await ask('deletePublicKey', 204, { params: { SK } });
		await ask('getPublicKey', 404, { params: { SK } });
	});

	test('a token is minted, unless there is no key to sign it', async () => {
		const outgoing = { application_sid: account.application.sid, parameters: { tier: 'gold' } };
		await created('createToken', { json: { identity: 'alice', ttl: 60, incoming: true, outgoing, watch: ['support/*'], override: true } });
		const bare = await cluster.addAccount({ keys: [] });
		await ask('createToken', 409, { params: { A: bare.sid }, basic: [bare.sid, bare.auth_token], json: { identity: 'alice' } });
	});
});

describe('provisioning', () => {
	const NOUNS = [
		['Key', 'Keys', 'SK', { FriendlyName: 'One' }],
		['Application', 'Applications', 'AP', { FriendlyName: 'One', VoiceUrl: 'https://example.com/voice' }],
		['PhoneNumber', 'PhoneNumbers', 'PN', { PhoneNumber: '+15550177', VoiceUrl: 'https://example.com/voice' }],
	];

	test('accounts: made, read, listed, changed, suspended', async () => {
		const basic = [account.sid, account.auth_token];
		const child = await created('createAccount', { form: { FriendlyName: 'Child' } });
		await ask('getAccount', 200);
		await ask('getAccount', 200, { params: { A: child.sid }, basic });
		await ask('listAccounts', 200, { query: { PageSize: '1' } });
		await ask('updateAccount', 200, { params: { A: child.sid }, basic, form: { FriendlyName: 'Two', Status: 'suspended' } });
		await ask('updateAccount', 200, { params: { A: child.sid }, basic, form: { Status: 'active' } });
		await ask('updateAccount', 403, { form: { Status: 'suspended' } });
		await ask('createAccount', 403, { basic: [child.sid, child.auth_token] });
		await cluster.redis.command('HSET', `sa:{${other.sid}}`, ...Array.from({ length: 2000 }, () => [sid('AC'), '{}']).flat());
		await ask('createAccount', 409, { basic: [other.sid, other.auth_token] });
	});

	test('a second auth token: made, thrown away, promoted', async () => {
		const turning = await cluster.addAccount();
		const basic = [turning.sid, turning.auth_token];
		const { secondary_auth_token: second } = await created('createSecondaryAuthToken', { basic });
		await ask('createSecondaryAuthToken', 409, { basic });
		await ask('promoteAuthToken', 200, { basic });
		await ask('promoteAuthToken', 404, { basic: [turning.sid, second] });
		await ask('deleteSecondaryAuthToken', 404, { basic: [turning.sid, second] });
		await created('createSecondaryAuthToken', { basic: [turning.sid, second] });
		await ask('deleteSecondaryAuthToken', 204, { basic: [turning.sid, second] });
	});

	test('settings: read, changed, a new webhook secret', async () => {
		const basic = [account.sid, account.auth_token];
		const full = { call_waiting: true, away_rings: true, close_grace_ms: 2000, ring_proof_ms: 2000, away_after_missed: 3, presence_webhook_url: 'https://example.com/p', policy_url: 'https://example.com/q', wake_url: 'https://example.com/w', wake_hold_s: 10, origins: ['https://example.com'] };
		await ask('updateSettings', 200, { json: full });
		await ask('getSettings', 200, { basic });
		await ask('updateSettings', 200, { json: { call_waiting: false, away_rings: false, presence_webhook_url: '', policy_url: '', origins: [] } });
		await ask('getSettings', 200);
		await ask('createWebhookSecret', 200);
	});

	test('aliases: made, replaced, read, listed, deleted', async () => {
		const params = { name: 'support/all' };
		await created('putAlias', { params, json: { members: ['alice', 'bob'], note: 'All of them' } });
		await ask('putAlias', 200, { params, json: { members: ['alice'] } });
		await ask('getAlias', 200, { params });
		await created('putAlias', { params: { name: 'desk' }, json: { members: ['bob'] } });
		const { next_page_uri: next } = (await ask('listAliases', 200, { query: { PageSize: '1' } })).body;
		await ask('listAliases', 200, { query: Object.fromEntries(new URL(next, cluster.url).searchParams) });
		const { headers } = await ask('getAliasPresence', 200, { params });
		await ask('getAliasPresence', 304, { params, headers: { 'If-None-Match': headers.get('etag') } });
		await ask('getAliasPresence', 403, { params: { name: 'desk' }, basic: undefined, bearer: accessToken(account, 'alice') });
		await ask('deleteAlias', 204, { params });
		await cluster.redis.command('HSET', `al:{${account.sid}}`, ...Array.from({ length: 2000 }, (_, i) => [`n${i}`, '{}']).flat());
		await ask('putAlias', 409, { json: { members: ['alice'] } });
		await cluster.redis.command('DEL', `al:{${account.sid}}`);
	});

	for (const [noun, nouns, param, form] of NOUNS) {
		test(`${nouns}: made, read, listed, changed, deleted`, async () => {
			const params = { [param]: (await created(`create${noun}`, { form })).sid };
			await ask(`get${noun}`, 200, { params });
			await ask(`list${nouns}`, 200, { query: { PageSize: '1' } });
			await ask(`update${noun}`, 200, { params, form: { FriendlyName: 'Two' } });
			await ask(`delete${noun}`, 204, { params });
			await ask(`get${noun}`, 404, { params });
		});
	}

	test('an address is given once', async () => {
		const refused = await ask('createPhoneNumber', 409, { form: { PhoneNumber: account.number.number } });
		assert.equal(refused.body.code, 20409);
	});
});

describe('calls', () => {
	let desk, mobile, call;
	const ring = async request => {
		const answer = ask('createCommunication', 200, { json: { from: '+15550123', to: account.number.number, sdp: 'v=0\r\n', ...request } });
		return { answer, rung: await Promise.all([desk.next('incoming'), mobile.next('incoming')]) };
	};

	before(async () => {
		[desk, mobile] = await Promise.all(['desk', 'mobile'].map(app => cluster.connect('alice', { at: cluster.presence[0], app })));
	});

	const isFree = identity => cluster.presenceBecomes(identity, p => p.ringable.length > 0, 'can be rung');

	test('a communication is answered by REST, once', async () => {
		const { answer, rung } = await ring();
		await ask('answerCommunication', 200, { json: { token: rung[0].token, sdp: 'v=0\r\n' } });
		assert.equal((await ask('answerCommunication', 409, { json: { token: rung[1].token } })).body.code, 45302);
		call = (await answer).body.call;
		known.CA = call;
		await ask('getCall', 200);
		await ask('getCall', 200, { params: { CA: rung[0].call } });
	});

	test('the gateway goes on with it', async () => {
		await ask('continueCommunication', 200, { json: { action: 'candidate', candidate: 'candidate:1' } });
		await desk.next('candidate');
		await ask('continueCommunication', 400, { json: { action: 'reject' } });
		await ask('continueCommunication', 200, { json: { action: 'hangup' } });
		await desk.next('hangup');
		await until(async () => (await ask('getCall', 200)).body.status === 'completed', 'the call is over');
		assert.equal((await ask('continueCommunication', 410, { json: { action: 'hangup' } })).body.code, 45303);
		await ask('continueCommunication', 410, { json: { action: 'candidate', candidate: 'candidate:1' } });
	});

	test('a gateway is rung beside a client, says that it rings, and answers too late', async t => {
		await isFree('alice');
		cluster.customer.answer('/voice', { instructions: [{ verb: 'dial', clients: [{ identity: 'alice' }, { number: '+15550177' }] }] });
		t.after(() => cluster.customer.answer('/voice', { instructions: [{ verb: 'dial', clients: [{ identity: 'alice' }] }] }));
		const { answer, rung } = await ring();
		const { communication: CA } = await cluster.gateway.next('ring');
		await ask('continueCommunication', 200, { params: { CA }, json: { action: 'ringing' } });
		await ask('answerCommunication', 200, { json: { token: rung[0].token, sdp: 'v=0\r\n' } });
		assert.equal((await ask('continueCommunication', 409, { params: { CA }, json: { action: 'answer', sdp: 'v=0\r\n' } })).body.code, 45302);
		await ask('updateCall', 200, { params: { CA: (await answer).body.call }, form: { Status: 'completed' } });
	});

	test('the trace tells why', () => ask('getTrace', 200));

	test('one that ends while it rings, and one that nobody waits for', async () => {
		const { answer, rung } = await ring();
		await ask('updateCall', 200, { params: { CA: rung[0].call.replace(/.{6}$/, '000000') }, form: { Status: 'canceled' } });
		assert.equal((await answer).body.status, 'canceled');
		assert.equal((await ask('answerCommunication', 410, { json: { token: rung[0].token } })).body.code, 45303);
		await isFree('alice');
		const { body } = await ask('createCommunication', 202, { json: { from: 'a', to: account.application.sid, async: true } });
		known.CA = body.call;
		await Promise.all([desk.next('incoming'), mobile.next('incoming')]);
		await ask('updateCall', 200, { form: { Status: 'completed' } });
	});

	test('a call that the backend makes', async () => {
		await isFree('alice');
		const { sid: CA } = await created('createCall', { form: { To: 'client:alice', From: '+15550100', Twiml: '<Response><Hangup/></Response>', Timeout: 5 } });
		await Promise.all([desk.next('incoming'), mobile.next('incoming')]);
		await ask('updateCall', 400, { params: { CA }, form: { Url: 'ftp://example.com/' } });
		assert.equal((await ask('updateCall', 400, { params: { CA }, form: { Status: 'paused' } })).body.field, 'Status');
		await ask('updateCall', 200, { params: { CA }, form: { Status: 'completed' } });
		const { calls, next_page_uri: next } = (await ask('listCalls', 200, { query: { PageSize: '1' } })).body;
		assert.equal(calls[0].sid, CA);
		await ask('listCalls', 200, { query: Object.fromEntries(new URL(next, cluster.url).searchParams) });
		await ask('listCalls', 400, { query: { Status: 'gone' } });
	});

	test('is refused with a code of its own', async () => {
		assert.equal((await ask('createCommunication', 404, { json: { from: 'a', to: 'nobody' } })).body.code, 20404);
		assert.equal((await ask('answerCommunication', 403, { json: { token: 'CT1.forged' } })).body.code, 45300);
		assert.equal((await ask('answerCommunication', 400, { json: { sdp: '' } })).body.field, 'token');
		assert.equal((await ask('createCall', 400, { form: { To: 'client:alice', From: 'a' } })).body.code, 21202);
	});
});

describe('what every operation refuses', () => {
	const secured = operations.filter(({ operation }) => operation.security.length > 0);
	const SPOILT = { getAlias: { params: { name: 'a b' } }, deleteAlias: { params: { name: 'a b' } }, getAliasPresence: { params: { name: 'a b' } },
		getPresence: { query: { Devices: 'perhaps' } }, getPresenceStream: { query: { Prefix: 'a b' } }, deletePresence: { params: { identity: 'a b' } }, getPresenceHistory: { params: { identity: 'a b' } },
		'application/json': { json: '{' }, 'application/x-www-form-urlencoded': { form: { FriendlyName: 'x'.repeat(257) } } };
	const bodyType = ({ document, operation }) => Object.keys(document.follow(operation.requestBody)?.content ?? {})[0];

	for (const one of secured) {
		test(`${one.id}: nobody's credentials, another account's, an unknown id, a broken request`, async () => {
			const isClient = !one.operation.security.some(way => way.server);
			await ask(one, 401, { basic: undefined, bearer: undefined });
			if (isClient) {
				await ask(one, 401, { bearer: forgedToken({ alg: 'none' }, {}, null) });
				await ask(one, 403, { bearer: accessToken(other, 'alice') });
			} else {
				await ask(one, 401, { basic: [other.key.sid, other.key.secret] });
				if (one.path.includes('{A}'))
					await ask(one, 404, { basic: [other.sid, other.auth_token] });
			}
			const [param] = Object.keys(known).filter(name => !['identity', 'name'].includes(name) && one.path.includes(`{${name}}`));
			if (param && one.statuses.includes('404'))
				await ask(one, 404, { params: { [param]: sid(param) }, json: isClient && one.method === 'PUT' ? {} : undefined, ...missing(one) });
			if (one.statuses.includes('400'))
				await ask(one, 400, SPOILT[one.id] ?? SPOILT[bodyType(one)] ?? { query: { PageSize: '0' } });
		});
	}

	/** A body that is as it should be, so that only the id is wrong. */
	const missing = one => ({ continueCommunication: { json: { action: 'hangup' } }, updateCall: { form: { Status: 'completed' } } })[one.id] ?? {};
});

test('answers about the instance itself', async () => {
	for (const service of Object.keys(documents))
		for (const name of ['getHealth', 'getReadiness', 'getMetrics'])
			await ask(`${service} ${name}`, 200);
});

test('every answer that is described was seen', () => {
	const unseen = operations.flatMap(({ service, id, statuses }) => statuses
		.filter(status => status !== 'default' && status !== '503' && !seen.get(`${service} ${id}`)?.has(status))
		.map(status => `${service} ${id} ${status}`));
	assert.deepEqual(unseen, []);
});
