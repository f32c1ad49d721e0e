// presence.test.mjs - GET Presence: the document, its ETag, names in every spelling, and who may ask.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { sid } from '../support/accounts.mjs';
import { startCluster } from '../support/cluster.mjs';
import { rest } from '../support/rest.mjs';
import { accessToken, capabilityToken, forgedToken, opened } from '../support/tokens.mjs';

let cluster, account, other;

before(async () => {
	cluster = await startCluster({ routing: 0, haproxy: false });
	account = cluster.account;
	other = await cluster.addAccount();
});
after(() => cluster?.stop());

const get = (name, options = {}) => cluster.v1('GET', `/Presence/${name}`, options);

describe('the document', () => {
	test('of somebody who was never here is offline, version 0', async () => {
		const { status, headers, body } = await get('nobody');
		assert.equal(status, 200);
		assert.equal(headers.get('etag'), '"0"');
		assert.deepEqual(body, { identity: 'nobody', status: 'offline', ringable: [], media: [], device_count: 0, since: null, last_seen: null, note: null, override: false, version: 0 });
	});

	test('follows a client through a day', async () => {
		const before = Date.now();
		const alice = await cluster.connect('alice', { media: ['voice', 'video'], attributes: { a: 'b' } });
		const { body: here } = await get('alice');
		assert.deepEqual({ ...here, since: '', last_seen: '', version: 0 },
			{ identity: 'alice', status: 'available', ringable: ['voice', 'video'], media: ['voice', 'video'], device_count: 1, since: '', last_seen: '', note: null, override: false, version: 0 });
		assert.ok(Date.parse(here.since) >= before - 1000 && Date.parse(here.since) <= Date.now() + 1000);
		assert.ok(here.version >= before * 1000 - 1e6 && here.version < 2 ** 53);

		await alice.request({ type: 'status', status: 'away' });
		const { body: away } = await get('alice');
		assert.deepEqual([away.status, away.ringable, away.media], ['away', [], ['voice', 'video']]);
		assert.ok(away.version > here.version && away.since >= here.since);

		await alice.close();
		const gone = await cluster.presenceBecomes('alice', p => p.status === 'offline', 'is offline');
		assert.deepEqual([gone.ringable, gone.media, gone.device_count, gone.devices], [[], [], 0, []]);
		assert.ok(gone.version > away.version && gone.last_seen === gone.since);
	});

	test('shows devices when asked, and only then', async () => {
		const [laptop, phone] = [await cluster.connect('alice', { host: 'laptop' }), await cluster.connect('alice', { host: 'phone', status: 'busy' })];
		for (const query of ['', '?Devices=false'])
			assert.equal((await get(`alice${query}`)).body.devices, undefined);
		const { devices } = (await get('alice?Devices=true')).body;
		assert.deepEqual(devices.map(d => [d.device, d.host, d.status, d.held, d.node]).sort(), [
			[laptop.welcome.device, 'laptop', 'available', 'channel', laptop.welcome.node],
			[phone.welcome.device, 'phone', 'busy', 'channel', phone.welcome.node],
		].sort());
		for (const word of ['yes', 'TRUE', '1', '']) {
			const answer = await get(`alice?Devices=${word}`);
			assert.deepEqual([answer.status, answer.body.field], [400, 'Devices'], word);
		}
		await Promise.all([laptop.close(), phone.close()]);
		await cluster.presenceBecomes('alice', p => p.status === 'offline', 'is offline');
	});
});

describe('the ETag', () => {
	test('answers 304 while nothing has changed', async () => {
		const alice = await cluster.connect('alice');
		const etag = (await get('alice')).headers.get('etag');
		const same = await get('alice', { headers: { 'If-None-Match': etag } });
		assert.deepEqual([same.status, same.text, same.headers.get('etag')], [304, '', etag]);
		assert.equal((await get('alice', { headers: { 'If-None-Match': '"1"' } })).status, 200);
		await alice.close();
	});

	test('changes with whatever the document or its devices show', async () => {
		const [alice, second] = [await cluster.connect('alice'), await cluster.connect('alice')];
		let etag = (await get('alice?Devices=true')).headers.get('etag');
		for (const change of [{ attributes: { a: 'b' } }, { attributes: { a: 'c' } }, { status: 'away' }, { media: ['video'] }, { host: 'h2' }]) {
			await alice.request({ type: 'status', ...change });
			const answer = await get('alice?Devices=true', { headers: { 'If-None-Match': etag } });
			assert.equal(answer.status, 200, JSON.stringify(change));
			etag = answer.headers.get('etag');
		}
		await Promise.all([alice.close(), second.close()]);
	});
});

describe('names', () => {
	for (const name of ['support/tier1/alice', 'a.b_c-d@e+f', 'x', 'A', 'm'.repeat(121), 'Devices', '...', 'a..b']) {
		test(`${name.slice(0, 20)} is found by its one encoded segment`, async () => {
			const client = await cluster.connect(name);
			const { status, body } = await get(encodeURIComponent(name));
			assert.deepEqual([status, body.identity, body.status], [200, name, 'available']);
			await client.close();
		});
	}

	test('may have every byte encoded', async () => {
		const client = await cluster.connect('support/al');
		const encoded = [...Buffer.from('support/al')].map(b => '%' + b.toString(16)).join('');
		assert.equal((await get(encoded)).body.status, 'available');
		await client.close();
	});

	test('with an open slash are another address', async () => {
		assert.deepEqual([(await get('support/tier1/alice')).status, (await get('')).status, (await get('alice/')).status], [404, 404, 404]);
	});

	test('that no client can have are refused, naming the field', async () => {
		for (const name of ['a%2F..', '..%2Fa', '%2Fa', 'a%2F', 'a%2F%2Fb', 'a%20b', 'a*', '%C3%BC', 'a%7Cb', 'm'.repeat(122)]) {
			const answer = await get(name);
			assert.deepEqual([answer.status, answer.body.field], [400, 'identity'], name);
		}
		for (const name of ['%', '%zz', 'a%2', 'a%00'])
			assert.equal((await get(name)).status, 400, name);
	});
});

/** A token of `identity` that may watch. */
function watcher(identity, watch) {
	const { header, payload } = opened(accessToken(account, identity));
	return forgedToken(header, { ...payload, grants: { ...payload.grants, presence: { watch } } }, account.key.secret);
}

describe('who may ask', () => {
	test('an account sees nothing of another, not even that it is there', async () => {
		const alice = await cluster.connect('alice');
		const [basic, theirs] = [[account.key.sid, account.key.secret], [other.sid, other.auth_token]];
		const ask = (owner, credentials) => rest('GET', `${cluster.url}/v1/Accounts/${owner}/Presence/alice`, credentials);

		assert.equal((await ask(other.sid, { basic: theirs })).body.version, 0);
		const answers = await Promise.all([ask(account.sid, { basic: theirs }), ask(sid('AC'), { basic: theirs })]);
		assert.deepEqual(answers.map(a => [a.status, a.body]), [[404, answers[0].body], [404, answers[0].body]]);
		const keys = await Promise.all([ask(other.sid, { basic }), ask(sid('AC'), { basic })]);
		assert.deepEqual(keys.map(a => [a.status, a.body]), [[401, keys[0].body], [401, keys[0].body]]);
		const tokens = await Promise.all([ask(account.sid, { bearer: accessToken(other, 'alice') }), ask(sid('AC'), { bearer: accessToken(other, 'alice') })]);
		assert.deepEqual(tokens.map(a => [a.status, a.body]), [[403, tokens[0].body], [403, tokens[0].body]]);
		await alice.close();
	});

	test('a client sees itself, whatever its token permits', async () => {
		for (const bearer of [accessToken(account, 'alice', { incoming: false, outgoing: false }), capabilityToken(account, 'alice')]) {
			assert.equal((await get('alice', { basic: undefined, bearer })).status, 200);
			const answer = await get('bob', { basic: undefined, bearer });
			assert.deepEqual([answer.status, answer.body.code], [403, 20006]);
		}
	});

	const grants = [
		['bob', { bob: 200, bobby: 403, 'bob/x': 403 }],
		[['bob', 'carol'], { bob: 200, carol: 200, dave: 403 }],
		['support/*', { 'support/a': 200, 'support/tier1/b': 200, support: 403, supporter: 403 }],
		['*', { bob: 200, 'support/a': 200 }],
		[[], { bob: 403 }],
	];
	for (const [watch, expected] of grants) {
		test(`the grant to watch ${JSON.stringify(watch)} reaches just that`, async () => {
			for (const [name, status] of Object.entries(expected))
				assert.equal((await get(encodeURIComponent(name), { basic: undefined, bearer: watcher('alice', watch) })).status, status, name);
		});
	}

	test('nobody without credentials', async () => {
		for (const options of [{}, { basic: ['x', 'y'] }, { bearer: 'x' }])
			assert.equal((await get('alice', { basic: undefined, ...options })).status, 401);
	});
});
