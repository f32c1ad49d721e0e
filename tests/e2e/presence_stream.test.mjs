// presence_stream.test.mjs - those who listen as clients do, through HAProxy: what a drain, a death and a hang-up mean for them.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startCluster } from '../support/cluster.mjs';
import { listen } from '../support/events.mjs';
import { until, within } from '../support/process.mjs';

let cluster, account;

before(async () => {
	cluster = await startCluster({ presence: 3, routing: 1, env: { PING_MS: '300', DEAD_MS: '900', NODE_LEASE_MS: '600', RECONNECT_SPREAD_MS: '300' } });
	account = cluster.account;
});
after(() => cluster?.stop());

const open = (query, { at = cluster.url, ...options } = {}) =>
	listen(`${at}/v1/Accounts/${account.sid}/PresenceStream?${query}`, { basic: [account.key.sid, account.key.secret], ...options });
const living = () => cluster.presence.filter(service => !service.wasKilled);
const sum = async name => (await Promise.all(living().map(service => service.metric(name)))).reduce((a, b) => a + b);
/** Until it is done: while an instance dies the balancer may answer 503. */
const show = (identity, status) => until(async () => {
	const answer = await cluster.v1('PUT', `/Presence/${identity}`, { json: { status } });
	return answer.status === 200 && answer;
}, `${identity} shows ${status}`);

/** What a listener does by itself: it comes again with the last id, until told to stop. */
async function follow(query, identity) {
	const follower = { streams: [], heard: () => follower.streams.flatMap(stream => stream.heard) };
	const step = async lastId => {
		const stream = await until(() => open(query, { lastId }).catch(() => null), 'the stream opens');
		follower.streams.push(stream);
		stream.ended.then(() => { follower.next = follower.isOver ? null : step(stream.lastId); });
	};
	follower.becomes = (status, what) => until(() => follower.heard().flatMap(({ data }) => data.clients ?? [])
		.findLast(client => client.identity === identity)?.status === status, what);
	follower.stop = async () => {
		follower.isOver = true;
		await follower.next;
		await Promise.all(follower.streams.map(stream => stream.close()));
	};
	await step();
	await follower.streams[0].snapshot();
	return follower;
}

/** Versions of a client never went back within a stream. */
function assertMonotone({ streams }) {
	for (const stream of streams) {
		const versions = stream.heard.filter(({ type }) => type === 'presence').flatMap(({ data }) => data.clients).map(client => client.version);
		assert.deepEqual(versions, [...versions].sort((a, b) => a - b));
	}
}

test('a stream opens over http and TLS, is pinged, and tells each change', async () => {
	for (const at of [cluster.url, cluster.haproxy.tlsUrl]) {
		const stream = await open('Identity=alice', { at });
		await stream.snapshot();
		const alice = await cluster.connect('alice');
		await stream.becomes('alice', c => c.status === 'available', 'is there');
		await alice.request({ type: 'unregister' });
		await stream.becomes('alice', c => c.status === 'offline', 'is gone');
		await stream.pinged(2);
		await Promise.all([alice.close(), stream.close()]);
	}
});

test('an event is not held back on its way', async () => {
	const stream = await open('Identity=erin');
	await stream.snapshot();
	const took = [];
	for (const status of ['busy', 'away', 'busy', 'away', 'busy']) {
		const { body } = await show('erin', status);
		const since = performance.now();
		await stream.becomes('erin', c => c.version === body.version, 'is told');
		took.push(performance.now() - since);
	}
	assert.ok(Math.min(...took) < 150, `${took.map(Math.round)} ms: a proxy that gathers takes 200 ms for each`);
	await stream.close();
});

test('hang-ups of streams and long-polls reach the instances, and nothing is left', async () => {
	const version = (await cluster.v1('GET', '/Presence/bob')).body.version;
	const hangUp = new AbortController();
	const streams = await Promise.all(Array.from({ length: 12 }, () => open('Identity=bob')));
	const polls = Array.from({ length: 12 }, () => cluster.v1('GET', `/Presence/bob?Wait=50s&Version=${version}`, { signal: hangUp.signal }).catch(() => null));
	await until(async () => await sum('switchhook_watchers') === 24, 'all watch');
	await Promise.all(streams.map(stream => stream.close()));
	hangUp.abort();
	await Promise.all(polls);
	await until(async () => await sum('switchhook_watchers') + await sum('switchhook_http_streams') === 0, 'nobody watches');
});

test('a long-poll waits through the balancer', async () => {
	const { body } = await show('carol', 'busy');
	const answer = cluster.v1('GET', `/Presence/carol?Wait=50s&Version=${body.version}`);
	await until(async () => await sum('switchhook_watchers') === 1, 'it waits');
	await show('carol', 'away');
	assert.equal((await within(answer, 'the answer', 5000)).body.status, 'away');
});

test('an instance is stopped, another one killed: listeners come again and know the last state', async () => {
	const followers = await Promise.all(Array.from({ length: 9 }, () => follow('Identity=dave', 'dave')));
	const [stopped, killed] = cluster.presence;
	await show('dave', 'busy');
	await Promise.all(followers.map(one => one.becomes('busy', 'all hear it')));

	await Promise.all([stopped.stop(), show('dave', 'away')]);
	await Promise.all(followers.map(one => one.becomes('away', 'all hear it, wherever they are now')));
	assert.ok(followers.some(({ streams }) => streams.length > 1 && streams[0].all('drain').length === 1));

	await killed.kill9();
	await show('dave', 'dnd');
	await Promise.all(followers.map(one => one.becomes('dnd', 'all hear it from the last instance')));
	followers.forEach(assertMonotone);
	await Promise.all(followers.map(one => one.stop()));
	await until(async () => await sum('switchhook_watchers') === 0, 'nobody watches');
});
