// docs/tokens.md as it stands there: every snippet is run, and the tokens it prints are used.
import assert from 'node:assert/strict';
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { after, before, test } from 'node:test';
import { startCluster } from '../support/cluster.mjs';
import { source } from '../support/documents.mjs';
import { run, temporaryFolder } from '../support/process.mjs';
import { rest } from '../support/rest.mjs';
import { opened } from '../support/tokens.mjs';

const text = source('docs/tokens.md');
const sections = Object.fromEntries([...text.matchAll(/^## (.*)\n([^]*?)(?=^## |(?![^]))/gm)].map(([, title, body]) => [title, body]));
const blocks = (title, language) => [...sections[title].matchAll(new RegExp('```' + language + '\\n([^]*?)```', 'g'))].map(([, block]) => block);
let cluster, account, folder;

before(async () => {
	cluster = await startCluster({ routing: 0, haproxy: false });
	account = cluster.account;
	folder = temporaryFolder();
	symlinkSync(fileURLToPath(new URL('../node_modules', import.meta.url)), `${folder.path}/node_modules`);
});
after(async () => {
	folder?.remove();
	await cluster?.stop();
});

/** A program that knows nothing but what the guide says stands in the environment. */
async function execute(program, file, block, env = {}) {
	writeFileSync(`${folder.path}/${file}`, block);
	const given = { PATH: process.env.PATH, SWITCHHOOK_URL: cluster.url, ACCOUNT_SID: account.sid, API_KEY_SID: account.key.sid,
		API_KEY_SECRET: account.key.secret, APPLICATION_SID: account.application.sid, ...env };
	const { code, output } = await run('env', ['-i', ...Object.entries(given).map(([name, value]) => `${name}=${value}`), ...program, file], { cwd: folder.path });
	assert.equal(code, 0, output);
	return output.trim();
}
const node = block => execute([process.execPath], 'snippet.mjs', block);
const shell = (block, env) => execute(['bash', '-e'], 'snippet.sh', block, env);

/** What the guide says of its examples: alice may register, and (where it is granted) watch support. */
async function checkToken(token, { watches = true } = {}) {
	const device = await rest('POST', `${cluster.url}/v1/Accounts/${account.sid}/Devices`, { bearer: token, json: { ttl: 1 } });
	assert.deepEqual([device.status, device.body.identity], [201, 'alice'], device.text);
	const read = identity => rest('GET', `${cluster.url}/v1/Accounts/${account.sid}/Presence/${encodeURIComponent(identity)}`, { bearer: token });
	assert.deepEqual([(await read('support/a')).status, (await read('bob')).status], [watches ? 200 : 403, 403]);
}

test('Node: the twilio package with a presence grant', async () => {
	const token = await node(blocks('Node', 'js')[0]);
	await checkToken(token);
	assert.deepEqual(opened(token).payload.grants.presence, { watch: ['support/*'], override: true });
	assert.equal(opened(token).payload.grants.voice.outgoing.application_sid, account.application.sid);
});

test('Python: the standard library', async () => {
	await checkToken(await execute(['python3'], 'snippet.py', blocks('Python', 'python')[0]));
});

test('by REST', async () => {
	const { token, key, token_id: id } = JSON.parse(await shell(blocks('From anything that speaks HTTP', 'sh')[0]));
	await checkToken(token);
	assert.deepEqual([opened(token).payload.jti, key], [id, account.key.sid]);
});

test('a key pair: registered from the shell, signed with by hand and by a library, deleted', async () => {
	const { public_keys: [key] } = JSON.parse(await shell(blocks('Your own key pair', 'sh')[0]));
	assert.deepEqual([key.kid, key.algorithm, key.public_key], ['2026-11', 'EdDSA', readFileSync(`${folder.path}/signing.pub.pem`, 'utf8')]);
	const [byHand, byLibrary] = blocks('Your own key pair', 'js');
	const token = await node(byHand);
	await checkToken(token);
	await checkToken(await node(byLibrary), { watches: false });

	const listed = JSON.parse(await shell(blocks('Rotation', 'sh')[0], { OLD_KEY: key.sid }));
	assert.equal(listed.public_keys.length, 2);
	const refused = await rest('POST', `${cluster.url}/v1/Accounts/${account.sid}/Devices`, { bearer: token, json: {} });
	assert.deepEqual([refused.status, refused.body.code], [401, 20103]);
});

test('every snippet was run; only PHP is not at hand', () => {
	const languages = [...text.matchAll(/^```(\w+)$/gm)].map(([, language]) => language);
	assert.deepEqual(languages.toSorted(), ['js', 'js', 'js', 'php', 'python', 'sh', 'sh', 'sh']);
});

test('the codes it explains are the ones of the table', () => {
	const errors = source('common/base/err.def');
	const codes = [...sections['When a token is refused'].matchAll(/^\| ([\d, ]+) \|/gm)].flatMap(([, some]) => some.split(', '));
	assert.ok(codes.length > 10);
	for (const code of codes)
		assert.match(errors, new RegExp(`ERR\\(TOKEN_\\w+, +\\d+, ${code},`));
});
