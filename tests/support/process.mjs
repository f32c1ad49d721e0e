// process.mjs - child processes of a test, free ports, and waiting with a bound.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const OUTPUT_MAX = 4 * 1024 * 1024;

/** Resolves with what `read` returned as soon as that is truthy; fails after `ms`. */
export async function until(read, what, ms = 10_000) {
	const deadline = performance.now() + ms;
	for (let pause = 2; ; pause = Math.min(2 * pause, 20)) {
		const value = await read();
		if (value)
			return value;
		if (performance.now() > deadline)
			throw new Error(`not within ${ms} ms: ${what}`);
		await sleep(pause);
	}
}

/** Rejects after `ms` when `promise` has not settled by then. */
export async function within(promise, what, ms = 10_000) {
	const timer = new AbortController();
	const late = sleep(ms, null, { signal: timer.signal }).then(
		() => { throw new Error(`not within ${ms} ms: ${what}`); },
		() => new Promise(() => {}));
	try {
		return await Promise.race([promise, late]);
	} finally {
		timer.abort();
	}
}

export async function freePort() {
	// Somebody who looks for a server that was here before must not keep the port open.
	const server = net.createServer(socket => socket.destroy()).listen(0, '127.0.0.1');
	await once(server, 'listening');
	const { port } = server.address();
	server.close();
	await once(server, 'close');
	return port;
}

/** Does something accept connections there? */
export function portAnswers(port) {
	return new Promise(resolve => {
		const socket = net.connect(port, '127.0.0.1');
		socket.once('connect', () => { socket.destroy(); resolve(true); });
		socket.once('error', () => resolve(false));
	});
}

/** A folder of its own that remove() takes away. */
export function temporaryFolder() {
	const path = mkdtempSync(join(tmpdir(), 'switchhook-test-'));
	return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** One child.  `output` is all that it wrote, `exited` resolves with {code, signal}. */
export class Process {
	constructor(name, command, args, { env = {}, cwd } = {}) {
		this.name = name;
		this.output = '';
		this.child = spawn(command, args, { cwd, env: { PATH: process.env.PATH, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
		for (const stream of [this.child.stdout, this.child.stderr])
			stream.setEncoding('utf8').on('data', text => { this.output = (this.output + text).slice(-OUTPUT_MAX); });
		this.exited = new Promise((resolve, reject) => {
			this.child.once('error', reject);
			this.child.once('close', (code, signal) => resolve({ code, signal }));
		});
		this.exited.catch(() => {});
		this.isRunning = true;
		this.exited.then(() => { this.isRunning = false; }, () => { this.isRunning = false; });
	}

	/** Waits until `check` is true while the child runs; otherwise fails with what the child wrote. */
	async ready(check, ms = 20_000) {
		try {
			await until(async () => {
				if (!this.isRunning)
					throw new Error('it has exited');
				return check();
			}, 'ready', ms);
		} catch (error) {
			this.kill('SIGKILL');
			throw new Error(`${this.name}: ${error.message}\n${this.output.slice(-4000)}`);
		}
		return this;
	}

	kill(signal) {
		this.child.kill(signal);
	}

	/** Sends the signal and waits for the end; fails (after SIGKILL) when it does not come. */
	async end(signal = 'SIGTERM', ms = 30_000) {
		if (this.isRunning)
			this.kill(signal);
		try {
			return await within(this.exited, `${this.name} ends after ${signal}\n${this.output.slice(-4000)}`, ms);
		} catch (error) {
			this.kill('SIGKILL');
			throw error;
		}
	}
}

/** Runs to its end and returns {code, output}. */
export async function run(command, args, options) {
	const child = new Process(command, command, args, options);
	try {
		const { code } = await within(child.exited, `${command} ${args.join(' ')} ends`, 60_000);
		return { code, output: child.output };
	} finally {
		child.kill('SIGKILL');
	}
}
