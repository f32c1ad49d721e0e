// Rotation of an account's auth token with the real twilio package: two are good at once, then the second is the one.
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import twilio from 'twilio';
import { isSigned, VoiceResponse } from '../support/calls.mjs';
import { startCluster } from '../support/cluster.mjs';
import { until } from '../support/process.mjs';
import { rest } from '../support/rest.mjs';
import { capabilityToken } from '../support/tokens.mjs';

let cluster, account;

before(async () => { cluster = await startCluster({ presence: 2, haproxy: false }); });
beforeEach(async () => { account = await cluster.addAccount(); });
after(() => cluster?.stop());

/** The helper library with one of the auth tokens; it asks accounts.twilio.com for these, and here one of our instances. */
function library(token, at = cluster.presence[0]) {
	const client = twilio(account.sid, token);
	client.api.baseUrl = client.accounts.baseUrl = at.url;
	return client;
}

const rotation = token => {
	const { secondaryAuthToken, authTokenPromotion } = library(token).accounts.v1;
	return { create: () => secondaryAuthToken().create(), remove: () => secondaryAuthToken().remove(), promote: () => authTokenPromotion().update() };
};
const isGood = (token, at = cluster.presence[0]) => library(token, at).keys.list().then(() => true, error => {
	assert.equal(error.status, 401, error.message);
	return false;
});
const refused = (promise, status) => assert.rejects(promise, { status });

describe('a second auth token', () => {
	test('is good beside the first, then is the only one', async () => {
		const first = account.auth_token;
		const made = await rotation(first).create();
		assert.equal(made.accountSid, account.sid);
		assert.match(made.secondaryAuthToken, /^[0-9a-f]{32}$/);
		assert.ok(made.dateCreated instanceof Date && made.dateUpdated instanceof Date);
		const second = made.secondaryAuthToken;
		for (const at of cluster.presence)
			assert.deepEqual([await isGood(first, at), await isGood(second, at)], [true, true]);

		const promoted = await rotation(second).promote();
		assert.deepEqual([promoted.accountSid, promoted.authToken], [account.sid, second]);
		for (const at of cluster.presence) {
			await until(async () => !await isGood(first, at), 'the old one is good for nothing', 1000);
			assert.equal(await isGood(second, at), true);
		}
		const routing = library(second, cluster.routing[0]);
		assert.deepEqual((await routing.applications.list()).map(one => one.sid), [account.application.sid]);
	});

	test('verifies capability tokens, too', async () => {
		const second = (await rotation(account.auth_token).create()).secondaryAuthToken;
		const ask = auth_token => rest('GET', `${cluster.presence[1].url}/v1/Accounts/${account.sid}/Presence/alice`, { bearer: capabilityToken({ ...account, auth_token }, 'alice') });
		for (const token of [account.auth_token, second])
			assert.equal((await ask(token)).status, 200);
		await rotation(account.auth_token).promote();
		await until(async () => (await ask(account.auth_token)).status === 401, 'tokens of the old one are refused', 1000);
		assert.equal((await ask(second)).status, 200);
	});

	test('is thrown away before it is promoted', async () => {
		const second = (await rotation(account.auth_token).create()).secondaryAuthToken;
		assert.equal(await rotation(account.auth_token).remove(), true);
		for (const at of cluster.presence)
			await until(async () => !await isGood(second, at), 'it is good for nothing', 1000);
		assert.equal(await isGood(account.auth_token), true);
		await refused(rotation(account.auth_token).remove(), 404);
		await refused(rotation(account.auth_token).promote(), 404);
	});

	test('is one at a time', async () => {
		await rotation(account.auth_token).create();
		await refused(rotation(account.auth_token).create(), 409);
		await rotation(account.auth_token).remove();
		const made = await Promise.allSettled(Array.from({ length: 4 }, () => rotation(account.auth_token).create()));
		assert.deepEqual(made.map(one => one.reason?.status ?? 201).sort(), [201, 409, 409, 409]);
	});

	test('is not made with an API key, nor with a client\'s token', async () => {
		for (const [method, path] of [['POST', 'Secondary'], ['DELETE', 'Secondary'], ['POST', 'Promote']]) {
			const url = `${cluster.presence[0].url}/v1/AuthTokens/${path}`;
			assert.equal((await rest(method, url, { basic: [account.key.sid, account.key.secret] })).status, 401, path);
			assert.equal((await rest(method, url, { bearer: capabilityToken(account, 'alice') })).status, 401, path);
		}
	});
});

test('webhooks are signed with the first, and with the second once it is promoted', async () => {
	cluster.customer.answer('/voice', String(new VoiceResponse().hangup()));
	const signedWith = async token => {
		await cluster.v1('POST', '/Communications', { account, at: cluster.routing[0], basic: [account.sid, token], json: { from: '+15550123', to: account.number.number } });
		return isSigned(await cluster.customer.next('/voice'), { auth_token: token });
	};
	assert.equal(await signedWith(account.auth_token), true);
	const second = (await rotation(account.auth_token).create()).secondaryAuthToken;
	assert.equal(await signedWith(second), false);
	await rotation(second).promote();
	await until(() => signedWith(second), 'the second signs', 1000);
});

test('requests go on while the token turns three times', async () => {
	let token = account.auth_token, stopped = false, asked = 0;
	const asking = (async () => {
		while (!stopped) {
			const used = token;
			// What was the primary token a moment ago may just have ended; whichever is told to be good has to be.
			if (!await isGood(used, cluster.presence[asked++ % 2]))
				assert.notEqual(used, token, 'the token that counts was refused');
		}
	})();
	for (let turn = 0; turn < 3; turn++) {
		const next = (await rotation(token).create()).secondaryAuthToken;
		token = next;
		await rotation(next).promote();
	}
	stopped = true;
	await asking;
	assert.ok(asked > 3);
	assert.equal(await isGood(token), true);
});
