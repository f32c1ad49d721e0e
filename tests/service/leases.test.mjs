// leases.test.mjs - devices that are held by REST: created, kept alive, changed, deleted, expired.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { sid } from '../support/accounts.mjs';
import { startCluster } from '../support/cluster.mjs';
import { rest } from '../support/rest.mjs';
import { accessToken, opened } from '../support/tokens.mjs';

const SWEEP_MS = 50;

let cluster, account, bearer;

before(async () => {
	cluster = await startCluster({ routing: 0, haproxy: false, env: { SWEEP_MS: String(SWEEP_MS), LEASE_TTL_MAX_S: '600' } });
	account = cluster.account;
	bearer = accessToken(account, 'alice');
});
after(() => cluster?.stop());

const devices = (method, path = '', { owner = account, token = bearer, ...options } = {}) =>
	rest(method, `${cluster.url}/v1/Accounts/${owner.sid}/Devices${path}`, { bearer: token, ...options });

async function create(profile = {}, options) {
	const made = await devices('POST', '', { json: profile, ...options });
	assert.equal(made.status, 201, made.text);
	return made.body;
}

const change = (device, profile, options) => devices('PUT', `/${device}`, { json: profile, ...options });
const remove = device => devices('DELETE', `/${device}`);
const secondsLeft = body => (Date.parse(body.expires_at) - Date.now()) / 1000;

describe('a device by REST lease', () => {
	test('is created with defaults, seen, and deleted', async () => {
		const made = await create();
		assert.match(made.device, /^DV[0-9a-f]{32}$/);
		assert.deepEqual({ ...made, device: '', expires_at: '', registration: 0 }, {
			device: '', identity: 'alice', app: 'default', host: '', status: 'available', media: ['voice'], attributes: {}, expires_at: '', registration: 0,
		});
		assert.ok(Math.abs(secondsLeft(made) - 60) < 5);
		assert.ok(Number.isInteger(made.registration));

		const presence = await cluster.readPresence('alice');
		assert.deepEqual([presence.status, presence.ringable, presence.media, presence.device_count], ['available', [], ['voice'], 1]);
		const [shown] = presence.devices;
		assert.deepEqual([shown.device, shown.held, shown.node, shown.expires_at], [made.device, 'lease', null, made.expires_at]);

		const gone = await remove(made.device);
		assert.deepEqual([gone.status, gone.text], [204, '']);
		assert.equal((await cluster.readPresence('alice')).status, 'offline');
		for (const answer of [await remove(made.device), await change(made.device, {})])
			assert.deepEqual([answer.status, answer.body.code], [404, 45203]);
	});

	test('is created as it says', async () => {
		const profile = { app: 'desk', host: 'h', status: 'dnd', media: ['video', 'message'], attributes: { skill: ['a', 'b'] } };
		const made = await create({ ...profile, ttl: 600 });
		assert.deepEqual({ ...profile, ...made }, made);
		assert.ok(Math.abs(secondsLeft(made) - 600) < 5);
		await remove(made.device);
	});

	test('changes what it names and keeps the rest', async () => {
		const made = await create({ app: 'desk', host: 'h1', media: ['voice', 'video'], attributes: { a: 'b' } });
		const expected = { ...made };
		for (const step of [{ status: 'away' }, { media: ['message'] }, { host: 'h2' }, { app: 'phone' }, { attributes: { c: 'd' } }, { attributes: {}, media: [] }, {}]) {
			const { status, body } = await change(made.device, step);
			Object.assign(expected, step, { expires_at: body.expires_at });
			assert.deepEqual([status, body], [200, expected]);
			const [{ app, host, media, attributes }] = (await cluster.readPresence('alice')).devices;
			assert.deepEqual({ app, host, media, attributes }, { app: expected.app, host: expected.host, media: expected.media, attributes: expected.attributes });
		}
		await remove(made.device);
	});

	test('is kept alive by heartbeats, for the time that it asked for', async () => {
		const made = await create({ ttl: 300 });
		const { version } = await cluster.readPresence('alice');
		const beat = await change(made.device, {});
		assert.ok(Math.abs(secondsLeft(beat.body) - 300) < 5, beat.text);
		assert.ok(Date.parse(beat.body.expires_at) >= Date.parse(made.expires_at));
		assert.equal((await cluster.readPresence('alice')).version, version);
		assert.ok(Math.abs(secondsLeft((await change(made.device, { ttl: 30 })).body) - 30) < 5);
		assert.ok(Math.abs(secondsLeft((await change(made.device, { status: 'away' })).body) - 30) < 5);
		await remove(made.device);
	});

	test('that nobody keeps alive goes offline in time', async () => {
		const made = await create({ ttl: 1 });
		const until = Date.parse(made.expires_at);
		for (let left = 3; left > 0; left--)
			assert.equal((await change(made.device, {})).status, 200);
		const offline = await cluster.presenceBecomes('alice', p => p.status === 'offline', 'is offline');
		const late = Date.now() - until;
		assert.ok(late >= 0 && late < 2 * SWEEP_MS + 1000, `${late} ms`);
		assert.deepEqual([offline.device_count, offline.devices], [0, []]);
		assert.ok(Date.parse(offline.last_seen) >= until);
		assert.equal((await change(made.device, {})).status, 404);
	});

	test('does not outlive its token', async () => {
		const token = accessToken(account, 'brief', { ttl: 20 });
		const made = await create({ ttl: 600 }, { token });
		assert.ok(Date.parse(made.expires_at) / 1000 <= opened(token).payload.exp + 1);
		const renewed = await change(made.device, {}, { token: accessToken(account, 'brief') });
		assert.ok(Math.abs(secondsLeft(renewed.body) - 600) < 5, renewed.text);
	});

	test("is nobody else's: another identity, another account, another prefix are 404", async () => {
		const other = await cluster.addAccount();
		const made = await create();
		const strangers = [{ token: accessToken(account, 'bob') }, { token: accessToken(other, 'alice'), owner: other }];
		for (const options of strangers)
			for (const answer of [await change(made.device, { status: 'dnd' }, options), await devices('DELETE', `/${made.device}`, options)])
				assert.deepEqual([answer.status, answer.body.code], [404, 45203]);
		for (const id of [sid('DV'), 'DV1', sid('CA'), made.device.toUpperCase()])
			assert.equal((await change(id, {})).status, 404, id);
		assert.equal((await cluster.readPresence('alice')).status, 'available');
		await remove(made.device);
	});

	test('is none that a channel holds: that one is changed and ended there', async () => {
		const alice = await cluster.connect('alice', { at: cluster.presence[0] });
		for (const refused of [await change(alice.welcome.device, { status: 'away' }), await remove(alice.welcome.device)])
			assert.deepEqual([refused.status, refused.body.code], [409, 20409], refused.text);
		assert.equal((await cluster.readPresence('alice')).devices.find(device => device.device === alice.welcome.device).status, 'available');
		await alice.close();
	});

	test('is one of at most 50', async () => {
		const made = await Promise.all(Array.from({ length: 50 }, () => create({}, { token: accessToken(account, 'many') })));
		assert.equal((await cluster.readPresence('many')).device_count, 50);
		const more = await devices('POST', '', { token: accessToken(account, 'many'), json: {} });
		assert.deepEqual([more.status, more.body.code, more.headers.get('retry-after')], [429, 20429, '1']);
		assert.equal(new Set(made.map(m => m.device)).size, 50);
	});
});

describe('attributes', () => {
	test('of one client have at most 1,000 values, whichever of its devices they are of', async () => {
		const token = accessToken(account, 'rich');
		const values = (name, n) => Object.fromEntries(Array.from({ length: Math.ceil(n / 16) }, (_, i) => [`${name}${i}`, Array.from({ length: Math.min(16, n - 16 * i) }, (_, k) => String(k))]));
		const rich = [];
		for (const name of ['a', 'b', 'c'])
			rich.push(await create({ attributes: values(name, 256) }, { token }));
		const more = await devices('POST', '', { token, json: { attributes: values('d', 256) } });
		assert.deepEqual([more.status, more.body.code, more.body.field], [400, 45207, 'attributes'], more.text);
		const plain = await create({}, { token });
		const changed = await change(plain.device, { attributes: values('d', 256) }, { token });
		assert.deepEqual([changed.status, changed.body.code, changed.body.field], [400, 45207, 'attributes'], changed.text);
		assert.equal((await change(plain.device, { attributes: values('d', 200) }, { token })).status, 200);
		await assert.rejects(cluster.connect('rich', { token, attributes: values('e', 256) }), /45207/);
		assert.equal((await devices('DELETE', `/${rich[0].device}`, { token })).status, 204);
		await (await cluster.connect('rich', { token, attributes: values('e', 256) })).close();
	});
});

describe('mistakes name their field', () => {
	const wrong = [
		['ttl', { ttl: 0 }], ['ttl', { ttl: 601 }], ['ttl', { ttl: '60' }], ['ttl', { ttl: 1.5 }], ['ttl', { ttl: -1 }], ['ttl', { ttl: 1e30 }],
		['status', { status: 'offline' }], ['status', { status: [] }], ['media', { media: ['fax'] }], ['media', { media: {} }],
		['attributes', { attributes: 'x' }], ['attributes.k', { attributes: { k: 1 } }], ['app', { app: true }], ['host', { host: 'x'.repeat(65) }],
	];
	test('in a registration, which then is none', async () => {
		for (const [field, json] of wrong) {
			const answer = await devices('POST', '', { token: accessToken(account, 'clumsy'), json });
			assert.deepEqual([answer.status, answer.body.code, answer.body.field], [400, 45002, field], answer.text);
		}
		assert.equal((await cluster.readPresence('clumsy')).version, 0);
	});

	test('in a change, which then changes nothing', async () => {
		const made = await create();
		const before = await cluster.readPresence('alice');
		for (const [field, json] of wrong) {
			const answer = await change(made.device, { status: 'away', ...json });
			assert.deepEqual([answer.status, answer.body.field], [400, field], answer.text);
		}
		assert.deepEqual(await cluster.readPresence('alice'), before);
		await remove(made.device);
	});
});
