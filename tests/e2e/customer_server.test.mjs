// customer_server.test.mjs - what happens when the customer's server fails or misbehaves: the
// fallback is asked once, with the reason; otherwise the call ends as failed; the trace knows why.
import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { startCluster } from '../support/cluster.mjs';
import { accountWith, dial, isSigned, join, nothingHeld, traceOf, VoiceResponse } from '../support/calls.mjs';
import { freePort } from '../support/process.mjs';

const FETCH_TOTAL_MS = 700;

describe('the customer\'s server', () => {
	let cluster, number = 0;
	before(async () => {
		cluster = await startCluster({ presence: 1, routing: 2, env: {
			SWEEP_MS: '50', FETCH_TOTAL_MS: String(FETCH_TOTAL_MS), FETCH_CONNECT_MS: '300', CALLBACK_RETRY_MS: '50',
		} });
		cluster.customer.answer('/fallback', dial('nobody'));
		cluster.customer.answer('/broken-fallback', { status: 503 });
	});
	after(() => cluster?.stop());

	const url = path => cluster.customer.url + path;

	/** A communication for an account whose voice URL and fallback these are. */
	async function call(voice_url, fields = {}) {
		const account = await accountWith(cluster, { voice_url, ...fields });
		const { status, body } = await cluster.v1('POST', '/Communications', { account, json: { from: '+15550123', to: account.number.number } });
		assert.equal(status, 200);
		const trace = (await cluster.v1('GET', `/Calls/${body.call}/Trace`, { account })).body.events;
		return { account, body, trace, failures: trace.filter(e => ['fetch_failed', 'instructions_refused'].includes(e.event)).map(e => e.detail) };
	}

	/** A path of its own that answers so. */
	function answering(answer) {
		const path = `/hostile${++number}`;
		cluster.customer.answer(path, answer);
		return path;
	}

	const xml = (body, type = 'text/xml') => ({ status: 200, headers: { 'Content-Type': type }, body });
	const cut = () => { throw new Error('the connection is cut'); };

	const BAD = [
		['hangs up without an answer', cut, 11200],
		['does not answer in time', () => new Promise(() => {}), 11200],
		['answers 404', { status: 404, body: 'no' }, 11200],
		['answers 500', { status: 500 }, 11200],
		['answers 1 MB', xml(`<Response>${' '.repeat(1024 * 1024)}</Response>`), 11750],
		['answers just more than 64 KB', xml(`<Response>${' '.repeat(64 * 1024)}</Response>`), 11750],
		['answers text/plain', xml('<Response/>', 'text/plain'), 12300],
		['answers an image', xml('\u0089PNG', 'image/png'), 12300],
		['answers without a content type', { status: 200, body: '<Response/>' }, 12300],
		['answers nothing', xml(''), 12100],
		['answers 204', { status: 204 }, null],
		['answers half a document', xml('<Response><Dial>'), 12100],
		['answers HTML', xml('<!DOCTYPE html><html><br></html>', 'text/html'), 12100],
		['answers a document with entities', xml('<!DOCTYPE r [<!ENTITY a "&#97;">]><Response>&a;</Response>'), 12100],
		['answers another root', xml('<Answer/>'), 12102],
		['answers JSON that is none', xml('{"instructions":[', 'application/json'), 12100],
		['answers bytes that are not UTF-8', { status: 200, headers: { 'Content-Type': 'text/xml' }, body: Buffer.from([0x3c, 0x52, 0xff, 0xfe, 0x3e]) }, 12100],
		['answers a Dial with a wrong timeout', xml('<Response><Dial timeout="soon"><Client>a</Client></Dial></Response>'), 13212],
		['redirects to nowhere', { status: 302 }, 11200],
		['redirects to a file', { status: 302, headers: { Location: 'file:///etc/passwd' } }, 11100],
		['answers compressed what it was not asked to compress', { status: 200, headers: { 'Content-Type': 'text/xml', 'Content-Encoding': 'gzip' }, body: '<Response/>' }, 12300],
	];

	for (const [what, answer, code] of BAD)
		test(`${what}: the call has failed, and the trace knows the code`, async () => {
			const { body, failures } = await call(url(answering(answer)));
			assert.deepEqual([body.status, body.outcome], ['failed', 'failed']);
			assert.equal(failures.length, 1, JSON.stringify(failures));
			if (code)
				assert.equal(failures[0].code, code, JSON.stringify(failures[0]));
			assert.ok(failures[0].text.length > 3);
		});

	test('the fallback is asked once, with the code and the URL that failed, and speaks for the call', async () => {
		for (const [, answer, code] of BAD.slice(0, 8)) {
			const path = answering(answer);
			const { account, body, failures } = await call(url(`${path}?x=ü&y=1`.replace('ü', '%C3%BC')), { voice_fallback_url: url('/fallback') });
			const asked = await cluster.customer.next('/fallback');
			assert.ok(isSigned(asked, account));
			assert.deepEqual([asked.params.CallSid, asked.params.ErrorCode, asked.params.ErrorUrl, asked.params.CallStatus], [body.call, String(code), url(`${path}?x=%C3%BC&y=1`), 'ringing']);
			assert.deepEqual([body.status, body.outcome], ['no-answer', 'unreachable'], 'what the fallback\'s Dial came to');
			assert.deepEqual(failures.map(f => f.code), [code]);
		}
	});

	test('the fallback may be asked by GET', async () => {
		const { account, body } = await call(url(answering({ status: 500 })), { voice_fallback_url: url('/fallback?of=1'), voice_fallback_method: 'GET' });
		const asked = await cluster.customer.next('/fallback', { matches: r => r.method === 'GET' });
		assert.ok(isSigned(asked, account));
		assert.deepEqual([asked.query.CallSid, asked.query.ErrorCode, asked.query.of], [body.call, '11200', '1']);
	});

	test('when the fallback fails too the call has failed, and both codes are known', async () => {
		const { body, failures } = await call(url(answering(xml('<Response><Dial>'))), { voice_fallback_url: url('/broken-fallback') });
		assert.equal(body.status, 'failed');
		assert.deepEqual(failures.map(f => f.code), [12100, 11200]);
		assert.equal(cluster.customer.all('/broken-fallback').length, 1);
	});

	test('an action or a Redirect that fails goes to the fallback as well, with the Dial\'s results', async t => {
		const bad = answering({ status: 500 });
		const first = answering(dial('nobody', { action: bad }));
		const { body, failures } = await call(url(first), { voice_fallback_url: url('/fallback') });
		const asked = await cluster.customer.next('/fallback', { matches: r => r.params.CallSid === body.call });
		assert.deepEqual([asked.params.ErrorCode, asked.params.ErrorUrl, asked.params.DialCallStatus], ['11200', url(bad), 'no-answer']);
		assert.deepEqual(failures.map(f => f.code), [11200]);

		const alice = await join(t, cluster, 'alice');
		const response = new VoiceResponse();
		response.redirect('http://127.0.0.1:1/nobody-there');
		cluster.customer.answer('/voice', String(response));
		const { call: sid } = await alice.request({ type: 'call', to: 'x' });
		assert.equal((await alice.next('hangup', { call: sid })).reason, 'failed');
		assert.deepEqual((await traceOf(cluster, sid, 'fetch_failed')).map(e => e.detail.code), [11205]);
		await nothingHeld(cluster, alice);
	});

	test('that is not there at all: 11205 for nobody, 11210 for no such name, 11220 for no TLS', async () => {
		const dead = await freePort();
		assert.deepEqual((await call(`http://127.0.0.1:${dead}/`)).failures.map(f => f.code), [11205]);
		assert.deepEqual((await call('http://no-such-host.invalid/')).failures.map(f => f.code), [11210]);
		assert.deepEqual((await call(cluster.customer.url.replace('http:', 'https:'))).failures.map(f => f.code), [11220]);
	});

	for (const [what, answer, code] of [
		['speaks no HTTP', 'SSH-2.0-OpenSSH\r\n', 11200],
		['sends an endless header', `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(600_000)}`, null],
		['sends a body without end', `HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n\r\n<Response>${' '.repeat(200_000)}`, 11750],
		['promises more than it sends', 'HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 500\r\n\r\n<Response/>', 11200],
		['drips a byte at a time', null, 11200],
	])
		test(`that ${what} ends in time as failed`, async t => {
			const server = createServer(socket => {
				socket.on('error', () => {});
				socket.on('data', () => {});
				if (answer !== null) {
					socket.end(answer);
					return;
				}
				const drip = setInterval(() => socket.write('H'), 50);
				socket.on('close', () => clearInterval(drip));
			}).listen(0, '127.0.0.1');
			await once(server, 'listening');
			t.after(() => server.close());
			const since = performance.now();
			const { body, failures } = await call(`http://127.0.0.1:${server.address().port}/voice`);
			const took = performance.now() - since;
			assert.equal(body.status, 'failed');
			assert.equal(failures.length, 1);
			if (code)
				assert.equal(failures[0].code, code, JSON.stringify(failures));
			assert.ok(took < FETCH_TOTAL_MS + 1500, `it took ${took} ms`);
		});

	test('after all this every instance is well', async t => {
		const alice = await join(t, cluster, 'alice');
		cluster.customer.answer('/voice', dial('alice'));
		for (let i = 0; i < 4; i++) {
			const waiting = cluster.communicate();
			await alice.request({ type: 'reject', call: (await alice.next('incoming')).call });
			assert.equal((await waiting).body.outcome, 'declined');
		}
		for (const instance of cluster.routing)
			assert.ok(await instance.isReady());
		await nothingHeld(cluster, alice);
	});
});
