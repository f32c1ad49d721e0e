// settings.test.mjs - the command line and the environment of both services.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { startCluster } from '../support/cluster.mjs';
import { freePort, Process, temporaryFolder } from '../support/process.mjs';
import { BUILD_DIR, runService } from '../support/service.mjs';

const SECRET = 'a-cluster-secret-of-forty-characters-0123';
const good = { CLUSTER_SECRET: SECRET };

let folder;
before(() => { folder = temporaryFolder(); });
after(() => folder.remove());

const file = (name, text) => {
	writeFileSync(`${folder.path}/${name}`, text);
	return `${folder.path}/${name}`;
};

const lines = output => Object.fromEntries(output.trim().split('\n').map(line => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]));

for (const program of ['presence-svc', 'routing-svc']) {
	describe(program, () => {
		test('--help names every setting that --print-config shows, with its default', async () => {
			const [help, config] = [await runService(program, ['--help']), await runService(program, ['--print-config'], good)];
			assert.deepEqual([help.code, config.code], [0, 0]);
			const names = Object.keys(lines(config.output));
			assert.ok(names.length > 30);
			for (const name of names)
				assert.match(help.output, new RegExp(`^  ${name}\n      \\S.*\n      \\S`, 'm'));
			assert.match(help.output, /NODE_LEASE_MS\n.*\n.*default 3000/);
			assert.match(help.output, /^usage: /);
		});

		test('--print-config shows what counts, and of secrets only that they are set', async () => {
			const { code, output } = await runService(program, ['--print-config'], { ...good, REDIS_PASSWORD: 'hunter2-hunter2', PING_MS: '1234', LOG_FORMAT: 'json', HOST_LABEL: 'here' });
			assert.equal(code, 0);
			const config = lines(output);
			assert.deepEqual([config.PING_MS, config.LOG_FORMAT, config.HOST_LABEL, config.CLUSTER_SECRET, config.REDIS_PASSWORD, config.CLUSTER_SECRET_PREVIOUS],
				['1234', 'json', 'here', '(set)', '(set)', '']);
			assert.doesNotMatch(output, /hunter2|a-cluster-secret/);
			assert.ok(Number(config.WORKERS) >= 1 && Number(config.PORT) > 0);
		});

		test('NAME_FILE reads the value from a file, without its last newline', async () => {
			const env = { CLUSTER_SECRET_FILE: file('secret', `${SECRET}\n`), HOST_LABEL_FILE: file('label', 'from-a-file\r\n') };
			const { code, output } = await runService(program, ['--print-config'], env);
			assert.equal(code, 0, output);
			assert.equal(lines(output).HOST_LABEL, 'from-a-file');
		});

		const bad = {
			'a number that is none': ['PING_MS', { PING_MS: 'soon' }],
			'a number with a unit': ['PING_MS', { PING_MS: '10s' }],
			'a number that is too small': ['NODE_LEASE_MS', { NODE_LEASE_MS: '1' }],
			'a number that is too large': ['PORT', { PORT: '65536' }],
			'a negative number': ['MAX_QUEUE', { MAX_QUEUE: '-1' }],
			'a word that is not one of them': ['LOG_LEVEL', { LOG_LEVEL: 'loud' }],
			'a text that is too long': ['HOST_LABEL', { HOST_LABEL: 'x'.repeat(64) }],
			'a control character': ['HOST_LABEL', { HOST_LABEL: 'a\nb' }],
			'no secret': ['CLUSTER_SECRET', { CLUSTER_SECRET: undefined }],
			'a short secret': ['CLUSTER_SECRET', { CLUSTER_SECRET: 'too-short-too-short' }],
			'a file that is not there': ['CLUSTER_SECRET_FILE', { CLUSTER_SECRET: undefined, CLUSTER_SECRET_FILE: '/nonexistent' }],
			'a value and a file': ['CLUSTER_SECRET_FILE', { CLUSTER_SECRET_FILE: '/nonexistent' }],
			'a lease that no renewal can hold': ['NODE_RENEW_MS', { NODE_RENEW_MS: '1000', NODE_LEASE_MS: '1500' }],
			'a ping after death': ['PING_MS', { PING_MS: '5000', DEAD_MS: '5000' }],
			'an address range that is none': ['WEBHOOK_ALLOW', { WEBHOOK_ALLOW: '10.0.0.0/99' }],
			'a gateway that is no web server': ['GATEWAY_URL', { GATEWAY_URL: 'sip:gateway.example' }],
		};
		for (const [what, [name, env]] of Object.entries(bad)) {
			test(`${what}: names ${name} and exits 2`, async () => {
				const { code, output } = await runService(program, [], Object.fromEntries(Object.entries({ ...good, ...env }).filter(([, v]) => v !== undefined)));
				assert.equal(code, 2, output);
				assert.match(output, new RegExp(`\\b${name}\\b`));
				assert.doesNotMatch(output, /too-short-too|a-cluster-secret/);
				assert.ok(output.trim().split('\n').length <= 2, output);
			});
		}

		test('arguments that nobody knows exit 2 with the usage', async () => {
			for (const args of [['--nonsense'], ['x'], ['--help=yes']]) {
				const { code, output } = await runService(program, args, good);
				assert.equal(code, 2);
				assert.match(output, /usage: /);
			}
		});
	});
}

describe('trouble at the start', () => {
	let cluster;
	before(async () => { cluster = await startCluster({ presence: 1, routing: 0, haproxy: false }); });
	after(() => cluster?.stop());

	test('a port that is taken ends the program, and says so', async () => {
		const { port } = new URL(cluster.customer.url);
		const { code, output } = await runService('presence-svc', [], { ...cluster.presence[0].env, PORT: port });
		assert.equal(code, 1, output);
		assert.match(output, new RegExp(`level=error .*port=${port}\\b`));
	});

	test('a wrong Redis password is no crash: not ready, and the log says why, without it', async () => {
		const port = await freePort();
		const service = new Process('locked-out', `${BUILD_DIR}/presence-svc`, [], { env: { ...cluster.presence[0].env, PORT: String(port), REDIS_PASSWORD: 'wrong-password-wrong' } });
		await service.ready(() => /WRONGPASS/.test(service.output));
		const [health, ready] = await Promise.all(['healthz', 'readyz'].map(path => fetch(`http://127.0.0.1:${port}/${path}`)));
		assert.deepEqual([health.status, ready.status], [200, 503]);
		assert.deepEqual(await service.end(), { code: 0, signal: null });
		assert.doesNotMatch(service.output, /wrong-password-wrong/);
	});
});
