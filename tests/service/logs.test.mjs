// logs.test.mjs - after a busy run every log line is well-formed and says what it belongs to, and
// neither a log line nor Redis holds anything that would open a door.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import twilio from 'twilio';
import { openChannel } from '../support/client.mjs';
import { startCluster } from '../support/cluster.mjs';
import { PASSWORD } from '../support/redis.mjs';
import { rest } from '../support/rest.mjs';
import { CLUSTER_SECRET } from '../support/service.mjs';
import { accessToken, capabilityToken } from '../support/tokens.mjs';

const EVIL = 'evil"\n{"level":"error"} =\\u0000';

let cluster, account, secrets, tokens, commTokens, callId, requestId;

/** A bit of everything, right and wrong, at the most talkative level. */
async function busyRun() {
	const token = (identity, options) => {
		tokens.push(accessToken(account, identity, options));
		return tokens.at(-1);
	};
	const legacy = capabilityToken(account, 'carol');
	tokens.push(legacy);
	const [alice, bob, carol] = await Promise.all([
		cluster.connect('alice', { token: token('alice') }), cluster.connect('alice', { token: token('alice') }), cluster.connect('carol', { token: legacy }),
	]);

	cluster.customer.answer('/voice', '<Response><Dial><Client>alice</Client></Dial></Response>');
	const outcome = cluster.communicate({ sdp: 'v=0', parameters: { note: EVIL } });
	const rings = await Promise.all([alice.next('incoming'), bob.next('incoming')]);
	commTokens.push(...rings.map(ring => ring.token));
	await bob.request({ type: 'answer', token: rings[1].token.replace(/.$/, 'x') });
	await alice.request({ type: 'answer', token: rings[0].token, sdp: 'v=0' });
	const answer = await outcome;
	callId = answer.body.call;
	requestId = answer.headers.get('request-id');
	await rest('POST', `${cluster.routing[0].url}/v1/Communications/Answer`, { json: { token: rings[1].token } });
	await alice.request({ type: 'hangup', call: rings[0].call });
	await carol.request({ type: 'call', to: 'client:alice', parameters: { note: EVIL } });

	for (const bad of [token('alice', { ttl: -60 }), token('alice').slice(0, -3), `${token('alice')}${EVIL}`]) {
		const channel = await openChannel(cluster.url);
		channel.send({ type: 'hello', token: bad });
		await channel.closed;
		await rest('POST', `${cluster.url}/v1/Accounts/${account.sid}/Devices?token=${encodeURIComponent(bad)}`, { json: { token: bad } });
	}
	const { body: minted } = await rest('POST', `${cluster.url}/v1/Accounts/${account.sid}/Tokens`, { basic: [account.key.sid, account.key.secret], json: { identity: 'erin' } });
	tokens.push(minted.token);
	await (await cluster.connect('erin', { token: minted.token })).close();
	await alice.request({ type: 'token', token: token('alice') });
	await alice.request({ type: EVIL });
	await alice.request({ type: 'status', host: 'h', attributes: { note: 'x' } });

	const made = await rest('POST', `${cluster.url}/v1/Accounts/${account.sid}/Devices`, { bearer: token('dave'), json: {} });
	await rest('PUT', `${cluster.url}/v1/Accounts/${account.sid}/Devices/${made.body.device}`, { bearer: token('dave'), json: { status: 'x' } });
	await rest('GET', `${cluster.url}/v1/Accounts/${account.sid}/Presence/${encodeURIComponent(EVIL)}`, { basic: [account.sid, account.auth_token] });
	await cluster.readPresence('alice');
	for (const basic of [[account.sid, 'wrong-auth-token'], [account.key.sid, 'wrong-key-secret'], ['x', account.auth_token]])
		await rest('GET', `${cluster.url}/2010-04-01/Accounts/${account.sid}.json`, { basic });
	const library = twilio(account.sid, account.auth_token);
	library.api.baseUrl = cluster.url;
	secrets.push((await library.newKeys.create({ friendlyName: 'new' })).secret);
	await rest('GET', `${cluster.url}/nothing?${EVIL}`);
	bob.cut();
	await Promise.all([alice.close(), carol.close()]);
}

before(async () => {
	cluster = await startCluster({ env: { LOG_FORMAT: 'json', LOG_LEVEL: 'debug' } });
	account = cluster.account;
	secrets = [account.auth_token, account.key.secret, PASSWORD, CLUSTER_SECRET];
	[tokens, commTokens] = [[], []];
	await busyRun();
});
after(() => cluster?.stop());

const services = () => [...cluster.presence, ...cluster.routing];
const lines = service => service.output.trimEnd().split('\n');
const parsed = service => lines(service).map(line => JSON.parse(line));

/** The parts of tokens that nobody may find: signatures and sealed contents. */
const telling = () => [...tokens.map(t => t.split('.').at(-1)), ...tokens.map(t => t.split('.')[1])].filter(part => part.length > 20);

describe('the log', () => {
	test('is one JSON object of texts per line, with time, level, event and service', () => {
		for (const service of services()) {
			assert.ok(lines(service).length > 10);
			for (const [i, line] of parsed(service).entries()) {
				const { ts, level, event, service: name, ...rest_ } = line;
				assert.match(ts, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
				assert.match(level, /^(debug|info|warn|error)$/);
				assert.match(event, /^[a-z_]+$/);
				assert.equal(name, service.program);
				assert.ok(Object.values(rest_).every(value => typeof value === 'string'), lines(service)[i]);
				const names = [...lines(service)[i].matchAll(/[{,]"([a-z_]+)":"/g)].map(([, key]) => key);
				assert.equal(new Set(names).size, names.length, lines(service)[i]);
				assert.ok(!Object.values(line).includes(''), lines(service)[i]);
			}
		}
	});

	test('tells of each request its id, its account and its call', () => {
		const line = parsed(cluster.routing[0]).find(l => l.event === 'http' && l.req === requestId);
		assert.deepEqual([line.acct, line.call, line.method, line.status, line.path], [account.sid, callId, 'POST', '200', `/v1/Accounts/${account.sid}/Communications`]);
		for (const service of services())
			for (const http of parsed(service).filter(l => l.event === 'http'))
				assert.ok(http.req && http.method && http.path && http.status && Number(http.ms) >= 0, JSON.stringify(http));
	});

	test('follows a call through both services by its id', () => {
		const events = services().flatMap(parsed).filter(l => l.call === callId).toSorted((a, b) => a.ts.localeCompare(b.ts)).map(l => l.what ?? l.event);
		for (const event of ['call_created', 'answer', 'hangup', 'call_ended'])
			assert.ok(events.includes(event), String(events));
	});

	test('tells of a channel whose it is', () => {
		const connected = parsed(cluster.presence[0]).filter(l => l.event === 'client_connected');
		assert.ok(connected.length >= 3);
		assert.ok(connected.every(l => l.acct === account.sid && /^DV/.test(l.device) && l.identity));
	});

	test('holds no line that a client has written', () => {
		for (const service of services())
			assert.ok(parsed(service).every(l => l.service === service.program && l.level !== 'error'), service.name);
	});

	test('holds no secret and no token', () => {
		for (const service of services())
			for (const secret of [...secrets, ...telling(), ...commTokens, 'wrong-auth-token', 'wrong-key-secret', 'eyJ'])
				assert.ok(!service.output.includes(secret), `${service.name} has logged ${secret}`);
	});
});

describe('Redis', () => {
	test('was never told a secret or a client token in plain', () => {
		// The append-only file holds every write since the start.
		const folder = `${cluster.redis.folder.path}/appendonlydir`;
		const written = readdirSync(folder).map(name => readFileSync(`${folder}/${name}`, 'latin1')).join('');
		assert.ok(written.includes(account.sid) && written.includes(callId), 'the file is read');
		for (const secret of [...secrets, ...telling(), 'eyJ'])
			assert.ok(!written.includes(secret), `Redis was told ${secret}`);
	});
});
