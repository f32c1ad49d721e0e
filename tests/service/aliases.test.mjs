// Aliases: a name for several clients, and what they come to together.
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { startCluster } from '../support/cluster.mjs';
import { rest } from '../support/rest.mjs';
import { forgedToken, opened, accessToken } from '../support/tokens.mjs';

let cluster, account;

before(async () => { cluster = await startCluster({ presence: 2, haproxy: false }); });
beforeEach(async () => { account = await cluster.addAccount(); });
after(() => cluster?.stop());

const path = name => `/Aliases/${encodeURIComponent(name)}`;
const put = (name, json, options) => cluster.v1('PUT', path(name), { account, json, ...options });
const get = (name, options) => cluster.v1('GET', path(name), { account, at: cluster.presence[1], ...options });
const remove = name => cluster.v1('DELETE', path(name), { account });
const presence = (name, options) => cluster.v1('GET', `${path(name)}/Presence`, { account, at: cluster.presence[1], ...options });
const clientOf = (identity, watch) => {
	const { header, payload } = opened(accessToken(account, identity));
	payload.grants.presence = { watch };
	return { basic: undefined, bearer: forgedToken(header, payload, account.key.secret) };
};

describe('an alias', () => {
	test('is made, read, changed and deleted', async () => {
		const made = await put('support/all', { members: ['alice', 'support/tier1/bob'], note: 'Day shift' });
		assert.equal(made.status, 201);
		const { created_at, updated_at, ...rest } = made.body;
		assert.deepEqual(rest, { alias: 'support/all', members: ['alice', 'support/tier1/bob'], note: 'Day shift' });
		assert.equal(created_at, updated_at);
		assert.deepEqual((await get('support/all')).body, made.body);
		const changed = await put('support/all', { members: ['carol'] });
		assert.equal(changed.status, 200);
		assert.deepEqual([changed.body.members, changed.body.note, changed.body.created_at], [['carol'], null, created_at]);
		assert.ok(changed.body.updated_at > updated_at);
		assert.equal((await remove('support/all')).status, 204);
		assert.equal((await get('support/all')).status, 404);
		assert.equal((await remove('support/all')).status, 404);
		assert.equal((await presence('support/all')).status, 404);
	});

	test('is of its account alone, and for servers', async () => {
		const other = await cluster.addAccount();
		await put('desk', { members: ['alice'] });
		assert.equal((await get('desk', { account: other })).status, 404);
		for (const [method, name] of [['GET', path('desk')], ['PUT', path('desk')], ['DELETE', path('desk')], ['GET', '/Aliases']])
			assert.equal((await cluster.v1(method, name, { account, ...clientOf('alice', ['*']) })).status, 401, `${method} ${name}`);
	});

	test('is refused naming what is wrong', async () => {
		for (const [name, json, field] of [
			['a b', { members: ['alice'] }, 'name'], ['x'.repeat(122), { members: ['alice'] }, 'name'], ['a/../b', { members: ['alice'] }, 'name'],
			['desk', {}, 'members'], ['desk', { members: 'alice' }, 'members'], ['desk', { members: [] }, 'members'],
			['desk', { members: Array.from({ length: 101 }, (_, i) => `c${i}`) }, 'members'],
			['desk', { members: ['alice', 'b b'] }, 'members[1]'], ['desk', { members: [7] }, 'members[0]'], ['desk', { members: ['a', 'b', 'a'] }, 'members[2]'],
			['desk', { members: ['alice'], note: 7 }, 'note'], ['desk', { members: ['alice'], note: 'x'.repeat(257) }, 'note'], ['desk', { members: ['alice'], note: 'a\nb' }, 'note'],
		]) {
			const answer = await put(name, json);
			assert.deepEqual([answer.status, answer.body.field], [400, field], JSON.stringify([name, json]));
		}
		assert.equal((await get('desk')).status, 404);
	});

	test('has up to 100 members of the longest names', async () => {
		const members = Array.from({ length: 100 }, (_, i) => String(i).padStart(121, 'n'));
		assert.equal((await put('crowd', { members, note: '"'.repeat(256) })).status, 201);
		assert.deepEqual((await get('crowd')).body.members, members);
		assert.equal((await presence('crowd')).body.members.length, 100);
	});
});

describe('the list of aliases', () => {
	const list = async (query = '') => (await cluster.v1('GET', `/Aliases${query}`, { account, at: cluster.presence[1] })).body;

	test('goes page by page, by name, also while it changes', async () => {
		assert.deepEqual(await list(), { aliases: [], next_page_token: null, next_page_uri: null });
		const names = Array.from({ length: 23 }, (_, i) => `team/${String(i).padStart(2, '0')}`);
		await Promise.all(names.map(name => put(name, { members: ['alice'] })));
		assert.deepEqual((await list()).aliases.map(one => one.alias), names);

		const seen = [];
		for (let page = await list('?PageSize=5'); ; page = (await rest('GET', cluster.url + page.next_page_uri, { basic: [account.key.sid, account.key.secret] })).body) {
			seen.push(...page.aliases.map(one => one.alias));
			if (!page.next_page_uri)
				break;
			assert.equal(page.next_page_token, page.aliases.at(-1).alias);
			if (seen.length === 10) {
				await remove(names[9]);
				await remove(names[11]);
				await put('team/0', { members: ['bob'] });
			}
		}
		assert.deepEqual(seen, names.filter(name => name !== names[11]));
		for (const [query, field] of [['?PageSize=0', 'PageSize'], ['?PageToken=a%20b', 'PageToken']]) {
			const answer = await cluster.v1('GET', `/Aliases${query}`, { account });
			assert.deepEqual([answer.status, answer.body.field], [400, field]);
		}
	});

	test('ends: an account has 2000, and no more', async () => {
		const record = JSON.stringify({ updated: 1, created: 1, members: ['alice'] });
		await cluster.redis.command('HSET', `al:{${account.sid}}`, ...Array.from({ length: 2000 }, (_, i) => [`n${i}`, record]).flat());
		const answer = await put('another', { members: ['alice'] });
		assert.deepEqual([answer.status, answer.body.code], [409, 20409]);
		assert.equal((await put('n7', { members: ['bob'] })).status, 200);
	});
});

describe('the presence of an alias', () => {
	const members = ['a1', 'a2', 'a3', 'team/a4', 'a5'];
	const register = (identity, json) => cluster.v1('POST', '/Devices', { account, basic: undefined, bearer: accessToken(account, identity), json: { ttl: 60, ...json } });
	const connect = (identity, hello) => cluster.connect(identity, { at: cluster.presence[0], account, token: accessToken(account, identity), ...hello });
	const status = async () => (await presence('team')).body.status;

	beforeEach(() => put('team', { members, note: 'Shift' }));

	test('is offline while nobody is there', async () => {
		const { body } = await presence('team');
		assert.deepEqual({ ...body, members: body.members.map(one => [one.identity, one.status, one.version]) }, {
			alias: 'team', status: 'offline', ringable: [], media: [], device_count: 0, note: 'Shift',
			members: members.map(name => [name, 'offline', 0]),
		});
	});

	test('is that of its best member, and what any of them can be rung for', async () => {
		await register('a1', { status: 'dnd' });
		assert.equal(await status(), 'dnd');
		await register('a2', { status: 'away', media: ['message'] });
		assert.equal(await status(), 'away');
		const [busy, voice, video] = [await connect('a3', { status: 'busy' }), await connect('team/a4', { media: ['voice'], status: 'away' }), await connect('a5', { media: ['video'], status: 'away' })];
		assert.equal(await status(), 'busy');
		await voice.request({ type: 'status', status: 'available' });
		assert.equal(await status(), 'available');
		assert.deepEqual((await presence('team')).body.ringable, ['voice']);
		await video.request({ type: 'status', status: 'available' });
		const { body } = await presence('team');
		assert.deepEqual([body.ringable, body.media, body.device_count], [['voice', 'video'], ['voice', 'video', 'message'], 5]);
		for (const one of body.members)
			assert.deepEqual(one, (await cluster.v1('GET', `/Presence/${encodeURIComponent(one.identity)}`, { account })).body);
		await Promise.all([busy, voice, video].map(channel => channel.close()));
	});

	test('is not sent again while it is the same', async () => {
		const etag = (await presence('team')).headers.get('etag');
		assert.equal((await presence('team', { headers: { 'If-None-Match': etag } })).status, 304);
		await register('a5', {});
		assert.equal((await presence('team', { headers: { 'If-None-Match': etag } })).status, 200);
	});

	test('shows a client the members that it may watch', async () => {
		await register('a1', { status: 'available' });
		await register('team/a4', { status: 'away' });
		const shown = async options => (await presence('team', options)).body;
		const names = body => body.members.map(one => one.identity);
		assert.deepEqual(names(await shown(clientOf('zoe', ['*']))), members);
		const some = await shown(clientOf('zoe', ['team/*', 'a2']));
		assert.deepEqual([names(some), some.status, some.device_count], [['a2', 'team/a4'], 'away', 1]);
		assert.deepEqual(names(await shown(clientOf('a5', []))), ['a5']);
		const none = await presence('team', clientOf('zoe', ['b1']));
		assert.deepEqual([none.status, none.body.code], [403, 20006]);
	});
});
