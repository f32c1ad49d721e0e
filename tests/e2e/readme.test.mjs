// The README's first calls, as they stand there, against a running system.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { after, before, test } from 'node:test';
import { startCluster } from '../support/cluster.mjs';
import { source } from '../support/documents.mjs';
import { run, temporaryFolder } from '../support/process.mjs';

const TOP = fileURLToPath(new URL('../../', import.meta.url));
const LOAD = '. run/demo.env';       // what deploy/up leaves there is written by this test instead

const block = source('README.md').match(/^## First calls[\s\S]*?```sh\n([\s\S]*?)```/m)[1].trim().split('\n');
const curls = block.filter(line => line.startsWith('curl '));
let cluster, folder;

/** One line of the README in a shell that knows nothing but the demonstration account. */
async function paste(line) {
	const { code, output } = await run('env', ['-i', `PATH=${process.env.PATH}`, 'bash', '-ec', `${LOAD.replace('run/demo.env', `${folder.path}/demo.env`)}\n${line}`], { cwd: TOP });
	assert.equal(code, 0, output);
	return JSON.parse(output);
}

before(async () => {
	cluster = await startCluster();
	folder = temporaryFolder();
	const { account } = cluster;
	cluster.customer.answer('/voice', '<Response><Dial><Client>alice</Client></Dial></Response>');
	const { body } = await cluster.communicate();
	const env = { SWITCHHOOK_URL: cluster.url, ACCOUNT_SID: account.sid, AUTH_TOKEN: account.auth_token, API_KEY_SID: account.key.sid,
		API_KEY_SECRET: account.key.secret, APPLICATION_SID: account.application.sid, DEMO_CALL_SID: body.call };
	writeFileSync(`${folder.path}/demo.env`, Object.entries(env).map(([name, value]) => `export ${name}=${value}\n`).join(''));
});

after(async () => {
	folder?.remove();
	await cluster?.stop();
});

test('loads what deploy/up writes, and has three calls', () => {
	assert.equal(block[0], LOAD);
	assert.equal(curls.length, 3);
});

test('has the calls that deploy/up prints', () => {
	const printed = source('deploy/up').replaceAll('\\$', '$').replaceAll('/usr/bin/python3 $TOP/', 'python3 ');
	for (const line of curls)
		assert.ok(printed.includes(line), line);
});

test('1: a device is registered', async () => {
	assert.match((await paste(curls[0])).device, /^DV/);
});

test('2: presence shows it', async () => {
	const presence = await paste(curls[1]);
	assert.equal(presence.status, 'available');
	assert.deepEqual(presence.devices.map(d => d.app), ['phone']);
});

test('3: the trace tells why nobody rang', async () => {
	const { events } = await paste(curls[2]);
	assert.equal(events.find(e => e.event === 'not_rung').detail.reason, 'offline');
});

test('the programs and folders it names are there', () => {
	for (const [, path] of source('README.md').matchAll(/^(deploy\/\w+)/gm))
		execFileSync('test', ['-x', TOP + path]);
});
