// first_call.test.mjs - the main job: an incoming communication reaches two real clients.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startCluster } from '../support/cluster.mjs';

const OFFER = 'v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=caller\r\n';
const ANSWER = 'v=0\r\no=- 2 2 IN IP4 0.0.0.0\r\ns=alice\r\n';

describe('the first call', () => {
	let cluster;
	before(async () => {
		cluster = await startCluster({ presence: 2, routing: 2 });
	});
	after(() => cluster?.stop());

	test('both devices ring, one answers, the other hears answered_elsewhere, the gateway gets the SDP', async () => {
		const laptop = await cluster.connect('alice', { at: cluster.presence[0], host: 'laptop' });
		const phone = await cluster.connect('alice', { at: cluster.presence[1], host: 'phone' });
		cluster.customer.answer('/voice', '<Response><Dial><Client>alice</Client></Dial></Response>');

		const outcome = cluster.communicate({ sdp: OFFER });
		const [ring, other] = await Promise.all([laptop.next('incoming'), phone.next('incoming')]);
		assert.equal(ring.sdp, OFFER);
		assert.equal(other.sdp, OFFER);
		assert.notEqual(ring.call, other.call);

		assert.equal((await laptop.request({ type: 'answer', token: ring.token, sdp: ANSWER })).type, 'ok');
		assert.equal((await laptop.next('answered')).call, ring.call);
		assert.equal((await phone.next('cancel', { call: other.call })).reason, 'answered_elsewhere');
		const { status, body } = await outcome;
		assert.equal(status, 200);
		assert.equal(body.status, 'in-progress');
		assert.equal(body.sdp, ANSWER);
		assert.equal(body.answered_by, 'alice');

		await cluster.presenceBecomes('alice', p => p.status === 'on_call', 'is on a call');
		await laptop.request({ type: 'hangup', call: ring.call });
		await cluster.presenceBecomes('alice', p => p.status === 'available', 'is available again');
		const call = await cluster.api2010('GET', `/Calls/${body.call}.json`);
		assert.equal(call.body.status, 'completed');
		await Promise.all([laptop.close(), phone.close()]);
	});

	test('a Dial\'s callerId is what the client is shown', async () => {
		const alice = await cluster.connect('alice');
		cluster.customer.answer('/voice', '<Response><Dial callerId="+15550199"><Client>alice</Client></Dial></Response>');
		const outcome = cluster.communicate();
		const ring = await alice.next('incoming');
		assert.equal(ring.from, '+15550199');
		await alice.request({ type: 'reject', call: ring.call });
		assert.equal((await outcome).body.outcome, 'declined');
	});
});
