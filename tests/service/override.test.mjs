// override.test.mjs - what a user chooses to show, for how long, and who may choose; and the history of what was shown.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startCluster } from '../support/cluster.mjs';
import { rest } from '../support/rest.mjs';
import { accessToken, forgedToken, opened } from '../support/tokens.mjs';

let cluster, account, alice;

before(async () => {
	cluster = await startCluster({ routing: 0, haproxy: false, env: { SWEEP_MS: '50' } });
	account = cluster.account;
	alice = await cluster.connect('alice', { media: ['voice', 'video'] });
});
after(async () => {
	await alice?.close();
	await cluster?.stop();
});

const get = async (name = 'alice') => (await cluster.v1('GET', `/Presence/${name}`)).body;
const put = (json, options = {}, name = 'alice') => cluster.v1('PUT', `/Presence/${name}`, { json, ...options });
const clear = (options = {}, name = 'alice') => cluster.v1('DELETE', `/Presence/${name}`, options);
const history = async (name, options) => (await cluster.v1('GET', `/Presence/${name}/History`, options)).body.history;
const soon = ms => new Date(Date.now() + ms).toISOString();

function permitted(identity, override = true) {
	const { header, payload } = opened(accessToken(account, identity));
	return { basic: undefined, bearer: forgedToken(header, { ...payload, grants: { ...payload.grants, presence: { override } } }, account.key.secret) };
}

describe('an override', () => {
	for (const [status, ringable] of [['available', true], ['away', true], ['busy', false], ['dnd', false], ['offline', false]]) {
		test(`to ${status} is shown, and ${ringable ? 'lets' : 'does not let'} the client be rung`, async () => {
			const before_ = await get();
			const { status: http, body } = await put({ status, note: 'why | not' });
			assert.equal(http, 200);
			assert.deepEqual([body.identity, body.status, body.note, body.override, body.device_count], ['alice', status, 'why | not', true, 1]);
			assert.deepEqual([body.ringable, body.media], [ringable ? ['voice', 'video'] : [], ['voice', 'video']]);
			assert.ok(body.version > before_.version);
			assert.deepEqual(await get(), body);
			const { body: own } = await clear();
			assert.deepEqual([own.status, own.note, own.override, own.ringable], ['available', null, false, ['voice', 'video']]);
			assert.ok(own.version > body.version);
			assert.deepEqual(await get(), own);
		});
	}

	test('of the note alone leaves the status to the devices', async () => {
		const { body } = await put({ note: 'in the garden' });
		assert.deepEqual([body.status, body.note, body.override], ['available', 'in the garden', false]);
		await alice.request({ type: 'status', status: 'away' });
		assert.deepEqual([(await get()).status, (await get()).note], ['away', 'in the garden']);
		await alice.request({ type: 'status', status: 'available' });
		await clear();
	});

	test('replaces the one before, whole', async () => {
		await put({ status: 'dnd', note: 'first', until: soon(1500) });
		const { body } = await put({ status: 'busy' });
		assert.deepEqual([body.status, body.note], ['busy', null]);
		await clear();
	});

	test('outlives the devices, and may come before them', async () => {
		const { body } = await put({ status: 'available', note: 'soon here' }, {}, 'later');
		assert.deepEqual([body.status, body.device_count, body.ringable, body.override], ['available', 0, [], true]);
		const later = await cluster.connect('later', { status: 'busy' });
		assert.equal((await get('later')).status, 'available');
		await later.close();
		await cluster.presenceBecomes('later', p => p.device_count === 0, 'has no device');
		assert.deepEqual([(await get('later')).status, (await get('later')).note], ['available', 'soon here']);
		assert.equal((await clear({}, 'later')).body.status, 'offline');
	});

	test('ends by itself at its time', async () => {
		const { body } = await put({ status: 'dnd', note: 'for a moment', until: soon(700) });
		assert.equal(body.status, 'dnd');
		const after_ = await cluster.presenceBecomes('alice', p => !p.override, 'shows its devices again');
		assert.deepEqual([after_.status, after_.note, after_.ringable], ['available', null, ['voice', 'video']]);
	});

	test('that was not there is taken back without failure', async () => {
		const { status, body } = await clear({}, 'never-seen');
		assert.deepEqual([status, body.status, body.version], [200, 'offline', 0]);
	});
});

describe('who may choose', () => {
	test('a client for itself, with the grant, and for nobody else', async () => {
		assert.equal((await put({ status: 'busy' }, permitted('alice'))).status, 200);
		assert.equal((await clear(permitted('alice'))).status, 200);
		for (const caller of [permitted('bob'), permitted('alice', false), { basic: undefined, bearer: accessToken(account, 'alice') }])
			assert.deepEqual([(await put({ status: 'busy' }, caller)).status, (await clear(caller)).status], [403, 403]);
	});

	test('no other account', async () => {
		const other = await cluster.addAccount();
		assert.equal((await put({ status: 'busy' }, { basic: [other.sid, other.auth_token] })).status, 404);
		assert.equal((await get()).override, false);
	});
});

describe('what cannot be chosen is refused, naming the field', () => {
	const wrong = [
		[{}, 'status', 45003], [{ status: null, note: '' }, 'status', 45003],
		[{ status: 'on_call' }, 'status', 45002], [{ status: 'asleep' }, 'status', 45002], [{ status: 1 }, 'status', 45002],
		[{ note: 1 }, 'note', 45002], [{ note: 'x'.repeat(257) }, 'note', 45002], [{ note: 'ü'.repeat(129) }, 'note', 45002], [{ note: 'two\nlines' }, 'note', 45002],
		...['tomorrow', '2026-13-01T00:00:00Z', 7, '', '2020-01-01T00:00:00Z'].map(until => [{ status: 'busy', until }, 'until', 45002]),
		[{ status: 'busy', until: soon(31 * 24 * 3600_000) }, 'until', 45002],
	];
	for (const [json, field, code] of wrong) {
		test(JSON.stringify(json).slice(0, 60), async () => {
			const { status, body } = await put(json);
			assert.deepEqual([status, body.field, body.code], [400, field, code]);
			assert.equal((await get()).override, false);
		});
	}

	test('a name that no client can have', async () => {
		for (const answer of [await put({ status: 'busy' }, {}, 'a%20b'), await clear({}, '..%2Fa'), await cluster.v1('GET', '/Presence/a%20b/History')])
			assert.deepEqual([answer.status, answer.body.field], [400, 'identity']);
	});

	test('the longest note, and a time with an offset', async () => {
		const until = new Date(Date.now() + 2 * 3600_000 + 60_000).toISOString().replace('Z', '+02:00');
		assert.equal((await put({ note: 'ü'.repeat(128), until })).status, 200);
		assert.equal((await get()).note, 'ü'.repeat(128));
		await clear();
	});
});

describe('the history', () => {
	test('is what was shown, newest first', async () => {
		const carol = await cluster.connect('carol');
		const seen = [await get('carol')];
		for (const json of [{ status: 'dnd', note: 'a' }, { note: 'b' }]) {
			await put(json, {}, 'carol');
			seen.unshift(await get('carol'));
		}
		await carol.request({ type: 'status', status: 'away' });
		seen.unshift(await get('carol'));
		await carol.request({ type: 'status', attributes: { a: 'b' } });
		assert.deepEqual(await history('carol'), seen);
		await carol.close();
	});

	test('keeps the last fifty', async () => {
		for (let i = 0; i < 60; i++)
			await put({ note: `note ${i}` }, {}, 'dave');
		const states = await history('dave');
		assert.deepEqual(states.map(s => s.note), Array.from({ length: 50 }, (_, i) => `note ${59 - i}`));
		assert.ok(states.every((s, i) => i === 0 || s.version < states[i - 1].version));
	});

	test('of nobody is empty', async () => {
		assert.deepEqual(await history('nobody'), []);
	});

	test('is for those who may watch', async () => {
		const asked = caller => cluster.v1('GET', '/Presence/alice/History', caller);
		assert.equal((await asked({ basic: undefined, bearer: accessToken(account, 'alice') })).status, 200);
		assert.equal((await asked({ basic: undefined, bearer: accessToken(account, 'bob') })).status, 403);
		const other = await cluster.addAccount();
		assert.deepEqual((await rest('GET', `${cluster.url}/v1/Accounts/${other.sid}/Presence/alice/History`, { basic: [other.sid, other.auth_token] })).body, { history: [] });
	});
});
