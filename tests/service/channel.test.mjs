// channel.test.mjs - hello and welcome, status, media and attributes, and what the channel says to mistakes.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { sid } from '../support/accounts.mjs';
import { openChannel } from '../support/client.mjs';
import { startCluster } from '../support/cluster.mjs';
import { accessToken, opened } from '../support/tokens.mjs';

const STORM = 200;

let cluster, account;

before(async () => {
	// One worker: the devices of different clients meet in one place.
	cluster = await startCluster({ routing: 0, haproxy: false, env: { WORKERS: '1', PING_MS: '7000', RECONNECT_SPREAD_MS: '1234' } });
	account = cluster.account;
});
after(() => cluster?.stop());

const onlyDevice = async identity => {
	const { devices } = await cluster.readPresence(identity);
	assert.equal(devices.length, 1);
	return devices[0];
};

describe('hello', () => {
	test('is welcomed with everything a client has to know', async () => {
		const token = accessToken(account, 'alice');
		const alice = await cluster.connect('alice', { token });
		const { welcome } = alice;
		assert.deepEqual({ ...welcome, device: '', node: '' }, {
			type: 'welcome', re: 1, device: '', identity: 'alice', account: account.sid, registered: true, node: '', host: 'presence-1',
			ping_ms: 7000, reconnect_spread_ms: 1234, expires_at: welcome.expires_at, ice_servers: [],
		});
		assert.match(welcome.device, /^DV[0-9a-f]{32}$/);
		assert.match(welcome.node, /^ND[0-9a-f]{32}$/);
		assert.equal(Date.parse(welcome.expires_at) / 1000, opened(token).payload.exp);
		await alice.close();
	});

	test('takes defaults for what it does not say', async () => {
		const alice = await cluster.connect('alice');
		const device = await onlyDevice('alice');
		assert.deepEqual({ ...device, since: '' }, {
			device: alice.welcome.device, app: 'default', host: '', status: 'available', media: ['voice'], attributes: {},
			node: alice.welcome.node, held: 'channel', since: '', expires_at: null,
		});
		await alice.close();
	});

	test('takes app, host, status, media and attributes', async () => {
		const profile = { app: 'desk', host: 'büro 1', status: 'busy', media: ['message', 'voice', 'video'], attributes: { skill: ['billing', 'sales'], 'lang-ü': 'de' } };
		const alice = await cluster.connect('alice', profile);
		const device = await onlyDevice('alice');
		assert.deepEqual({ ...profile, media: ['voice', 'video', 'message'] },
			{ app: device.app, host: device.host, status: device.status, media: device.media, attributes: device.attributes });
		await alice.close();
	});

	test('ignores fields that it does not know', async () => {
		const alice = await cluster.connect('alice', { future: { a: [1] }, __proto__: 'x' });
		await alice.close();
	});

	test('is said once', async () => {
		const alice = await cluster.connect('alice');
		assert.equal((await alice.request({ type: 'hello', token: accessToken(account, 'alice') })).code, 20409);
		assert.equal((await alice.request({ type: 'ack' })).type, 'ok');
		await alice.close();
	});

	test('comes first', async () => {
		for (const message of [{ type: 'status', status: 'away' }, { type: 'nonsense' }, { type: 7 }, {}]) {
			const channel = await openChannel(cluster.url);
			assert.equal((await channel.request(message)).code, 45201);
			assert.equal((await channel.closed).code, 1008);
		}
	});

	test('is refused whole: what was sent behind it is not worked on', async () => {
		const channel = await openChannel(cluster.url);
		// An account that nobody knows has to be looked for, so that the second hello waits.
		channel.send({ type: 'hello', id: 1, token: accessToken({ ...account, sid: sid('AC') }, 'gatecrasher') });
		channel.send({ type: 'hello', id: 2, token: accessToken(account, 'gatecrasher') });
		assert.equal((await channel.closed).code, 1008);
		assert.deepEqual(channel.heard.map(m => [m.type, m.re]), [['error', 1]]);
		assert.equal((await cluster.readPresence('gatecrasher')).version, 0);
	});
});

describe('a device that comes back', () => {
	test('keeps its id, and its old socket is closed', async () => {
		const before = await cluster.connect('alice', { host: 'old' });
		const { device } = before.welcome;
		const again = await cluster.connect('alice', { device, host: 'new' });
		assert.equal(again.welcome.device, device);
		assert.equal((await before.closed).code, 1008);
		assert.equal((await onlyDevice('alice')).host, 'new');
		assert.equal((await again.request({ type: 'status', status: 'away' })).type, 'ok');
		await again.close();
		await cluster.presenceBecomes('alice', p => p.status === 'offline', 'is offline');
	});

	test('does not get the device of another client, nor one that nobody has', async () => {
		const stranger = await cluster.addAccount();
		const alice = await cluster.connect('alice');
		const { device } = alice.welcome;
		const claims = [[accessToken(account, 'mallory'), device], [accessToken(stranger, 'alice'), device], [accessToken(account, 'alice'), sid('DV')]];
		for (const [token, wanted] of claims) {
			const thief = await openChannel(cluster.url);
			const error = await thief.request({ type: 'hello', token, device: wanted });
			assert.deepEqual([error.code, error.field], [45002, 'device']);
			assert.equal((await thief.closed).code, 1008);
		}
		assert.equal((await alice.request({ type: 'status', status: 'away' })).type, 'ok');
		assert.equal((await onlyDevice('alice')).device, device);
		await alice.close();
	});
});

describe('status', () => {
	let alice;
	before(async () => { alice = await cluster.connect('alice', { app: 'desk', host: 'h1', media: ['voice', 'video'], attributes: { skill: 'billing' } }); });
	after(() => alice?.close());
	const say = async change => assert.equal((await alice.request({ type: 'status', ...change })).type, 'ok');
	const shown = async () => {
		const { app, host, status, media, attributes } = await onlyDevice('alice');
		return { app, host, status, media, attributes };
	};

	test('changes what it names and keeps the rest', async () => {
		const expected = { app: 'desk', host: 'h1', status: 'available', media: ['voice', 'video'], attributes: { skill: 'billing' } };
		for (const change of [{ status: 'away' }, { media: ['message'] }, { attributes: { skill: ['sales'], x: '' } }, { host: 'h2' }, { app: 'phone' },
			{ attributes: {} }, { status: 'dnd', media: [], attributes: { a: 'b' }, host: '' }, {}]) {
			await say(change);
			assert.deepEqual(await shown(), Object.assign(expected, change), JSON.stringify(change));
		}
	});

	test('of the same words changes nothing: the version stays', async () => {
		await say({ status: 'away', attributes: { a: 'b' } });
		const { version, since } = await cluster.readPresence('alice');
		await say({ status: 'away', attributes: { a: 'b' } });
		await say({});
		const after = await cluster.readPresence('alice');
		assert.deepEqual([after.version, after.since], [version, since]);
	});
});

describe('mistakes', () => {
	const attributes17 = Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`k${i}`, 'v']));
	const wrong = [
		['status', { status: 'sleeping' }], ['status', { status: 1 }],
		['media', { media: 'voice' }], ['media', { media: ['fax'] }], ['media', { media: [1] }], ['media', { media: Array(9).fill('voice') }],
		['attributes', { attributes: [] }], ['attributes', { attributes: 'x' }], ['attributes', { attributes: attributes17 }],
		['attributes', { attributes: { '': 'x' } }], ['attributes', { attributes: { ['k'.repeat(65)]: 'x' } }],
		['attributes.a', { attributes: { a: 1 } }], ['attributes.a', { attributes: { a: 'x'.repeat(65) } }], ['attributes.a', { attributes: { a: Array(17).fill('x') } }],
		['attributes.a', { attributes: { a: [['x']] } }], ['attributes.a', { attributes: { a: null } }],
		['app', { app: 7 }], ['app', { app: 'x'.repeat(65) }], ['host', { host: 'a\nb' }], ['host', { host: {} }],
	];

	test('in a status name their field, and the channel stays', async () => {
		const alice = await cluster.connect('alice');
		for (const [field, message] of wrong) {
			const error = await alice.request({ type: 'status', ...message });
			assert.deepEqual([error.type, error.code, error.field], ['error', 45002, field], JSON.stringify(message));
			assert.ok(error.message.startsWith(field), error.message);
		}
		const device = await onlyDevice('alice');
		assert.deepEqual([device.status, device.media, device.attributes], ['available', ['voice'], {}]);
		await alice.close();
	});

	test('in a hello name their field, and nobody is registered', async () => {
		const more = [['device', { device: 'DV1' }], ['device', { device: 7 }], ['token', { token: 7 }], ['token', { token: 'x'.repeat(8193) }]];
		await Promise.all([...wrong, ...more].map(async ([field, message]) => {
			const channel = await openChannel(cluster.url);
			const error = await channel.request({ type: 'hello', token: accessToken(account, 'clumsy'), ...message });
			assert.deepEqual([error.code, error.field], [45002, field], JSON.stringify(message));
			assert.equal((await channel.closed).code, 1008);
		}));
		const channel = await openChannel(cluster.url);
		const { code, field } = await channel.request({ type: 'hello' });
		assert.deepEqual([code, field], [45003, 'token']);
		assert.equal((await cluster.readPresence('clumsy')).version, 0);
	});

	test('in a call, an answer, a reject, a candidate name their field', async () => {
		const alice = await cluster.connect('alice');
		for (const [code, field, message] of [
			[45003, 'to', { type: 'call' }], [45002, 'to', { type: 'call', to: 7 }], [45002, 'sdp', { type: 'call', to: 'client:bob', sdp: {} }],
			[45002, 'media', { type: 'call', to: 'client:bob', media: 'fax' }], [45002, 'parameters', { type: 'call', to: 'client:bob', parameters: 'x' }],
			[45003, 'token', { type: 'answer' }], [45002, 'sdp', { type: 'answer', token: 'x', sdp: 1 }], [45002, 'reason', { type: 'reject', token: 'x', reason: 5 }],
			[45002, 'reason', { type: 'reject', token: 'x', reason: 'bored' }], [45003, 'candidate', { type: 'candidate', call: sid('CA') }],
			[45003, 'call', { type: 'hangup' }], [45003, 'call', { type: 'ringing' }], [45003, 'token', { type: 'token' }],
		]) {
			const error = await alice.request(message);
			assert.deepEqual([error.code, error.field], [code, field], JSON.stringify({ message, error }));
		}
		await alice.close();
	});

	test('about calls that this device does not have', async () => {
		const alice = await cluster.connect('alice');
		for (const type of ['hangup', 'ringing', 'reject'])
			for (const call of [sid('CA'), 'CA1', 'x'])
				assert.equal((await alice.request({ type, call })).code, 45204, `${type} ${call}`);
		assert.equal((await alice.request({ type: 'answer', token: 'CT1.x' })).code, 45300);
		await alice.close();
	});

	test('in the message itself are answered, and the channel stays', async () => {
		const alice = await cluster.connect('alice');
		for (const text of ['', '{', '[]', '"x"', '7', 'null', '{"type":"ack","type":"ack"}', '{"type":"ack"}x', '{"a":"\\u0000"}', '{"a":01}', `${'['.repeat(40)}${']'.repeat(40)}`]) {
			alice.send(text);
			const error = await alice.next('error');
			assert.deepEqual([error.code, error.re], [45200, undefined], text);
		}
		assert.equal((await alice.request({ type: 'nonsense' })).code, 45202);
		assert.equal((await alice.request({ type: 7 })).code, 45202);
		assert.equal((await alice.request({})).code, 45202);
		assert.equal((await alice.request({ type: 'ack' })).type, 'ok');
		await alice.close();
	});

	test('in an id leave it out of the reply', async () => {
		const alice = await cluster.connect('alice');
		for (const id of ['7', 1.5, null, {}, 1e300]) {
			alice.send({ type: 'ack', id });
			assert.deepEqual(await alice.next('ok'), { type: 'ok' });
		}
		alice.send({ type: 'ack', id: 2 ** 53 - 1 });
		assert.deepEqual(await alice.next('ok'), { type: 'ok', re: 2 ** 53 - 1 });
		await alice.close();
	});
});

describe('messages of one channel', () => {
	test('are worked on in order, while earlier ones still are', async () => {
		const alice = await cluster.connect('alice');
		const words = ['away', 'busy', 'available', 'dnd'];
		// The store stands still, so that the first one waits and the others have to.
		await cluster.redis.command('CLIENT', 'PAUSE', '200', 'WRITE');
		for (let i = 1; i <= 60; i++)
			alice.send({ type: i % 3 ? 'status' : 'ack', id: 1000 + i, status: words[i % 4] });
		const replies = [];
		while (replies.length < 60)
			replies.push((await alice.next('ok')).re);
		assert.deepEqual(replies, Array.from({ length: 60 }, (_, i) => 1001 + i));
		assert.equal((await onlyDevice('alice')).status, words[59 % 4]);
		await alice.close();
	});

	test('that cannot be read hold up none behind them', async () => {
		const alice = await cluster.connect('alice');
		await cluster.redis.command('CLIENT', 'PAUSE', '200', 'WRITE');
		for (const message of [{ type: 'status', id: 1, status: 'away' }, '{', '[]', { type: 'ack', id: 2 }, '}', { type: 'ack', id: 3 }])
			alice.send(message);
		await alice.next('ok');
		assert.deepEqual((await alice.next('ok')).re, 2);
		assert.deepEqual((await alice.next('ok')).re, 3);
		assert.deepEqual(alice.heard.slice(1).map(m => m.re ?? m.code), [1, 45200, 45200, 2, 45200, 3]);
		await alice.close();
	});

	test('are counted once each, in and out', async () => {
		const alice = await cluster.connect('alice');
		const service = cluster.presence[0];
		const count = () => Promise.all(['ws_frames_in_total', 'ws_frames_out_total'].map(name => service.metric(`switchhook_${name}`)));
		const before = await count();
		for (let i = 0; i < STORM; i++)
			assert.equal((await alice.request({ type: 'ack' })).type, 'ok');
		const after = await count();
		assert.deepEqual(after.map((n, i) => n - before[i]), [STORM, STORM]);
		await alice.close();
	});
});
