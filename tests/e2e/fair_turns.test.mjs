// fair_turns.test.mjs - one customer's servers hang, under as many names as it likes: the others' requests go out
// as if nothing were.  And a host that is not there is left alone, until it is back.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { after, before, describe, test } from 'node:test';
import { sid } from '../support/accounts.mjs';
import { accountWith, dial } from '../support/calls.mjs';
import { startCluster } from '../support/cluster.mjs';
import { freePort, until } from '../support/process.mjs';
import { eventOf, tellPresence } from '../support/webhooks.mjs';

const HOSTS = 60, CONNECTIONS = 16, SHARE = CONNECTIONS / 8;

/** A communication for an address of that account. */
async function communicate(cluster, account, to, more) {
	const answer = await cluster.v1('POST', '/Communications', { account, at: cluster.routing[0], json: { from: '+15550123', to, ...more } });
	assert.ok(answer.status < 300, answer.text);
	return answer.body.call;
}

/** Accepts on every address of this machine and never answers. */
async function startHanging() {
	const sockets = new Set(), hosts = new Set();
	const server = net.createServer(socket => {
		sockets.add(socket);
		hosts.add(socket.localAddress);
		socket.on('close', () => sockets.delete(socket)).on('error', () => {});
	});
	server.listen(0, '0.0.0.0');
	await once(server, 'listening');
	return { port: server.address().port, sockets, hosts, stop: () => { server.close(); sockets.forEach(socket => socket.destroy()); } };
}

describe('customers take turns', () => {
	let cluster, hanging;
	before(async () => {
		hanging = await startHanging();
		cluster = await startCluster({ haproxy: false, env: { WORKERS: '1', SWEEP_MS: '40', FETCH_MAX_TOTAL: String(CONNECTIONS), FETCH_BREAK_AFTER: '0', DRAIN_MAX_MS: '500' } });
	});
	after(async () => {
		hanging?.stop();
		await cluster?.stop();
	});

	test(`one with ${HOSTS} host names that hang delays nobody else's instructions and callbacks`, async () => {
		const at = cluster.routing[0];
		const phone_numbers = Array.from({ length: HOSTS }, (_, i) =>
			({ sid: sid('PN'), number: `+1555020${String(i).padStart(2, '0')}`, voice_url: `http://127.0.1.${i + 1}:${hanging.port}/hang` }));
		const bad = await cluster.addAccount({ phone_numbers });
		await Promise.all(phone_numbers.map(({ number }) => communicate(cluster, bad, number, { async: true })));
		await until(() => hanging.sockets.size === SHARE, 'its share of connections hangs');
		await until(async () => await at.metric('switchhook_fetches_total') >= HOSTS, 'all of its requests wait');

		const good = await accountWith(cluster, { status_callback: `${cluster.customer.url}/good` });
		cluster.customer.answer('/voice', dial('nobody'));
		const began = performance.now();
		await communicate(cluster, good, good.number.number);
		const { params } = await cluster.customer.next('/good');
		assert.equal(params.AccountSid, good.sid);
		assert.ok(performance.now() - began < 5000, 'FETCH_TOTAL_MS is 15 s');
		assert.equal(hanging.sockets.size, SHARE, 'meanwhile');
		assert.equal(hanging.hosts.size, SHARE);
	});

	test('one whose presence webhooks hang delays nobody else\'s', async () => {
		const [bad, good] = [await cluster.addAccount(), await cluster.addAccount()];
		await tellPresence(cluster, bad, '', { presence_webhook_url: `http://127.0.2.1:${hanging.port}/hang` });
		await tellPresence(cluster, good, '/presence');
		const clients = await Promise.all(Array.from({ length: 40 }, (_, i) => cluster.connect(`c${i}`, { account: bad })));
		await until(() => hanging.hosts.has('127.0.2.1'), 'the first hangs');
		clients.push(await cluster.connect('one', { account: good }));
		const event = eventOf(await cluster.customer.next('/presence')); // at most 10 s; FETCH_TOTAL_MS is 15 s
		assert.deepEqual([event.account, event.type], [good.sid, 'presence.online']);
		clients.forEach(client => client.cut());
	});
});

test('a host that cannot be reached is left alone for a while, and asked again', async t => {
	const cluster = await startCluster({ haproxy: false, env: { WORKERS: '1', FETCH_BREAK_AFTER: '6', FETCH_BREAK_MS: '600' } }); // each call tries twice
	t.after(() => cluster.stop());
	const [at] = cluster.routing, port = await freePort();
	const account = await accountWith(cluster, { voice_url: `http://127.0.0.1:${port}/voice` });
	const call = () => communicate(cluster, account, account.number.number);
	const refused = () => at.metric('switchhook_fetch_circuit_open_total');
	for (let i = 0; i < 3; i++)
		await call();
	assert.equal(await refused(), 0);
	const failed = await call();
	assert.equal(await refused(), 1);
	const { body } = await cluster.v1('GET', `/Calls/${failed}/Trace`, { account, at });
	assert.match(JSON.stringify(body), /circuit open/);

	const server = net.createServer(socket => socket.end('HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 11\r\n\r\n<Response/>')).listen(port, '127.0.0.1');
	await once(server, 'listening');
	t.after(() => server.close());
	await until(async () => {
		const before = await refused();
		await call();
		return await refused() === before;
	}, 'it is asked again');
	const before = await refused();
	await call();
	assert.equal(await refused(), before, 'it is as before');
});
