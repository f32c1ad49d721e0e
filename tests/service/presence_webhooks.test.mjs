// presence_webhooks.test.mjs - the account hears who comes, changes and goes: signed, in order per client,
// at least once, whatever becomes of its server or of ours.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startCluster } from '../support/cluster.mjs';
import { openDocument } from '../support/documents.mjs';
import { until } from '../support/process.mjs';
import { eventOf, historiesOf, isSignedTheStandardWay, isSignedWithBody, tellPresence, webhookSecret } from '../support/webhooks.mjs';

const ENV = { SWEEP_MS: '40', CALLBACK_RETRY_MS: '40', FETCH_TOTAL_MS: '500', FETCH_CONNECT_MS: '300', FETCH_BREAK_MS: '100', NODE_LEASE_MS: '1000' };
const description = openDocument('openapi-presence');
const typesOf = events => events.map(event => event.type.slice('presence.'.length));

describe('presence webhooks', () => {
	let cluster, number = 0;
	before(async () => {
		cluster = await startCluster({ presence: 2, routing: 0, haproxy: false, env: ENV });
	});
	after(() => cluster?.stop());

	/** An account whose presence goes to a path of its own. */
	async function scene() {
		const account = await cluster.addAccount(), path = `/presence${++number}`;
		await tellPresence(cluster, account, path);
		return { account, path };
	}

	/** The next event, which is as it is described. */
	async function heard(path) {
		const event = eventOf(await cluster.customer.next(path));
		description.check(event, event.type, 'components', 'schemas', 'PresenceEvent');
		return event;
	}

	const connect = (account, identity, at = cluster.presence[0]) => cluster.connect(identity, { account, at, media: ['voice'] });

	test('tell of coming, changing and going, with the whole state, signed both ways', async () => {
		const { account, path } = await scene();
		const secret = await webhookSecret(cluster, account);
		const client = await connect(account, 'support/alice');
		const request = await cluster.customer.next(path);
		assert.equal(request.method, 'POST');
		assert.match(request.headers['content-type'], /^application\/json/);
		assert.ok(isSignedWithBody(account, request), 'X-Twilio-Signature with bodySHA256');
		assert.ok(isSignedTheStandardWay(secret, request), 'Standard Webhooks');

		const online = eventOf(request);
		description.check(online, 'the event', 'components', 'schemas', 'PresenceEvent');
		assert.match(online.id, /^EV[0-9a-f]{32}$/);
		assert.equal(request.headers['webhook-id'], online.id);
		const { version, since, occurred_at, id, ...rest } = online;
		assert.ok(version > 0 && Date.parse(since) && Date.parse(occurred_at));
		assert.deepEqual(rest, {
			type: 'presence.online', account: account.sid, identity: 'support/alice', status: 'available', previous_status: 'offline',
			ringable: ['voice'], media: ['voice'], device_count: 1, note: null,
		});

		await client.request({ type: 'status', status: 'away' });
		const changed = await heard(path);
		assert.deepEqual([changed.type, changed.status, changed.previous_status], ['presence.changed', 'away', 'available']);
		await client.close();
		const offline = await heard(path);
		assert.deepEqual([offline.type, offline.status, offline.previous_status, offline.device_count], ['presence.offline', 'offline', 'away', 0]);
		assert.ok(online.version < changed.version && changed.version < offline.version);
	});

	test('come in order for each client, however the server stumbles', async () => {
		const { account, path } = await scene();
		let n = 0;
		cluster.customer.answer(path, () => ({ status: ++n % 3 === 0 ? 204 : 500 }));
		const statuses = ['away', 'busy', 'available', 'dnd', 'away'];
		const clients = await Promise.all(['a', 'b', 'c'].map((identity, i) => connect(account, identity, cluster.presence[i % 2])));
		for (const status of statuses)
			await Promise.all(clients.map(client => client.request({ type: 'status', status })));
		await Promise.all(clients.map(client => client.close()));
		const over = () => [...historiesOf(cluster.customer.all(path)).values()].filter(events => events.at(-1).type === 'presence.offline').length === 3;
		await until(over, 'all three have left', 20_000);
		for (const [identity, events] of historiesOf(cluster.customer.all(path))) {
			assert.deepEqual(events.map(event => event.status), ['available', ...statuses, 'offline'], identity);
			const versions = events.map(event => event.version);
			assert.deepEqual(versions, versions.toSorted((x, y) => x - y), identity);
		}
	});

	test('wait for a server that is down, and keep their ids', async () => {
		const { account, path } = await scene();
		let up = false;
		cluster.customer.answer(path, () => ({ status: up ? 200 : 503 }));
		const client = await connect(account, 'waiting');
		const first = await cluster.customer.next(path), again = await cluster.customer.next(path);
		assert.equal(eventOf(again).id, eventOf(first).id);
		await client.close();
		up = true;
		await until(() => typesOf(historiesOf(cluster.customer.all(path)).get('waiting')).at(-1) === 'offline', 'the end is heard');
		assert.deepEqual(typesOf(historiesOf(cluster.customer.all(path)).get('waiting')), ['online', 'offline']);
	});

	test('nobody leaves who has not come: the first that a new URL hears is that a client is online', async () => {
		const account = await cluster.addAccount(), path = `/presence${++number}`;
		const stays = await connect(account, 'stays'), leaves = await connect(account, 'leaves');
		await tellPresence(cluster, account, path);
		await leaves.close();
		await stays.request({ type: 'status', status: 'busy' });
		await until(() => cluster.customer.all(path).length > 0, 'something is heard');
		await stays.close();
		await until(() => typesOf(historiesOf(cluster.customer.all(path)).get('stays') ?? []).at(-1) === 'offline', 'the end is heard');
		const histories = historiesOf(cluster.customer.all(path));
		assert.deepEqual(typesOf(histories.get('stays')), ['online', 'offline']);
		assert.equal(histories.get('leaves'), undefined);
	});

	test('go to the URL of the moment, and nowhere once it is taken away', async () => {
		const { account, path } = await scene();
		const client = await connect(account, 'moving');
		assert.equal((await heard(path)).type, 'presence.online');
		await tellPresence(cluster, account, `${path}/new`);
		await client.request({ type: 'status', status: 'away' });
		assert.equal((await heard(`${path}/new`)).status, 'away');
		await tellPresence(cluster, account, '');
		await client.close();
		await until(async () => (await cluster.readPresence('moving', { account })).status === 'offline', 'the client has left');
		const other = await scene(); // what comes after it is heard
		await connect(other.account, 'later').then(one => one.close());
		await heard(other.path);
		assert.equal(cluster.customer.all(path).length + cluster.customer.all(`${path}/new`).length, 2);
	});
});

test('when an instance is killed each of its clients is told to be offline, exactly once by id', async t => {
	const CLIENTS = 60;
	const cluster = await startCluster({ presence: 3, routing: 0, haproxy: false, env: ENV });
	t.after(() => cluster.stop());
	const { account } = cluster;
	await tellPresence(cluster, account, '/presence');
	const clients = await Promise.all(Array.from({ length: CLIENTS }, (_, i) => cluster.connect(`c${i}`, { at: cluster.presence[i % 2] })));
	await until(() => historiesOf(cluster.customer.all('/presence')).size === CLIENTS, 'all have come');
	await cluster.presence[0].kill9();

	const gone = clients.map((_, i) => i).filter(i => i % 2 === 0).map(i => `c${i}`);
	const isOver = () => {
		const histories = historiesOf(cluster.customer.all('/presence'));
		return gone.every(identity => typesOf(histories.get(identity)).includes('offline'));
	};
	await until(isOver, 'all of them have left', 30_000);
	for (const [identity, events] of historiesOf(cluster.customer.all('/presence')))
		assert.deepEqual(typesOf(events), gone.includes(identity) ? ['online', 'offline'] : ['online'], identity);
	clients.forEach(client => client.cut());
});

test('whoever dies while it tells, everything arrives, and in order', async t => {
	const ROUNDS = ['away', 'busy', 'available', 'dnd'], CLIENTS = 24;
	const cluster = await startCluster({ presence: 3, routing: 0, haproxy: false, env: ENV });
	t.after(() => cluster.stop());
	const { account, presence: [first, second, stays] } = cluster;
	await tellPresence(cluster, account, '/presence');
	cluster.customer.answer('/presence', () => new Promise(resolve => setTimeout(resolve, 30, { status: 204 })));
	const clients = await Promise.all(Array.from({ length: CLIENTS }, (_, i) => cluster.connect(`c${i}`, { at: stays })));
	for (const [i, status] of ROUNDS.entries()) {
		await Promise.all(clients.map(client => client.request({ type: 'status', status })));
		if (i % 2 === 1)
			continue;
		await cluster.customer.next('/presence'); // they are telling right now
		await [first, second][i / 2].kill9();
	}
	const histories = () => [...historiesOf(cluster.customer.all('/presence')).values()];
	await until(() => histories().filter(events => events.at(-1).status === ROUNDS.at(-1)).length === CLIENTS, 'all is told', 30_000);
	for (const events of histories())
		assert.deepEqual(events.map(event => event.status), ['available', ...ROUNDS], events[0].identity);
	clients.forEach(client => client.cut());
});
