// A ring is repeated by whoever is not sure that it was heard; the device hears it once, also when it has rejected it by then.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startCluster } from '../support/cluster.mjs';

let cluster;

before(async () => {
	cluster = await startCluster({ haproxy: false });
	cluster.customer.answer('/voice', '<Response><Dial><Client>alice</Client></Dial></Response>');
});
after(() => cluster?.stop());

test('a device that rejected hears no second incoming of that ring', async () => {
	const desk = await cluster.connect('alice');
	for (let i = 0; i < 60; i++) {
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
