// presence_query.test.mjs - POST Presence/Query: many clients in one message, in the order asked, for whom may see them.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startCluster } from '../support/cluster.mjs';
import { rest } from '../support/rest.mjs';
import { accessToken, forgedToken, opened } from '../support/tokens.mjs';

let cluster, account;

before(async () => {
	cluster = await startCluster({ routing: 0, haproxy: false });
	account = cluster.account;
});
after(() => cluster?.stop());

const ask = (json, options = {}) => cluster.v1('POST', '/Presence/Query', { json, ...options });
const names = answer => answer.body.clients.map(c => c.identity);

function watcher(watch, identity = 'observer') {
	const { header, payload } = opened(accessToken(account, identity));
	return { basic: undefined, bearer: forgedToken(header, { ...payload, grants: { ...payload.grants, presence: { watch } } }, account.key.secret) };
}

describe('a query', () => {
	test('is answered with one document each, in the order asked, also for those nobody knows', async () => {
		const clients = await Promise.all(['zoe', 'alice', 'support/bob'].map(identity => cluster.connect(identity, { media: ['voice', 'video'] })));
		const identities = ['zoe', 'nobody', 'support/bob', 'alice', 'zoe'];
		const { status, body } = await ask({ identities });
		assert.equal(status, 200);
		assert.deepEqual(body.denied, []);
		const singly = await Promise.all(identities.map(async name => (await cluster.v1('GET', `/Presence/${encodeURIComponent(name)}`)).body));
		assert.deepEqual(body.clients, singly);
		assert.deepEqual([body.clients[1].status, body.clients[1].version], ['offline', 0]);
		await Promise.all(clients.map(client => client.close()));
	});

	test('of a thousand takes one message', async () => {
		const identities = Array.from({ length: 1000 }, (_, i) => `crowd/${String(i).padStart(115, 'x')}`);
		const here = await Promise.all([3, 500, 999].map(i => cluster.connect(identities[i])));
		const answer = await ask({ identities });
		assert.equal(answer.status, 200, answer.text.slice(0, 200));
		assert.deepEqual(names(answer), identities);
		assert.deepEqual(answer.body.clients.flatMap((c, i) => c.status === 'available' ? [i] : []), [3, 500, 999]);
		await Promise.all(here.map(client => client.close()));
	});

	test('may leave out who cannot do what is needed', async () => {
		const clients = [await cluster.connect('able', { media: ['voice', 'video'] }), await cluster.connect('deaf', { media: ['message'] }),
			await cluster.connect('busy', { media: ['video'], status: 'busy' })];
		const identities = ['able', 'deaf', 'busy', 'nobody'];
		assert.deepEqual(names(await ask({ identities, media: 'video' })), ['able', 'busy']);
		assert.deepEqual(names(await ask({ identities, ringable: 'video' })), ['able']);
		assert.deepEqual(names(await ask({ identities, ringable: 'message', media: 'message' })), ['deaf']);
		assert.deepEqual(names(await ask({ identities, media: null })), identities);
		await Promise.all(clients.map(client => client.close()));
	});

	test('of nobody is answered with nobody', async () => {
		assert.deepEqual((await ask({ identities: [] })).body, { clients: [], denied: [] });
	});

	test('is not answered twice with the same', async () => {
		const client = await cluster.connect('etag');
		const json = { identities: ['etag', 'nobody'] };
		const headers = { 'If-None-Match': (await ask(json)).headers.get('etag') };
		const same = await ask(json, { headers });
		assert.deepEqual([same.status, same.text, same.headers.get('etag')], [304, '', headers['If-None-Match']]);
		await client.request({ type: 'status', status: 'away' });
		assert.equal((await ask(json, { headers })).status, 200);
		await client.close();
	});
});

describe('a client', () => {
	test('gets those whom its token permits, and the names of the others', async () => {
		const { body } = await ask({ identities: ['bob', 'observer', 'support/x', 'supporter', 'nobody'] }, watcher(['support/*', 'bob']));
		assert.deepEqual(body.clients.map(c => c.identity), ['bob', 'observer', 'support/x']);
		assert.deepEqual(body.denied, ['supporter', 'nobody']);
	});

	test('of another account gets nothing', async () => {
		const other = await cluster.addAccount();
		assert.equal((await ask({ identities: ['alice'] }, { basic: undefined, bearer: accessToken(other, 'alice') })).status, 403);
		assert.equal((await ask({ identities: ['alice'] }, { basic: [other.sid, other.auth_token] })).status, 404);
		const alice = await cluster.connect('alice');
		const theirs = await rest('POST', `${cluster.url}/v1/Accounts/${other.sid}/Presence/Query`, { basic: [other.sid, other.auth_token], json: { identities: ['alice'] } });
		assert.equal(theirs.body.clients[0].version, 0);
		await alice.close();
	});
});

describe('what cannot be asked is refused, naming the field', () => {
	const wrong = [
		[{}, 'identities', 45003], [{ identities: 'alice' }, 'identities', 45002], [{ identities: {} }, 'identities', 45002], [{ identities: null }, 'identities', 45003],
		[{ identities: Array(1001).fill('a') }, 'identities', 45002],
		...['', 'a b', '../a', 'a/', 7, null, ['a'], 'a'.repeat(122)].map(name => [{ identities: ['alice', name] }, 'identities[1]', 45002]),
		[{ identities: [], media: 'fax' }, 'media', 45002], [{ identities: [], media: ['voice'] }, 'media', 45002],
		[{ identities: [], ringable: true }, 'ringable', 45002], [{ identities: [], ringable: '' }, 'ringable', 45002],
	];
	for (const [json, field, code] of wrong) {
		test(JSON.stringify(json).slice(0, 50), async () => {
			const { status, body } = await ask(json);
			assert.deepEqual([status, body.field, body.code], [400, field, code]);
		});
	}

	test('a body that is no JSON object', async () => {
		assert.equal((await ask('[]')).status, 400);
		assert.equal((await ask('{')).status, 400);
		assert.equal((await cluster.v1('POST', '/Presence/Query', { form: { identities: 'a' } })).status, 415);
	});
});
