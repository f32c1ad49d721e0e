// docs/presence.md as it stands there: every command line is run, and so is the listener.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { after, before, describe, test } from 'node:test';
import { startCluster } from '../support/cluster.mjs';
import { source } from '../support/documents.mjs';
import { Process, run, temporaryFolder, until } from '../support/process.mjs';

const TOP = fileURLToPath(new URL('../../', import.meta.url));
const STREAM_S = 2;                  // a stream goes on until somebody stops it

const text = source('docs/presence.md');
const sections = text.split(/^#{2,3} /m).slice(1).map(section => ({ title: section.slice(0, section.indexOf('\n')), body: section }));
const blocksOf = (body, language) => [...body.matchAll(new RegExp('```' + language + '\\n([^]*?)```', 'g'))].map(([, block]) => block);
let cluster, folder;

before(async () => {
	cluster = await startCluster({ presence: 2, routing: 0 });
	folder = temporaryFolder();
	await cluster.v1('PUT', '/Presence/support%2Fbob', { json: { status: 'away' } });
});
after(async () => {
	folder?.remove();
	await cluster?.stop();
});

function environment() {
	const { account } = cluster;
	return { SWITCHHOOK_URL: cluster.url, ACCOUNT_SID: account.sid, AUTH_TOKEN: account.auth_token, API_KEY_SID: account.key.sid,
		API_KEY_SECRET: account.key.secret, APPLICATION_SID: account.application.sid };
}

/** In a shell that knows nothing but the demonstration account; curl fails on what is no success. */
async function paste(block) {
	const streams = /^curl -sN/m.test(block);
	writeFileSync(`${folder.path}/.curlrc`, streams ? `max-time = ${STREAM_S}\n` : 'fail-with-body\n');
	const { code, output } = await run('bash', [streams ? '-c' : '-ec', block], { cwd: TOP, env: { ...environment(), CURL_HOME: folder.path } });
	assert.ok(streams || code === 0, output);
	return output.trim();
}

for (const { title, body } of sections) {
	const blocks = blocksOf(body, 'sh');
	if (!blocks.length)
		continue;
	describe(title, () => {
		blocks.forEach((block, i) => test(`example ${i + 1}`, async () => {
			const output = await paste(block);
			assert.notEqual(output, '');
			CHECKS[title]?.(output);
		}));
	});
}

const CHECKS = {
	'Clients and devices'(output) {
		const [device, presence] = output.split('\n').map(line => JSON.parse(line));
		assert.equal(presence.devices[0].device, device.device);
		assert.equal(presence.status, 'available');
	},
	'What a user chooses to show'(output) {
		const [busy, back] = output.split('\n').map(line => JSON.parse(line));
		assert.deepEqual([busy.status, busy.note, busy.override, back.override], ['busy', 'in a meeting', true, false]);
	},
	'Many clients'(output) {
		const [asked, listed] = output.split('\n').map(line => JSON.parse(line));
		assert.deepEqual(asked.clients.map(c => c.identity), ['alice', 'support/bob']);
		assert.deepEqual(listed.clients.map(c => c.identity), ['alice']);
	},
	'How it was'(output) {
		const { history } = JSON.parse(output);
		assert.deepEqual(history.map(state => [state.status, state.note]), [['available', null], ['busy', 'in a meeting'], ['available', null]]);
	},
	'Server-sent events'(output) {
		assert.equal(output.match(/^event: snapshot$/gm).length, 2);
		assert.match(output, /^retry: \d+$/m);
		assert.match(output, /^id: [0-9a-f]{8}-\d+$/m);
	},
	'Long-poll'(output) {
		assert.equal(output, '304');
	},
};

test('the listener hears the state, then changes, also over the end of its instance', async () => {
	writeFileSync(`${folder.path}/listen.mjs`, blocksOf(text, 'js')[0]);
	const listener = new Process('listener', process.execPath, ['listen.mjs'], { cwd: folder.path, env: environment() });
	try {
		await until(() => /support\/bob away/.test(listener.output), 'it hears the state');
		await cluster.v1('PUT', '/Presence/support%2Fbob', { json: { status: 'busy' } });
		await until(() => /support\/bob busy/.test(listener.output), 'it hears the change');
		const holder = await until(async () => {
			for (const service of cluster.presence)
				if (await service.metric('switchhook_http_streams') > 0)
					return service;
		}, 'an instance has it');
		await holder.stop();
		await cluster.v1('PUT', '/Presence/support%2Fbob', { json: { status: 'dnd' } });
		await until(() => /support\/bob dnd/.test(listener.output), `it hears what it missed; ${listener.output}`, 15_000);
	} finally {
		await listener.end('SIGKILL');
	}
});

test('every language that it speaks is run here', () => {
	assert.deepEqual([...new Set([...text.matchAll(/^```(\w+)$/gm)].map(([, language]) => language))].sort(), ['js', 'sh']);
});
