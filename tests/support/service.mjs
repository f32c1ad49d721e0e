// service.mjs - presence-svc and routing-svc as real processes.
//
// stop() is a check: SIGTERM has to end a service with exit code 0 and without a
// word from a sanitizer, and the audit, which runs all the time, may not have found a
// mismatch in clients' records.  BUILD_DIR names the build, build/asan by default.
import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { freePort, Process, run } from './process.mjs';
import { PASSWORD } from './redis.mjs';

const TOP = fileURLToPath(new URL('../../', import.meta.url));
export const BUILD_DIR = process.env.BUILD_DIR ?? `${TOP}build/asan`;
export const CLUSTER_SECRET = 'cluster-secret-of-a-test-0123456789abcdef';

const SANITIZERS = /ERROR: AddressSanitizer|ERROR: LeakSanitizer|WARNING: ThreadSanitizer|runtime error:/;

const SANITIZER_ENV = {
	ASAN_OPTIONS: 'detect_leaks=1:detect_stack_use_after_return=1',
	UBSAN_OPTIONS: 'print_stacktrace=1',
};

/** For tests that write clients into Redis by hand: those are not as they have to be. */
export const NO_AUDIT = { AUDIT_MS: '3600000' };

/** What every instance is told in tests; timers are shortened by settings, never faked. */
export function settings(redis, env = {}) {
	return {
		BIND: '127.0.0.1', WORKERS: '2', TRUSTED_PROXIES: '127.0.0.0/8', WEBHOOK_ALLOW: '127.0.0.0/8',
		REDIS_HOST: '127.0.0.1', REDIS_PORT: String(redis.port), REDIS_PASSWORD: PASSWORD, CLUSTER_SECRET, AUDIT_MS: '250', ...env,
	};
}

export async function startService(program, redis, { name = program, env = {} } = {}) {
	const service = new Service(program, name, await freePort(), settings(redis, env));
	await service.start();
	return service;
}

/** presence-svc --seed: accounts from a file, as deploy/up does it. */
export async function seed(redis, file, env) {
	const result = await run(`${BUILD_DIR}/presence-svc`, ['--seed', file], { env: { ...SANITIZER_ENV, ...settings(redis, env) } });
	assert.equal(result.code, 0, `presence-svc --seed: ${result.output}`);
	assert.doesNotMatch(result.output, SANITIZERS);
}

/** Runs the program to its end with arguments such as --help. */
export function runService(program, args, env = {}) {
	return run(`${BUILD_DIR}/${program}`, args, { env: { ...SANITIZER_ENV, ...env } });
}

class Service {
	constructor(program, name, port, env) {
		Object.assign(this, { program, name, port, env, url: `http://127.0.0.1:${port}` });
	}

	async start() {
		this.process = new Process(this.name, `${BUILD_DIR}/${this.program}`, [],
			{ env: { ...SANITIZER_ENV, ...this.env, PORT: String(this.port), HOST_LABEL: this.name } });
		await this.process.ready(() => this.isReady());
	}

	async isReady() {
		const answer = await fetch(`${this.url}/readyz`, { signal: AbortSignal.timeout(2000) }).catch(() => null);
		await answer?.arrayBuffer();
		return answer?.status === 200;
	}

	get output() {
		return this.process.output;
	}

	get pid() {
		return this.process.child.pid;
	}

	/** Value of a metric, summed over its label sets (or those that contain `labels`). */
	async metric(name, labels = '') {
		const text = await (await fetch(`${this.url}/metrics`)).text();
		return text.split('\n')
			.filter(line => line.startsWith(name) && /^[ {]/.test(line.slice(name.length)) && line.includes(labels))
			.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
	}

	/** SIGTERM, drain, exit 0, and nothing from a sanitizer. */
	async stop(ms) {
		if (this.wasKilled)
			return;
		const { code, signal } = await this.process.end('SIGTERM', ms);
		this.wasKilled = true;
		assert.doesNotMatch(this.output, SANITIZERS);
		assert.ok(this.isSpoilt || !this.output.includes('presence_mismatch'), `${this.name} found mismatches:\n${this.output.slice(-4000)}`);
		assert.deepEqual({ code, signal }, { code: 0, signal: null }, `${this.name}:\n${this.output.slice(-4000)}`);
	}

	async kill9() {
		this.wasKilled = true;
		await this.process.end('SIGKILL');
		assert.doesNotMatch(this.output, SANITIZERS);
	}

	/** After stop or kill9: the same instance again, on its port. */
	async restart() {
		this.wasKilled = false;
		await this.start();
	}

	sigstop() {
		this.process.kill('SIGSTOP');
	}

	sigcont() {
		this.process.kill('SIGCONT');
	}
}
