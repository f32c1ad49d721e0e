// through_balancer.test.mjs - presence as clients meet it: through HAProxy, over http and TLS, on whichever instance.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { connectClient, openChannel } from '../support/client.mjs';
import { startCluster } from '../support/cluster.mjs';
import { until } from '../support/process.mjs';
import { RawSocket } from '../support/raw.mjs';
import { rest } from '../support/rest.mjs';
import { accessToken, capabilityToken } from '../support/tokens.mjs';

let cluster, account;

before(async () => {
	cluster = await startCluster({ presence: 3, routing: 1, env: { PING_MS: '300', DEAD_MS: '900', SWEEP_MS: '100' } });
	account = cluster.account;
});
after(() => cluster?.stop());

const devices = () => `${cluster.url}/v1/Accounts/${account.sid}/Devices`;

describe('the channel', () => {
	for (const [what, make] of Object.entries({
		'an access token, HS256': () => accessToken(account, 'alice'), 'an access token, HS512': () => accessToken(account, 'alice', { algorithm: 'HS512' }), 'a capability token': () => capabilityToken(account, 'alice'),
	})) {
		test(`opens over http and TLS with ${what}`, async () => {
			for (const base of [cluster.url, cluster.haproxy.tlsUrl]) {
				const alice = await connectClient(base, make());
				assert.equal((await cluster.readPresence('alice')).devices[0].device, alice.welcome.device);
				await alice.close();
				await cluster.presenceBecomes('alice', p => p.status === 'offline', 'is offline');
			}
		});
	}

	test('is spread over the instances, and each reads the same', async () => {
		const clients = await Promise.all(Array.from({ length: 12 }, (_, i) => cluster.connect(`c${i}`)));
		assert.deepEqual([...new Set(clients.map(c => c.welcome.host))].sort(), ['presence-1', 'presence-2', 'presence-3']);
		for (const at of cluster.presence)
			for (let i = 0; i < clients.length; i++)
				assert.equal((await cluster.readPresence(`c${i}`, { at })).devices[0].node, clients[i].welcome.node);
		await Promise.all(clients.map(c => c.close()));
	});

	test('lives on through silence: pings keep it', async () => {
		const alice = await cluster.connect('alice');
		await new Promise(resolve => setTimeout(resolve, 1500));              // longer than DEAD_MS is what is tested
		assert.equal((await alice.request({ type: 'ack' })).type, 'ok');
		await alice.close();
	});

	test('ends behind the balancer as well, however its client goes', async () => {
		for (const leave of [client => client.close(), client => client.cut()]) {
			const alice = await cluster.connect('alice');
			await leave(alice);
			await cluster.presenceBecomes('alice', p => p.status === 'offline', 'is offline');
		}
	});

	test('refuses a bad token in the same words', async () => {
		const channel = await openChannel(cluster.haproxy.tlsUrl);
		assert.equal((await channel.request({ type: 'hello', token: accessToken(account, 'alice', { ttl: -60 }) })).code, 20104);
		assert.equal((await channel.closed).code, 1008);
	});
});

describe('the REST interface', () => {
	test('takes a device from its creation to its end, each request on another instance', async () => {
		const bearer = accessToken(account, 'support/tier1/alice');
		const { status, body } = await rest('POST', devices(), { bearer, json: { ttl: 1, app: 'desk' } });
		assert.equal(status, 201);
		for (const json of [{ status: 'away' }, {}, { attributes: { a: 'b' } }])
			assert.equal((await rest('PUT', `${devices()}/${body.device}`, { bearer, json })).status, 200);
		const shown = await cluster.readPresence('support/tier1/alice');
		assert.deepEqual([shown.identity, shown.status, shown.devices[0].attributes], ['support/tier1/alice', 'away', { a: 'b' }]);
		await cluster.presenceBecomes('support/tier1/alice', p => p.status === 'offline', 'is offline, as nobody renews it');
	});

	test('knows an identity with slashes in one encoded segment, and Calls as a name', async () => {
		for (const name of ['support/tier1/alice', 'Calls', 'Communications/x']) {
			const client = await cluster.connect(name);
			assert.equal((await cluster.readPresence(name)).status, 'available');
			await client.close();
		}
	});

	test('answers 304 and cross-origin requests', async () => {
		const url = `${cluster.url}/v1/Accounts/${account.sid}/Presence/alice`;
		const bearer = accessToken(account, 'alice');
		const first = await rest('GET', url, { bearer, headers: { Origin: 'https://softphone.example' } });
		assert.equal(first.headers.get('access-control-allow-origin'), 'https://softphone.example');
		assert.equal((await rest('GET', url, { bearer, headers: { 'If-None-Match': first.headers.get('etag') } })).status, 304);
	});

	test('never loses an answer to a refused body', async () => {
		const socket = await RawSocket.open(cluster.haproxy.port);
		socket.write(`POST ${new URL(devices()).pathname} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 300000\r\n\r\n`);
		const answer = await socket.answer();
		assert.equal(answer.status, 413);
		assert.equal(JSON.parse(answer.body).code, 45013);
		socket.destroy();
	});
});

test('clients of an instance that dies are back through the balancer on another', async () => {
	const clients = await Promise.all(Array.from({ length: 9 }, (_, i) => cluster.connect(`m${i}`)));
	const [dying] = cluster.presence;
	await dying.kill9();
	const moved = clients.filter(c => c.welcome.host === dying.name);
	assert.ok(moved.length > 0);
	for (const client of moved) {
		await client.closed;
		const again = await until(() => cluster.connect(client.welcome.identity, { device: client.welcome.device }).catch(() => null), 'it is back');
		assert.equal(again.welcome.device, client.welcome.device);
		assert.notEqual(again.welcome.host, dying.name);
		assert.equal((await cluster.readPresence(client.welcome.identity)).status, 'available');
	}
});
