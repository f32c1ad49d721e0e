// revoked_key.test.mjs - a key that is deleted, an auth token that is replaced, an account that is
// suspended: every instance refuses at once, whatever it had cached.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import twilio from 'twilio';
import { openChannel } from '../support/client.mjs';
import { startCluster } from '../support/cluster.mjs';
import { until } from '../support/process.mjs';
import { rest } from '../support/rest.mjs';
import { seed } from '../support/service.mjs';
import { accessToken, capabilityToken } from '../support/tokens.mjs';

const AT_ONCE_MS = 1000, TRIES = 4;        // so that each of an instance's loops is asked

let cluster;

before(async () => { cluster = await startCluster({ presence: 3, routing: 2 }); });
after(() => cluster?.stop());

const services = () => [...cluster.presence, ...cluster.routing];

function library(account) {
	const client = twilio(account.sid, account.auth_token);
	client.api.baseUrl = cluster.url;
	return client;
}

/** A new key of the account, as an account whose tokens it signs. */
async function withNewKey(account) {
	const { sid, secret } = await library(account).newKeys.create({ friendlyName: 'to be revoked' });
	return { ...account, key: { sid, secret } };
}

/** What a hello with that token is answered on that instance: "welcome" or the error's code. */
async function helloOn(service, token) {
	const channel = await openChannel(service.url);
	const { type, code } = await channel.request({ type: 'hello', token });
	channel.cut();
	return code ?? type;
}

const registerOn = async (service, account, bearer) =>
	(await rest('POST', `${service.url}/v1/Accounts/${account.sid}/Devices`, { bearer, json: { ttl: 5 } })).body.code ?? 'registered';

/** Every loop of every presence instance has verified the token, and has it in its cache. */
async function useEverywhere(account, token) {
	for (const service of cluster.presence)
		for (let i = 0; i < TRIES; i++)
			assert.deepEqual([await helloOn(service, token), await registerOn(service, account, token)], ['welcome', 'registered']);
}

async function refusedEverywhere(account, token, code) {
	await until(async () => {
		const answers = await Promise.all(cluster.presence.flatMap(service => Array.from({ length: TRIES }, () => [helloOn(service, token), registerOn(service, account, token)])).flat());
		return answers.every(answer => answer === code);
	}, `every instance answers ${code}`, AT_ONCE_MS);
}

describe('tokens are refused at once on all instances', () => {
	test('when their key is deleted', async () => {
		const account = await withNewKey(cluster.account);
		const token = accessToken(account, 'alice'), other = accessToken(cluster.account, 'alice');
		await useEverywhere(account, token);
		assert.equal(await library(account).keys(account.key.sid).remove(), true);
		await refusedEverywhere(account, token, 20103);
		await refusedEverywhere(account, accessToken(account, 'bob'), 20103);
		await useEverywhere(account, other);
	});

	test('when the auth token that signed them is replaced', async () => {
		const account = await cluster.addAccount();
		const token = capabilityToken(account, 'alice');
		await useEverywhere(account, token);
		await reseed(account, { auth_token: 'replaced-auth-token-0123456789ab' });
		await refusedEverywhere(account, token, 20107);
	});

	test('when their account is suspended, and accepted again when it is not', async () => {
		const account = await cluster.addAccount();
		const token = accessToken(account, 'alice');
		await useEverywhere(account, token);
		await reseed(account, { status: 'suspended' });
		await refusedEverywhere(account, token, 20005);
		await reseed(account, {});
		await until(async () => (await Promise.all(cluster.presence.map(s => registerOn(s, account, token)))).every(a => a === 'registered'), 'accepted again', AT_ONCE_MS);
	});
});

async function reseed(account, changes) {
	const file = `${cluster.folder.path}/again.json`;
	writeFileSync(file, JSON.stringify({ accounts: [{ ...account.document, ...changes }] }));
	await seed(cluster.redis, file);
}

describe('server credentials are refused at once on all instances', () => {
	const ask = async (service, account, basic) => {
		const path = service.program === 'presence-svc' ? `/v1/Accounts/${account.sid}/Presence/alice` : `/2010-04-01/Accounts/${account.sid}/Applications.json`;
		return (await rest('GET', service.url + path, { basic })).status;
	};
	const everywhere = (account, basic) => Promise.all(services().flatMap(service => Array.from({ length: TRIES }, () => ask(service, account, basic))));

	test('when their key is deleted', async () => {
		const account = await withNewKey(cluster.account);
		const basic = [account.key.sid, account.key.secret];
		assert.ok((await everywhere(account, basic)).every(status => status === 200));
		await library(account).keys(account.key.sid).remove();
		await until(async () => (await everywhere(account, basic)).every(status => status === 401), 'refused everywhere', AT_ONCE_MS);
	});

	test('when their account is suspended', async () => {
		const account = await cluster.addAccount();
		const basic = [account.sid, account.auth_token];
		assert.ok((await everywhere(account, basic)).every(status => status === 200));
		await reseed(account, { status: 'suspended' });
		await until(async () => (await everywhere(account, basic)).every(status => status === 403), 'refused everywhere', AT_ONCE_MS);
	});
});

test('a notice that was lost with the connection is made up for: nothing is served from a cache that may be stale', async () => {
	const account = await withNewKey(cluster.account);
	const token = accessToken(account, 'alice');
	await useEverywhere(account, token);
	// The subscriptions die; the key is deleted while nobody listens.
	await cluster.redis.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
	await cluster.redis.command('HDEL', `k:{${account.sid}}`, account.key.sid);
	await refusedEverywhere(account, token, 20103);
});
