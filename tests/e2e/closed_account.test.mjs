// closed_account.test.mjs - an account is closed while it has calls and callbacks under way: they
// come to an end, nobody asks its server any more, and no instance takes them up again and again.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { accountWith, claimsOf, dial, recordOf } from '../support/calls.mjs';
import { startCluster } from '../support/cluster.mjs';
import { until } from '../support/process.mjs';
import { seed } from '../support/service.mjs';

let cluster;

before(async () => {
	cluster = await startCluster({ presence: 1, routing: 2, env: { SWEEP_MS: '50', CALLBACK_RETRY_MS: '50' } });
});
after(() => cluster?.stop());

async function close(account) {
	const file = `${cluster.folder.path}/closed-${account.sid}.json`;
	writeFileSync(file, JSON.stringify({ accounts: [{ ...account.document, status: 'closed' }] }));
	await seed(cluster.redis, file, cluster.env);
}

const stateOf = async call => Object.fromEntries((await recordOf(cluster, call)).split('\n').map(line => line.split(/=(.*)/s)));

test('a call that needs its instructions fails, and lets its devices go', async t => {
	const account = await accountWith(cluster, { voice_url: `${cluster.customer.url}/closing` });
	const alice = await cluster.connect('alice', { account });
	t.after(() => alice.cut());
	cluster.customer.answer('/closing', dial('alice', { action: '/after-closing' }));
	const { body } = await cluster.v1('POST', '/Communications', { account, json: { from: '+15550123', to: account.number.number, async: true } });
	await alice.next('incoming');
	await close(account);
	assert.equal((await alice.closed).code, 1008, 'its channel is ended, and with it the ring');
	await until(async () => (await stateOf(body.call)).st === 'ended', 'the call ends');
	assert.equal((await stateOf(body.call)).status, 'failed');
	assert.equal(cluster.customer.all('/after-closing').length, 0);
	await until(async () => await claimsOf(cluster, account) === '', 'no device is claimed');
});

test('its callbacks are given up', async () => {
	const account = await accountWith(cluster, { voice_url: `${cluster.customer.url}/voice`, status_callback: `${cluster.customer.url}/down` });
	cluster.customer.answer('/voice', '<Response><Reject/></Response>');
	cluster.customer.answer('/down', { status: 500 });
	const { body } = await cluster.v1('POST', '/Communications', { account, json: { from: '+15550123', to: account.number.number } });
	assert.equal(body.outcome, 'rejected');
	await cluster.customer.next('/down');
	await close(account);
	const outbox = `return #redis.call('KEYS', 'o:{c*}:${body.call}') + #redis.call('KEYS', 'T:{c*}')`;
	await until(async () => await cluster.redis.command('EVAL', outbox, 0) === 0, 'the outbox is empty');
	assert.equal(await cluster.redis.command('EVAL', `return #redis.call('KEYS', 'z:{c*}:${account.sid}')`, 0), 1);
});
