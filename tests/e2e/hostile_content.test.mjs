// hostile_content.test.mjs - what is as long, as strange or as badly timed as it may be is
// either carried whole or refused; nothing is cut short in silence, and nothing rings for nobody.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startCluster } from '../support/cluster.mjs';
import { dial, isSigned, join, sdpOf } from '../support/calls.mjs';
import { until } from '../support/process.mjs';
import { RawSocket } from '../support/raw.mjs';
import { rest } from '../support/rest.mjs';
import { accessToken, capabilityToken } from '../support/tokens.mjs';

const CONTROL = '\u0001'; // in JSON six characters

let cluster;
before(async () => {
	cluster = await startCluster({ haproxy: false, env: { SWEEP_MS: '50', MAX_MESSAGE: '262144' } });
	cluster.customer.answer('/voice', dial('bob'));
});
after(() => cluster?.stop());

const routing = () => ({ at: cluster.routing[0] });
const communicate = changes => cluster.communicate({ ...routing(), ...changes });

describe('text that JSON has to escape', () => {
	test('is carried whole: an offer to the client, its answer to the gateway that waits', async t => {
		const bob = await join(t, cluster, 'bob');
		const offer = CONTROL.repeat(42_000), answer = CONTROL.repeat(41_000);
		const outcome = communicate({ sdp: offer });
		const ring = await bob.next('incoming');
		assert.ok(ring.sdp === offer);
		const { status } = await rest('POST', `${cluster.routing[0].url}/v1/Communications/Answer`, { json: { token: ring.token, sdp: answer } });
		assert.equal(status, 200);
		const { body } = await outcome;
		assert.ok(body.sdp === answer);
		await bob.request({ type: 'hangup', call: ring.call });
	});

	test('is carried whole: the longest candidates, both ways', async t => {
		const bob = await join(t, cluster, 'bob');
		const candidate = CONTROL.repeat(4096);
		const outcome = communicate({ sdp: sdpOf('gateway') });
		const ring = await bob.next('incoming');
		await bob.request({ type: 'answer', token: ring.token });
		const { body } = await outcome;
		await bob.next('answered');
		const passed = await until(async () => {
			const answer = await cluster.v1('POST', `/Communications/${body.call}`, { ...routing(), json: { action: 'candidate', candidate } });
			return answer.status === 200 && answer;
		}, 'the candidate is taken');
		assert.equal(passed.status, 200);
		assert.ok((await bob.next('candidate')).candidate === candidate);
		await bob.request({ type: 'hangup', call: ring.call });
	});

	test('is refused in attributes that could not be kept whole', async t => {
		const attributes = Object.fromEntries(Array.from({ length: 16 }, (_, i) => [`k${i}`, Array(16).fill('"'.repeat(64))]));
		await assert.rejects(cluster.connect('bob', { attributes }), /"code":45002.*"field":"attributes"/);
		const bob = await join(t, cluster, 'bob', { attributes: { k: Array(16).fill('"'.repeat(64)) } });
		const reply = await bob.request({ type: 'status', attributes });
		assert.deepEqual([reply.type, reply.field], ['error', 'attributes']);
	});
});

describe('a gateway', () => {
	test('that hangs up while its call is being made rings nobody', async t => {
		const bob = await join(t, cluster, 'bob');
		const json = JSON.stringify({ from: '+15550199', to: cluster.account.application.sid }); // found without a script
		const basic = Buffer.from(`${cluster.account.key.sid}:${cluster.account.key.secret}`).toString('base64');
		const asked = cluster.customer.all('/voice').length;
		await cluster.redis.command('CLIENT', 'PAUSE', '5000', 'WRITE'); // scripts wait, reads do not
		const before = await cluster.routing[0].metric('switchhook_http_dropped_total');
		const raw = await RawSocket.open(cluster.routing[0].port);
		raw.write(`POST /v1/Accounts/${cluster.account.sid}/Communications HTTP/1.1\r\nHost: x\r\nAuthorization: Basic ${basic}\r\n` +
			`Content-Type: application/json\r\nContent-Length: ${json.length}\r\n\r\n${json}`);
		await new Promise(resolve => setTimeout(resolve, 200)); // it waits for the paused store; nothing tells so
		raw.destroy();
		await until(async () => await cluster.routing[0].metric('switchhook_http_dropped_total') > before, 'the request is dropped');
		await cluster.redis.command('CLIENT', 'UNPAUSE');
		const made = await until(async () => {
			const { body } = await cluster.api2010('GET', '/Calls.json', routing());
			return body.calls.find(call => call.from === '+15550199' && call.end_time);
		}, 'the call has ended');
		assert.equal(made.status, 'canceled');
		assert.equal(bob.all('incoming').length, 0);
		assert.ok(cluster.customer.all('/voice').length <= asked + 1);
	});
});

describe('a client', () => {
	test('that comes back is welcome, although the call that its device was in is gone', async t => {
		const bob = await cluster.connect('bob');
		const outcome = communicate();
		const ring = await bob.next('incoming');
		await bob.request({ type: 'answer', token: ring.token });
		const { body: { call } } = await outcome;
		await bob.next('answered');
		await cluster.presenceBecomes('bob', p => p.status === 'on_call', 'is on a call');
		const [key] = await cluster.redis.command('KEYS', `call:*:${call}`).then(list => [list].flat().join(' ').match(/call:\{c\d+\}:CA[0-9a-f]+/));
		bob.cut();
		await cluster.presenceBecomes('bob', p => p.device_count === 0, 'is gone');
		await cluster.redis.command('DEL', key);
		const again = await join(t, cluster, 'bob', { device: bob.welcome.device });
		assert.equal(again.welcome.device, bob.welcome.device);
		await cluster.presenceBecomes('bob', p => p.status === 'available', 'can be rung again');
	});

	test('is in 256 calls at once at most, also when it is not registered', async t => {
		cluster.customer.answer('/voice', '<Response><Pause length="600"/></Response>');
		t.after(() => cluster.customer.answer('/voice', dial('bob')));
		const caller = await cluster.connect('caller', { token: accessToken(cluster.account, 'caller', { incoming: false }) });
		t.after(() => caller.cut());
		const replies = [];
		for (let i = 0; i < 260; i++)
			replies.push(await caller.request({ type: 'call', to: 'client:bob' }));
		assert.deepEqual(replies.map(r => r.type), [...Array(256).fill('ok'), ...Array(4).fill('error')]);
		assert.equal(replies.at(-1).code, 20429);
		for (const { call } of replies.slice(0, 256))
			await caller.request({ type: 'hangup', call });
		assert.equal((await caller.request({ type: 'call', to: 'client:bob' })).type, 'ok');
	});

	test('cannot name a parameter like one of ours, in whatever case', async t => {
		const alice = await join(t, cluster, 'alice');
		const { call } = await alice.request({ type: 'call', to: 'client:bob', parameters: { callsid: 'evil', from: 'client:boss', FROM: 'x', color: 'red' } });
		const asked = await cluster.customer.next('/voice', { matches: r => r.params.CallSid === call });
		const names = Object.keys(asked.params);
		assert.deepEqual(names.filter(name => /^(callsid|from)$/i.test(name)), ['CallSid', 'From']);
		assert.equal(asked.params.color, 'red');
	});

	test('whose token fixes more parameters than can be signed is refused; 128 are signed', async t => {
		const params = n => Object.fromEntries(Array.from({ length: n }, (_, i) => [`p${i}`, String(i)]));
		for (const make of [accessToken, capabilityToken])
			await assert.rejects(cluster.connect('rich', { token: make(cluster.account, 'rich', { params: params(129) }) }), /"code":20106/);
		const rich = await join(t, cluster, 'rich', { token: accessToken(cluster.account, 'rich', { params: params(128) }) });
		const { call } = await rich.request({ type: 'call', to: 'client:bob' });
		const asked = await cluster.customer.next('/voice', { matches: r => r.params.CallSid === call });
		assert.equal(asked.params.p127, '127');
		assert.ok(isSigned(asked, cluster.account));
	});
});

describe('a status callback', () => {
	for (const tail of ['', '?a=1', '/a/../b', '/./b?c=/../d'])
		test(`to "${tail}" is signed for the address that it reaches`, async () => {
			const made = await cluster.api2010('POST', '/Calls.json', { ...routing(),
				form: { To: 'client:nobody', From: 'x', Twiml: '<Response/>', StatusCallback: cluster.customer.url + tail } });
			assert.equal(made.status, 201, made.text);
			const heard = await until(() => cluster.customer.requests.find(r => r.params.CallSid === made.body.sid), 'the callback comes');
			assert.ok(isSigned(heard, cluster.account), heard.url);
		});
});
