// HAProxy's policy file, in front of stand-ins for both services: what it decides by itself.
import assert from 'node:assert/strict';
import http from 'node:http';
import net from 'node:net';
import tls from 'node:tls';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { startHaproxy } from '../support/haproxy.mjs';
import { until, within } from '../support/process.mjs';
import { rest } from '../support/rest.mjs';

/** A server that tells who answered and what it was asked; `answer` may be replaced. */
async function standIn(name) {
	const server = http.createServer((request, response) => {
		if (request.url === '/healthz')
			return response.writeHead(standin.healthy ? 200 : 503).end();
		standin.requests.push(request);
		return standin.answer(request, response);
	});
	const standin = {
		name, healthy: true, requests: [], server,
		answer: (request, response) => response.writeHead(200, { 'Content-Type': 'application/json' })
			.end(JSON.stringify({ name, url: request.url, headers: request.headers })),
		refuse: (_, response) => response.writeHead(503).end('{}'),
		async stop() {
			server.closeAllConnections();
			server.close();
			await once(server, 'close');
		},
	};
	server.on('upgrade', (request, socket) => {
		const accept = createHash('sha1').update(request.headers['sec-websocket-key'] + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11').digest('base64');
		socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`);
		socket.pipe(socket);
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	standin.port = server.address().port;
	return standin;
}

/** Bytes to the port, all that comes back until the end. */
async function raw(port, text, ms) {
	const socket = net.connect(port, '127.0.0.1').setEncoding('utf8');
	let answer = '';
	socket.on('data', part => { answer += part; });
	socket.write(text);
	await within(once(socket, 'close'), 'the connection ends', ms);
	return answer;
}

function assertOurError(answer, status) {
	assert.equal(answer.status, status, answer.text);
	assert.equal(answer.headers.get('content-type'), 'application/json');
	assert.equal(answer.body.status, status);
	assert.ok(Number.isInteger(answer.body.code) && answer.body.message);
}

describe('HAProxy', () => {
	let presence, routing, haproxy;

	before(async () => {
		presence = [await standIn('presence-1')];
		routing = [await standIn('routing-1'), await standIn('routing-2')];
		haproxy = await startHaproxy({ presence: presence.map(s => s.port), routing: routing.map(s => s.port) });
	});

	after(async () => {
		await haproxy?.stop();
		for (const standin of [...presence, ...routing])
			await standin.stop();
	});

	const A = `AC${'0'.repeat(32)}`;
	const routes = {
		[`/v1/Accounts/${A}/Communications`]: 'routing',
		[`/v1/Accounts/${A}/Communications/CA1`]: 'routing',
		[`/v1/Accounts/${A}/Calls/CA1/Trace`]: 'routing',
		'/v1/Communications/Answer': 'routing',
		[`/2010-04-01/Accounts/${A}/Calls.json?PageSize=1`]: 'routing',
		[`/2010-04-01/Accounts/${A}/Calls/CA1.json`]: 'routing',
		[`/2010-04-01/Accounts/${A}/Applications.json`]: 'routing',
		[`/2010-04-01/Accounts/${A}/IncomingPhoneNumbers/PN1.json`]: 'routing',
		[`/2010-04-01/Accounts/${A}.json`]: 'presence',
		[`/2010-04-01/Accounts/${A}/Keys.json`]: 'presence',
		[`/v1/Accounts/${A}/Devices`]: 'presence',
		[`/v1/Accounts/${A}/Presence/support%2Ftier1%2FCalls`]: 'presence',
		[`/v1/Accounts/${A}/Presence/Calls`]: 'presence',
		'/v1/connect': 'presence',
		'/signal': 'presence',
		'/': 'presence',
	};
	for (const [path, tier] of Object.entries(routes)) {
		test(`${path} goes to ${tier}, unchanged`, async () => {
			const { body } = await rest('GET', haproxy.url + path);
			assert.match(body.name, new RegExp(`^${tier}`));
			assert.equal(body.url, path);
		});
	}

	for (const path of ['/metrics', '/healthz', '/readyz', '/%6detrics', '/METRICS', '/metrics?x=1']) {
		test(`${path} is not for the public`, async () => {
			const before = presence[0].requests.length;
			assertOurError(await rest('GET', haproxy.url + path), 404);
			assert.equal(presence[0].requests.length, before);
		});
	}

	test('tells the client address and scheme, whatever the client claims', async () => {
		const { body } = await rest('GET', haproxy.url + '/', { headers: {
			'X-Forwarded-For': '6.6.6.6', 'X-Forwarded-Proto': 'gopher', Forwarded: 'for=6.6.6.6',
			'Request-Id': 'RQ-of-another', 'X-Request-Id': 'RQ-of-another' } });
		assert.equal(body.headers['x-forwarded-for'], '127.0.0.1');
		assert.equal(body.headers['x-forwarded-proto'], 'http');
		for (const name of ['forwarded', 'request-id', 'x-request-id'])
			assert.equal(body.headers[name], undefined, name);
	});

	test('speaks TLS on the other port', async () => {
		const socket = tls.connect({ port: haproxy.tlsPort, host: '127.0.0.1', rejectUnauthorized: false }).setEncoding('utf8');
		socket.write('GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
		let answer = '';
		for await (const part of socket)
			answer += part;
		assert.match(answer, /^HTTP\/1.1 200 /);
		assert.match(answer, /"x-forwarded-proto":"https"/);
	});

	test('carries an upgraded connection', async () => {
		const socket = net.connect(haproxy.port, '127.0.0.1').setEncoding('utf8');
		socket.write('GET /v1/connect HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
			'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n');
		assert.match((await once(socket, 'data'))[0], /^HTTP\/1.1 101 /);
		socket.write('hello');
		assert.equal((await once(socket, 'data'))[0], 'hello');
		socket.destroy();
	});

	for (const [what, [status, text]] of Object.entries({
		'two hosts': [400, 'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n'],
		'two lengths': [400, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab'],
		'a transfer coding other than chunked': [422, 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n'],
		'a header name with a space': [400, 'GET / HTTP/1.1\r\nHost: a\r\nX y: 1\r\n\r\n'],
		'no HTTP at all': [400, 'hello\r\n\r\n'],
	})) {
		test(`refuses ${what}`, async () => {
			const before = presence[0].requests.length;
			const answer = await raw(haproxy.port, text);
			assert.equal(Number(answer.split(' ')[1]), status, answer);
			assert.equal(presence[0].requests.length, before);
		});
	}

	test('gives a request ten seconds to arrive', async () => {
		const answer = await raw(haproxy.port, 'GET / HTTP/1.1\r\nHost: a\r\n', 15_000);
		assert.match(answer, /^HTTP\/1\.[01] 408 /);
	});

	test('takes a GET that a draining instance refused to the other one, but never a POST', async () => {
		const plain = routing[0].answer;
		routing[0].answer = routing[0].refuse;
		try {
			for (let i = 0; i < 6; i++)
				assert.equal((await rest('GET', `${haproxy.url}/v1/Accounts/${A}/Calls/CA1/Trace`)).status, 200);
			const posts = await Promise.all(Array.from({ length: 8 }, () => rest('POST', `${haproxy.url}/v1/Accounts/${A}/Communications`, { json: {} })));
			assert.ok(posts.some(answer => answer.status === 503), 'some POST met the draining instance and was told so');
		} finally {
			routing[0].answer = plain;
		}
	});

	test('a caller that hangs up while its request waits is noticed at once', async () => {
		const plain = [routing[0].answer, routing[1].answer];
		const arrived = new Promise(resolve => {
			for (const standin of routing)
				standin.answer = request => { resolve(request); };
		});
		try {
			const caller = new AbortController();
			const answer = assert.rejects(rest('POST', `${haproxy.url}/v1/Accounts/${A}/Communications`, { json: {}, signal: caller.signal }));
			const request = await within(arrived, 'the request arrives');
			const gone = new Promise(resolve => request.socket.once('close', resolve));
			caller.abort();
			await within(gone, 'the service sees the hang-up', 1000);
			await answer;
		} finally {
			[routing[0].answer, routing[1].answer] = plain;
		}
	});

	test('an instance whose health check fails gets nothing more', async () => {
		routing[0].healthy = false;
		try {
			await until(() => /routing\/routing-1 is DOWN/.test(haproxy.output), 'HAProxy has noticed');
			const before = routing[0].requests.length;
			for (let i = 0; i < 4; i++)
				assert.equal((await rest('POST', `${haproxy.url}/v1/Communications/Answer`, { json: {} })).body.name, 'routing-2');
			assert.equal(routing[0].requests.length, before);
		} finally {
			routing[0].healthy = true;
		}
	});

	test('without any instance: 503 in our shape, with Retry-After', async () => {
		const alone = await startHaproxy({ presence: [1], routing: [1] });
		try {
			const answer = await rest('GET', `${alone.url}/v1/Accounts/${A}/Devices`);
			assertOurError(answer, 503);
			assert.equal(answer.headers.get('retry-after'), '1');
		} finally {
			await alone.stop();
		}
	});

	test('an address may do so much in ten seconds: 429 in our shape, with Retry-After', async () => {
		const strict = await startHaproxy({ presence: presence.map(s => s.port), routing: [1], env: { LIMIT_REQUESTS_10S: '5' } });
		try {
			const answers = [];
			for (let i = 0; i < 7; i++)
				answers.push(await rest('GET', `${strict.url}/`));
			assert.equal(answers[0].status, 200);
			assertOurError(answers[6], 429);
			assert.equal(answers[6].headers.get('retry-after'), '10');
		} finally {
			await strict.stop();
		}
	});
});
