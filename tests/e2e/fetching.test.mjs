// fetching.test.mjs - instructions are fetched as Twilio does it: redirects are followed, failures repeated as the
// URL's fragment asks, cookies come back within the call; and the twilio package accepts every single request.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { after, before, describe, test } from 'node:test';
import { accountWith, dial, isSigned, join, VoiceResponse } from '../support/calls.mjs';
import { selfSigned } from '../support/certificate.mjs';
import { startCluster } from '../support/cluster.mjs';
import { freePort, temporaryFolder, until, within } from '../support/process.mjs';
import { startCustomer } from '../support/webhook.mjs';

const FETCH_TOTAL_MS = 10_000;
const EMPTY = String(new VoiceResponse());

let cluster, customer, secure, stranger, folder, number = 0;
before(async () => {
	folder = temporaryFolder();
	const certificate = await selfSigned(folder.path, 'customer', 'IP:127.0.0.1', 'DNS:localhost');
	[secure, stranger] = await Promise.all([startCustomer({ tls: certificate }), startCustomer({ tls: await selfSigned(folder.path, 'stranger', 'IP:127.0.0.1') })]);
	cluster = await startCluster({ presence: 1, routing: 2, haproxy: false, env: {
		SWEEP_MS: '50', NODE_LEASE_MS: '600', FETCH_TOTAL_MS: String(FETCH_TOTAL_MS), FETCH_BREAK_AFTER: '0', WEBHOOK_ALLOW: '127.0.0.1/32', WEBHOOK_CA_FILE: certificate.file,
	} });
	customer = cluster.customer;
});
after(async () => {
	await cluster?.stop();
	await Promise.all([secure?.stop(), stranger?.stop()]);
	folder?.remove();
});

/** A path of its own, with that answer; later requests get the next ones of several, and then the last again. */
function answering(...answers) {
	const path = `/deep/p${++number}`;
	let i = 0;
	customer.answer(path, request => {
		const answer = answers[Math.min(i++, answers.length - 1)];
		return typeof answer === 'function' ? answer(request) : answer;
	});
	return path;
}

const to = (status, Location) => ({ status, headers: { Location } });
const setting = (...cookies) => ({ status: 200, headers: { 'Content-Type': 'text/xml', 'Set-Cookie': cookies }, body: EMPTY });
const never = () => new Promise(() => {});

/** A communication for an account with that voice URL, to its end. */
async function call(voice_url, fields) {
	const account = await accountWith(cluster, { voice_url: voice_url.startsWith('http') ? voice_url : customer.url + voice_url, ...fields });
	const since = performance.now();
	const { status, body } = await cluster.v1('POST', '/Communications', { at: cluster.routing[0], account, json: { from: '+15550123', to: account.number.number } });
	const took = performance.now() - since;
	assert.equal(status, 200);
	const { body: { events } } = await cluster.v1('GET', `/Calls/${body.call}/Trace`, { at: cluster.routing[0], account });
	return { account, body, took, events, of: event => events.filter(e => e.event === event).map(e => e.detail) };
}

/** All that was asked on these paths; each of them is signed, and the call knows one token for it. */
function asked(account, ...paths) {
	const requests = paths.flatMap(path => customer.all(path.replace(/[?#].*/, '')));
	for (const request of requests)
		assert.ok(isSigned(request, account), `${request.method} ${request.url}`);
	assert.equal(new Set(requests.map(r => r.headers['i-twilio-idempotency-token'])).size, 1);
	return requests;
}

describe('a redirect', () => {
	for (const [status, method] of [[301, 'GET'], [302, 'GET'], [303, 'GET'], [307, 'POST'], [308, 'POST']])
		test(`${status} of a POST is followed by ${method}, signed for where it goes`, async () => {
			const end = answering(EMPTY), first = answering(to(status, `${end}?x=1&y=%C3%BC`));
			const { account, body, of } = await call(first);
			assert.equal(body.status, 'completed');
			const [one, two] = asked(account, first, end);
			assert.deepEqual([one.method, two.method], ['POST', method]);
			assert.deepEqual(two.params, method === 'POST' ? one.params : {});
			assert.deepEqual(two.query, { x: '1', y: 'ü' });
			assert.deepEqual(of('redirected').map(d => d.url), [`${customer.url}${end}?x=1&y=%C3%BC`]);
			assert.deepEqual(of('fetched').map(d => d.url), [`${customer.url}${end}?x=1&y=%C3%BC`]);
		});

	test('of a GET is followed to that URL as it is', async () => {
		const end = answering(EMPTY), first = answering(to(307, `${end}?x=1`));
		const { account } = await call(`${first}?a=b`, { voice_method: 'GET' });
		const [one, two] = asked(account, first, end);
		assert.deepEqual([one.method, two.method, two.query], ['GET', 'GET', { x: '1' }]);
		assert.equal(one.query.a, 'b');
		assert.match(one.query.CallSid, /^CA/);
	});

	test('moves the document: what it names without a host stands beside it', async () => {
		const response = new VoiceResponse();
		response.redirect({ method: 'GET' }, 'next');
		customer.answer('/elsewhere/doc', String(response));
		customer.answer('/elsewhere/next', EMPTY);
		const { account, body } = await call(answering(to(302, '/elsewhere/doc')));
		const request = await customer.next('/elsewhere/next');
		assert.deepEqual([request.query.CallSid, body.status], [body.call, 'completed']);
		assert.ok(isSigned(request, account));
	});

	test('three in a row are followed; the fourth is 11215, and the fallback is told', async () => {
		const end = answering(EMPTY), third = answering(to(302, end)), second = answering(to(302, third)), first = answering(to(302, second));
		const fine = await call(first);
		assert.equal(fine.body.status, 'completed');
		assert.equal(asked(fine.account, first, second, third, end).length, 4);

		const one = answering(to(302, first)), fallback = answering(EMPTY);
		const { account, of } = await call(`${one}?q=1#rc=0`, { voice_fallback_url: customer.url + fallback });
		assert.deepEqual(of('fetch_failed').map(d => d.code), [11215]);
		assert.equal(customer.all(end).length, 1, 'asked in the first call only');
		const [told] = asked(account, fallback);
		assert.deepEqual([told.params.ErrorCode, told.params.ErrorUrl], ['11215', `${customer.url}${one}?q=1`]);

		const loop = answering(request => to(301, request.url));
		assert.deepEqual((await call(loop)).of('fetch_failed').map(d => d.code), [11215]);
		assert.equal(customer.all(loop).length, 4);
	});

	test('reaches no address that is not permitted, and no other protocol', async t => {
		let connections = 0;
		const trap = net.createServer(socket => { connections++; socket.destroy(); }).listen(0, '127.0.0.2');
		await once(trap, 'listening');
		t.after(() => trap.close());
		const { port } = trap.address();
		for (const [where, code] of [
			[`http://127.0.0.2:${port}/`, 45211], [`http://0x7f000002:${port}/`, 45211], [`http://[::ffff:127.0.0.2]:${port}/`, 45211], ['http://10.0.0.1/', 45211],
			['http://169.254.169.254/latest/meta-data/', 45211], ['file:///etc/passwd', 11100], ['gopher://127.0.0.1/', 11100], ['ftp://127.0.0.1/', 11100], ['javascript:1', 11100],
			['http://', 11100],
		])
			assert.deepEqual((await call(answering(to(302, where)))).of('fetch_failed').map(d => d.code), [code], where);
		assert.equal(connections, 0);
	});

	test('leads from http to https, and never back', async () => {
		secure.answer('/safe', EMPTY);
		secure.answer('/back', to(307, `${customer.url}/back`));
		const { account, body } = await call(answering(to(307, `${secure.url}/safe`)));
		assert.equal(body.status, 'completed');
		const request = await secure.next('/safe');
		assert.deepEqual([request.method, request.params.CallSid], ['POST', body.call]);
		assert.ok(isSigned(request, account));
		assert.deepEqual((await call(`${secure.url}/back`)).of('fetch_failed').map(d => [d.code, d.text]), [[11200, 'redirected from https to http']]);
		assert.equal(customer.all('/back').length, 0);
	});

	test('to a server with a certificate that nobody vouches for is 11220', async () => {
		const { of } = await call(answering(to(307, `${stranger.url}/`)));
		assert.deepEqual(of('fetch_failed').map(d => [d.code, d.url]), [[11220, `${stranger.url}/`]]);
		assert.equal(stranger.requests.length, 0);
	});

	test('takes the password along to the same host only', async () => {
		const end = answering(EMPTY), first = answering(to(307, end));
		const local = customer.url.replace('127.0.0.1', 'localhost');
		const { account } = await call(customer.url.replace('//', '//user:secret@') + first);
		const [one, two] = await Promise.all([customer.next(first), customer.next(end)]);
		for (const request of [one, two]) // Twilio signs the URL as it was given to it
			assert.ok(isSigned({ ...request, url: request.url.replace('//', '//user:secret@') }, account));
		assert.match(one.headers.authorization, /^Basic /);
		assert.equal(two.headers.authorization, one.headers.authorization);
		const away = answering(EMPTY), leaving = answering(to(307, local + away));
		await call(customer.url.replace('//', '//user:secret@') + leaving);
		assert.equal((await customer.next(away)).headers.authorization, undefined);
	});
});

describe('a repeat', () => {
	test('is made once by itself when there is no connection, and as often as rc says', async () => {
		const port = await freePort();
		for (const [fragment, times] of [['', 1], ['#rc=0', 0], ['#rc=3', 3], ['#rp=5xx&rc=3', 0]]) {
			const { of } = await call(`http://127.0.0.1:${port}/${fragment}`);
			assert.deepEqual(of('fetch_repeated').map(d => d.code), Array(times).fill(11205), fragment);
			assert.deepEqual(of('fetch_failed').map(d => d.code), [11205]);
		}
	});

	test('finds a server that has just come', async t => {
		const port = await freePort();
		const failures = () => cluster.routing[0].metric('switchhook_fetch_failures_total');
		const before = await failures();
		const outcome = call(`http://127.0.0.1:${port}/#rc=5`);
		await until(async () => await failures() > before, 'it was not there');
		const server = net.createServer(socket => socket.end(`HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: ${EMPTY.length}\r\n\r\n${EMPTY}`));
		server.listen(port, '127.0.0.1');
		t.after(() => server.close());
		const { body, of } = await outcome;
		assert.equal(body.status, 'completed');
		assert.ok(of('fetch_repeated').length >= 1);
	});

	test('follows a 5xx, a 4xx, silence or a broken answer if rp says so: the same request again', async () => {
		const cut = () => { throw new Error('the connection is cut'); };
		for (const [fragment, answers] of [
			['rc=3&rp=5xx', [{ status: 500 }, { status: 503 }, EMPTY]], ['rc=2&rp=4xx,5xx', [{ status: 404 }, { status: 500 }, EMPTY]],
			['rc=1&rp=rt&rt=200', [never, EMPTY]], ['rc=2&rp=rt', [cut, cut, EMPTY]], ['rc=5&rp=all&rt=200', [{ status: 429 }, cut, never, { status: 502 }, EMPTY]],
		]) {
			const path = answering(...answers);
			const { account, body, of } = await call(`${path}?x=1#${fragment}`);
			assert.equal(body.status, 'completed', fragment);
			const requests = asked(account, path);
			assert.equal(requests.length, answers.length, fragment);
			for (const request of requests)
				assert.deepEqual([request.url, request.body], [`${customer.url}${path}?x=1`, requests[0].body], 'no fragment, nothing else');
			const repeated = of('fetch_repeated').length; // a kept connection that is cut is opened anew without that
			assert.ok(repeated >= 1 && repeated <= answers.length - 1, `${fragment}: ${repeated}`);
			if (!answers.includes(cut))
				assert.equal(repeated, answers.length - 1);
		}
	});

	test('does not follow what rp does not name', async () => {
		for (const [fragment, answer] of [['', { status: 500 }], ['#rc=3', { status: 503 }], ['#rc=3&rp=4xx', { status: 500 }], ['#rc=3&rp=all', 'no TwiML'], ['#rc=3&rp=rt', { status: 404 }]]) {
			const path = answering(answer);
			const { of } = await call(path + fragment);
			assert.equal(customer.all(path).length, 1, fragment);
			assert.deepEqual(of('fetch_repeated'), []);
		}
	});

	test('and redirects have one budget of time together, as tt says', async () => {
		const failing = answering({ status: 500 });
		const { took, of } = await call(`${failing}#tt=700&rc=5&rp=all`);
		assert.ok(took < 700 + 2000, `${took} ms`);
		assert.equal(of('fetch_failed').length, 1);
		assert.ok(customer.all(failing).length >= 2);

		const slow = answering(to(302, answering(never)));
		const { took: also, of: also_of } = await call(`${slow}#tt=500`);
		assert.ok(also >= 450 && also < 500 + 2000, `${also} ms`);
		assert.deepEqual(also_of('fetch_failed').map(d => d.code), [11200]);
	});

	test('an action\'s or a Redirect\'s own fragment counts for it, relative or not', async () => {
		const action = answering({ status: 500 }, EMPTY), beside = action.split('/').pop();
		const first = answering(dial('nobody', { action: `${beside}#rc=1&rp=5xx` }));
		const { account, body } = await call(first);
		assert.equal(body.status, 'no-answer');
		const [one, two] = asked(account, action);
		assert.deepEqual([one.url, two.params], [customer.url + action, one.params]);
		assert.equal(one.params.DialCallStatus, 'no-answer');
	});

	test('an override that says nothing is told in the trace, and changes nothing', async () => {
		const { body, of } = await call(`${answering(EMPTY)}#rc=often&rp=6xx`);
		assert.equal(body.status, 'completed');
		assert.deepEqual(of('override_ignored').map(d => d.text), ['rc=often']);
		assert.deepEqual((await call(`${answering(EMPTY)}#section-2`)).of('override_ignored'), []);
	});
});

describe('cookies', () => {
	test('set by one answer come with the call\'s next requests, also with the fallback\'s', async () => {
		const fallback = answering(EMPTY), failing = answering({ status: 500, headers: { 'Set-Cookie': ['c=3; Path=/'] } });
		const document = new VoiceResponse();
		document.redirect(failing);
		const first = answering({ ...setting('a=1; Path=/; HttpOnly', 'b="2 2"; path=/deep', 'secret=1; Secure', 'narrow=1; Path=/other'), body: String(document) });
		const { account } = await call(first, { voice_fallback_url: customer.url + fallback });
		assert.equal((await customer.next(first)).headers.cookie, undefined);
		assert.equal((await customer.next(failing)).headers.cookie, 'a=1; b="2 2"');
		const last = await customer.next(fallback);
		assert.equal(last.headers.cookie, 'a=1; b="2 2"; c=3');
		assert.ok(isSigned(last, account));
		const other = answering(EMPTY);
		await call(other);
		assert.equal((await customer.next(other)).headers.cookie, undefined, 'another call knows nothing of them');
	});

	test('are changed, deleted, and set on the way by a redirect', async () => {
		const end = answering(setting()), second = answering({ ...to(302, end), headers: { Location: end, 'Set-Cookie': ['a=2', 'b=; Expires=Thu, 01 Jan 1970 00:00:00 GMT'] } });
		const first = answering({ ...to(302, second), headers: { Location: second, 'Set-Cookie': ['a=1', 'b=1', 'c=1; Max-Age=0'] } });
		await call(first);
		assert.equal((await customer.next(second)).headers.cookie, 'a=1; b=1');
		assert.equal((await customer.next(end)).headers.cookie, 'a=2');
	});

	test('go to no other host, whatever Domain they name; Secure ones by https only', async () => {
		const local = customer.url.replace('127.0.0.1', 'localhost');
		const end = answering(EMPTY), away = answering(to(307, customer.url + end));
		const first = answering({ ...to(307, local + away), headers: { Location: local + away, 'Set-Cookie': ['a=1; Domain=localhost; Path=/', 'b=2; Path=/'] } });
		await call(first);
		assert.equal((await customer.next(away)).headers.cookie, undefined);
		assert.equal((await customer.next(end)).headers.cookie, 'a=1; b=2');

		const document = new VoiceResponse();
		document.redirect('/two');
		secure.answer('/one', { ...setting('s=1; Secure', 'o=1'), body: String(document) });
		const insecure = answering(EMPTY), leaving = new VoiceResponse();
		leaving.redirect(customer.url + insecure);
		secure.answer('/two', String(leaving));
		await call(`${secure.url}/one`);
		assert.equal((await secure.next('/two')).headers.cookie, 's=1; o=1');
		assert.equal((await customer.next(insecure)).headers.cookie, 'o=1');
	});

	test('are bounded: of very many the newest come back, and a monster does not', async () => {
		const end = answering(EMPTY), hop = i => ({ status: 302, headers: { Location: [second, third, end][i], 'Set-Cookie': Array.from({ length: 8 }, (_, n) => `c${i}${n}=x`) } });
		const third = answering(() => hop(2)), second = answering(() => hop(1)), first = answering(() => hop(0));
		await call(first);
		const cookies = (await customer.next(end)).headers.cookie.split('; ');
		assert.equal(cookies.length, 20);
		assert.deepEqual([cookies[0], cookies.at(-1)], ['c04=x', 'c27=x']);
		const after = answering(EMPTY);
		await call(answering({ ...to(302, after), headers: { Location: after, 'Set-Cookie': [`big=${'x'.repeat(5000)}`, 'small=1'] } }));
		assert.equal((await customer.next(after)).headers.cookie, 'small=1');
	});

	test('stand in the call\'s record: whoever takes it over sends them, too', async t => {
		const alice = await join(t, cluster, 'alice'), action = answering(EMPTY);
		customer.answer('/voice', { ...setting('session=42; Path=/'), body: dial('alice', { action, timeout: 20 }) });
		const waiting = cluster.communicate({ at: cluster.routing[0], async: true });
		const { body: { call: sid } } = await waiting;
		const ring = await alice.next('incoming');
		await cluster.routing[0].kill9();
		await until(async () => {
			const events = await cluster.v1('GET', `/Calls/${sid}/Trace`, { at: cluster.routing[1] });
			return events.body.events.some(e => e.event === 'adopted') || (await alice.request({ type: 'reject', call: ring.call }), false);
		}, 'the other one has it');
		const request = await customer.next(action);
		assert.equal(request.headers.cookie, 'session=42');
		assert.ok(isSigned(request, cluster.account));
		await cluster.routing[0].restart();
		await cluster.acquainted();
	});
});

test('an instance dies on the way: another one begins anew, under the same token and with the same parameters', async () => {
	const slow = answering(never, EMPTY), first = answering(to(307, `${slow}#rc=0`));
	const account = await accountWith(cluster, { voice_url: `${customer.url}${first}#rc=2&rp=all` });
	const { body: { call: sid } } = await cluster.v1('POST', '/Communications', { at: cluster.routing[0], account, json: { from: '+15550123', to: account.number.number, async: true } });
	await customer.next(slow);
	await cluster.routing[0].kill9();
	await customer.next(slow);
	const requests = asked(account, first, slow);
	assert.deepEqual(requests.map(request => request.body), Array(4).fill(requests[0].body));
	await until(async () => (await cluster.api2010('GET', `/Calls/${sid}.json`, { at: cluster.routing[1], account })).body.status === 'completed', 'the call ends');
	await cluster.routing[0].restart();
	await cluster.acquainted();
});

test('who hangs up is waited for no longer: the request ends there and then', async t => {
	const server = net.createServer().listen(0, '127.0.0.1');
	await once(server, 'listening');
	t.after(() => server.close());
	const account = await accountWith(cluster, { voice_url: `http://127.0.0.1:${server.address().port}/` });
	const alice = await join(t, cluster, 'alice', { account });
	const asking = once(server, 'connection');
	const { call: sid } = await alice.request({ type: 'call', to: 'client:bob' });
	const [socket] = await asking;
	await once(socket, 'data');
	const closed = once(socket.on('error', () => {}), 'close');
	await alice.request({ type: 'hangup', call: sid });
	await within(closed, 'the request is over long before its time', FETCH_TOTAL_MS / 2);
	await until(async () => (await cluster.api2010('GET', `/Calls/${sid}.json`, { at: cluster.routing[1], account })).body.status === 'canceled', 'the call ends');
});
