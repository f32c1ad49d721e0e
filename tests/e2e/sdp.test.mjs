// sdp.test.mjs - session descriptions and candidates pass through both ways byte for byte.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startCluster } from '../support/cluster.mjs';
import { callBecomes, dial, join, nothingHeld } from '../support/calls.mjs';
import { rest } from '../support/rest.mjs';

const lines = n => Array.from({ length: n }, (_, i) => `a=candidate:${i} 1 udp ${2130706431 - i} 192.0.2.${i % 256} ${1024 + i} typ host\r\n`).join('');

const BODIES = {
	'with CRLF': 'v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\n',
	'with bare LF, CR and blank lines': 'v=0\no=-\r\r\n\n\ns=x\n',
	'with unicode': 's=Grüße 日本 😀 \u2028\u2029 e\u0301 \ufeff\r\n',
	'with quotes, backslashes and controls': 's="\\" \\n \\u0041 \u0001\u001f\t\u007f </script> %41 &amp; + \r\n',
	'of 40 KB': (`v=0\r\n` + lines(1000)).slice(0, 40 * 1024),
	'of 40 KB that JSON has to escape': '"\\\r\n'.repeat(10 * 1024),
	'of 48 KB of unicode': 'ü'.repeat(24 * 1024),
	'of one byte': 'v',
};

describe('session descriptions', () => {
	let cluster;
	before(async () => {
		cluster = await startCluster({ presence: 2, routing: 2, env: { SWEEP_MS: '50', MAX_MESSAGE: '262144' } });
		cluster.customer.answer('/voice', dial('bob'));
	});
	after(() => cluster?.stop());

	for (const [what, sdp] of Object.entries(BODIES)) {
		const offer = sdp, answer = sdp.slice(1) + sdp[0];

		test(`${what}: from a gateway to a client and back`, async t => {
			const bob = await join(t, cluster, 'bob');
			const outcome = cluster.communicate({ sdp: offer });
			const ring = await bob.next('incoming');
			assert.ok(ring.sdp === offer, 'the offer');
			assert.equal((await bob.request({ type: 'answer', token: ring.token, sdp: answer })).type, 'ok');
			const { status, body } = await outcome;
			assert.equal(status, 200);
			assert.ok(body.sdp === answer, 'the answer');
			assert.equal((await bob.next('answered')).sdp, undefined);
			await bob.request({ type: 'hangup', call: ring.call });
			await callBecomes(cluster, body.call, 'completed');
			await nothingHeld(cluster, bob);
		});

		test(`${what}: between two clients, the answer by HTTP`, async t => {
			const alice = await join(t, cluster, 'alice', { at: cluster.presence[0] });
			const bob = await join(t, cluster, 'bob', { at: cluster.presence[1] });
			const { call } = await alice.request({ type: 'call', to: 'client:bob', sdp: offer });
			const ring = await bob.next('incoming');
			assert.ok(ring.sdp === offer, 'the offer');
			assert.equal((await rest('POST', `${cluster.url}/v1/Communications/Answer`, { json: { token: ring.token, sdp: answer } })).status, 200);
			const answered = await alice.next('answered', { call });
			assert.ok(answered.sdp === answer, 'the answer');
			await bob.next('answered');
			const candidate = answer.slice(0, 1000);
			await alice.request({ type: 'candidate', call, candidate });
			assert.ok((await bob.next('candidate')).candidate === candidate);
			await alice.request({ type: 'hangup', call });
			await bob.next('hangup');
			await nothingHeld(cluster, alice, bob);
		});
	}

	test('none at all is none on the other side either', async t => {
		const alice = await join(t, cluster, 'alice');
		const bob = await join(t, cluster, 'bob');
		const { call } = await alice.request({ type: 'call', to: 'client:bob' });
		const ring = await bob.next('incoming');
		assert.equal('sdp' in ring, false);
		await bob.request({ type: 'answer', token: ring.token });
		assert.deepEqual(await alice.next('answered'), { type: 'answered', call });
		await alice.request({ type: 'hangup', call });
		await bob.next('hangup');
		await nothingHeld(cluster, alice, bob);
	});

	test('longer than 48 KB, or not text, is refused, and the ring goes on', async t => {
		const bob = await join(t, cluster, 'bob');
		const { body: { call } } = await cluster.communicate({ async: true });
		const ring = await bob.next('incoming');
		for (const sdp of ['x'.repeat(48 * 1024 + 1), 7, ['v=0']])
			assert.equal((await bob.request({ type: 'answer', token: ring.token, sdp })).type, 'error', JSON.stringify(sdp).slice(0, 20));
		assert.equal((await bob.request({ type: 'answer', token: ring.token, sdp: 'v=0\r\n' })).type, 'ok');
		await bob.request({ type: 'hangup', call: ring.call });
		await callBecomes(cluster, call, 'completed');
		await nothingHeld(cluster, bob);
	});
});
