// redis.mjs - a Redis of the test's own, on a free port, that can be restarted with its data.
import net from 'node:net';
import { once } from 'node:events';
import { freePort, Process, temporaryFolder } from './process.mjs';

export const PASSWORD = 'redis-password-of-a-test';

export async function startRedis() {
	const redis = new Redis(await freePort(), temporaryFolder());
	await redis.start();
	return redis;
}

class Redis {
	constructor(port, folder) {
		this.port = port;
		this.folder = folder;
	}

	async start() {
		this.process = new Process('redis', 'redis-server', ['--bind', '127.0.0.1', '--port', String(this.port),
			'--requirepass', PASSWORD, '--dir', this.folder.path, '--appendonly', 'yes', '--appendfsync', 'always',
			'--maxmemory-policy', 'noeviction', '--save', '']);
		await this.process.ready(async () => (await this.command('PING').catch(() => null)) === 'PONG');
	}

	/** One command on a connection of its own; simple replies only, arrays as they stand on the wire. */
	command(...words) {
		return this.commands(words);
	}

	/** Several in one go, so that nothing comes between; for one, its reply. */
	async commands(...lists) {
		const socket = net.connect(this.port, '127.0.0.1').setEncoding('utf8');
		try {
			await once(socket, 'connect');
			let answer = '';
			socket.on('data', text => { answer += text; });
			const wire = list => `*${list.length}\r\n` + list.map(w => `$${Buffer.byteLength(w)}\r\n${w}\r\n`).join('');
			socket.end([['AUTH', PASSWORD], ...lists, ['QUIT']].map(list => wire(list.map(String))).join(''));
			await once(socket, 'close');
			return parse(answer.slice('+OK\r\n'.length, -'+OK\r\n'.length));
		} finally {
			socket.destroy();
		}
	}

	pause() {
		this.process.kill('SIGSTOP');
	}

	resume() {
		this.process.kill('SIGCONT');
	}

	/** Stops it, as an operator would; start() brings it back with its data. */
	async shutdown() {
		await this.process.end('SIGTERM');
	}

	async crash() {
		await this.process.end('SIGKILL');
	}

	async stop() {
		if (this.process.isRunning)
			await this.shutdown();
		this.folder.remove();
	}
}

function parse(text) {
	const rest = text.slice(1).replace(/\r\n$/, '');
	switch (text[0]) {
	case '+': return rest;
	case '-': throw new Error(rest);
	case ':': return Number(rest);
	case '$': return rest.startsWith('-1') ? null : rest.slice(rest.indexOf('\r\n') + 2);
	default: return text;
	}
}
