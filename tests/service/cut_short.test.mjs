// cut_short.test.mjs - an instance whose longest drain passes, or that is told twice to
// stop, ends in order whatever is under way: exit code 0, nothing freed too early or never.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dial } from '../support/calls.mjs';
import { startCluster } from '../support/cluster.mjs';
import { until } from '../support/process.mjs';
import { RawChannel } from '../support/raw.mjs';
import { accessToken } from '../support/tokens.mjs';

const never = () => new Promise(() => {});

/** A cluster of one instance for the time of one test; its stop() is the check. */
async function alone(t, { env, ...size }) {
	const cluster = await startCluster({ presence: 0, routing: 0, haproxy: false, env: { DRAIN_MAX_MS: '200', ...env }, ...size });
	t.after(() => cluster.stop());
	return cluster;
}

const stopTwice = async service => {
	service.process.kill('SIGTERM');
	await until(() => service.output.includes('event=draining'), 'it drains');
	return service.stop();
};

test('presence-svc, while messages of a channel wait for the store', async t => {
	const cluster = await alone(t, { presence: 1, env: { DRAIN_MAX_MS: '10000', LOG_LEVEL: 'debug' } });
	const raw = await RawChannel.open(cluster.presence[0].port);
	t.after(() => raw.destroy());
	raw.text({ type: 'hello', token: accessToken(cluster.account, 'alice') });
	assert.equal((await raw.message()).type, 'welcome');
	await cluster.redis.command('CLIENT', 'PAUSE', '3000', 'WRITE');
	const before = await cluster.presence[0].metric('switchhook_ws_frames_in_total');
	for (let id = 0; id < 5; id++)
		raw.text({ type: 'status', status: 'away', id });
	await until(async () => await cluster.presence[0].metric('switchhook_ws_frames_in_total') === before + 5, 'all have come');
	await stopTwice(cluster.presence[0]);
});

test('presence-svc, while a client does not answer the close of its channel', async t => {
	const cluster = await alone(t, { presence: 1 });
	const raw = await RawChannel.open(cluster.presence[0].port);
	t.after(() => raw.destroy());
	raw.text({ type: 'hello', token: accessToken(cluster.account, 'alice') });
	assert.equal((await raw.message()).type, 'welcome');
	await cluster.presence[0].stop();
});

test('routing-svc, while a customer is asked what to do', async t => {
	const cluster = await alone(t, { routing: 1 });
	cluster.customer.answer('/voice', never);
	const { status } = await cluster.communicate({ at: cluster.routing[0], async: true });
	assert.equal(status, 202);
	await cluster.customer.next('/voice');
	await cluster.routing[0].stop();
});

test('routing-svc, while a status callback is on its way', async t => {
	const cluster = await alone(t, { routing: 1 });
	cluster.customer.answer('/voice', '<Response><Reject/></Response>');
	cluster.customer.answer('/status', never);
	await cluster.communicate({ at: cluster.routing[0], async: true });
	await cluster.customer.next('/status');
	await cluster.routing[0].stop();
});

test('routing-svc, while a gateway waits for its outcome', async t => {
	const cluster = await alone(t, { routing: 1, presence: 1 });
	const [service] = cluster.routing;
	cluster.customer.answer('/voice', dial('alice'));
	const alice = await cluster.connect('alice');
	t.after(() => alice.cut());
	const waiting = cluster.communicate({ at: service }).catch(error => error);
	await alice.next('incoming');
	await stopTwice(service);
	await waiting;
});
