// raw.mjs - a client on a bare socket: it may do everything that a proper one never does.
import { randomBytes } from 'node:crypto';
import net from 'node:net';
import { once } from 'node:events';
import { within } from './process.mjs';

export const TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10;

/** Bytes as they come; whoever waits is told at each arrival and at the end. */
export class RawSocket {
	constructor(port) {
		this.received = Buffer.alloc(0);
		this.isClosed = false;
		this.wake = () => {};
		this.socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
		this.socket.on('error', () => {});
		this.socket.on('data', data => { this.received = Buffer.concat([this.received, data]); this.wake(); });
		// The other side has ended; this one may still write.
		this.ended = new Promise(resolve => {
			for (const event of ['end', 'close'])
				this.socket.once(event, () => { this.isClosed = true; this.wake(); resolve(); });
		});
	}

	static async open(port) {
		const raw = new RawSocket(port);
		await within(once(raw.socket, 'connect'), 'the socket connects');
		return raw;
	}

	write(bytes) {
		this.socket.write(bytes);
	}

	/** What `read` makes of the bytes, as soon as it makes anything; undefined when the connection ends first. */
	async take(read, what, ms = 10_000) {
		for (;;) {
			const found = read(this.received);
			if (found)
				this.received = this.received.subarray(found.size);
			if (found || this.isClosed)
				return found?.value;
			await within(new Promise(resolve => { this.wake = resolve; }), what, ms);
		}
	}

	/** Status line, headers and body of one HTTP answer; the whole rest when it has no length. */
	async answer(ms) {
		const head = await this.take(bytes => {
			const end = bytes.indexOf('\r\n\r\n');
			return end >= 0 && { size: end + 4, value: bytes.subarray(0, end).toString() };
		}, 'an answer comes', ms);
		if (!head)
			return undefined;
		const [line, ...lines] = head.split('\r\n');
		const headers = Object.fromEntries(lines.map(l => [l.slice(0, l.indexOf(':')).toLowerCase(), l.slice(l.indexOf(':') + 1).trim()]));
		const length = Number(headers['content-length'] ?? 0);
		const body = length === 0 ? '' : await this.take(bytes => bytes.length >= length && { size: length, value: bytes.subarray(0, length).toString() }, 'the body comes', ms);
		return { status: Number(line.split(' ')[1]), headers, body };
	}

	destroy() {
		this.socket.destroy();
	}
}

export function handshake({ path = '/v1/connect', protocol = 'switchhook.v1', key = randomBytes(16).toString('base64'), changes = {} } = {}) {
	const headers = {
		Host: 'switchhook', Connection: 'Upgrade', Upgrade: 'websocket',
		'Sec-WebSocket-Version': '13', 'Sec-WebSocket-Key': key, 'Sec-WebSocket-Protocol': protocol, ...changes,
	};
	return `GET ${path} HTTP/1.1\r\n` + Object.entries(headers).filter(([, v]) => v !== null).map(([k, v]) => `${k}: ${v}\r\n`).join('') + '\r\n';
}

/** One frame; `first` replaces the first byte, masked: false leaves the mask out. */
export function frame(opcode, payload = '', { fin = true, masked = true, first = (fin ? 0x80 : 0) | opcode, length } = {}) {
	const data = Buffer.from(payload);
	const n = length ?? data.length;
	const bit = masked ? 0x80 : 0;
	let head;
	if (n < 126) {
		head = Buffer.from([first, bit | n]);
	} else if (n < 65536) {
		head = Buffer.from([first, bit | 126, n >> 8, n & 255]);
	} else {
		head = Buffer.alloc(10);
		head[0] = first;
		head[1] = bit | 127;
		head.writeBigUInt64BE(BigInt(n), 2);
	}
	if (!masked)
		return Buffer.concat([head, data]);
	const mask = randomBytes(4);
	return Buffer.concat([head, mask, data.map((byte, i) => byte ^ mask[i & 3])]);
}

export function closeFrame(code, reason = '') {
	return frame(CLOSE, Buffer.concat([Buffer.from([code >> 8, code & 255]), Buffer.from(reason)]));
}

function readFrame(bytes) {
	if (bytes.length < 2)
		return null;
	let n = bytes[1] & 127, at = 2;
	if (n === 126) {
		n = bytes.length < 4 ? Infinity : bytes.readUInt16BE(2);
		at = 4;
	} else if (n === 127) {
		n = bytes.length < 10 ? Infinity : Number(bytes.readBigUInt64BE(2));
		at = 10;
	}
	if (bytes.length < at + n)
		return null;
	return { size: at + n, value: { opcode: bytes[0] & 15, payload: bytes.subarray(at, at + n) } };
}

/** An open channel on a bare socket; it answers nothing by itself, no ping and no close. */
export class RawChannel extends RawSocket {
	static async open(port, options) {
		const raw = new RawChannel(port);
		await within(once(raw.socket, 'connect'), 'the socket connects');
		raw.write(handshake(options));
		const answer = await raw.answer();
		if (answer?.status !== 101)
			throw new Error(`the handshake was answered ${JSON.stringify(answer)}`);
		return raw;
	}

	text(message) {
		this.write(frame(TEXT, typeof message === 'string' ? message : JSON.stringify(message)));
	}

	/** The next frame; undefined when the connection ends. */
	frame(ms) {
		return this.take(readFrame, 'a frame comes', ms);
	}

	/** The next text message; pings on the way are ignored. */
	async message(ms) {
		for (;;) {
			const next = await this.frame(ms);
			if (next === undefined || next.opcode === TEXT)
				return next && JSON.parse(next.payload);
			if (next.opcode === CLOSE)
				throw new Error(`closed with ${next.payload.readUInt16BE(0)} instead of a message`);
		}
	}

	/** The code of the server's close frame, after whatever comes before it; 1006 when none comes. */
	async closeCode(ms) {
		for (;;) {
			const next = await this.frame(ms);
			if (next === undefined)
				return 1006;
			if (next.opcode === CLOSE)
				return next.payload.length >= 2 ? next.payload.readUInt16BE(0) : 1005;
		}
	}
}
