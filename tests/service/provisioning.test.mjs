// Accounts, keys, applications and addresses: server credentials, and the real twilio package against both services.
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { writeFileSync } from 'node:fs';
import twilio from 'twilio';
import { makeAccount, sid } from '../support/accounts.mjs';
import { temporaryFolder, until } from '../support/process.mjs';
import { startRedis } from '../support/redis.mjs';
import { rest } from '../support/rest.mjs';
import { seed, startService } from '../support/service.mjs';
import { accessToken } from '../support/tokens.mjs';

const customer = { url: 'http://127.0.0.1:1' };
let redis, presence, routing, folder, account, other;

/** The helper library, pointed at one of our services. */
function client(service, user = account.sid, password = account.auth_token) {
	const library = twilio(user, password, { accountSid: account.sid });
	library.api.baseUrl = service.url;
	return library;
}

async function seedAll(...accounts) {
	const file = `${folder.path}/accounts.json`;
	writeFileSync(file, JSON.stringify({ accounts: accounts.map(a => a.document) }));
	await seed(redis, file);
}

before(async () => {
	redis = await startRedis();
	folder = temporaryFolder();
	[presence, routing] = await Promise.all([startService('presence-svc', redis), startService('routing-svc', redis)]);
});

after(async () => {
	await Promise.all([presence?.stop(), routing?.stop()]);
	await redis?.stop();
	folder?.remove();
});

beforeEach(async () => {
	account = makeAccount(customer);
	other = makeAccount(customer);
	await seedAll(account, other);
});

describe('server credentials', () => {
	const get = (options, path = account.sid) => rest('GET', `${presence.url}/2010-04-01/Accounts/${path}.json`, options);
	const raw = value => get({ headers: { Authorization: value } });
	const base64 = text => Buffer.from(text).toString('base64');

	test('auth token and API key are accepted', async () => {
		assert.equal((await get({ basic: [account.sid, account.auth_token] })).status, 200);
		assert.equal((await get({ basic: [account.key.sid, account.key.secret] })).status, 200);
		assert.equal((await raw(`bAsIc  ${base64(`${account.sid}:${account.auth_token}`)}`)).status, 200);
	});

	test('the second auth token is accepted beside the first', async () => {
		const turning = makeAccount(customer, { auth_token_second: 'second-auth-token-0123456789' });
		await seedAll(turning);
		for (const token of [turning.auth_token, 'second-auth-token-0123456789'])
			assert.equal((await get({ basic: [turning.sid, token] }, turning.sid)).status, 200);
		assert.equal((await get({ basic: [turning.sid, ''] }, turning.sid)).status, 401);
	});

	test('anything else is one and the same 401', async () => {
		const answers = await Promise.all([
			get({ basic: [account.sid, 'wrong'] }),
			get({ basic: [account.sid, other.auth_token] }),
			get({ basic: [sid('AC'), account.auth_token] }),
			get({ basic: [account.key.sid, 'wrong'] }),
			get({ basic: [sid('SK'), account.key.secret] }),
			get({ basic: [other.key.sid, other.key.secret] }),
			get({ basic: [account.sid, ''] }),
			get({}),
			get({ bearer: accessToken(account, 'alice') }),
			raw('Basic'), raw('Basic '), raw('Basic ***'), raw(`Basic ${base64(account.sid)}`),
			raw(`Basic ${base64(`${account.sid}:${account.auth_token}`)} x`),
			raw(`Basic ${base64(`${account.sid}:${account.auth_token}`).replace(/=*$/, '')}=====`),
			raw(`Basic ${base64(`${account.sid}:${account.auth_token}\n`)}`),
			raw(`Basic ${base64(`${account.sid}:${'x'.repeat(2000)}`)}`),
			raw(`Digest ${base64(`${account.sid}:${account.auth_token}`)}`),
		]);
		for (const [i, answer] of answers.entries()) {
			assert.equal(answer.status, 401, `case ${i}`);
			assert.deepEqual(answer.body, answers[0].body, `case ${i}`);
			assert.match(answer.headers.get('www-authenticate'), /^Basic /);
		}
		assert.equal(answers[0].body.code, 20003);
	});

	test("another account's path is not found, nor is what is no account at all", async () => {
		const basic = [account.sid, account.auth_token];
		assert.equal((await get({ basic }, other.sid)).status, 404);
		assert.equal((await get({ basic }, sid('AC'))).status, 404);
		for (const path of ['x', 'AC1', account.sid.toUpperCase(), account.key.sid])
			assert.equal((await get({ basic }, path)).status, 404, path);
	});

	test('a suspended account is told so, but only with the right secret', async () => {
		await seedAll(makeSuspended(account));
		const answer = await get({ basic: [account.sid, account.auth_token] });
		assert.deepEqual([answer.status, answer.body.code], [403, 20005]);
		assert.equal((await get({ basic: [account.sid, 'wrong'] })).status, 401);
	});

	test('a replaced auth token counts at once', async () => {
		assert.equal((await get({ basic: [account.sid, account.auth_token] })).status, 200);
		const document = { ...account.document, auth_token: 'replaced-auth-token-0123456789' };
		await seedAll({ document });
		assert.equal((await get({ basic: [account.sid, document.auth_token] })).status, 200);
	});
});

function makeSuspended({ document }) {
	return { document: { ...document, status: 'suspended' } };
}

describe('the account', () => {
	test('is shown without its auth token', async () => {
		const shown = await client(presence).api.v2010.accounts(account.sid).fetch();
		assert.equal(shown.sid, account.sid);
		assert.equal(shown.friendlyName, 'Test');
		assert.equal(shown.status, 'active');
		assert.ok(shown.dateCreated instanceof Date);
		assert.equal(shown.authToken, null);
	});
});

describe('keys', () => {
	test('live from creation to removal', async () => {
		const { keys, newKeys } = client(presence);
		const made = await newKeys.create({ friendlyName: 'Made ü' });
		assert.match(made.sid, /^SK[0-9a-f]{32}$/);
		assert.match(made.secret, /^.{32}$/);
		assert.ok(Math.abs(made.dateCreated - Date.now()) < 60_000);

		const mine = client(presence, made.sid, made.secret);
		assert.equal((await mine.keys(made.sid).fetch()).friendlyName, 'Made ü');
		assert.equal((await keys(made.sid).update({ friendlyName: 'Other' })).friendlyName, 'Other');
		assert.deepEqual((await keys.list()).map(k => k.sid).sort(), [account.key.sid, made.sid].sort());
		assert.equal(await keys(made.sid).remove(), true);
		await assert.rejects(keys(made.sid).fetch(), { status: 404, code: 20404 });
		await assert.rejects(keys(made.sid).remove(), { status: 404 });
		await until(() => mine.keys.list().then(() => false, error => error.status === 401), 'the removed key is refused everywhere', 1000);
	});

	test('show their secret once', async () => {
		const basic = [account.sid, account.auth_token];
		const url = `${presence.url}/2010-04-01/Accounts/${account.sid}/Keys`;
		const made = await rest('POST', `${url}.json`, { basic, form: {} });
		assert.equal(made.status, 201);
		for (const path of [`${url}.json`, `${url}/${made.body.sid}.json`])
			assert.doesNotMatch((await rest('GET', path, { basic })).text, new RegExp(`secret|${made.body.secret}`));
	});

	test('are listed in pages that the library follows', async () => {
		const { keys, newKeys } = client(presence);
		const made = await Promise.all(Array.from({ length: 24 }, (_, i) => newKeys.create({ friendlyName: `k${i}` })));
		const all = [account.key.sid, ...made.map(k => k.sid)].sort();

		assert.deepEqual((await keys.list({ pageSize: 7 })).map(k => k.sid), all);
		assert.deepEqual((await keys.list({ limit: 9, pageSize: 4 })).map(k => k.sid), all.slice(0, 9));
		assert.deepEqual((await keys.list({ limit: 1000 })).map(k => k.sid), all);

		const second = await keys.page({ pageSize: 10, pageNumber: 1 });
		assert.deepEqual(second.instances.map(k => k.sid), all.slice(10, 20));
		assert.deepEqual((await second.previousPage()).instances.map(k => k.sid), all.slice(0, 10));
		assert.equal((await second.nextPage()).nextPage(), undefined);
	});

	test('have a list envelope of the known shape', async () => {
		const path = `/2010-04-01/Accounts/${account.sid}/Keys.json`;
		const { body } = await rest('GET', `${presence.url}${path}?PageSize=1&Page=0`, { basic: [account.sid, account.auth_token] });
		assert.deepEqual({ ...body, keys: body.keys.length }, {
			keys: 1, page: 0, page_size: 1, start: 0, end: 0, uri: `${path}?PageSize=1&Page=0`,
			first_page_uri: `${path}?PageSize=1&Page=0`, next_page_uri: null, previous_page_uri: null,
		});
	});

	test('refuse what cannot be, naming it', async () => {
		const basic = [account.sid, account.auth_token];
		const url = `${presence.url}/2010-04-01/Accounts/${account.sid}/Keys.json`;
		for (const [query, field] of [['Page=-1', 'Page'], ['Page=x', 'Page'], ['PageSize=0', 'PageSize'], ['PageSize=1001', 'PageSize']]) {
			const answer = await rest('GET', `${url}?${query}`, { basic });
			assert.deepEqual([answer.status, answer.body.field], [400, field], query);
		}
		for (const FriendlyName of ['x'.repeat(257), 'a\nb']) {
			const answer = await rest('POST', url, { basic, form: { FriendlyName } });
			assert.deepEqual([answer.status, answer.body.field], [400, 'FriendlyName']);
		}
	});
});

describe('applications', () => {
	test('live from creation to removal', async () => {
		const { applications } = client(routing);
		const made = await applications.create({ friendlyName: 'App', voiceUrl: 'https://h.example/v?a=b', voiceMethod: 'GET', statusCallback: 'http://h.example/s' });
		assert.match(made.sid, /^AP[0-9a-f]{32}$/);
		assert.deepEqual(
			[made.accountSid, made.voiceUrl, made.voiceMethod, made.voiceFallbackUrl, made.voiceFallbackMethod, made.statusCallback, made.statusCallbackMethod],
			[account.sid, 'https://h.example/v?a=b', 'GET', null, 'POST', 'http://h.example/s', 'POST']);
		assert.equal(made.uri, `/2010-04-01/Accounts/${account.sid}/Applications/${made.sid}.json`);

		const changed = await applications(made.sid).update({ voiceFallbackUrl: 'http://h.example/f', statusCallback: '' });
		assert.deepEqual([changed.voiceUrl, changed.voiceFallbackUrl, changed.statusCallback], [made.voiceUrl, 'http://h.example/f', null]);
		assert.equal((await applications(made.sid).fetch()).voiceFallbackUrl, 'http://h.example/f');
		assert.deepEqual((await applications.list({ friendlyName: 'App' })).map(a => a.sid), [made.sid]);
		assert.deepEqual(await applications.list({ friendlyName: 'None' }), []);
		assert.equal((await applications.list()).length, 2);
		assert.equal(await applications(made.sid).remove(), true);
		await assert.rejects(applications(made.sid).fetch(), { status: 404, code: 20404 });
	});

	test('refuse URLs that nobody could fetch, naming the parameter', async () => {
		const { applications } = client(routing);
		const bad = ['ftp://h/', 'javascript:alert(1)', '/relative', 'http://', 'http://h/\u0001', `http://h/${'x'.repeat(2048)}`];
		for (const url of bad)
			for (const field of ['voiceUrl', 'voiceFallbackUrl', 'statusCallback'])
				await assert.rejects(applications.create({ [field]: url }), e => e.status === 400 && e.code === 21205 && e.message.startsWith(field[0].toUpperCase() + field.slice(1)), `${field} ${url}`);
		await assert.rejects(applications.create({ voiceMethod: 'PUT' }), { status: 400, code: 45002 });
		assert.equal((await applications.list()).length, 1);
	});

	test('of another account are not found', async () => {
		await assert.rejects(client(routing).applications(other.application.sid).fetch(), { status: 404 });
		await assert.rejects(client(routing).applications(other.application.sid).remove(), { status: 404 });
	});
});

describe('addresses', () => {
	test('live from creation to removal', async () => {
		const { incomingPhoneNumbers } = client(routing);
		const made = await incomingPhoneNumbers.create({ phoneNumber: '+15550177', voiceApplicationSid: account.application.sid });
		assert.match(made.sid, /^PN[0-9a-f]{32}$/);
		assert.deepEqual([made.phoneNumber, made.friendlyName, made.voiceApplicationSid, made.voiceUrl, made.capabilities.voice],
			['+15550177', '+15550177', account.application.sid, null, true]);

		const changed = await incomingPhoneNumbers(made.sid).update({ voiceApplicationSid: '', voiceUrl: 'https://h.example/v', friendlyName: 'Desk' });
		assert.deepEqual([changed.voiceApplicationSid, changed.voiceUrl, changed.friendlyName], [null, 'https://h.example/v', 'Desk']);
		assert.deepEqual((await incomingPhoneNumbers.list({ phoneNumber: '+15550177' })).map(n => n.sid), [made.sid]);
		assert.deepEqual((await incomingPhoneNumbers.list({ friendlyName: 'Desk', phoneNumber: '+15550100' })).map(n => n.sid), []);
		assert.deepEqual((await incomingPhoneNumbers.list({ pageSize: 1 })).map(n => n.sid).sort(), [made.sid, account.number.sid].sort());
		assert.equal(await incomingPhoneNumbers(made.sid).remove(), true);
		await assert.rejects(incomingPhoneNumbers(made.sid).fetch(), { status: 404 });
		await incomingPhoneNumbers.create({ phoneNumber: '+15550177', voiceUrl: 'https://h.example/v' });
	});

	test('are each had once in an account', async () => {
		const make = () => client(routing).incomingPhoneNumbers.create({ phoneNumber: 'sales', voiceUrl: 'https://h.example/v' });
		const outcomes = await Promise.allSettled([make(), make(), make(), make()]);
		assert.equal(outcomes.filter(o => o.status === 'fulfilled').length, 1);
		for (const { reason } of outcomes.filter(o => o.status === 'rejected'))
			assert.deepEqual([reason.status, reason.code], [409, 20409]);
	});

	test('refuse what cannot be', async () => {
		const { incomingPhoneNumbers } = client(routing);
		await assert.rejects(incomingPhoneNumbers.create({}), { status: 400, code: 45003 });
		for (const phoneNumber of ['+1 555', '+0', 'a b', 'x'.repeat(122)])
			await assert.rejects(incomingPhoneNumbers.create({ phoneNumber }), { status: 400, code: 45002 }, phoneNumber);
		for (const voiceApplicationSid of ['x', sid('AP'), other.application.sid])
			await assert.rejects(incomingPhoneNumbers.create({ phoneNumber: 'sales', voiceApplicationSid }), { status: 400, code: 21218 });
		await assert.rejects(incomingPhoneNumbers(account.number.sid).update({ accountSid: other.sid }), { status: 400, code: 45002 });
	});
});
