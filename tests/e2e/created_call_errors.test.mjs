// created_call_errors.test.mjs - what the twilio package throws when a call cannot be created,
// read or changed: its own RestException with the code that its users know.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import twilio from 'twilio';
import { startCluster } from '../support/cluster.mjs';
import { sid } from '../support/accounts.mjs';
import { callBecomes, claimsOf, join } from '../support/calls.mjs';

describe('a call that cannot be', () => {
	let cluster;
	before(async () => {
		cluster = await startCluster({ presence: 1, routing: 2 });
	});
	after(() => cluster?.stop());

	function library(user = cluster.account.sid, password = cluster.account.auth_token, accountSid = cluster.account.sid) {
		const client = twilio(user, password, { accountSid });
		client.api.baseUrl = cluster.url;
		return client;
	}

	const GOOD = { to: 'client:alice', from: '+15550199', twiml: '<Response/>' };

	/** What the package throws; its fields are the promise. */
	async function thrown(promise, status, code) {
		const error = await promise.then(() => assert.fail(`no error, expected ${code}`), e => e);
		assert.ok(error instanceof twilio.RestException, `${error}`);
		assert.deepEqual({ status: error.status, code: error.code }, { status, code }, error.message);
		assert.ok(error.message.length > 5);
		assert.match(error.moreInfo, new RegExp(code));
		return error;
	}

	test('20003: the credentials are wrong, whatever is asked', async () => {
		for (const client of [library(cluster.account.sid, 'wrong'), library(sid('SK'), 'wrong'), library(cluster.account.key.sid, 'wrong')]) {
			await thrown(client.calls.create(GOOD), 401, 20003);
			await thrown(client.calls(sid('CA')).fetch(), 401, 20003);
			await thrown(client.calls(sid('CA')).update({ status: 'completed' }), 401, 20003);
		}
	});

	test('20404: no such call; another account\'s call is no such call', async () => {
		await thrown(library().calls(sid('CA')).fetch(), 404, 20404);
		await thrown(library().calls(sid('CA')).update({ status: 'completed' }), 404, 20404);
		await thrown(library().calls('nonsense').fetch(), 404, 20404);
		const stranger = await cluster.addAccount();
		const call = await library().calls.create({ ...GOOD, to: 'client:nobody' });
		const strangers = library(stranger.sid, stranger.auth_token, stranger.sid);
		await thrown(strangers.calls(call.sid).fetch(), 404, 20404);
		await thrown(strangers.calls(call.sid).update({ status: 'completed' }), 404, 20404);
		await thrown(library(stranger.sid, stranger.auth_token).calls(call.sid).fetch(), 404, 20404);
		assert.equal((await cluster.v1('GET', `/Calls/${call.sid}/Trace`, { account: stranger })).body.code, 20404);
	});

	const CASES = [
		['21201: no To', { to: '' }, 21201],
		['21211: a To that is neither client nor number nor address', { to: '5550100' }, 21211],
		['21211: a number that is none', { to: '+1555x' }, 21211],
		['21211: an address with a space', { to: 'sip:a b@pbx.example' }, 21211],
		['21211: an address without any', { to: 'sips:' }, 21211],
		['21211: a client without a name', { to: 'client:' }, 21211],
		['21211: a name that no client can have', { to: 'client:a b' }, 21211],
		['21211: a name with dots for a segment', { to: 'client:a/../b' }, 21211],
		['21213: no From', { from: '' }, 21213],
		['21212: a From with control characters', { from: 'a\u0007b' }, 21212],
		['21205: a Url that is none', { twiml: undefined, url: 'not a url' }, 21205],
		['21205: a Url of another scheme', { twiml: undefined, url: 'file:///etc/passwd' }, 21205],
		['21205: a FallbackUrl that is none', { fallbackUrl: 'http://' }, 21205],
		['21205: a StatusCallback that is none', { statusCallback: 'gopher://example.com' }, 21205],
		['21218: an ApplicationSid that is none', { twiml: undefined, applicationSid: 'APx' }, 21218],
		['21218: an application that is not there', { twiml: undefined, applicationSid: `AP${'0'.repeat(32)}` }, 21218],
		['21208: a Timeout that is no number', { timeout: 'soon' }, 21208],
		['21208: a Timeout of nothing', { timeout: 0 }, 21208],
		['21208: a Timeout beyond all measure', { timeout: 601 }, 21208],
		['21202: no instructions at all', { twiml: undefined }, 21202],
	];
	for (const [what, change, code] of CASES)
		test(what, () => thrown(library().calls.create({ ...GOOD, ...change }), 400, code));

	test('a Method that is none, and Twiml that is too long, name the parameter', async () => {
		assert.match((await thrown(library().calls.create({ ...GOOD, method: 'PUT' }), 400, 45002)).message, /Method/);
		assert.match((await thrown(library().calls.create({ ...GOOD, twiml: ' '.repeat(4001) }), 400, 45002)).message, /Twiml/);
	});

	test('21220: an ended call cannot be ended again, nor canceled', async () => {
		const call = await library().calls.create({ ...GOOD, to: 'client:nobody' });
		await callBecomes(cluster, call.sid, 'no-answer');
		for (const status of ['completed', 'canceled'])
			await thrown(library().calls(call.sid).update({ status }), 400, 21220);
		await thrown(library().calls(call.sid).update({ status: 'ringing' }), 400, 45002);
	});

	test('Twiml that cannot be understood fails the call when she answers', async t => {
		const alice = await join(t, cluster, 'alice');
		const call = await library().calls.create({ ...GOOD, twiml: '<Response><Dial>' });
		const ring = await alice.next('incoming');
		await alice.request({ type: 'answer', token: ring.token, sdp: 'v=0\r\n' });
		assert.equal((await alice.next('hangup')).reason, 'failed');
		await callBecomes(cluster, call.sid, 'failed');
	});

	test('nothing of all this has rung or held anybody', async () => {
		assert.equal(await claimsOf(cluster), '');
	});
});
