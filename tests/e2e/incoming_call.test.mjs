// incoming_call.test.mjs - one incoming communication from its arrival to what it leaves
// behind: two presence-svc, two routing-svc, Redis, HAProxy, and on the customer's side
// the twilio package, which makes the TwiML and checks the signatures.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import twilio from 'twilio';
import { startCluster } from '../support/cluster.mjs';
import { until } from '../support/process.mjs';

const OFFER = 'v=0\r\ns=the caller\r\n';
const ANSWER = 'v=0\r\ns=alice\r\n';

describe('a communication for alice', () => {
	let cluster, desk, mobile, call, rungDesk, rungMobile;

	before(async () => {
		cluster = await startCluster({ presence: 2, routing: 2 });
		cluster.customer.answer('/voice', () => {
			const response = new twilio.twiml.VoiceResponse();
			response.dial({ action: `${cluster.customer.url}/dialed` }).client('alice');
			return String(response);
		});
		cluster.customer.answer('/dialed', String(new twilio.twiml.VoiceResponse()));
		desk = await cluster.connect('alice', { at: cluster.presence[0], app: 'desk' });
		mobile = await cluster.connect('alice', { at: cluster.presence[1], app: 'mobile' });
	});

	after(() => cluster?.stop());

	test('her presence shows both devices, on two instances', async () => {
		const presence = await cluster.readPresence('alice');
		assert.equal(presence.status, 'available');
		assert.deepEqual(presence.ringable, ['voice']);
		assert.deepEqual(presence.devices.map(d => d.app).sort(), ['desk', 'mobile']);
		assert.equal(new Set(presence.devices.map(d => d.node)).size, 2);
	});

	test('rings both devices with the caller\'s offer unchanged', async () => {
		call = cluster.communicate({ sdp: OFFER });
		[rungDesk, rungMobile] = await Promise.all([desk.next('incoming'), mobile.next('incoming')]);
		for (const rung of [rungDesk, rungMobile]) {
			assert.equal(rung.from, '+15550123');
			assert.equal(rung.to, 'client:alice');
			assert.equal(rung.sdp, OFFER);
		}
		assert.notEqual(rungDesk.token, rungMobile.token);
	});

	test('the customer\'s voice URL was asked with a signature that twilio.validateRequest accepts', async () => {
		const asked = await cluster.customer.next('/voice');
		assert.ok(twilio.validateRequest(cluster.account.auth_token, asked.headers['x-twilio-signature'], asked.url, asked.params));
		assert.equal(asked.params.AccountSid, cluster.account.sid);
		assert.equal(asked.params.To, cluster.account.number.number);
	});

	test('one answer wins and connects; the other device hears it', async () => {
		const reply = await mobile.request({ type: 'answer', token: rungMobile.token, sdp: ANSWER });
		assert.equal(reply.type, 'ok');
		await mobile.next('answered');
		assert.equal((await desk.next('cancel')).reason, 'answered_elsewhere');
		const { status, body } = await call;
		assert.equal(status, 200);
		assert.equal(body.status, 'in-progress');
		assert.equal(body.outcome, 'answered');
		assert.equal(body.answered_by, 'alice');
		assert.equal(body.sdp, ANSWER);
		call = body.call;
		assert.deepEqual((await cluster.readPresence('alice')).ringable, [], 'she was not ringable for a moment');
		await cluster.presenceBecomes('alice', p => p.status === 'on_call' && p.ringable.length === 0, 'is on a call');
	});

	test('an answer that comes second is refused', async () => {
		const reply = await desk.request({ type: 'answer', token: rungDesk.token, sdp: ANSWER });
		assert.equal(reply.type, 'error');
		assert.equal(reply.code, 45302);
	});

	test('alice hangs up: the action URL hears completed, and she can be rung again', async () => {
		assert.equal((await mobile.request({ type: 'hangup', call: rungMobile.call })).type, 'ok');
		const dialed = await cluster.customer.next('/dialed');
		assert.equal(dialed.params.DialCallStatus, 'completed');
		await cluster.presenceBecomes('alice', p => p.status === 'available' && p.ringable.length === 1, 'is available again');
		const completed = await cluster.customer.next('/status', { matches: r => r.params.CallStatus === 'completed' });
		assert.equal(completed.params.CallSid, call);
		assert.ok(twilio.validateRequest(cluster.account.auth_token, completed.headers['x-twilio-signature'], completed.url, completed.params));
	});

	test('each device heard exactly what it should have', () => {
		assert.deepEqual([desk, mobile].map(c => [c.all('incoming').length, c.all('cancel').length, c.all('answered').length]), [[1, 1, 0], [1, 0, 1]]);
	});

	test('the trace tells who did what', async () => {
		const { body } = await cluster.v1('GET', `/Calls/${call}/Trace`);
		const events = body.events.map(e => e.event);
		for (const event of ['created', 'fetched', 'ring', 'answer', 'cancel', 'ended'])
			assert.ok(events.includes(event), `${event} in ${events}`);
		const instances = [...cluster.presence, ...cluster.routing].map(s => s.name);
		assert.deepEqual(body.events.filter(e => !instances.includes(e.host)), [], 'every event names its instance');
	});

	test('a killed instance\'s devices are gone within the node lease and a second', async () => {
		await cluster.presence[0].kill9();
		const since = performance.now();
		await cluster.presenceBecomes('alice', p => p.device_count === 1, 'has one device left', 4_000);
		assert.ok(performance.now() - since < 4_000);
	});

	test('an instance that is asked to stop tells its clients when to come back', async () => {
		const ended = cluster.presence[1].stop();
		const drain = await mobile.next('drain');
		assert.ok(Number.isInteger(drain.reconnect_after_ms));
		assert.equal((await mobile.closed).code, 1012);
		await ended;
		await cluster.presence[1].restart();
		await until(async () => (await cluster.readPresence('alice').catch(() => null))?.status === 'offline', 'alice is offline');
	});
});
