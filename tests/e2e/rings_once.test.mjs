// A ring and an answer are repeated by whoever is not sure that they were heard; the device hears each once, also when it has rejected by then.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { recordOf } from '../support/calls.mjs';
import { startCluster } from '../support/cluster.mjs';

const RINGS = 270;                       // more than the 256 calls that a channel remembers while they might ring

let cluster;

before(async () => {
	cluster = await startCluster({ haproxy: false });
	cluster.customer.answer('/voice', '<Response><Dial timeout="120"><Client>alice</Client></Dial></Response>');
});
after(() => cluster?.stop());

test('a device that rejected hears no second incoming of that ring, and every other one', async t => {
	const desk = await cluster.connect('alice');
	t.after(() => desk.close());
	for (let i = 0; i < RINGS; i++) {
		const call = cluster.communicate({ at: cluster.routing[0] });
		const rung = await desk.next('incoming');
		desk.send({ type: 'ringing', call: rung.call });
		desk.send({ type: 'reject', call: rung.call });
		const { body } = await call;
		assert.equal(body.outcome, 'declined');
		await cluster.presenceBecomes('alice', p => p.ringable.length === 1, 'can be rung');
		const ids = desk.all('incoming').map(m => m.call);
		assert.equal(new Set(ids).size, ids.length);
	}
});

test('a device that answered hears no second answered of that ring', async () => {
	const desk = await cluster.connect('alice');
	const outcome = cluster.communicate({ at: cluster.routing[0] });
	const rung = await desk.next('incoming');
	await desk.request({ type: 'answer', token: rung.token });
	await desk.next('answered');
	const { body: { call } } = await outcome;
	const leg = (await recordOf(cluster, call)).split('\n').find(line => line.startsWith('i') && line.includes(desk.welcome.device));
	const [, device, address] = leg.split('|');
	const say = attempt => cluster.redis.command('XADD', `in:${address}`, '*', 'm', JSON.stringify({ to: device, msg: { type: 'answered', call: rung.call, attempt }, attempt }));
	await say(1);
	await say(2);                                                // another ring's, which comes after it
	assert.equal((await desk.next('answered')).attempt, 2);
	await desk.request({ type: 'hangup', call: rung.call });
});
