// revocation_leases.test.mjs - devices by REST lease go with the token that they were made or renewed with: once the
// answer is there, nobody sees them any more.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { sid } from '../support/accounts.mjs';
import { startCluster } from '../support/cluster.mjs';
import { rest } from '../support/rest.mjs';
import { forgedToken, accessToken, opened } from '../support/tokens.mjs';

const KEYS = ['one', 'two'].map(name => ({ sid: sid('SK'), name, secret: `secret-of-${name}-0123456789` }));

let cluster, account;

before(async () => {
	cluster = await startCluster({ presence: 2, routing: 0, haproxy: false });
	account = await cluster.addAccount({ keys: KEYS });
});
after(() => cluster?.stop());

/** A token with an id of its own; keys by number. */
function tokenOf(identity, key = 0) {
	const { header, payload } = opened(accessToken({ ...account, key: KEYS[key] }, identity));
	return forgedToken(header, { ...payload, jti: sid('JT') }, KEYS[key].secret);
}
const idOf = token => opened(token).payload.jti;
const devices = (method, path, bearer, json, at = cluster.presence[0]) => rest(method, `${at.url}/v1/Accounts/${account.sid}/Devices${path}`, { bearer, json });

async function lease(token, json = {}) {
	const answer = await devices('POST', '', token, json);
	assert.equal(answer.status, 201, answer.text);
	return answer.body.device;
}

async function revoked(json) {
	const answer = await cluster.v1('POST', '/Tokens/Revoke', { account: { ...account, key: KEYS[1] }, json });
	assert.equal(answer.status, 204, answer.text);
}

/** The devices of a client, read on the other instance than the one that was asked. */
const left = async identity => (await cluster.readPresence(identity, { account: { ...account, key: KEYS[1] }, at: cluster.presence[1] })).devices.map(one => one.device);

describe('leases end with what they were made with', () => {
	test('an identity', async () => {
		await lease(tokenOf('ann'));
		await lease(tokenOf('ann', 1));
		const other = await lease(tokenOf('anna'));
		await revoked({ identity: 'ann' });
		assert.deepEqual([await left('ann'), await left('anna')], [[], [other]]);
	});

	test('one token', async () => {
		const [token, other] = [tokenOf('bob'), tokenOf('bob')];
		const first = await lease(token), second = await lease(other);
		await revoked({ token_id: idOf(token) });
		assert.deepEqual(await left('bob'), [second]);
		assert.equal((await devices('PUT', `/${first}`, token, {})).status, 401);
		assert.equal((await devices('PUT', `/${first}`, other, {})).status, 404);
	});

	test('a key, in all the partitions of its account', async () => {
		const names = Array.from({ length: 40 }, (_, i) => `crowd/${i}`);
		await Promise.all(names.map(name => lease(tokenOf(name))));
		const other = await lease(tokenOf('crowd/0', 1));
		await revoked({ key: KEYS[0].sid });
		const found = await Promise.all(names.map(left));
		assert.deepEqual(found, [[other], ...names.slice(1).map(() => [])]);
	});

	test('a key that is deleted', async () => {
		const { body } = await cluster.api2010('POST', '/Keys.json', { account, form: {} });
		const token = accessToken({ ...account, key: body }, 'carl');
		await lease(token);
		assert.equal((await cluster.api2010('DELETE', `/Keys/${body.sid}.json`, { account })).status, 204);
		assert.deepEqual(await left('carl'), []);
	});
});

describe('a lease goes by the token that renewed it last', () => {
	for (const [what, json] of [['a heartbeat', {}], ['a change', { attributes: { skill: 'sales' } }], ['another status', { status: 'away' }]]) {
		test(`by ${what}`, async () => {
			const identity = `dora/${what.replaceAll(' ', '-')}`;
			const [first, second] = [tokenOf(identity, 1), tokenOf(identity, 1)];
			const device = await lease(first, { app: 'desk', attributes: { skill: 'billing' } });
			const renewed = await devices('PUT', `/${device}`, second, json);
			assert.equal(renewed.status, 200);
			assert.deepEqual([renewed.body.app, renewed.body.attributes], ['desk', json.attributes ?? { skill: 'billing' }]);
			await revoked({ token_id: idOf(first) });
			assert.deepEqual(await left(identity), [device]);
			await revoked({ token_id: idOf(second) });
			assert.deepEqual(await left(identity), []);
		});
	}
});
