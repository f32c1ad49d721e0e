// Sub-accounts with the real twilio package: made, listed, suspended, closed; what a parent may do in them, and what ends.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import twilio from 'twilio';
import { sid } from '../support/accounts.mjs';
import { startCluster } from '../support/cluster.mjs';
import { until } from '../support/process.mjs';
import { rest } from '../support/rest.mjs';
import { seed } from '../support/service.mjs';
import { accessToken } from '../support/tokens.mjs';

let cluster, account, parent;

/** The helper library with an account's credentials, pointed at one of our services. */
function library(user, password, { accountSid, at = cluster.presence[0] } = {}) {
	const client = twilio(user, password, { accountSid: accountSid ?? user });
	client.api.baseUrl = at.url;
	return client;
}

const makeChild = options => parent.api.v2010.accounts.create(options);
const asChild = child => library(child.sid, child.authToken);
const inChild = child => library(account.sid, account.auth_token, { accountSid: child.sid });
const refused = (promise, status, code) => assert.rejects(promise, error => {
	assert.deepEqual([error.status, error.code], [status, code], error.message);
	return true;
});

before(async () => {
	cluster = await startCluster({ presence: 2, haproxy: false });
	account = cluster.account;
	parent = library(account.sid, account.auth_token);
});
after(() => cluster?.stop());

describe('a sub-account', () => {
	test('is made, with an auth token of its own', async () => {
		const child = await makeChild({ friendlyName: 'Müller & Co' });
		assert.match(child.sid, /^AC[0-9a-f]{32}$/);
		assert.match(child.authToken, /^[0-9a-f]{32}$/);
		assert.deepEqual([child.friendlyName, child.status, child.type, child.ownerAccountSid], ['Müller & Co', 'active', 'Full', account.sid]);
		assert.ok(Math.abs(child.dateCreated - Date.now()) < 60_000);
		const own = await asChild(child).api.v2010.accounts(child.sid).fetch();
		assert.deepEqual([own.friendlyName, own.ownerAccountSid, own.authToken], ['Müller & Co', account.sid, null]);
	});

	test('has a name in any case', async () => assert.match((await makeChild()).friendlyName, /^SubAccount Created at 20/));

	test('shows its auth token to the auth token of its parent, not to an API key', async () => {
		const child = await makeChild();
		assert.equal((await parent.api.v2010.accounts(child.sid).fetch()).authToken, child.authToken);
		const byKey = library(account.key.sid, account.key.secret, { accountSid: child.sid });
		const shown = await byKey.api.v2010.accounts(child.sid).fetch();
		assert.deepEqual([shown.sid, shown.authToken], [child.sid, null]);
		const text = (await rest('GET', `${cluster.url}/2010-04-01/Accounts/${child.sid}.json`, { basic: [account.key.sid, account.key.secret] })).text;
		assert.doesNotMatch(text, new RegExp(child.authToken));
	});

	test('is renamed, by its parent and by itself', async () => {
		const child = await makeChild({ friendlyName: 'One' });
		assert.equal((await parent.api.v2010.accounts(child.sid).update({ friendlyName: 'Two' })).friendlyName, 'Two');
		assert.equal((await asChild(child).api.v2010.accounts(child.sid).update({ friendlyName: 'Three' })).friendlyName, 'Three');
		assert.equal((await parent.api.v2010.accounts(child.sid).fetch()).friendlyName, 'Three');
	});

	test('makes none itself, and does not change its own state', async () => {
		const child = await makeChild();
		await refused(asChild(child).api.v2010.accounts.create(), 403, 20006);
		await refused(asChild(child).api.v2010.accounts(child.sid).update({ status: 'closed' }), 403, 20006);
		await refused(parent.api.v2010.accounts(account.sid).update({ status: 'suspended' }), 403, 20006);
		assert.equal((await asChild(child).api.v2010.accounts(child.sid).fetch()).status, 'active');
	});

	test('cannot look at its parent, nor at other children', async () => {
		const [child, sibling] = await Promise.all([makeChild(), makeChild()]);
		for (const other of [account.sid, sibling.sid, sid('AC')])
			await refused(asChild(child).api.v2010.accounts(other).fetch(), 404, 20404);
		await refused(library(child.sid, child.authToken, { accountSid: account.sid }).keys.list(), 404, 20404);
	});

	test('is refused with a name or a state that cannot be', async () => {
		const child = await makeChild();
		const url = `${cluster.url}/2010-04-01/Accounts`;
		const basic = [account.sid, account.auth_token];
		for (const [path, form, field] of [['.json', { FriendlyName: 'x'.repeat(257) }, 'FriendlyName'], ['.json', { FriendlyName: 'a\nb' }, 'FriendlyName'],
			[`/${child.sid}.json`, { Status: 'gone' }, 'Status'], [`/${child.sid}.json`, { Status: 'CLOSED' }, 'Status'], [`/${child.sid}.json`, { FriendlyName: 'a\0b' }, undefined]]) {
			const answer = await rest('POST', url + path, { basic, form });
			assert.deepEqual([answer.status, answer.body.field], [400, field], JSON.stringify(form));
		}
	});

	test('is reached by a path without an account with its auth token only', async () => {
		assert.equal((await rest('GET', `${cluster.url}/2010-04-01/Accounts.json`, { basic: [account.key.sid, account.key.secret] })).status, 401);
		assert.equal((await rest('GET', `${cluster.url}/2010-04-01/Accounts.json`, { bearer: accessToken(account, 'alice') })).status, 401);
	});
});

describe('the list of accounts', () => {
	let family, owner, lister;

	before(async () => {
		owner = await cluster.addAccount({ name: 'Head office' });
		lister = library(owner.sid, owner.auth_token);
		family = await Promise.all(Array.from({ length: 11 }, (_, i) => lister.api.v2010.accounts.create({ friendlyName: i % 2 ? 'odd' : 'even' })));
		await lister.api.v2010.accounts(family[0].sid).update({ status: 'closed' });
		await lister.api.v2010.accounts(family[1].sid).update({ status: 'suspended' });
	});

	const sids = list => list.map(one => one.sid);

	test('has the account itself and its sub-accounts, in pages that the library follows', async () => {
		const all = [owner.sid, ...sids(family)].sort();
		assert.deepEqual(sids(await lister.api.v2010.accounts.list()), all);
		assert.deepEqual(sids(await lister.api.v2010.accounts.list({ pageSize: 5 })), all);
		assert.deepEqual(sids(await lister.api.v2010.accounts.list({ pageSize: 4, limit: 6 })), all.slice(0, 6));
		const second = await lister.api.v2010.accounts.page({ pageSize: 5, pageNumber: 1 });
		assert.deepEqual(sids(second.instances), all.slice(5, 10));
		assert.deepEqual(sids((await second.previousPage()).instances), all.slice(0, 5));
		assert.deepEqual(sids((await second.nextPage()).instances), all.slice(10));
		assert.equal((await second.nextPage()).nextPage(), undefined);
	});

	test('shows the auth tokens of sub-accounts', async () => {
		const listed = Object.fromEntries((await lister.api.v2010.accounts.list()).map(one => [one.sid, one.authToken]));
		assert.deepEqual(listed, Object.fromEntries([[owner.sid, null], ...family.map(one => [one.sid, one.authToken])]));
	});

	test('is narrowed by name and state, also page by page', async () => {
		const { accounts } = lister.api.v2010;
		assert.deepEqual(sids(await accounts.list({ friendlyName: 'odd' })), sids(family.filter((_, i) => i % 2)).sort());
		assert.deepEqual(sids(await accounts.list({ friendlyName: 'odd', pageSize: 2 })), sids(family.filter((_, i) => i % 2)).sort());
		assert.deepEqual(sids(await accounts.list({ status: 'closed' })), [family[0].sid]);
		assert.deepEqual(sids(await accounts.list({ status: 'suspended' })), [family[1].sid]);
		assert.deepEqual(sids(await accounts.list({ friendlyName: 'odd', status: 'closed' })), []);
		assert.deepEqual(sids(await accounts.list({ friendlyName: 'Head office', status: 'active' })), [owner.sid]);
		const answer = await rest('GET', `${cluster.url}/2010-04-01/Accounts.json?Status=open`, { basic: [owner.sid, owner.auth_token] });
		assert.deepEqual([answer.status, answer.body.field], [400, 'Status']);
	});

	test('of a sub-account has that account alone', async () => {
		assert.deepEqual(sids(await asChild(family[2]).api.v2010.accounts.list()), [family[2].sid]);
	});

	test('passes over what was never finished, and what is another\'s', async () => {
		const lost = sid('AC');
		await cluster.redis.command('HSET', `sa:{${owner.sid}}`, lost, '{}', account.sid, '{}');
		const listed = sids(await lister.api.v2010.accounts.list());
		assert.deepEqual(listed, [owner.sid, ...sids(family)].sort());
		await cluster.redis.command('HSET', `sa:{${owner.sid}}`, `AC${'0'.repeat(32)}`, '{}');
		assert.deepEqual(sids(await lister.api.v2010.accounts.list({ pageSize: 2 })), listed);
		await refused(lister.api.v2010.accounts(lost).fetch(), 404, 20404);
	});

	test('ends: an account has 2000 sub-accounts, and no more', async () => {
		const full = await cluster.addAccount();
		const words = Array.from({ length: 2000 }, (_, i) => [`AC${String(i).padStart(32, '0')}`, '{}']).flat();
		await cluster.redis.command('HSET', `sa:{${full.sid}}`, ...words);
		await refused(library(full.sid, full.auth_token).api.v2010.accounts.create(), 409, 20409);
	});
});

describe("a parent's credentials", () => {
	test('are good for what belongs to a sub-account, on both services', async () => {
		const child = await makeChild();
		const key = await inChild(child).newKeys.create({ friendlyName: 'by the parent' });
		assert.deepEqual((await asChild(child).keys.list()).map(one => one.sid), [key.sid]);
		const routing = library(account.sid, account.auth_token, { accountSid: child.sid, at: cluster.routing[0] });
		const made = await routing.applications.create({ friendlyName: 'App', voiceUrl: 'https://example.com/voice' });
		assert.equal(made.accountSid, child.sid);
		assert.deepEqual((await library(child.sid, child.authToken, { at: cluster.routing[0] }).applications.list()).map(one => one.sid), [made.sid]);
		assert.deepEqual((await library(account.sid, account.auth_token, { at: cluster.routing[0] }).applications.list()).map(one => one.sid), [account.application.sid]);
		assert.equal((await cluster.v1('GET', '/Presence/alice', { account: { ...account, sid: child.sid } })).status, 200);
	});

	test('may be an API key', async () => {
		const child = await makeChild();
		const byKey = library(account.key.sid, account.key.secret, { accountSid: child.sid });
		const key = await byKey.newKeys.create();
		assert.deepEqual((await byKey.keys.list()).map(one => one.sid), [key.sid]);
		await refused(library(account.key.sid, 'wrong', { accountSid: child.sid }).keys.list(), 401, 20003);
	});

	test('are no better than the parent: suspended by the operator it reads nothing, its sub-accounts go on', async () => {
		const owner = await cluster.addAccount();
		const child = await library(owner.sid, owner.auth_token).api.v2010.accounts.create();
		writeFileSync(`${cluster.folder.path}/suspended.json`, JSON.stringify({ accounts: [{ ...owner.document, status: 'suspended' }] }));
		await seed(cluster.redis, `${cluster.folder.path}/suspended.json`);
		const asked = () => library(owner.sid, owner.auth_token, { accountSid: child.sid }).keys.list().then(() => 200, error => error.code);
		await until(async () => await asked() === 20005, 'the parent is refused', 1000);
		await refused(library(owner.sid, owner.auth_token).api.v2010.accounts(child.sid).update({ status: 'closed' }), 403, 20005);
		assert.deepEqual(await asChild(child).keys.list(), []);
	});

	test('of others are good for nothing', async () => {
		const [child, stranger] = await Promise.all([makeChild(), cluster.addAccount()]);
		await refused(library(stranger.sid, stranger.auth_token, { accountSid: child.sid }).keys.list(), 404, 20404);
		await refused(library(stranger.key.sid, stranger.key.secret, { accountSid: child.sid }).keys.list(), 401, 20003);
	});
});

describe('suspending', () => {
	/** A child with a key, and a token of one of its clients. */
	async function working() {
		const child = await makeChild();
		const key = await asChild(child).newKeys.create();
		return { child, key, token: accessToken({ sid: child.sid, key, application: account.application }, 'alice') };
	}

	const statuses = ({ child, key, token }) => Promise.all(cluster.presence.flatMap(({ url }) => {
		const path = `${url}/v1/Accounts/${child.sid}/Presence/alice`;
		return [{ basic: [child.sid, child.authToken] }, { basic: [key.sid, key.secret] }, { bearer: token }].map(options => rest('GET', path, options));
	})).then(answers => answers.map(answer => `${answer.status} ${answer.body.code ?? ''}`.trim()));

	const become = (one, expected) => until(async () => (await statuses(one)).every(status => status === expected), `everything is answered ${expected}`, 1000);

	test('refuses its own credentials and tokens everywhere within a second, and lets them in again', async () => {
		const one = await working();
		await become(one, '200');
		assert.equal((await parent.api.v2010.accounts(one.child.sid).update({ status: 'suspended' })).status, 'suspended');
		await become(one, '403 20005');
		await refused(asChild(one.child).newKeys.create(), 403, 20005);
		await refused(library(one.child.sid, one.child.authToken, { at: cluster.routing[0] }).calls.create({ to: 'client:alice', from: '+15550100', twiml: '<Response/>' }), 403, 20005);
		const channel = await cluster.connect('alice', { at: cluster.presence[1], token: one.token }).catch(error => error.message);
		assert.match(channel, /20005/);
		assert.equal((await parent.api.v2010.accounts(one.child.sid).update({ status: 'active' })).status, 'active');
		await become(one, '200');
	});

	test('leaves its parent reading, not writing', async () => {
		const one = await working();
		await parent.api.v2010.accounts(one.child.sid).update({ status: 'suspended' });
		assert.deepEqual((await inChild(one.child).keys.list()).map(key => key.sid), [one.key.sid]);
		await refused(inChild(one.child).newKeys.create(), 403, 20005);
		await refused(inChild(one.child).keys(one.key.sid).remove(), 403, 20005);
		assert.equal((await parent.api.v2010.accounts(one.child.sid).update({ friendlyName: 'Asleep' })).friendlyName, 'Asleep');
	});

	test('closing is for good', async () => {
		const one = await working();
		const { accounts } = parent.api.v2010;
		assert.equal((await accounts(one.child.sid).update({ status: 'closed' })).status, 'closed');
		for (const at of cluster.presence) {
			const own = library(one.child.sid, one.child.authToken, { at });
			await until(() => own.keys.list().then(() => false, error => error.status === 401), 'it is refused everywhere', 1000);
			assert.equal((await rest('GET', `${at.url}/v1/Accounts/${one.child.sid}/Presence/alice`, { bearer: one.token })).status, 401);
		}
		await refused(inChild(one.child).keys.list(), 404, 20404);
		assert.equal((await accounts(one.child.sid).fetch()).status, 'closed');
		assert.equal((await accounts(one.child.sid).update({ status: 'closed' })).status, 'closed');
		for (const change of [{ status: 'active' }, { status: 'suspended' }, { friendlyName: 'Again' }]) {
			const answer = await rest('POST', `${cluster.url}/2010-04-01/Accounts/${one.child.sid}.json`,
				{ basic: [account.sid, account.auth_token], form: Object.fromEntries(Object.entries(change).map(([k, v]) => [k[0].toUpperCase() + k.slice(1), v])) });
			assert.deepEqual([answer.status, answer.body.field], [400, change.status ? 'Status' : 'FriendlyName'], JSON.stringify(change));
		}
	});
});

describe('seeding', () => {
	test('takes the sample', async () => {
		await seed(cluster.redis, fileURLToPath(new URL('../../deploy/accounts.sample.json', import.meta.url)));
		const sample = library(`AC${'1'.padStart(32, '0')}`, 'replace-me-with-32-random-characters');
		assert.equal((await sample.api.v2010.accounts(sample.accountSid).fetch()).friendlyName, 'Example company');
	});

	test('makes families, and leaves a child where it is', async () => {
		const child = { sid: sid('AC'), name: 'Seeded child', auth_token: sid('AC'), parent: account.sid };
		const file = [account.document, child];
		const run = accounts => {
			writeFileSync(`${cluster.folder.path}/family.json`, JSON.stringify({ accounts }));
			return seed(cluster.redis, `${cluster.folder.path}/family.json`);
		};
		await run(file);
		assert.equal((await parent.api.v2010.accounts(child.sid).fetch()).ownerAccountSid, account.sid);
		assert.ok((await parent.api.v2010.accounts.list({ friendlyName: 'Seeded child' })).some(one => one.sid === child.sid));
		delete child.parent;
		await run(file);
		assert.equal((await parent.api.v2010.accounts(child.sid).fetch()).ownerAccountSid, account.sid);
	});
});
