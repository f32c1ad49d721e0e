// docs/asyncapi.yaml against the sources and a running channel: a scripted session says and hears every
// message that is described, and each one, on its way through the wire, is as described.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { openChannel } from '../support/client.mjs';
import { startCluster } from '../support/cluster.mjs';
import { openDocument, source } from '../support/documents.mjs';
import { accessToken } from '../support/tokens.mjs';

const document = openDocument('asyncapi');
const messages = document.at('components', 'messages');
const SDP = 'v=0\r\n';

/** Keys of the messages that clients say ("receive" is the service's view) or hear ("send", and replies). */
function spoken(action) {
	const operations = Object.values(document.content.operations);
	const own = operations.filter(one => one.action === action).flatMap(one => one.messages);
	const replies = action === 'send' ? operations.flatMap(one => one.reply?.messages ?? []) : [];
	return new Set([...own, ...replies].map(({ $ref }) => $ref.split('/').at(-1)));
}

const directions = { said: spoken('receive'), heard: spoken('send') };
const typeOf = key => messages[key].payload.properties.type.const;
const DOCUMENT = '<Response><Dial timeout="20"><Client><Identity>alice</Identity><Parameter name="topic" value="invoice"/></Client></Dial></Response>';
const seen = { said: new Set(), heard: new Set() };

function judge(direction, message) {
	const key = [...directions[direction]].find(one => typeOf(one) === message.type);
	assert.ok(key, `${direction}, but not described: ${JSON.stringify(message)}`);
	document.check(message, `${direction}: ${key}`, 'components', 'messages', key, 'payload');
	seen[direction].add(key);
}

describe('the description of the channel', () => {
	test('holds together', () => document.checkReferences());

	test('has examples that are as it says', () => {
		for (const [key, { examples }] of Object.entries(messages)) {
			assert.ok(examples.length > 0, key);
			for (const { payload } of examples)
				document.check(payload, `the example of ${key}`, 'components', 'messages', key, 'payload');
		}
	});

	test('has every message that channel.c understands, and no other', () => {
		const table = source('presence-svc/channel.c').match(/\} messages\[\] = \{([^;]*)\};/)[1];
		const understood = [...table.matchAll(/\{ "(\w+)"/g)].map(([, type]) => type);
		assert.deepEqual([...directions.said].map(typeOf).sort(), understood.sort());
	});

	test('has every message that the services write', () => {
		const files = ['presence-svc', 'routing-svc'].flatMap(folder =>
			readdirSync(new URL(`../../${folder}/`, import.meta.url)).filter(name => name.endsWith('.c')).map(name => `${folder}/${name}`));
		const written = files.flatMap(file => [...source(file).matchAll(/(?:frame_begin|frame_reply|channel_reply|tell_leg)\([^;]*?"(\w+)"|"type", STR\("([a-z_]+)"\)/g)]
			.map(([, a, b]) => a ?? b));
		assert.ok(written.length > 10);
		const described = [...directions.heard].map(typeOf);
		for (const type of written)
			assert.ok(described.includes(type), `${type} is described`);
	});
});

describe('a session that says and hears everything', () => {
	let cluster, account, desk, mobile, bob;
	const everyone = [];

	async function connect(identity, { token = accessToken(account, identity), ...hello } = {}) {
		const client = await openChannel(cluster.presence[0].url);
		const send = client.send;
		client.said = [];
		client.send = message => {
			client.said.push(message);
			send.call(client, message);
		};
		everyone.push(client);
		client.welcome = await client.request({ type: 'hello', token, ...hello });
		assert.equal(client.welcome.type, 'welcome');
		return client;
	}

	const refused = async (client, message, code) => assert.equal((await client.request(message)).code, code);
	const done = async (client, message) => {
		const reply = await client.request(message);
		assert.equal(reply.type, 'ok', JSON.stringify(reply));
		return reply;
	};

	/** The ring of that call: its legs have the call's stem. */
	async function rungBy(client, call) {
		for (;;) {
			const rung = await client.next('incoming');
			if (rung.call.slice(0, -6) === call.slice(0, -6))
				return rung;
		}
	}

	before(async () => {
		cluster = await startCluster({ haproxy: false });
		account = cluster.account;
		cluster.customer.answer('/voice', DOCUMENT);
	});

	after(async () => {
		await cluster?.stop();
	});

	test('who it is, and how it stands', async () => {
		desk = await connect('alice', { app: 'desk', host: 'office', status: 'available', media: ['voice', 'video'], attributes: { skill: ['billing', 'sales'], language: 'de' } });
		mobile = await connect('alice');
		bob = await connect('bob');
		await done(desk, { type: 'status', status: 'away', attributes: {} });
		await done(desk, { type: 'status', status: 'available' });
		await done(desk, { type: 'token', token: accessToken(account, 'alice') });
		await done(desk, { type: 'ack' });
	});

	test('whom it watches', async () => {
		await done(bob, { type: 'watch', identities: ['bob'] });
		assert.equal((await bob.next('snapshot')).clients[0].identity, 'bob');
		await done(bob, { type: 'status', status: 'away' });
		await bob.next('presence');
		await done(bob, { type: 'status', status: 'available' });
		await done(bob, { type: 'unwatch', identities: ['bob'] });
		await done(bob, { type: 'watch', identities: ['bob'], since: '00000000-1' });
		assert.equal((await bob.next('resync')).reason, 'cursor');
		await bob.next('snapshot');
		await done(bob, { type: 'unwatch' });
	});

	test('a call that one device rejects and another answers', async () => {
		const { call } = await done(bob, { type: 'call', to: 'client:alice', parameters: { from: 'bob' }, sdp: SDP });
		const [rungDesk, rungMobile] = await Promise.all([rungBy(desk, call), rungBy(mobile, call)]);
		await done(desk, { type: 'ringing', call: rungDesk.call });
		await bob.next('progress', { call });
		await done(desk, { type: 'reject', call: rungDesk.call, reason: 'busy' });
		await cluster.presenceBecomes('alice', p => p.ringable.includes('voice'), 'can be rung on the device that rejected');
		await done(mobile, { type: 'answer', token: rungMobile.token, sdp: SDP });
		await Promise.all([bob.next('answered', { call }), mobile.next('answered', { call: rungMobile.call })]);
		await done(bob, { type: 'candidate', call, candidate: 'candidate:1' });
		await done(mobile, { type: 'candidate', call: rungMobile.call, candidate: 'candidate:2' });
		await Promise.all([mobile.next('candidate'), bob.next('candidate')]);
		await done(bob, { type: 'hangup', call });
		assert.equal((await mobile.next('hangup')).reason, 'remote_hangup');
		await cluster.presenceBecomes('alice', p => p.status === 'available', 'has no call');
		await cluster.presenceBecomes('bob', p => p.status === 'available', 'has no call');
	});

	test('a call that the other device answers, by token', async () => {
		const { call } = await done(bob, { type: 'call', to: 'client:alice' });
		const [rungDesk, rungMobile] = await Promise.all([rungBy(desk, call), rungBy(mobile, call)]);
		await done(desk, { type: 'answer', token: rungDesk.token });
		assert.equal((await mobile.next('cancel')).reason, 'answered_elsewhere');
		await refused(mobile, { type: 'answer', token: rungMobile.token }, 45302);
		await desk.next('answered');
		await done(desk, { type: 'hangup', call: rungDesk.call });
		assert.equal((await bob.next('hangup', { call })).reason, 'completed');
		await cluster.presenceBecomes('bob', p => p.status === 'available', 'has no call');
	});

	test('a talk: held, negotiated anew, and transferred', async () => {
		const { call } = await done(bob, { type: 'call', to: 'client:alice', sdp: SDP });
		const [rungDesk, rungMobile] = await Promise.all([rungBy(desk, call), rungBy(mobile, call)]);
		await done(bob, { type: 'candidate', call, candidate: 'candidate:3' });
		await done(desk, { type: 'answer', token: rungDesk.token, sdp: SDP });
		assert.deepEqual((await desk.next('answered', { call: rungDesk.call })).candidates, ['candidate:3']);
		await mobile.next('cancel', { call: rungMobile.call });
		await bob.next('answered', { call });
		const { update } = await done(bob, { type: 'update', call, sdp: SDP });
		await desk.next('update');
		await done(desk, { type: 'update', call: rungDesk.call, answers: update, sdp: SDP });
		await bob.next('update');
		await done(bob, { type: 'hold', call });
		await desk.next('held');
		await done(bob, { type: 'resume', call });
		await desk.next('resumed');
		await done(desk, { type: 'transfer', call: rungDesk.call, to: 'client:nobody' });
		assert.equal((await desk.next('hangup', { call: rungDesk.call })).reason, 'transferred');
		await bob.next('transferred', { call });
		assert.equal((await bob.next('hangup', { call })).reason, 'unreachable');
		await cluster.presenceBecomes('bob', p => p.status === 'available', 'has no call');
		await cluster.presenceBecomes('alice', p => p.status === 'available', 'has no call');
	});

	test('a message, and one that reaches nobody', async () => {
		const writer = await connect('carol', { media: ['message'] });
		const reader = await connect('dave', { media: ['message'] });
		cluster.customer.answer('/voice', ({ params }) => `<Response><Dial timeout="1"><Client>${params.To}</Client></Dial></Response>`);
		const { message } = await done(writer, { type: 'message', to: 'dave', body: 'hello', parameters: { topic: 'greeting' } });
		await done(reader, { type: 'ack', message: (await reader.next('message')).message });
		assert.equal((await writer.next('receipt')).status, 'delivered');
		await done(writer, { type: 'message', to: 'nobody', body: 'hello' });
		const undelivered = await writer.next('receipt');
		assert.deepEqual([undelivered.status, undelivered.message === message], ['undelivered', false]);
		cluster.customer.answer('/voice', DOCUMENT);
	});

	test('a call beside another, and both merged', async () => {
		const { call } = await done(bob, { type: 'call', to: 'client:alice' });
		const [rung, other] = await Promise.all([rungBy(desk, call), rungBy(mobile, call)]);
		await done(desk, { type: 'answer', token: rung.token });
		await mobile.next('cancel', { call: other.call });
		await desk.next('answered', { call: rung.call });
		const carol = await connect('carol');
		cluster.customer.answer('/voice', '<Response><Dial><Client>carol</Client></Dial></Response>');
		const second = await done(bob, { type: 'call', to: 'client:carol', beside: call });
		const carols = await rungBy(carol, second.call);
		await done(carol, { type: 'answer', token: carols.token });
		await bob.next('answered', { call: second.call });
		await done(bob, { type: 'transfer', call, with: second.call });
		assert.equal((await carol.next('incoming')).replaces, carols.call);
		await done(desk, { type: 'hangup', call: rung.call });
		await carol.next('cancel');
		await cluster.presenceBecomes('bob', p => p.status === 'available', 'has no call');
		await cluster.presenceBecomes('alice', p => p.status === 'available', 'has no call');
		await carol.close();
	});

	test('a call that the backend makes: the device offers', async () => {
		const created = await cluster.api2010('POST', '/Calls.json', { at: cluster.routing[0],
			form: { To: 'client:bob', From: '+15550100', Twiml: '<Response><Hangup/></Response>' } });
		const rung = await bob.next('incoming');
		assert.equal(rung.needs_offer, true);
		await done(bob, { type: 'reject', token: rung.token });
		assert.equal(created.status, 201);
	});

	test('a token that ends soon', async () => {
		const short = await connect('carol', { token: accessToken(account, 'carol', { ttl: 9 }) });
		await short.next('token_will_expire');
		await done(short, { type: 'unregister' });
		await short.close();
	});

	test('an instance that shuts down', async () => {
		await cluster.presence[0].stop();
		await Promise.all([desk, mobile, bob].map(client => client.next('drain')));
		assert.equal((await desk.closed).code, 1012);
	});

	test('every message, said and heard, was as described', () => {
		for (const client of everyone) {
			for (const message of client.said)
				judge('said', message);
			for (const message of client.heard)
				judge('heard', message);
		}
	});

	test('every message that is described was said or heard', () => {
		for (const direction of ['said', 'heard'])
			assert.deepEqual([...seen[direction]].sort(), [...directions[direction]].sort());
	});
});
