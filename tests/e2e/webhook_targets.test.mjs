// webhook_targets.test.mjs - an instance that was not told so never connects to an address that
// is not public, whatever a tenant's URL says and however it is written.
import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { startCluster } from '../support/cluster.mjs';
import { accountWith, dial, isSigned } from '../support/calls.mjs';

/** A port on all addresses of this machine; counts who connects. */
async function startTrap() {
	const trap = { connections: 0 };
	trap.server = createServer(socket => {
		trap.connections++;
		socket.on('error', () => {}).end('HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 11\r\n\r\n<Response/>');
	}).listen(0, '::');
	await once(trap.server, 'listening');
	trap.port = trap.server.address().port;
	return trap;
}

describe('without WEBHOOK_ALLOW', () => {
	let cluster, trap;
	before(async () => {
		trap = await startTrap();
		cluster = await startCluster({ presence: 1, routing: 2, haproxy: false, env: { WEBHOOK_ALLOW: '', CALLBACK_RETRY_MS: '20', FETCH_CONNECT_MS: '300', FETCH_TOTAL_MS: '800' } });
	});
	after(async () => {
		await cluster?.stop();
		trap?.server.close();
	});

	async function call(fields) {
		const account = await accountWith(cluster, fields);
		const at = cluster.routing[0];
		const { body } = await cluster.v1('POST', '/Communications', { at, account, json: { from: '+15550123', to: account.number.number } });
		const trace = (await cluster.v1('GET', `/Calls/${body.call}/Trace`, { at, account })).body.events;
		return { body, codes: trace.filter(e => e.event === 'fetch_failed').map(e => e.detail.code) };
	}

	const HOSTS = [
		'127.0.0.1', '127.1', '2130706433', '0x7f000001', '0177.0.0.1', '0.0.0.0', '127.255.255.254', 'localhost', '[::1]', '[::]',
		'[::ffff:127.0.0.1]', '[::ffff:7f00:1]', '[64:ff9b::7f00:1]', '[fe80::1]', '[fc00::1]', '10.0.0.1', '172.16.0.1', '192.168.0.1', '169.254.169.254', '100.64.0.1',
	];
	for (const host of HOSTS)
		test(`${host} is not connected to, for instructions or fallback`, async () => {
			const { body, codes } = await call({ voice_url: `http://${host}:${trap.port}/voice`, voice_fallback_url: `https://${host}:${trap.port}/fallback` });
			assert.equal(body.status, 'failed');
			assert.equal(codes.length, 2);
			assert.ok(codes.every(code => code === 45211), codes.join());
			assert.equal(trap.connections, 0);
		});

	test('status callbacks go nowhere either', async () => {
		const { body } = await call({ voice_url: 'http://127.0.0.1/voice', status_callback: `http://127.0.0.1:${trap.port}/status` });
		assert.equal(body.status, 'failed');
		let blocked = 0;
		for (const deadline = performance.now() + 5000; blocked < 4 && performance.now() < deadline; await new Promise(resolve => setTimeout(resolve, 20)))
			blocked = (await Promise.all(cluster.routing.map(r => r.metric('switchhook_fetch_blocked_total')))).reduce((a, b) => a + b) - 2 * HOSTS.length;
		assert.ok(blocked >= 4, `the callback was tried again and blocked again (${blocked})`);
		assert.equal(trap.connections, 0);
	});
});

describe('with WEBHOOK_ALLOW', () => {
	test('what is named there is reached, and nothing beside it', async t => {
		const trap = await startTrap();
		t.after(() => trap.server.close());
		const cluster = await startCluster({ presence: 1, routing: 1, haproxy: false, env: { WEBHOOK_ALLOW: '127.0.0.1/32' } });
		t.after(() => cluster.stop());
		cluster.customer.answer('/voice', dial('nobody'));
		const call = async account => (await cluster.v1('POST', '/Communications', { at: cluster.routing[0], account, json: { from: '+15550123', to: account.number.number } })).body;
		const fine = await accountWith(cluster, {});
		assert.equal((await call(fine)).outcome, 'unreachable');
		assert.ok(isSigned(await cluster.customer.next('/voice'), fine));
		for (const host of ['127.0.0.2', '[::1]', '10.0.0.1'])
			assert.equal((await call(await accountWith(cluster, { voice_url: `http://${host}:${trap.port}/voice` }))).outcome, 'failed');
		assert.equal(trap.connections, 0);
	});
});
