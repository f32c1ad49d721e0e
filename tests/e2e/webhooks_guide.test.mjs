// docs/webhooks.md as it stands there: its servers are run, believe what is genuine and nothing else; its tables are true.
import assert from 'node:assert/strict';
import { symlinkSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { after, before, test } from 'node:test';
import { accountWith, dial, join } from '../support/calls.mjs';
import { startCluster } from '../support/cluster.mjs';
import { openDocument, source } from '../support/documents.mjs';
import { freePort, portAnswers, Process, temporaryFolder, until } from '../support/process.mjs';
import { webhookSecret } from '../support/webhooks.mjs';

const text = source('docs/webhooks.md');
const blocks = language => [...text.matchAll(new RegExp('```' + language + '\\n([^]*?)```', 'g'))].map(([, block]) => block);
let cluster, folder;

before(async () => {
	cluster = await startCluster({ haproxy: false, env: { CALLBACK_RETRY_MS: '50' } });
	folder = temporaryFolder();
	symlinkSync(fileURLToPath(new URL('../node_modules', import.meta.url)), `${folder.path}/node_modules`);
});
after(async () => {
	folder?.remove();
	await cluster?.stop();
});

/** A server of the guide, which knows nothing but what the guide says stands in the environment. */
async function serve(t, program, file, block, account) {
	const port = await freePort(), url = `http://127.0.0.1:${port}`;
	writeFileSync(`${folder.path}/${file}`, block);
	const env = { PORT: String(port), PUBLIC_URL: url, AUTH_TOKEN: account.auth_token, SECRET: await webhookSecret(cluster, account) };
	const server = new Process(file, program, [file], { env, cwd: folder.path });
	t.after(() => server.end('SIGTERM'));
	await until(() => portAnswers(port), `${file} listens`);
	return { url, server };
}

/** A request that nobody has signed, or for something else, is refused. */
async function refusesOthers(url, headers = {}) {
	for (const more of [{}, headers]) {
		const answer = await fetch(url, { method: 'POST', headers: { 'Content-Type': 'application/x-www-form-urlencoded', ...more }, body: 'CallSid=CA1' });
		assert.equal(answer.status, 403);
	}
}

test('Node: the twilio package answers a call and hears how it went', async t => {
	const account = await accountWith(cluster), [block] = blocks('js');
	const { url, server } = await serve(t, process.execPath, 'voice.mjs', block, account);
	await refusesOthers(`${url}/voice`, { 'X-Twilio-Signature': 'RSOYDt4T1cUTdK1PDd93/VVr8B8=' });
	const alice = await join(t, cluster, 'alice', { account });
	const { application: { sid } } = account;
	const changed = await cluster.api2010('POST', `/Applications/${sid}.json`, { at: cluster.routing[0], account, form: { VoiceUrl: `${url}/voice`, StatusCallback: `${url}/status` } });
	assert.equal(changed.status, 200, changed.text);
	const waiting = cluster.v1('POST', '/Communications', { at: cluster.routing[0], account, json: { from: '+15550123', to: account.number.number } });
	const ring = await alice.next('incoming');
	await alice.request({ type: 'reject', call: ring.call });
	const { body } = await waiting;
	assert.equal(body.outcome, 'declined');
	await until(() => server.output.includes(`${body.call} is busy\n`) || server.output.includes(`${body.call} is no-answer\n`), `it has heard: ${server.output}`);
});

test('Node: both signatures of presence events and of the policy', async t => {
	const account = await cluster.addAccount(), [, block] = blocks('js');
	const { url, server } = await serve(t, process.execPath, 'events.mjs', block, account);
	await refusesOthers(`${url}/presence`, { 'webhook-id': 'EV1', 'webhook-timestamp': String(Date.now() / 1000 | 0), 'webhook-signature': 'v1,AAAA' });
	const answer = await cluster.v1('POST', '/Settings', { account, json: { presence_webhook_url: `${url}/presence#ours`, policy_url: `${url}/policy?x=1#ours`, close_grace_ms: 0 } });
	assert.equal(answer.status, 200, answer.text);
	const alice = await cluster.connect('alice', { account });
	await until(() => server.output.includes('alice is available\n'), 'it has heard of alice');
	await assert.rejects(cluster.connect('mallory', { account }), /45106.*not today/);
	alice.cut();
	await until(() => server.output.includes('alice is offline\n'), 'it has heard that alice is gone');
});

test('Python: the standard library', async t => {
	const account = await accountWith(cluster);
	const { url } = await serve(t, 'python3', 'server.py', blocks('python')[0], account);
	await refusesOthers(`${url}/voice`, { 'X-Twilio-Signature': 'RSOYDt4T1cUTdK1PDd93/VVr8B8=' });
	await cluster.api2010('POST', `/Applications/${account.application.sid}.json`, { at: cluster.routing[0], account, form: { VoiceUrl: `${url}/voice?x=1` } });
	const { body } = await cluster.v1('POST', '/Communications', { at: cluster.routing[0], account, json: { from: '+15550123', to: account.number.number, parameters: { 'ü x': 'é&=+', empty: '' } } });
	assert.deepEqual([body.status, body.outcome], ['busy', 'busy']);
});

test('every snippet was run', () => {
	const languages = [...text.matchAll(/^```(\w+)$/gm)].map(([, language]) => language);
	assert.deepEqual(languages, ['js', 'js', 'python']);
});

test('the codes it explains are the ones of the table, and every parameter we set is named', () => {
	const errors = source('common/base/err.def');
	const codes = [...text.matchAll(/^\| ([\d, ]+) \|/gm)].flatMap(([, some]) => some.split(', '));
	assert.ok(codes.length > 10);
	for (const code of codes)
		assert.match(errors, new RegExp(`ERR\\(\\w+, +\\d+, ${code},`), code);
	for (const [, name] of errors.matchAll(/^ERR\((FETCH_\w+), /gm))
		assert.ok(codes.includes(errors.match(new RegExp(`ERR\\(${name}, +\\d+, (\\d+),`))[1]), `${name} is explained`);
	for (const [, name] of source('routing-svc/params.c').matchAll(/put\(out, "(\w+)"/g))
		assert.ok(text.includes(`\`${name}\``), `${name} is named`);
});

test('requests for instructions and status callbacks are as openapi-routing.yaml describes them', async t => {
	const description = openDocument('openapi-routing'), path = name => cluster.customer.url + name;
	const account = await accountWith(cluster, { voice_url: path('/first'), voice_fallback_url: path('/fallback'), status_callback: path('/status') });
	const alice = await join(t, cluster, 'alice', { account });
	cluster.customer.answer('/first', dial([['alice', { statusCallback: '/leg', statusCallbackEvent: 'initiated ringing answered completed' }]], { action: '/broken' }));
	cluster.customer.answer('/broken', { status: 500 });
	cluster.customer.answer('/fallback', '<Response/>');
	const waiting = cluster.v1('POST', '/Communications', { at: cluster.routing[0], account, json: { from: '+15550123', to: account.number.number, sdp: 'v=0', parameters: { colour: 'red' } } });
	const ring = await alice.next('incoming');
	await alice.request({ type: 'answer', token: ring.token, sdp: 'v=0' });
	await waiting;
	await alice.request({ type: 'hangup', call: ring.call });

	for (const [name, status] of [['/first', 'ringing'], ['/broken', 'in-progress'], ['/fallback', 'in-progress']]) {
		const { params } = await cluster.customer.next(name);
		description.check(params, name, 'components', 'schemas', 'InstructionsRequest');
		assert.deepEqual([params.CallStatus, params.colour, 'DialCallStatus' in params, params.ErrorCode], [status, 'red', name !== '/first', name === '/fallback' ? '11200' : undefined]);
	}
	for (const [name, status] of [['/leg', 'initiated'], ['/leg', 'in-progress'], ['/leg', 'completed'], ['/status', 'completed']]) {
		const { params } = await cluster.customer.next(name, { matches: request => request.params.CallStatus === status });
		description.check(params, `${name} ${status}`, 'components', 'schemas', 'StatusCallback');
	}
});
