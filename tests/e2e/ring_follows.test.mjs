// A device that changes its channel while it is rung is rung there: the same ring, on any instance.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startCluster } from '../support/cluster.mjs';
import { dial, traceOf } from '../support/calls.mjs';

let cluster;

before(async () => {
	cluster = await startCluster({ presence: 2 });
	cluster.customer.answer('/voice', dial('alice', { timeout: 30 }));
});
after(() => cluster?.stop());

async function ringAlice() {
	const alice = await cluster.connect('alice', { at: cluster.presence[0] });
	const call = cluster.communicate({ sdp: 'v=0\r\n' });
	return { alice, call, rung: await alice.next('incoming') };
}

for (const index of [0, 1]) {
	test(`on instance ${index}, where it answers`, async () => {
		const { alice, call, rung } = await ringAlice();
		const back = await cluster.connect('alice', { at: cluster.presence[index], device: alice.welcome.device });
		const again = await back.next('incoming');
		assert.equal(again.call, rung.call);
		assert.equal(again.sdp, rung.sdp);
		assert.ok(again.ring_ms <= rung.ring_ms && again.ring_ms > 0);
		await back.request({ type: 'ringing', call: again.call });
		assert.equal((await back.request({ type: 'answer', token: again.token })).type, 'ok');
		await back.next('answered', { call: again.call });
		const { body } = await call;
		assert.equal(body.status, 'in-progress');
		assert.equal((await traceOf(cluster, body.call, 'ring_again')).length, 1);
		await back.request({ type: 'hangup', call: again.call });
		await cluster.presenceBecomes('alice', p => p.ringable.length === 1, 'can be rung');
		assert.equal(back.all('incoming').length, 1);
		await back.close();
	});

	test(`on instance ${index}, where its cancel is heard`, async () => {
		const { alice, call, rung } = await ringAlice();
		const back = await cluster.connect('alice', { at: cluster.presence[index], device: alice.welcome.device });
		await back.next('incoming', { call: rung.call });
		const stem = rung.call.slice(0, -6) + '000000';
		await cluster.api2010('POST', `/Calls/${stem}.json`, { form: { Status: 'canceled' } });
		assert.equal((await back.next('cancel', { call: rung.call })).reason, 'canceled');
		await call;
		await cluster.presenceBecomes('alice', p => p.ringable.length === 1, 'can be rung');
		await back.close();
	});
}
