// channel_bounds.test.mjs - the channel against clients that break its rules, on bare sockets.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, afterEach, before, describe, test } from 'node:test';
import { startCluster } from '../support/cluster.mjs';
import { until, within } from '../support/process.mjs';
import { BINARY, closeFrame, frame, handshake, PING, PONG, RawChannel, RawSocket, TEXT } from '../support/raw.mjs';
import { accessToken } from '../support/tokens.mjs';

const MAX_MESSAGE = 4096, HELLO_MS = 400;
const CONTINUATION = 0;

let cluster, service, port, open = [];

before(async () => {
	cluster = await startCluster({ routing: 0, haproxy: false, env: { MAX_MESSAGE: String(MAX_MESSAGE), HELLO_MS: String(HELLO_MS), MAX_QUEUE: '65536', LOG_LEVEL: 'debug' } });
	[service] = cluster.presence;
	({ port } = service);
});
after(() => cluster?.stop());
afterEach(() => {
	for (const raw of open.splice(0))
		raw.destroy();
});

async function channel() {
	const raw = await RawChannel.open(port);
	open.push(raw);
	return raw;
}

async function admitted(identity = 'alice') {
	const raw = await channel();
	raw.text({ type: 'hello', token: accessToken(cluster.account, identity) });
	assert.equal((await raw.message()).type, 'welcome');
	return raw;
}

/** Bytes on an admitted channel, and the code that it is closed with. */
async function closedWith(code, ...frames) {
	const raw = await admitted();
	raw.write(Buffer.concat(frames));
	assert.equal(await raw.closeCode(), code);
	raw.socket.end();
	await within(raw.ended, 'the server ends the connection');
	await cluster.presenceBecomes('alice', p => p.status === 'offline', 'is offline');
}

describe('the handshake', () => {
	const handshaken = async options => {
		const raw = await RawSocket.open(port);
		open.push(raw);
		raw.write(handshake(options));
		return raw.answer();
	};

	test('proves that the key was read, and chooses the protocol', async () => {
		const key = 'dGhlIHNhbXBsZSBub25jZQ==';
		const answer = await handshaken({ key, protocol: 'other, switchhook.v1' });
		assert.equal(answer.status, 101);
		assert.equal(answer.headers['sec-websocket-accept'], createHash('sha1').update(key + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11').digest('base64'));
		assert.equal(answer.headers['sec-websocket-protocol'], 'switchhook.v1');
		assert.equal(answer.headers['sec-websocket-extensions'], undefined);
	});

	const refused = {
		'without Upgrade': [426, { Upgrade: null }], 'with another Upgrade': [426, { Upgrade: 'h2c' }], 'without Connection': [400, { Connection: 'keep-alive' }],
		'of another version': [426, { 'Sec-WebSocket-Version': '8' }], 'without a key': [400, { 'Sec-WebSocket-Key': null }],
		'with a short key': [400, { 'Sec-WebSocket-Key': 'c2hvcnQ=' }], 'with a key that is no base64': [400, { 'Sec-WebSocket-Key': '!'.repeat(24) }],
	};
	for (const [what, [status, changes]] of Object.entries(refused)) {
		test(`${what} is refused in our error shape`, async () => {
			const answer = await handshaken({ changes });
			assert.equal(answer.status, status);
			assert.equal(JSON.parse(answer.body).status, status);
			if (status === 426)
				assert.equal(answer.headers['sec-websocket-version'], '13');
		});
	}

	test('with another method is no handshake', async () => {
		const raw = await RawSocket.open(port);
		open.push(raw);
		raw.write(handshake().replace('GET', 'POST'));
		assert.equal((await raw.answer()).status, 405);
	});

	test('may be followed by frames in the same packet', async () => {
		const raw = new RawChannel(port);
		open.push(raw);
		raw.write(Buffer.concat([Buffer.from(handshake()), frame(TEXT, JSON.stringify({ type: 'hello', id: 5, token: accessToken(cluster.account, 'alice') }))]));
		assert.equal((await raw.answer()).status, 101);
		const welcome = await raw.message();
		assert.deepEqual([welcome.type, welcome.re], ['welcome', 5]);
	});
});

describe('frames', () => {
	test('up to the longest message are taken, in any number of pieces and fragments', async () => {
		const raw = await admitted();
		const text = JSON.stringify({ type: 'ack', id: 1, pad: '' });
		const longest = text.replace('""', `"${'x'.repeat(MAX_MESSAGE - text.length)}"`);
		assert.equal(longest.length, MAX_MESSAGE);
		raw.text(longest);
		assert.equal((await raw.message()).re, 1);

		const third = Math.ceil(MAX_MESSAGE / 3);
		raw.write(Buffer.concat([
			frame(TEXT, longest.slice(0, third), { fin: false }), frame(PING, 'between'),
			frame(CONTINUATION, longest.slice(third, 2 * third), { fin: false }), frame(CONTINUATION, longest.slice(2 * third)),
		]));
		const pong = await raw.frame();
		assert.deepEqual([pong.opcode, String(pong.payload)], [PONG, 'between']);
		assert.equal((await raw.message()).re, 1);

		for (const byte of frame(TEXT, text))
			raw.write(Buffer.from([byte]));
		assert.equal((await raw.message()).re, 1);
	});

	test('longer than that close with 1009, however they come', async () => {
		await closedWith(1009, frame(TEXT, 'x'.repeat(MAX_MESSAGE + 1)));
		await closedWith(1009, frame(TEXT, '', { length: 2 ** 40 }));
		await closedWith(1009, frame(TEXT, 'x'.repeat(MAX_MESSAGE), { fin: false }), frame(CONTINUATION, 'x'));
	});

	test('that are binary close with 1003', () => closedWith(1003, frame(BINARY, '{"type":"ack"}')));
	test('that are not UTF-8 close with 1007', () => closedWith(1007, frame(TEXT, Buffer.from([0x22, 0xc3, 0x28, 0x22]))));

	const broken = {
		'without a mask': frame(TEXT, '{}', { masked: false }), 'with a reserved bit': frame(TEXT, '{}', { first: 0xc1 }),
		'of an unknown opcode': frame(3, '{}'), 'of an unknown control opcode': frame(11, ''),
		'that continue nothing': frame(CONTINUATION, '{}'), 'that begin within a message': Buffer.concat([frame(TEXT, '{', { fin: false }), frame(TEXT, '}')]),
		'of control in fragments': frame(PING, 'x', { fin: false }), 'of control that are too long': frame(PING, 'x'.repeat(126)),
		'that close with half a code': frame(8, 'x'), 'that close with a code that never travels': closeFrame(1006),
	};
	for (const [what, bytes] of Object.entries(broken))
		test(`${what} close with 1002`, () => closedWith(1002, bytes));

	test('of close are answered with the same code', async () => {
		for (const code of [1000, 1001, 4000]) {
			const raw = await admitted();
			raw.write(closeFrame(code, 'bye'));
			assert.equal(await raw.closeCode(), code);
			await within(raw.ended, 'the server ends the connection');
		}
	});

	test('that hold garbage before hello are answered, and the channel ends with 1008', async () => {
		for (const garbage of ['', 'GET / HTTP/1.1', '{"type":"hello"', '[{"type":"hello"}]']) {
			const raw = await channel();
			raw.text(garbage);
			assert.equal((await raw.message()).code, 45200);
			assert.equal(await raw.closeCode(), 1008);
		}
	});

	test('of garbage bytes end the connection, whatever they are', async () => {
		let seed = 7;
		for (let round = 0; round < 50; round++) {
			const raw = await channel();
			raw.write(Buffer.from(Array.from({ length: 1 + round * 3 }, () => (seed = (seed * 1103515245 + 12345) & 0x7fffffff) >> 16 & 255)));
			raw.socket.end();
			await within(raw.ended, 'the server ends the connection');
		}
		assert.equal((await admitted()).isClosed, false);
	});
});

describe('a client', () => {
	test('that does not say hello is told, and closed after HELLO_MS', async () => {
		const since = performance.now();
		const raw = await channel();
		raw.write(frame(PING, 'still here'));
		assert.equal((await raw.message()).code, 45201);
		const waited = performance.now() - since;
		assert.equal(await raw.closeCode(), 1008);
		assert.ok(waited >= HELLO_MS - 20 && waited < HELLO_MS + 500, `${waited} ms`);
	});

	test('that answers no close is left after two seconds', async () => {
		const raw = await channel();
		raw.text('garbage');
		assert.equal(await raw.closeCode(), 1008);
		await within(raw.ended, 'the server ends the connection', 4000);
	});

	test('with more than 64 messages that wait is closed with 1008', async () => {
		const raw = await admitted('hasty');
		await cluster.redis.command('CLIENT', 'PAUSE', '300', 'WRITE');
		raw.write(Buffer.concat(Array.from({ length: 66 }, (_, i) => frame(TEXT, JSON.stringify({ type: 'status', id: i, status: 'away' })))));
		assert.equal(await raw.closeCode(), 1008);
		raw.socket.end();
		await cluster.presenceBecomes('hasty', p => p.status === 'offline', 'is offline');
	});

	test('with 64 messages that wait is served', async () => {
		const raw = await admitted('busy');
		await cluster.redis.command('CLIENT', 'PAUSE', '300', 'WRITE');
		raw.write(Buffer.concat(Array.from({ length: 65 }, (_, i) => frame(TEXT, JSON.stringify({ type: 'status', id: i, status: 'away' })))));
		for (let i = 0; i < 65; i++)
			assert.deepEqual(await raw.message(), { type: 'ok', re: i });
	});

	test('that does not read is cut when too much waits for it', async () => {
		const raw = await admitted('deaf');
		const before = await service.metric('switchhook_ws_slow_consumers_total');
		raw.socket.pause();
		const flood = Buffer.concat(Array.from({ length: 200 }, () => frame(PING, 'x'.repeat(125))));
		await until(async () => {
			if (!raw.socket.destroyed && raw.socket.writableLength < 1e6)
				raw.write(flood);
			return await service.metric('switchhook_ws_slow_consumers_total') > before;
		}, 'the slow reader is cut');
		await cluster.presenceBecomes('deaf', p => p.status === 'offline', 'is offline');
	});

	test('that vanishes in the middle of everything leaves nothing behind', async () => {
		const token = accessToken(cluster.account, 'ghost');
		for (const bytes of ['GET /v1/conn', handshake(), Buffer.concat([Buffer.from(handshake()), frame(TEXT, JSON.stringify({ type: 'hello', token }))]),
			Buffer.concat([Buffer.from(handshake()), frame(TEXT, JSON.stringify({ type: 'hello', token })).subarray(0, 100)])]) {
			const raw = await RawSocket.open(port);
			raw.write(bytes);
			raw.socket.resetAndDestroy();
		}
		const last = await admitted();
		last.destroy();
		await until(async () => await service.metric('switchhook_ws_connections') === 0, 'all channels are over');
		await cluster.presenceBecomes('ghost', p => p.status === 'offline', 'is offline');
		assert.equal(await service.metric('switchhook_devices_held'), 0);
	});
});
