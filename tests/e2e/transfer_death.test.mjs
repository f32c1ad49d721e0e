// The routing instance of a call dies while its talk is transferred: another one makes the transfer, once, and nothing stays claimed.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startCluster } from '../support/cluster.mjs';
import { dial, join, nothingHeld, sdpOf, traceOf } from '../support/calls.mjs';

const OWNER = `return redis.call('HGET', redis.call('KEYS', 'call:{c*}:' .. ARGV[1])[1], 'own')`;

let cluster;

before(async () => {
	cluster = await startCluster({ presence: 2, routing: 2, env: { SWEEP_MS: '50', NODE_LEASE_MS: '600', NODE_RENEW_MS: '100' } });
});
after(() => cluster?.stop());

async function ownerOf(call) {
	const [node] = (await cluster.redis.command('EVAL', OWNER, 0, call)).split('.');
	const event = (await traceOf(cluster, call)).find(e => e.node === node);
	return cluster.routing.find(instance => instance.name === event.host);
}

async function bringBack() {
	await cluster.acquainted();
	await Promise.all(cluster.routing.filter(instance => instance.wasKilled).map(instance => instance.restart()));
	await cluster.acquainted();
}

for (const [moment, wait] of [['before it hears of it', false], ['when the other side has heard of it', true]]) {
	for (const callerLeaves of [false, true]) {
		test(`killed ${moment}; the ${callerLeaves ? 'caller' : 'one who was called'} leaves`, async t => {
			t.after(bringBack);
			cluster.customer.answer('/voice', dial('bob'));
			const alice = await join(t, cluster, 'alice', { at: cluster.presence[0] });
			const bob = await join(t, cluster, 'bob', { at: cluster.presence[1] });
			const carol = await join(t, cluster, 'carol', { at: cluster.presence[1] });
			const { call } = await alice.request({ type: 'call', to: 'client:bob', sdp: sdpOf('alice') });
			const ring = await bob.next('incoming');
			await bob.request({ type: 'answer', token: ring.token });
			await Promise.all([alice.next('answered'), bob.next('answered')]);
			const [leaves, own, stays, other] = callerLeaves ? [alice, call, bob, ring.call] : [bob, ring.call, alice, call];

			const owner = await ownerOf(call);
			if (!wait)
				await owner.kill9();
			assert.equal((await leaves.request({ type: 'transfer', call: own, to: 'client:carol' })).type, 'ok');
			await stays.next('transferred', { call: other });
			if (wait)
				await owner.kill9();
			assert.equal((await leaves.next('hangup', { call: own })).reason, 'transferred');
			const rung = await carol.next('incoming');
			assert.equal((await carol.request({ type: 'answer', token: rung.token })).type, 'ok');
			await Promise.all([carol.next('answered'), stays.next('answered', { call: other })]);
			assert.deepEqual([leaves.all('hangup').length, carol.all('incoming').length], [1, 1]);
			await stays.request({ type: 'hangup', call: other });
			await carol.next('hangup', { call: rung.call });
			await nothingHeld(cluster, alice, bob, carol);
		});
	}
}
