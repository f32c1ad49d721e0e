// large_ring.test.mjs - the largest ring there can be: more devices than a Dial rings, and the longest offer.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { claimsOf, dial, sdpOf } from '../support/calls.mjs';
import { startCluster } from '../support/cluster.mjs';
import { until } from '../support/process.mjs';

const RUNG = 50, EACH = 27;
const OFFER = 'v=0\r\n' + 'a=x:\\"\t\r\n'.repeat(5400);

let cluster, devices;

before(async () => {
	cluster = await startCluster({ presence: 2, routing: 1, haproxy: false });
	const identities = Array.from({ length: 2 * EACH }, (_, i) => (i % 2 ? 'bob' : 'alice'));
	devices = await Promise.all(identities.map(async (identity, i) => Object.assign(
		await cluster.connect(identity, { at: cluster.presence[i % 3 ? 0 : 1] }), { identity })));
});
after(async () => {
	devices?.forEach(device => device.cut());
	await cluster?.stop();
});

const rung = () => devices.filter(device => device.all('incoming').length > 0);
const claims = async () => (await claimsOf(cluster)).split('\n').filter(Boolean);

test('50 devices ring, as many of each client, with the whole offer; the others are free', async () => {
	assert.ok(OFFER.length > 48_000 && OFFER.length <= 48 * 1024);
	cluster.customer.answer('/voice', dial(['alice', 'bob', 'alice'], { timeout: 20 }));
	const outcome = cluster.communicate({ at: cluster.routing[0], sdp: OFFER });
	await until(() => rung().length === RUNG, `${RUNG} devices ring`);
	assert.equal(rung().filter(device => device.identity === 'alice').length, RUNG / 2);
	assert.ok(rung().every(device => device.all('incoming')[0].sdp === OFFER));
	assert.equal((await claims()).length, RUNG);

	const [winner, ...others] = rung();
	const [ring] = winner.all('incoming');
	assert.equal((await winner.request({ type: 'answer', token: ring.token, sdp: sdpOf('winner') })).type, 'ok');
	const { body } = await outcome;
	assert.equal(body.sdp, sdpOf('winner'));
	for (const device of others)
		assert.equal((await device.next('cancel', { call: device.all('incoming')[0].call })).reason, 'answered_elsewhere');
	await until(async () => (await claims()).length === 1, 'only the winner is claimed');
	await winner.request({ type: 'hangup', call: ring.call });
	await until(async () => (await claims()).length === 0, 'nobody is claimed');
});

test('a call rings 200 devices in all, then it can ring nobody, and claims nobody', async () => {
	let asked = 0;
	cluster.customer.answer('/voice', () => ++asked <= 7 ? dial(['alice', 'bob'], { timeout: 1, action: '/voice' }) : '<Response><Hangup/></Response>');
	const before = devices.reduce((sum, device) => sum + device.all('incoming').length, 0);
	const { body } = await cluster.communicate({ at: cluster.routing[0] });
	assert.equal(body.outcome, 'completed');
	assert.equal(devices.reduce((sum, device) => sum + device.all('incoming').length, 0) - before, 200);
	await until(async () => (await claims()).length === 0, 'nobody is claimed');
});
