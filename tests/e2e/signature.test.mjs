// signature.test.mjs - twilio.validateRequest accepts every webhook, POST and GET, whatever is in it.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import twilio from 'twilio';
import { startCluster } from '../support/cluster.mjs';
import { accountWith, dial, isSigned, join, nothingHeld, parametersOf, VoiceResponse } from '../support/calls.mjs';
import { isSignedTheStandardWay, webhookSecret } from '../support/webhooks.mjs';

const ODD = [{
	'': 'a name of nothing', empty: '', ' ': ' ', 'a b': 'c d', 'a+b': 'c+d', '&=?#%': '&=?#%', '%41': '%42', plus: '+', tilde: '~', star: '*',
	quotes: `"'\`<>\\`, 'zwölf': 'größer ß', '日本語': 'かな', '😀': '👨‍👩‍👧', combining: 'e\u0301', rtl: 'שלום', newline: 'a\r\nb\nc', tab: '\t', nbsp: '\u00a0',
}, {
	Z: 'upper', z: 'lower', aA: '1', Aa: '2', a: 'b', ab: '', 'a[0]': '0', 'a[]': 'x', __proto__x: 'x', constructor: 'x', toString: 'x', callsidx: 'not ours', 'from ': 'not ours',
	'\u007f': 'delete', long: 'x'.repeat(1000),
}];

describe('the signature', () => {
	let cluster, number = 0;
	before(async () => {
		cluster = await startCluster({ presence: 1, routing: 2, env: { CALLBACK_RETRY_MS: '50' } });
	});
	after(() => cluster?.stop());

	/** An account whose application has these URLs; a call of it by a client with these parameters. */
	async function asked(t, voice, { parameters = {} } = {}) {
		const account = await accountWith(cluster, voice);
		const alice = await join(t, cluster, `caller${number++}`, { account });
		const reply = await alice.request({ type: 'call', to: 'client:nobody', parameters });
		assert.equal(reply.type, 'ok', JSON.stringify(reply));
		const request = await cluster.customer.next(new URL(voice.voice_url).pathname);
		await alice.next('hangup', { call: reply.call });
		return { account, request, call: reply.call };
	}

	const url = path => cluster.customer.url + path;

	test('is there twice: as Standard Webhooks says, too, with the account\'s webhook secret', async t => {
		cluster.customer.answer('/twice', dial('nobody', { action: url('/action'), method: 'GET' }));
		const { account, request } = await asked(t, { voice_url: url('/twice'), voice_method: 'POST' });
		const secret = await webhookSecret(cluster, account);
		for (const signed of [request, await cluster.customer.next('/action')]) {
			assert.ok(isSigned(signed, account), signed.path);
			assert.equal(signed.headers['webhook-id'], signed.headers['i-twilio-idempotency-token']);
			assert.ok(isSignedTheStandardWay(secret, signed), signed.path);
			assert.ok(!isSignedTheStandardWay(secret, { ...signed, body: signed.body + '!' }), signed.path);
		}
	});

	for (const [i, odd] of ODD.entries()) {
		test(`is right for POST with odd names and values, and covers each of them (${i + 1})`, async t => {
			const { account, request } = await asked(t, { voice_url: url('/post'), voice_method: 'POST' }, { parameters: odd });
			assert.equal(request.method, 'POST');
			assert.equal(request.headers['content-type'], 'application/x-www-form-urlencoded; charset=UTF-8');
			const parameters = parametersOf(request);
			assert.ok(isSigned(request, account));
			for (const [name, value] of Object.entries(odd)) {
				assert.equal(parameters[name], value, name);
				const changed = { ...request, body: String(new URLSearchParams({ ...parameters, [name]: `${value}!` })) };
				assert.ok(!isSigned(changed, account), `${name} is not covered`);
			}
			assert.ok(!isSigned(request, { auth_token: cluster.account.auth_token }), 'another account\'s token');
		});

		test(`is right for GET: the parameters are in the URL, which is signed as it is sent (${i + 1})`, async t => {
			const { account, request, call } = await asked(t, { voice_url: url('/get'), voice_method: 'GET' }, { parameters: odd });
			assert.equal(request.method, 'GET');
			assert.equal(request.body, '');
			assert.equal(request.query.CallSid, call);
			for (const [name, value] of Object.entries(odd))
				assert.equal(request.query[name], value, name);
			assert.ok(isSigned(request, account));
			assert.ok(!isSigned({ ...request, url: request.url.replace('nobody', 'somebody') }, account));
		});
	}

	const QUERIES = ['?x=1', '?a=1&a=2&b=&c', '?%C3%A4=%F0%9F%98%80&sp=a%20b&plus=a+b', '?CallSid=CAevil&From=mallory', '?', '?q=%2F%3f%23&path=/a/b'];
	for (const query of QUERIES)
		test(`is right for a URL with the query ${query}, POST and GET`, async t => {
			const post = await asked(t, { voice_url: url(`/query${query}`), voice_method: 'POST' }, { parameters: { a: '3', x: '1' } });
			assert.ok(isSigned(post.request, post.account), post.request.url);
			const get = await asked(t, { voice_url: url(`/query${query}`), voice_method: 'GET' }, { parameters: { a: '3', x: '1' } });
			assert.ok(isSigned(get.request, get.account), get.request.url);
			assert.deepEqual(new URL(get.request.url).searchParams.getAll('a').slice(-1), ['3']);
		});

	test('leaves a fragment out: it is for us, not for the customer\'s server', async t => {
		for (const voice_method of ['POST', 'GET']) {
			const { account, request } = await asked(t, { voice_url: url('/fragment?x=1#rc=2,rt=500'), voice_method });
			assert.ok(!request.url.includes('#') && !request.url.includes('rc=2'));
			assert.ok(isSigned(request, account));
		}
	});

	test('is right for an action, a redirect, the fallback and the status callbacks of one call', async t => {
		const first = new VoiceResponse(), second = new VoiceResponse(), action = cluster.customer;
		first.dial({ action: '/s/action?step=1&u=%C3%BC', method: 'GET' }).client({ statusCallback: '/s/leg?x=1', statusCallbackEvent: 'initiated completed' }, 'bob');
		second.redirect({ method: 'POST' }, 'redirected?to=ü&to=2');
		action.answer('/s/voice', String(first));
		action.answer('/s/action', String(second));
		action.answer('/s/redirected', { status: 500 });
		const account = await accountWith(cluster, {
			voice_url: url('/s/voice'), voice_fallback_url: url('/s/fallback?f=1'), voice_fallback_method: 'GET',
			status_callback: url('/s/status'), status_callback_method: 'GET',
		});
		const alice = await join(t, cluster, 'alice', { account });
		const bob = await join(t, cluster, 'bob', { account });
		await alice.request({ type: 'call', to: 'client:bob', parameters: { 'ü': 'ö' } });
		await bob.request({ type: 'reject', call: (await bob.next('incoming')).call });
		await alice.next('hangup');
		for (const path of ['/s/voice', '/s/action', '/s/redirected', '/s/fallback', '/s/leg', '/s/leg', '/s/status']) {
			const request = await cluster.customer.next(path);
			assert.ok(isSigned(request, account), `${request.method} ${request.url}\n${request.body}`);
			assert.match(request.headers['i-twilio-idempotency-token'], /./);
		}
	});

	test('is made with the primary auth token while a second one is valid', async t => {
		const account = await accountWith(cluster, { voice_url: url('/turning') }, { auth_token_second: 'second-auth-token-0123456789' });
		const alice = await join(t, cluster, 'alice', { account });
		await alice.request({ type: 'call', to: 'client:nobody' });
		const request = await cluster.customer.next('/turning');
		assert.ok(isSigned(request, account));
		assert.ok(!twilio.validateRequest('second-auth-token-0123456789', request.headers['x-twilio-signature'], request.url, parametersOf(request)));
		await alice.next('hangup');
		await nothingHeld(cluster);
	});
});
