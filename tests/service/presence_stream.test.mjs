// presence_stream.test.mjs - GET PresenceStream: presence as server-sent events, what it tells and whom, and each of its ends.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { sid } from '../support/accounts.mjs';
import { startCluster } from '../support/cluster.mjs';
import { listen } from '../support/events.mjs';
import { populate } from '../support/population.mjs';
import { until, within } from '../support/process.mjs';
import { rest } from '../support/rest.mjs';
import { startService } from '../support/service.mjs';
import { accessToken, forgedToken, opened } from '../support/tokens.mjs';

const SPREAD_MS = 700;
const SHORT = { PING_MS: '200', DEAD_MS: '800', RECONNECT_SPREAD_MS: String(SPREAD_MS), WATCH_STALL_MS: '1000' };

let cluster, account;

before(async () => {
	cluster = await startCluster({ presence: 2, routing: 0, haproxy: false, env: SHORT });
	account = cluster.account;
});
after(() => cluster?.stop());

const pathOf = query => `/PresenceStream${query ? `?${new URLSearchParams(query)}` : ''}`;

/** As the account's server, or with what `options` bring. */
function open(query, { at = cluster.presence[0], of = account, ...options } = {}) {
	const credentials = options.bearer || options.basic ? {} : { basic: [of.key.sid, of.key.secret] };
	return listen(`${at.url}/v1/Accounts/${of.sid}${pathOf(query)}`, { ...credentials, ...options });
}

const ask = (query, options) => cluster.v1('GET', pathOf(query), options);
const names = (...identities) => identities.map(name => ['Identity', name]);
const show = (identity, json, at) => cluster.v1('PUT', `/Presence/${encodeURIComponent(identity)}`, { json, at });

/** A token of `identity` that may watch. */
function watcher(identity, watch, { of = account, ...options } = {}) {
	const { header, payload } = opened(accessToken(of, identity, options));
	return forgedToken(header, { ...payload, jti: sid('JT'), grants: { ...payload.grants, presence: { watch } } }, of.key.secret);
}

/** Nothing is left of any stream: the metrics of every instance say so. */
const nothingLeft = () => until(async () => {
	const left = await Promise.all(cluster.presence.filter(service => !service.wasKilled).flatMap(service =>
		['switchhook_http_streams', 'switchhook_watchers'].map(name => service.metric(name))));
	return left.every(n => n === 0);
}, 'all streams and watchers are gone');

describe('what it tells', () => {
	test('the state of those who are named, then each change', async () => {
		const alice = await cluster.connect('alice');
		const stream = await open(names('alice', 'never/seen'));
		assert.equal(stream.headers['content-type'], 'text/event-stream');
		const { clients } = await stream.snapshot();
		assert.deepEqual(clients.map(c => [c.identity, c.status]).sort(), [['alice', 'available'], ['never/seen', 'offline']]);
		assert.deepEqual(clients.find(c => c.identity === 'alice'), (await cluster.v1('GET', '/Presence/alice')).body);

		await alice.request({ type: 'status', status: 'away' });
		const away = await stream.becomes('alice', c => c.status === 'away', 'is away');
		assert.ok(away.version > clients.find(c => c.identity === 'alice').version);
		await alice.close();
		await stream.becomes('alice', c => c.status === 'offline', 'is offline');
		assert.ok(stream.heard.every(({ type, id }) => !['snapshot', 'presence'].includes(type) || id), 'each can be gone on from');
		await stream.close();
	});

	test('everybody whose name starts so, also who comes later, and nobody else', async () => {
		await show('team/a', { status: 'busy' });
		const stream = await open({ Prefix: 'team/' });
		assert.deepEqual((await stream.snapshot()).clients.map(c => c.identity), ['team/a']);
		await Promise.all([show('teams', { status: 'busy' }), show('team/b', { status: 'dnd' })]);
		await stream.becomes('team/b', c => c.status === 'dnd', 'is shown');
		await show('team/a', { status: 'away' });
		await stream.becomes('team/a', c => c.status === 'away', 'is away');
		assert.equal(stream.state('teams'), undefined);
		await stream.close();
	});

	test('the whole account, of another one nothing', async () => {
		const other = await cluster.addAccount();
		const stream = await open(undefined, { of: other });
		assert.deepEqual((await stream.snapshot()).clients, []);
		await show('alice', { status: 'dnd' });
		const bob = await cluster.connect('bob', { account: other, at: cluster.presence[1] });
		await stream.becomes('bob', c => c.status === 'available', 'is there');
		assert.equal(stream.state('alice'), undefined);
		await Promise.all([bob.close(), stream.close()]);
		await cluster.v1('DELETE', '/Presence/alice');
	});

	test('when to come back, and that it is alive, for longer than a request may take', async () => {
		const stream = await open(names('alice'));
		await stream.pinged(3);
		assert.equal(stream.retries.length, 1);
		assert.ok(stream.retries[0] >= 0 && stream.retries[0] <= SPREAD_MS);
		await stream.close();
	});

	test('HEAD gets the head, and no stream is left', async () => {
		const { status, headers, text } = await rest('HEAD', `${cluster.presence[0].url}/v1/Accounts/${account.sid}/PresenceStream`, { basic: [account.key.sid, account.key.secret] });
		assert.deepEqual([status, headers.get('content-type'), text], [200, 'text/event-stream', '']);
		await nothingLeft();
	});
});

describe('who comes again', () => {
	test('hears what was missed, and no more, on any instance', async () => {
		for (const name of ['r/old', 'r/changed'])
			await show(name, { status: 'away' });
		await new Promise(resolve => setTimeout(resolve, 5500));     // who changed within the last seconds is told once more
		await show('r/late', { status: 'away' });
		const first = await open({ Prefix: 'r/' });
		assert.equal((await first.snapshot()).clients.length, 3);
		await first.close();
		await show('r/changed', { status: 'busy' });

		const again = await open({ Prefix: 'r/' }, { at: cluster.presence[1], lastId: first.lastId });
		const { clients, resumed } = await again.snapshot();
		assert.equal(resumed, true);
		assert.deepEqual(clients.map(c => [c.identity, c.status]).sort(), [['r/changed', 'busy'], ['r/late', 'away']]);
		await show('r/old', { status: 'dnd' });
		await again.becomes('r/old', c => c.status === 'dnd', 'goes on');
		assert.deepEqual(again.all('resync'), []);
		await again.close();
	});

	test('with an id of another time starts over, and is told so', async () => {
		await show('r/old', { status: 'dnd' });
		const stream = await open(names('r/old'), { lastId: '00000001-1700000000000000' });
		assert.ok((await stream.next('resync')).reason);
		assert.equal((await stream.snapshot()).clients[0].status, 'dnd');
		await stream.close();
	});
});

describe('what it refuses, before it begins', () => {
	const refused = {
		'a name that no client can have': [names('alice', 'a b'), 'Identity'],
		'too many names': [names(...Array.from({ length: 101 }, (_, i) => `c${i}`)), 'Identity'],
		'a prefix of no name': [{ Prefix: 'a b' }, 'Prefix'],
		'names and a prefix': [{ Identity: 'a', Prefix: 'b' }, 'Prefix'],
	};
	for (const [what, [query, field]] of Object.entries(refused)) {
		test(what, async () => {
			const { status, body } = await ask(query);
			assert.deepEqual([status, body.code, body.field], [400, 45002, field]);
		});
	}

	test('an id that is none of its own', async () => {
		for (const id of ['x', '12', 'zzzzzzzz-1', '00000000-', '00000000--1', 'a'.repeat(100)]) {
			const { status, body } = await ask(names('alice'), { headers: { 'Last-Event-ID': id } });
			assert.deepEqual([status, body.field], [400, 'Last-Event-ID'], id);
		}
		await nothingLeft();
	});

	test('not who has heard nothing yet, and says so', async () => {
		const stream = await open(names('alice'), { lastId: '' });
		assert.equal((await stream.snapshot()).resumed, undefined);
		await stream.close();
	});

	test('whom the token does not permit to watch', async () => {
		const bearer = watcher('alice', ['bob', 'support/*']);
		const may = async (query, is) => {
			const answer = is ? await open(query, { bearer }) : await ask(query, { basic: undefined, bearer });
			if (is)
				await answer.close();
			else
				assert.deepEqual([answer.status, answer.body.code], [403, 20006], JSON.stringify(query));
		};
		await may(names('alice', 'bob', 'support/x'), true);
		await may({ Prefix: 'support/' }, true);
		await may({ Prefix: 'support/tier1/' }, true);
		await may(names('bob', 'carol'), false);
		await may({ Prefix: 'support' }, false);
		await may({ Prefix: '' }, false);
		await may(undefined, false);
	});

	test('more than 10,000 clients; as many are told, in events of bounded size', async () => {
		const large = await cluster.addAccount();
		await populate(cluster.redis, large, 'crowd/', 10_000);
		const stream = await open({ Prefix: 'crowd/' }, { of: large });
		assert.equal((await stream.snapshot(30_000)).clients.length, 10_000);
		assert.ok(stream.heard.length > 10 && stream.heard.every(({ data }) => JSON.stringify(data).length < 40_000));
		assert.equal(stream.heard.filter(({ id }) => id).length, 1, 'within a snapshot there is no place to go on from');

		await cluster.v1('PUT', '/Presence/other', { account: large, json: { status: 'away' } });
		const { status, body } = await ask(undefined, { account: large });
		assert.deepEqual([status, body.code, body.field], [400, 45205, 'Prefix']);

		await cluster.v1('PUT', '/Presence/crowd%2Flate', { account: large, json: { status: 'away' } });
		assert.equal((await stream.next('error')).code, 45205);
		assert.equal(await within(stream.ended, 'it ends'), 'complete');
	});

	test('more than the account may have open', async () => {
		const one = await startCluster({ routing: 0, haproxy: false, env: { ...SHORT, WORKERS: '1', LIMIT_ACCOUNT_CHANNELS: '2' } });
		try {
			const at = one.presence[0];
			const streams = await Promise.all([1, 2].map(() => open(names('a'), { at, of: one.account })));
			const answer = await one.v1('GET', '/PresenceStream?Identity=a');
			assert.deepEqual([answer.status, answer.body.code], [429, 20429]);
			assert.match(answer.headers.get('retry-after'), /^[1-9]/);
			await streams.pop().close();
			const next = await until(() => open(names('a'), { at, of: one.account }).catch(() => null), 'there is room again');
			await Promise.all([...streams, next].map(stream => stream.close()));
		} finally {
			await one.stop();
		}
	});
});

describe('its end', () => {
	test('comes with the token, after a warning', async () => {
		const stream = await open(names('alice'), { bearer: watcher('alice', [], { ttl: 2 }) });
		assert.ok((await stream.next('token_will_expire')).seconds <= 2);
		assert.deepEqual(await stream.next('error'), { code: 20104, message: 'the token has expired', status: 401 });
		assert.equal(await within(stream.ended, 'it ends'), 'complete');
	});

	test('comes with the revocation of the token, on every instance, others stay', async () => {
		const [mine, theirs] = ['alice', 'carol'].map(name => watcher(name, ['bob']));
		const streams = await Promise.all(cluster.presence.flatMap(at => [1, 2, 3].map(() => open(names('bob'), { at, bearer: mine }))));
		const other = await open(names('bob'), { bearer: theirs });
		const answer = await cluster.v1('POST', '/Tokens/Revoke', { json: { token_id: opened(mine).payload.jti } });
		assert.equal(answer.status, 204, answer.text);
		for (const stream of streams) {
			assert.equal((await stream.next('error', 1000)).code, 45103);
			assert.equal(await within(stream.ended, 'it ends', 1000), 'complete');
		}
		await show('bob', { status: 'dnd' });
		await other.becomes('bob', c => c.status === 'dnd', 'is told to who still may');
		await other.close();
	});

	test('comes with the key that opened it', async () => {
		const { body: key } = await cluster.api2010('POST', '/Keys.json', { form: { FriendlyName: 'short' } });
		const stream = await open(names('alice'), { basic: [key.sid, key.secret] });
		await stream.snapshot();
		assert.equal((await cluster.api2010('DELETE', `/Keys/${key.sid}.json`)).status, 204);
		assert.equal((await stream.next('error', 1000)).status, 401);
		await within(stream.ended, 'it ends', 1000);
	});

	test('comes with the auth token that opened it, and not with the other one', async () => {
		const other = await cluster.addAccount();
		const credentials = [other.sid, other.auth_token];
		const of = { of: other, basic: credentials };
		const second = await rest('POST', `${cluster.url}/v1/AuthTokens/Secondary`, { basic: credentials });
		const goesOn = await open(names('a'), { of: other, basic: [other.sid, second.body.secondary_auth_token] });
		const streams = [await open(names('a'), of), await open({ Prefix: 'a/' }, { ...of, at: cluster.presence[1] })];
		await Promise.all([goesOn, ...streams].map(stream => stream.snapshot()));
		assert.equal((await rest('POST', `${cluster.url}/v1/AuthTokens/Promote`, { basic: credentials })).status, 200);
		for (const stream of streams) {
			assert.equal((await stream.next('error', 1000)).code, 20003);
			await within(stream.ended, 'it ends', 1000);
		}
		assert.equal(goesOn.isOver, undefined);
		await goesOn.close();
	});

	test('comes with the credentials of the parent that opened it: its key, its auth token', async () => {
		const other = await cluster.addAccount();
		const credentials = [other.sid, other.auth_token];
		const { body: child } = await rest('POST', `${cluster.url}/2010-04-01/Accounts.json`, { basic: credentials, form: {} });
		const { body: key } = await rest('POST', `${cluster.url}/2010-04-01/Accounts/${other.sid}/Keys.json`, { basic: credentials, form: {} });
		const byKey = await open(names('a'), { of: child, basic: [key.sid, key.secret] });
		const byToken = await open(names('a'), { of: child, basic: credentials });
		const byItself = await open(names('a'), { of: child, basic: [child.sid, child.auth_token] });
		await Promise.all([byKey, byToken, byItself].map(stream => stream.snapshot()));
		const waited = await rest('GET', `${cluster.url}/v1/Accounts/${child.sid}/Presence/a?Wait=1s&Version=0`, { basic: [key.sid, key.secret] });
		assert.equal(waited.status, 304, waited.text);

		assert.equal((await rest('DELETE', `${cluster.url}/2010-04-01/Accounts/${other.sid}/Keys/${key.sid}.json`, { basic: credentials })).status, 204);
		assert.equal((await byKey.next('error', 1000)).code, 20003);
		assert.equal(byToken.isOver, undefined);
		await rest('POST', `${cluster.url}/v1/AuthTokens/Secondary`, { basic: credentials });
		assert.equal((await rest('POST', `${cluster.url}/v1/AuthTokens/Promote`, { basic: credentials })).status, 200);
		assert.equal((await byToken.next('error', 1000)).code, 20003);
		assert.equal(byItself.isOver, undefined);
		await byItself.close();
	});

	test('comes with the suspension of the account', async () => {
		const other = await cluster.addAccount();
		const streams = await Promise.all([open(names('a'), { of: other }), open(names('a'), { of: other, bearer: watcher('a', [], { of: other }) })]);
		await Promise.all(streams.map(stream => stream.snapshot()));
		await cluster.seedAgain(other, { status: 'suspended' });
		for (const stream of streams) {
			assert.equal((await stream.next('error', 1000)).code, 20005);
			await within(stream.ended, 'it ends', 1000);
		}
	});

	test('is noticed when the client hangs up, and nothing is left', async () => {
		const streams = await Promise.all(Array.from({ length: 20 }, (_, i) => open(names(`c${i}`, 'alice'), { at: cluster.presence[i % 2] })));
		await Promise.all(streams.map(stream => stream.snapshot()));
		await Promise.all(streams.map(stream => stream.close()));
		await nothingLeft();
	});

	test('comes to one who does not read, and its memory is bounded until then', async () => {
		const [service] = cluster.presence;
		const crowd = Array.from({ length: 100 }, (_, i) => `slow/${i}`);
		const stream = await open({ Prefix: 'slow/' });
		stream.pause();
		const note = 'n'.repeat(256);
		for (let round = 0; await service.metric('switchhook_http_streams') > 0; round++) {
			assert.ok(round < 200, 'it is cut');
			await Promise.all(crowd.map(name => show(name, { status: round % 2 ? 'away' : 'busy', note })));
		}
		await nothingLeft();
		await stream.close();
	});
});

describe('Redis', () => {
	test('stands still while credentials are looked at again: those who hang up meanwhile leave nothing behind', async () => {
		const bearer = watcher('alice', ['bob']);
		const streams = await Promise.all(Array.from({ length: 30 }, () => open(names('bob'), { bearer })));
		await Promise.all(streams.map(stream => stream.snapshot()));
		const standstill = cluster.redis.commands(['PUBLISH', 'inv', account.sid], ['CLIENT', 'PAUSE', 600, 'ALL']);
		await new Promise(resolve => setTimeout(resolve, 200));      // in the midst of it
		await Promise.all(streams.slice(1).map(stream => stream.close()));
		await standstill;
		await until(() => show('bob', { status: 'busy' }).then(answer => answer.status === 200), 'Redis goes on');
		await streams[0].becomes('bob', c => c.status === 'busy', 'is told to who stayed');
		await streams[0].close();
		await nothingLeft();
	});

	test('restarted: told to start over, and everything again', async () => {
		const stream = await open(names('alice', 'bob'));
		await stream.snapshot();
		await cluster.redis.shutdown();
		await cluster.redis.start();
		await stream.next('resync');
		assert.equal((await stream.snapshot()).clients.length, 2);
		await until(() => show('alice', { status: 'busy' }).then(answer => answer.status === 200), 'Redis is back');
		await stream.becomes('alice', c => c.status === 'busy', 'changes are heard again');
		await stream.close();
	});
});

describe('an instance that drains', () => {
	test('cuts one who does not read, when it has waited long enough', async () => {
		const large = await cluster.addAccount();
		await populate(cluster.redis, large, 'crowd/', 10_000);
		const instance = await startService('presence-svc', cluster.redis, { name: 'third', env: { ...cluster.env, DRAIN_MAX_MS: '500', DEAD_MS: '60000', WATCH_STALL_MS: '60000' } });
		const stream = await open({ Prefix: 'crowd/' }, { at: instance, of: large });
		stream.pause();
		const told = [];
		await until(async () => {
			told.unshift(await instance.metric('switchhook_watch_frames_total'));
			return told[0] > 10 && told[0] === told[20];
		}, 'it is told no more, as it does not read');
		await instance.stop();
		stream.response.resume();
		stream.request.socket.resume();
		assert.equal(await within(stream.ended, 'it ends'), 'cut');
	});

	test('says when to come back, ends the stream, and the other one goes on with it', async () => {
		const [first, second] = cluster.presence;
		const byParent = [account.sid, account.auth_token];
		const children = await Promise.all([1, 2, 3].map(async () => (await rest('POST', `${second.url}/2010-04-01/Accounts.json`, { basic: byParent, form: {} })).body));
		const streams = await Promise.all([...Array.from({ length: 8 }, () => open(names('alice'), { at: first })),
			...children.map(of => open(names('alice'), { at: first, of, basic: byParent }))]);
		await Promise.all(streams.map(stream => stream.snapshot()));
		const stopped = first.stop();
		for (const stream of streams) {
			const { reconnect_after_ms: after } = await stream.next('drain');
			assert.ok(after >= 0 && after <= SPREAD_MS);
			assert.equal(stream.retries.at(-1), after);
			assert.equal(await within(stream.ended, 'it ends'), 'complete');
		}
		assert.ok(new Set(streams.map(stream => stream.retries.at(-1))).size > 1, 'they do not come all at once');
		await stopped;
		await show('alice', { status: 'dnd' }, second);
		const again = await open(names('alice'), { at: second, lastId: streams[0].lastId });
		assert.equal((await again.snapshot()).resumed, true);
		assert.equal(again.state('alice').status, 'dnd');
		await again.close();
		await nothingLeft();
	});
});
