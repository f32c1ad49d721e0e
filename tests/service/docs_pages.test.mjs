// The pages for people: made from the tables they show, true of the programs, and leading somewhere.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, test } from 'node:test';
import { source } from '../support/documents.mjs';
import { run } from '../support/process.mjs';
import { startRedis } from '../support/redis.mjs';
import { runService, startService } from '../support/service.mjs';

const TOP = fileURLToPath(new URL('../../', import.meta.url));
const PAGES = ['README.md', 'ARCHITECTURE.md', 'HACKING.md', 'docs/operating.md', 'docs/gateways.md', 'docs/messages.md', 'docs/instructions.md', 'docs/presence.md', 'docs/tokens.md', 'docs/webhooks.md', 'docs/errors.md', 'docs/settings.md', 'docs/metrics.md'];
const EXAMPLE = 'common/model/lua/name.lua';
const SERVICES = ['presence-svc', 'routing-svc'];

const firstColumn = (page, pattern) => [...source(page).matchAll(/^\| `([^`]+)`/gm)].map(([, name]) => name).filter(name => pattern.test(name)).sort();
const anchor = heading => heading.toLowerCase().replaceAll(/[^\w -]/g, '').replaceAll(' ', '-');

test('errors, settings and metrics are as the tables say', async () => {
	const { code, output } = await run('python3', [`${TOP}tools/make-docs`, '--check']);
	assert.equal(code, 0, output);
});

for (const service of SERVICES) {
	test(`docs/settings.md has what ${service} --help has`, async () => {
		const { code, output } = await runService(service, ['--help']);
		assert.equal(code, 0, output);
		const settings = [...output.matchAll(/^ {2}([A-Z_]+)$/gm)].map(([, name]) => name).sort();
		assert.deepEqual(firstColumn('docs/settings.md', /^[A-Z_]+$/), settings);
	});

	test(`docs/metrics.md has what ${service} prints`, async () => {
		const redis = await startRedis();
		try {
			const instance = await startService(service, redis);
			const text = await (await fetch(`${instance.url}/metrics`)).text();
			await instance.stop();
			const metrics = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name).filter(name => name !== 'switchhook_errors_total').sort();
			assert.deepEqual(firstColumn('docs/metrics.md', /^switchhook_/), metrics);
		} finally {
			await redis.stop();
		}
	});
}

test('ARCHITECTURE.md names every key that keys.h spells', () => {
	const text = source('ARCHITECTURE.md');
	const keys = [...source('common/model/keys.h').matchAll(/\/\* (\w+):\S+/g)].map(([, name]) => name);
	assert.ok(keys.length > 15);
	for (const name of keys)
		assert.match(text, new RegExp(`[\` ]${name}:`), `${name}: is named`);
});

test('the settings that guides and descriptions speak of exist', () => {
	const settings = source('common/model/settings.def');
	const errors = source('common/base/err.def');
	const isKnown = name => settings.includes(`"${name}"`) || settings.includes(`"${name.replace(/_FILE$/, '')}"`) || errors.includes(`ERR(${name},`);
	for (const file of [...PAGES, 'docs/asyncapi.yaml', 'docs/openapi-presence.yaml', 'docs/openapi-routing.yaml'])
		for (const [name] of source(file).matchAll(/\b(?:[A-Z]+_)+(?:MS|S)\b|\b(?:MAX|REDIS|FETCH|WEBHOOK|CLUSTER)_[A-Z_]+\b/g))
			assert.ok(isKnown(name), `${file}: ${name} is a setting`);
});

describe('every page', () => {
	const files = execFileSync('find', ['.', '(', '-name', 'node_modules', '-o', '-name', '.git', '-o', '-path', './build', '-o', '-path', './run', ')', '-prune', '-o', '-type', 'f', '-print'],
		{ cwd: TOP, encoding: 'utf8' }).trim().split('\n');
	const names = new Set(files.map(file => posix.basename(file)));

	for (const page of PAGES) {
		test(`${page}: links lead somewhere`, () => {
			for (const [, target, heading] of source(page).matchAll(/\]\(([^)#]*)(?:#([^)]+))?\)/g)) {
				const file = target ? posix.join(posix.dirname(page), target) : page;
				assert.ok(existsSync(TOP + file), `${target} is there`);
				const headings = heading ? [...source(file).matchAll(/^#+ (.+)$/gm)].map(([, text]) => anchor(text)) : [];
				assert.ok(!heading || headings.includes(heading), `${target}#${heading} is there`);
			}
		});

		test(`${page}: the files it speaks of exist`, () => {
			for (const [, name] of source(page).matchAll(/`([\w./-]+\.(?:c|h|def|md|mjs|lua|yaml|yml|json|cfg|py))`/g)) {
				if (name !== EXAMPLE)
					assert.ok(name.includes('/') ? files.some(file => file.endsWith(`/${name}`)) : names.has(name), `${name} exists`);
			}
		});
	}
});
