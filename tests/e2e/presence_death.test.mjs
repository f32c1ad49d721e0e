// presence_death.test.mjs - an instance that holds a device of a call is killed: the other side
// hears the end in time, or the device comes back and goes on; nothing stays claimed.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startCluster } from '../support/cluster.mjs';
import { callBecomes, dial, join, nothingHeld, readCall, sdpOf } from '../support/calls.mjs';

const NODE_LEASE_MS = 600, LEG_LOST_MS = 1000;

describe('when the instance that holds a device of a call is killed', () => {
	let cluster, alice, bob;
	before(async () => {
		cluster = await startCluster({ presence: 2, routing: 2, env: {
			SWEEP_MS: '50', NODE_LEASE_MS: String(NODE_LEASE_MS), NODE_RENEW_MS: '100', LEG_LOST_MS: String(LEG_LOST_MS),
		} });
		cluster.customer.answer('/voice', dial('bob', { timeout: 30 }));
	});
	after(() => cluster?.stop());

	async function actors(t) {
		t.after(async () => {
			await cluster.acquainted();
			await Promise.all(cluster.presence.filter(instance => instance.wasKilled).map(instance => instance.restart()));
			await cluster.acquainted();
		});
		alice = await join(t, cluster, 'alice', { at: cluster.presence[0] });
		bob = await join(t, cluster, 'bob', { at: cluster.presence[1] });
	}

	async function ringing() {
		const { call } = await alice.request({ type: 'call', to: 'client:bob', sdp: sdpOf('alice') });
		return { call, ring: await bob.next('incoming') };
	}

	async function talking() {
		const { call, ring } = await ringing();
		await bob.request({ type: 'answer', token: ring.token, sdp: sdpOf('bob') });
		await Promise.all([alice.next('answered'), bob.next('answered')]);
		return { call, ring };
	}

	/** Runs `event` and checks that `message` comes between these times after it. */
	async function within(event, message, [least, most]) {
		const since = performance.now();
		await event();
		const heard = await message();
		const took = performance.now() - since;
		assert.ok(took >= least && took < most, `after ${took} ms`);
		return heard;
	}

	test('the rung device\'s: nobody else is reachable, the caller hears it after the lease', async t => {
		await actors(t);
		const { call } = await ringing();
		const heard = await within(() => cluster.presence[1].kill9(), () => alice.next('hangup', { call }), [0, NODE_LEASE_MS + 1500]);
		assert.equal(heard.reason, 'unreachable');
		await callBecomes(cluster, call, 'no-answer');
		await nothingHeld(cluster, alice);
	});

	test('the rung device\'s: her other device on another instance rings on, and answers', async t => {
		await actors(t);
		const other = await join(t, cluster, 'bob', { at: cluster.presence[0] });
		const { call } = await ringing();
		const ring = await other.next('incoming');
		await cluster.presence[1].kill9();
		await cluster.presenceBecomes('bob', p => p.device_count === 1, 'has one device left');
		assert.equal(other.all('cancel').length, 0);
		await other.request({ type: 'answer', token: ring.token, sdp: sdpOf('bob') });
		assert.equal((await alice.next('answered', { call })).sdp, sdpOf('bob'));
		await other.request({ type: 'hangup', call: ring.call });
		await alice.next('hangup', { call });
		other.identity = 'bob';
		await nothingHeld(cluster, alice, other);
	});

	test('the caller\'s, while it rings: the ring ends', async t => {
		await actors(t);
		const { call, ring } = await ringing();
		const heard = await within(() => cluster.presence[0].kill9(), () => bob.next('cancel', { call: ring.call }), [0, NODE_LEASE_MS + LEG_LOST_MS + 1500]);
		assert.match(heard.reason, /^(client_lost|caller_hangup)$/);
		await callBecomes(cluster, call, 'canceled');
		await nothingHeld(cluster, bob);
	});

	for (const [who, index] of [['caller', 0], ['callee', 1]])
		test(`the ${who}'s, during a talk: the other one hears it when the time to come back is over`, async t => {
			await actors(t);
			const { call, ring } = await talking();
			const [stays, leg] = index === 0 ? [bob, ring.call] : [alice, call];
			await within(() => cluster.presence[index].kill9(), () => stays.next('hangup', { call: leg }), [LEG_LOST_MS, NODE_LEASE_MS + LEG_LOST_MS + 1500]);
			await callBecomes(cluster, call, 'completed');
			await nothingHeld(cluster, stays);
		});

	for (const [who, index] of [['caller', 0], ['callee', 1]])
		test(`the ${who}'s, during a talk: it comes back on another instance, and the talk goes on`, async t => {
			await actors(t);
			const { call, ring } = await talking();
			const [identity, lost, other] = index === 0 ? ['alice', alice, bob] : ['bob', bob, alice];
			const [legOfLost, legOfOther] = index === 0 ? [call, ring.call] : [ring.call, call];
			await cluster.presence[index].kill9();
			const back = await cluster.connect(identity, { at: cluster.presence[1 - index], device: lost.welcome.device });
			back.identity = identity;
			await cluster.acquainted();              // the dead one is buried: what it held has been looked at
			await cluster.presenceBecomes(identity, p => p.status === 'on_call' && p.device_count === 1, 'is on the call');
			await other.request({ type: 'candidate', call: legOfOther, candidate: 'x' });
			assert.equal((await back.next('candidate', { call: legOfLost })).candidate, 'x');
			assert.equal((await readCall(cluster, call)).status, 'in-progress');
			await back.request({ type: 'hangup', call: legOfLost });
			await other.next('hangup', { call: legOfOther });
			await nothingHeld(cluster, other, back);
			await back.close();
		});
});
