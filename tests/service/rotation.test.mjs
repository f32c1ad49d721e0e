// rotation.test.mjs - the cluster secret is changed under a running system, by the steps of
// docs/operating.md; after each of them, old and new credentials are as good as before.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startCluster } from '../support/cluster.mjs';
import { openChannel } from '../support/client.mjs';
import { connected, dial, isSigned } from '../support/calls.mjs';
import { until } from '../support/process.mjs';
import { rest } from '../support/rest.mjs';
import { runService, settings, startService } from '../support/service.mjs';
import { accessToken, capabilityToken } from '../support/tokens.mjs';

const A = 'first-cluster-secret-0123456789abcdef', B = 'second-cluster-secret-0123456789abcdef';

let cluster, account, device, made = [];

before(async () => {
	cluster = await startCluster({ haproxy: false, env: { CLUSTER_SECRET: A } });
	account = cluster.account;
	cluster.customer.answer('/voice', dial('alice'));
});
after(() => cluster?.stop());

/** Restarts an instance with other secrets; what it finds in Redis it has to get on with. */
async function restart(service, secret, previous = '') {
	await service.stop();
	Object.assign(service.env, { CLUSTER_SECRET: secret, CLUSTER_SECRET_PREVIOUS: previous });
	await service.restart();
}

async function makeKey() {
	const { status, body } = await cluster.api2010('POST', '/Keys.json', { form: { FriendlyName: 'made by REST' } });
	assert.equal(status, 201);
	made.push({ sid: body.sid, secret: body.secret });
}

/** Every key and token of the account, and a call with its signed webhooks. */
async function everythingWorks() {
	const keys = [account.key, ...made];
	for (const key of keys)
		assert.equal((await cluster.v1('GET', '/Presence/alice', { account: { ...account, key } })).status, 200);
	for (const token of [...keys.map(key => accessToken({ ...account, key }, 'alice')), capabilityToken(account, 'alice')])
		await (await cluster.connect('alice', { token })).close();
	await talk();
}

async function talk() {
	const at = cluster.routing[0];
	const alice = await cluster.connect('alice');
	const { call, ring } = await connected(cluster, alice, { at });
	const asked = await cluster.customer.next('/voice', { matches: ({ params }) => params.CallSid === call });
	assert.ok(isSigned(asked, account), 'signed with the account\'s auth token');
	assert.equal((await alice.request({ type: 'hangup', call: ring.call })).type, 'ok');
	await until(async () => (await cluster.api2010('GET', `/Calls/${call}.json`, { at })).body.status === 'completed', 'the call ends');
	await alice.close();
}

async function reseal(secret, previous = '') {
	const { code, output } = await runService('presence-svc', ['--reseal'],
		settings(cluster.redis, { CLUSTER_SECRET: secret, CLUSTER_SECRET_PREVIOUS: previous }));
	assert.equal(code, 0, output);
	return /^\d+ records: .*$/m.exec(output)[0];
}

/** One tier after the other: meanwhile one instance has the new settings, the other the old. */
async function step(secret, previous) {
	for (const service of [...cluster.routing, ...cluster.presence]) {
		await restart(service, secret, previous);
		await everythingWorks();
	}
	await makeKey();
}

describe('the cluster secret is changed', () => {
	test('before: everything is sealed under the old one', async () => {
		await makeKey();
		await everythingWorks();
		const carl = await cluster.connect('carl');
		({ device } = carl.welcome);
		await carl.close();
	});

	test('step 1, all instances open what the new one seals', () => step(A, B));

	test('step 2, all instances seal under the new one', () => step(B, A));

	test('step 3, --reseal while a client is connected and calls go on', async () => {
		const bob = await cluster.connect('bob');
		const before = (await cluster.api2010('GET', `/Keys/${made[0].sid}.json`)).body;
		const [summary] = await Promise.all([reseal(B, A), everythingWorks()]);
		assert.equal(summary, '5 records: 4 resealed, 1 already current, 0 unreadable');
		assert.deepEqual((await cluster.api2010('GET', `/Keys/${made[0].sid}.json`)).body, before, 'also date_updated');
		assert.equal((await bob.request({ type: 'status', status: 'away' })).type, 'ok');
		await bob.close();
		await everythingWorks();
		const carl = await cluster.connect('carl', { device });
		assert.equal(carl.welcome.device, device, 'what it had under the old one');
		await carl.close();
		assert.equal(await reseal(B, A), '5 records: 0 resealed, 5 already current, 0 unreadable');
	});

	test('step 4, the old one is forgotten', async () => {
		assert.equal(await reseal(B), '5 records: 0 resealed, 5 already current, 0 unreadable');
		await step(B);
		const carl = await openChannel(cluster.url);
		const { code, field } = await carl.request({ type: 'hello', token: accessToken(account, 'carl'), device });
		assert.deepEqual([code, field], [45002, 'device'], 'an id under the old one is nobody\'s');
		await (await cluster.connect('carl')).close();
	});

	test('after: an instance that has only the old one opens nothing', async () => {
		const late = await startService('presence-svc', cluster.redis, { name: 'late', env: { CLUSTER_SECRET: A } });
		try {
			for (const key of [account.key, ...made]) {
				const answer = await cluster.v1('GET', '/Presence/alice', { at: late, account: { ...account, key } });
				assert.ok(answer.status >= 500, `${answer.status} ${answer.text}`);
				const token = accessToken({ ...account, key }, 'alice');
				assert.ok((await rest('POST', `${late.url}/v1/Accounts/${account.sid}/Devices`, { bearer: token, json: {} })).status >= 500);
			}
		} finally {
			await late.stop();
		}
		await everythingWorks();
	});
});
