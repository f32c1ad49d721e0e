// http.test.mjs - requests that are wrong in every way that HTTP permits, and browsers of other origins.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { sid } from '../support/accounts.mjs';
import { startCluster } from '../support/cluster.mjs';
import { within } from '../support/process.mjs';
import { RawSocket } from '../support/raw.mjs';
import { rest } from '../support/rest.mjs';
import { accessToken } from '../support/tokens.mjs';

const ARRIVAL_MS = 500, BODY_MAX = 256 * 1024;

let cluster, account, bearer, devices;

before(async () => {
	cluster = await startCluster({ routing: 0, haproxy: false, env: { REQUEST_ARRIVAL_MS: String(ARRIVAL_MS) } });
	account = cluster.account;
	bearer = accessToken(account, 'alice');
	devices = `${cluster.url}/v1/Accounts/${account.sid}/Devices`;
});
after(() => cluster?.stop());

/** Our error shape, in every answer that is one. */
function assertError(answer, status, code) {
	assert.deepEqual([answer.status, answer.body?.status, answer.body?.code], [status, status, code], answer.text);
	assert.ok(answer.body.message && typeof answer.body.more_info === 'string');
	assert.equal(answer.headers.get('content-type'), 'application/json');
	assert.ok(answer.headers.get('request-id'));
}

/** rest() makes bodies itself; here they are given. */
async function send(body, type = 'application/json', method = 'POST', url = devices) {
	const answer = await fetch(url, { method, body, headers: { Authorization: `Bearer ${bearer}`, ...(type && { 'Content-Type': type }) } });
	const text = await answer.text();
	return { status: answer.status, headers: answer.headers, text, body: text.startsWith('{') ? JSON.parse(text) : null };
}

async function raw(text) {
	const socket = await RawSocket.open(cluster.presence[0].port);
	socket.write(text);
	return socket;
}

describe('bodies', () => {
	const bad = ['', '{', '{}}', '[]', '"x"', 'null', '7', '{"ttl":60,}', "{'ttl':60}", '{"ttl":01}', '{"ttl":60,"ttl":61}', '{"app":"\\u0000"}', '{"app":"\\ud800"}',
		'{"app":"a\nb"}', Buffer.from([...Buffer.from('{"app":"'), 0xff, ...Buffer.from('"}')]), '[['.repeat(1000), `{"a":${'['.repeat(64)}${']'.repeat(64)}}`, `{"a":[${'0,'.repeat(30000)}0]}`];
	for (const [i, body] of bad.entries())
		test(`that are no JSON object are refused (${i}: ${String(body).slice(0, 20).replace(/[^ -~]/g, '.')})`, async () => assertError(await send(body), 400, 45001));

	test('of another type are 415', async () => {
		for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/jsonx', 'multipart/form-data; boundary=x'])
			assertError(await send('{}', type), 415, 45015);
		assert.equal((await send('{}', 'Application/JSON; charset=utf-8')).status, 201);
	});

	test('that are too large are 413, told in advance or not', async () => {
		assertError(await send('x'.repeat(BODY_MAX + 1)), 413, 45013);
		const chunked = await raw(`POST ${new URL(devices).pathname} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${bearer}\r\nTransfer-Encoding: chunked\r\n\r\n`);
		const piece = Buffer.alloc(16384, 'x');
		for (let sent = 0; sent <= BODY_MAX; sent += piece.length)
			chunked.write(Buffer.concat([Buffer.from('4000\r\n'), piece, Buffer.from('\r\n')]));
		chunked.write('0\r\n\r\n');
		assert.equal((await chunked.answer()).status, 413);
		chunked.destroy();
		const promised = await raw(`POST ${new URL(devices).pathname} HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n`);
		assert.equal((await promised.answer()).status, 413);
		promised.destroy();
	});

	test('that never end are cut when their time is over, as are heads', async () => {
		const head = `POST ${new URL(devices).pathname} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${bearer}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{`;
		for (const text of [head, 'GET /v1/connect HTTP/1.1\r\nHost: x\r\n', '']) {
			const since = performance.now();
			const slow = await raw(text);
			const drip = setInterval(() => text && slow.write(' '), 50);      // bytes that come do not buy time
			await within(slow.ended, 'the server cuts', ARRIVAL_MS + 2000);
			clearInterval(drip);
			assert.ok(performance.now() - since >= ARRIVAL_MS - 20);
			slow.destroy();
		}
	});
});

describe('addresses', () => {
	test('that nobody knows are 404', async () => {
		for (const path of ['/', '/v1', '/v1/', '/v1/Accounts', `/v1/accounts/${account.sid}/Devices`, `/v1/Accounts/${account.sid}/devices`, `/v1/Accounts/${account.sid}/Devices/`,
			`/v1/Accounts/${account.sid}/Devices/x/y`, '/v1/connect/', '//v1/connect', '/v1/../v1/connect', '/%76%31/connect', '/signal'])
			assert.equal((await (await raw(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)).answer()).status, 404, path);
		assertError(await rest('GET', `${cluster.url}/nothing`), 404, 20404);
	});

	test('that know other methods say which', async () => {
		for (const [method, url, allow] of [['GET', devices, 'POST'], ['POST', `${devices}/${sid('DV')}`, 'PUT, DELETE'], ['PUT', `${cluster.url}/v1/connect`, 'GET'], ['PATCH', devices, 'POST']]) {
			const answer = await rest(method, url, { bearer });
			assertError(answer, 405, 20004);
			for (const word of allow.split(', '))
				assert.ok(answer.headers.get('allow').split(', ').includes(word), answer.headers.get('allow'));
		}
	});

	test('of accounts that cannot be are 404', async () => {
		for (const id of ['x', 'AC', account.sid.toUpperCase(), sid('SK')])
			assertError(await rest('GET', `${cluster.url}/v1/Accounts/${id}/Presence/alice`, { basic: [account.sid, account.auth_token] }), 404, 20404);
	});
});

describe('requests that two parsers could read differently are refused, and the connection ends', () => {
	const auth = () => `Authorization: Bearer ${bearer}\r\n`;
	const cases = {
		'two lengths': 'Content-Length: 2\r\nContent-Length: 3\r\n', 'length and coding': 'Content-Length: 2\r\nTransfer-Encoding: chunked\r\n',
		'an unknown coding': 'Transfer-Encoding: gzip, chunked\r\n', 'a length that is none': 'Content-Length: +2\r\n', 'a name with a space': 'Content-Length : 2\r\n', 'two hosts': 'Host: y\r\n',
	};
	for (const [what, headers] of Object.entries(cases)) {
		test(what, async () => {
			const socket = await raw(`POST ${new URL(devices).pathname} HTTP/1.1\r\nHost: x\r\n${auth()}${headers}\r\n{}`);
			const answer = await socket.answer();
			assert.ok(answer === undefined || answer.status === 400, JSON.stringify(answer));
			await within(socket.ended, 'the connection ends');
			socket.destroy();
		});
	}

	test('garbage', async () => {
		for (const text of ['\0\0\0\0\r\n\r\n', 'GET\r\n\r\n', 'GET / HTTP/9.9\r\n\r\n', `GET /${'x'.repeat(100_000)} HTTP/1.1\r\n\r\n`, `GET / HTTP/1.1\r\nHost: x\r\nA: ${'x'.repeat(100_000)}\r\n\r\n`]) {
			const socket = await raw(text);
			await socket.answer().catch(() => {});
			socket.socket.end();
			await within(socket.ended, 'the connection ends');
			socket.destroy();
		}
	});

	test('and the service lives on', async () => {
		assert.equal((await send('{}')).status, 201);
	});
});

describe('a browser of another origin', () => {
	const Origin = 'https://softphone.example';
	const url = () => `${cluster.url}/v1/Accounts/${account.sid}/Presence/alice`;

	test('may read what it asked for with a token', async () => {
		const { status, headers } = await rest('GET', url(), { bearer, headers: { Origin } });
		assert.equal(status, 200);
		assert.equal(headers.get('access-control-allow-origin'), Origin);
		assert.match(headers.get('access-control-expose-headers'), /ETag/);
		assert.match(headers.get('vary'), /Origin/);
		assert.equal(headers.get('access-control-allow-credentials'), null);
	});

	test('may read errors, too', async () => {
		const { headers } = await rest('GET', url(), { bearer: 'x', headers: { Origin } });
		assert.equal(headers.get('access-control-allow-origin'), Origin);
	});

	test('asks before', async () => {
		const { status, headers } = await rest('OPTIONS', devices, { headers: { Origin, 'Access-Control-Request-Method': 'POST', 'Access-Control-Request-Headers': 'authorization,content-type' } });
		assert.equal(status, 204);
		assert.equal(headers.get('access-control-allow-origin'), Origin);
		assert.match(headers.get('access-control-allow-methods'), /POST/);
		assert.match(headers.get('access-control-allow-headers'), /Authorization/);
	});

	test('may not read with server credentials, nor without any', async () => {
		for (const options of [{ basic: [account.sid, account.auth_token] }, {}])
			assert.equal((await rest('GET', url(), { ...options, headers: { Origin } })).headers.get('access-control-allow-origin'), null);
		assert.equal((await rest('GET', `${cluster.url}/metrics`, { headers: { Origin } })).headers.get('access-control-allow-origin'), null);
	});
});

describe('every answer', () => {
	test('has a Request-Id, a proxy\'s own when it is one', async () => {
		const ids = (await Promise.all(Array.from({ length: 5 }, () => rest('GET', devices)))).map(a => a.headers.get('request-id'));
		assert.equal(new Set(ids).size, 5);
		assert.equal((await rest('GET', devices, { headers: { 'X-Request-Id': 'abc-1.2_3' } })).headers.get('request-id'), 'abc-1.2_3');
		assert.notEqual((await rest('GET', devices, { headers: { 'X-Request-Id': 'a b"c' } })).headers.get('request-id'), 'a b"c');
	});

	test('passes traceparent on and is not stored', async () => {
		const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
		const { headers } = await rest('GET', devices, { headers: { traceparent } });
		assert.equal(headers.get('traceparent'), traceparent);
		assert.equal(headers.get('cache-control'), 'no-store');
	});
});
