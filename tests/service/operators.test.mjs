// operators.test.mjs - /healthz, /readyz and /metrics of both services, which are not for the public.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startCluster } from '../support/cluster.mjs';
import { rest } from '../support/rest.mjs';

let cluster;

before(async () => { cluster = await startCluster(); });
after(() => cluster?.stop());

const services = () => [...cluster.presence, ...cluster.routing];
const get = (service, path) => rest('GET', service.url + path);

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*",?)*)\})? (-?[0-9.e+-]+|\+Inf|NaN)$/;

/** Prometheus' text format 0.0.4, checked line by line: {family: {type, help, samples: [[name, labels, value]]}}. */
function parseMetrics(text) {
	assert.ok(text.endsWith('\n'));
	const families = {};
	let family;
	for (const line of text.slice(0, -1).split('\n')) {
		const [, keyword, name, rest_] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? [];
		if (keyword === 'HELP') {
			assert.match(name, NAME);
			assert.equal(families[name], undefined, `${name} comes once`);
			family = families[name] = { help: rest_, samples: [] };
		} else if (keyword === 'TYPE') {
			assert.equal(families[name], family, `${name}: TYPE follows HELP`);
			assert.match(rest_, /^(counter|gauge|histogram)$/);
			family.type = rest_;
		} else {
			const sample = SAMPLE.exec(line);
			assert.ok(sample, `not a sample: ${line}`);
			const base = family.type === 'histogram' ? sample[1].replace(/_(bucket|sum|count)$/, '') : sample[1];
			assert.equal(families[base], family, `${line} stands with its family`);
			family.samples.push([sample[1], sample[2] ?? '', Number(sample[3].replace('+Inf', 'Infinity'))]);
		}
	}
	return families;
}

describe('/metrics', () => {
	test('is valid Prometheus text with a type and help for each', async () => {
		for (const service of services()) {
			const { status, headers, text } = await get(service, '/metrics');
			assert.equal(status, 200);
			assert.match(headers.get('content-type'), /^text\/plain; version=0\.0\.4/);
			const families = parseMetrics(text);
			assert.ok(Object.keys(families).length > 30);
			for (const [name, { type, help, samples }] of Object.entries(families)) {
				assert.match(name, /^switchhook_/);
				assert.ok(type && help, name);
				assert.equal(new Set(samples.map(([n, l]) => `${n}{${l}}`)).size, samples.length, `${name}: each label set comes once`);
				assert.equal(type === 'counter', name.endsWith('_total') , name);
				if (type !== 'gauge')
					assert.ok(samples.every(([, , value]) => value >= 0), name);
			}
		}
	});

	test('has histograms whose buckets add up', async () => {
		const families = parseMetrics((await get(cluster.presence[0], '/metrics')).text);
		const histograms = Object.entries(families).filter(([, f]) => f.type === 'histogram');
		assert.ok(histograms.length >= 2);
		for (const [name, { samples }] of histograms) {
			const buckets = samples.filter(([n]) => n === `${name}_bucket`);
			const [count, sum] = ['count', 'sum'].map(what => samples.find(([n]) => n === `${name}_${what}`)[2]);
			const bounds = buckets.map(([, labels]) => Number(/^le="([^"]+)"$/.exec(labels)[1].replace('+Inf', 'Infinity')));
			assert.deepEqual(bounds, bounds.toSorted((a, b) => a - b));
			assert.equal(bounds.at(-1), Infinity);
			for (let i = 1; i < buckets.length; i++)
				assert.ok(buckets[i][2] >= buckets[i - 1][2], name);
			assert.equal(buckets.at(-1)[2], count);
			assert.ok(sum >= 0 && (count > 0 || sum === 0));
		}
	});

	test('counts what happens', async () => {
		const [service] = cluster.presence;
		const read = async () => Object.fromEntries(await Promise.all(['ws_connections', 'devices_held', 'devices_registered_total', 'devices_ended_total', 'tokens_accepted_total', 'tokens_refused_total', 'http_requests_total']
			.map(async name => [name, await service.metric(`switchhook_${name}`)])));
		const before = await read();
		const alice = await cluster.connect('alice', { at: service });
		const during = await read();
		assert.deepEqual([during.ws_connections - before.ws_connections, during.devices_held - before.devices_held, during.devices_registered_total - before.devices_registered_total, during.tokens_accepted_total - before.tokens_accepted_total], [1, 1, 1, 1]);
		await rest('POST', `${service.url}/v1/Accounts/${cluster.account.sid}/Devices`, { bearer: 'x', json: {} });
		await alice.close();
		await cluster.presenceBecomes('alice', p => p.status === 'offline', 'is offline');
		const after = await read();
		assert.deepEqual([after.ws_connections, after.devices_held, after.devices_ended_total, after.tokens_refused_total],
			[before.ws_connections, before.devices_held, before.devices_ended_total + 1, before.tokens_refused_total + 1]);
		assert.ok(after.http_requests_total > before.http_requests_total);
	});
});

describe('health', () => {
	test('is told by both services, without credentials', async () => {
		for (const service of services())
			for (const [path, word] of [['/healthz', 'ok\n'], ['/readyz', 'ready\n']]) {
				const { status, text } = await get(service, path);
				assert.deepEqual([status, text], [200, word]);
			}
	});

	test('and metrics are not for the public: HAProxy passes none of them', async () => {
		const before = await cluster.presence[0].metric('switchhook_http_requests_total');
		for (const path of ['/healthz', '/readyz', '/metrics', '/metrics?x=1', '/%6detrics', '/METRICS', '/metrics/', '//metrics']) {
			const answer = await rest('GET', cluster.url + path);
			assert.equal(answer.status, 404, path);
			assert.equal(answer.body.code, 20404, path);
		}
		// Only HAProxy's own health checks and what is no such address came through.
		const text = cluster.presence[0].output;
		assert.doesNotMatch(text, /path=\/(metrics\?|%6d|METRICS)/);
		assert.ok(await cluster.presence[0].metric('switchhook_http_requests_total') >= before);
	});
});
