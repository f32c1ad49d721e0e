// claims_hold.test.mjs - a device that rings stays claimed until its call ends (E10).
//
// The acknowledgement of a ring reaches the call while its owner is still writing what
// it has just done: whichever comes first, the claims stay.  A race, so many rounds.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startCluster } from '../support/cluster.mjs';

const CLIENTS = 8, ROUNDS = 25;
let cluster;

before(async () => {
	cluster = await startCluster({ presence: 2, routing: 2 });
	cluster.customer.answer('/voice', ({ params }) => `<Response><Dial><Client>${params.client}</Client></Dial></Response>`);
});

after(() => cluster?.stop());

/** One call; returns whether its client could be rung while connected. */
async function couldBeRung(client, devices) {
	const call = cluster.communicate({ parameters: { client } });
	const rung = await Promise.all(devices.map(async device => {
		const incoming = await device.next('incoming');
		device.send({ type: 'ringing', call: incoming.call });
		return incoming;
	}));
	assert.equal((await devices[0].request({ type: 'answer', token: rung[0].token })).type, 'ok');
	await call;
	const { ringable } = await cluster.readPresence(client);
	await devices[0].request({ type: 'hangup', call: rung[0].call });
	await cluster.presenceBecomes(client, p => p.status === 'available' && p.ringable.length === 1, 'is free again');
	return ringable.length > 0;
}

test('acknowledged at once by two devices: neither can be rung by anyone else', async () => {
	let lost = 0;
	await Promise.all(Array.from({ length: CLIENTS }, async (_, n) => {
		const devices = await Promise.all(cluster.presence.map(at => cluster.connect(`client${n}`, { at })));
		for (let round = 0; round < ROUNDS; round++)
			lost += await couldBeRung(`client${n}`, devices);
	}));
	assert.equal(lost, 0, `of ${CLIENTS * ROUNDS} connected clients so many could be rung`);
});
