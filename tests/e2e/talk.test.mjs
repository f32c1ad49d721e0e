// Two clients who are connected: candidates, re-negotiation, hold, and a transfer to somebody else.
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { startCluster } from '../support/cluster.mjs';
import { dial, join, sdpOf, traceOf } from '../support/calls.mjs';
import { until } from '../support/process.mjs';

let cluster;

before(async () => {
	cluster = await startCluster({ presence: 2, routing: 2, env: { LEG_LOST_MS: '1500' } });
});
after(() => cluster?.stop());
beforeEach(() => cluster.customer.answer('/voice', dial('bob', { timeout: 30 })));

const at = index => ({ at: cluster.presence[index] });

async function ok(client, message) {
	const reply = await client.request(message);
	assert.equal(reply.type, 'ok', JSON.stringify(reply));
	return reply;
}

async function refused(client, message, code) {
	const reply = await client.request(message);
	assert.equal(reply.code, code, JSON.stringify(reply));
}

/** alice (on one instance) has called bob (on the other), and rings him. */
async function ring(t) {
	const alice = await join(t, cluster, 'alice', at(0)), bob = await join(t, cluster, 'bob', at(1));
	const { call } = await ok(alice, { type: 'call', to: 'client:bob', sdp: sdpOf('alice') });
	const rung = await bob.next('incoming');
	return { alice, bob, call, rung, leg: rung.call };
}

async function connect(t) {
	const all = await ring(t);
	await ok(all.bob, { type: 'answer', token: all.rung.token, sdp: sdpOf('bob') });
	await Promise.all([all.alice.next('answered'), all.bob.next('answered')]);
	return all;
}

/** alice has called bob, who has called carol beside it. */
async function between(t) {
	const { alice, bob, call, leg } = await connect(t);
	const carol = await join(t, cluster, 'carol', at(0));
	cluster.customer.answer('/voice', dial('carol', { timeout: 30 }));
	const { call: bobs } = await ok(bob, { type: 'call', to: 'client:carol', sdp: sdpOf('bob'), beside: leg });
	const rung = await carol.next('incoming');
	await ok(carol, { type: 'answer', token: rung.token, sdp: sdpOf('carol') });
	await Promise.all([bob.next('answered', { call: bobs }), carol.next('answered', { call: rung.call })]);
	return { alice, bob, carol, call, leg, bobs, carols: rung.call };
}

const becomes = (identity, status) => cluster.presenceBecomes(identity, p => p.status === status, `is ${status}`);

describe('candidates', () => {
	test('said before the answer are in the other side\'s answered, later ones pass', async t => {
		const { alice, bob, call, rung, leg } = await ring(t);
		await ok(alice, { type: 'candidate', call, candidate: 'a "1"' });
		await ok(bob, { type: 'candidate', call: leg, candidate: 'b1' });
		await ok(alice, { type: 'candidate', call, candidate: 'a2' });
		await ok(bob, { type: 'answer', token: rung.token, sdp: sdpOf('bob') });
		await ok(bob, { type: 'candidate', call: leg, candidate: 'b2' });
		const [heard, other] = await Promise.all([alice.next('answered'), bob.next('answered')]);
		assert.deepEqual(other.candidates, ['a "1"', 'a2']);
		const rest = heard.candidates.length === 1 ? [(await alice.next('candidate')).candidate] : [];
		assert.deepEqual([...heard.candidates, ...rest], ['b1', 'b2']);
		await ok(alice, { type: 'candidate', call, candidate: 'a3' });
		assert.deepEqual(await bob.next('candidate'), { type: 'candidate', call: leg, candidate: 'a3' });
		await ok(alice, { type: 'hangup', call });
		await bob.next('hangup');
		await refused(alice, { type: 'candidate', call, candidate: 'late' }, 45204);
	});

	test('are kept up to 32 KB of each side', async t => {
		const { alice, call } = await ring(t);
		for (let i = 0; i < 8; i++)
			await ok(alice, { type: 'candidate', call, candidate: 'x'.repeat(4000) });
		await refused(alice, { type: 'candidate', call, candidate: 'x'.repeat(4000) }, 45013);
	});
});

describe('re-negotiation', () => {
	test('an offer reaches the other side, its answer the one who made it', async t => {
		const { alice, bob, call, leg } = await connect(t);
		for (const [from, to, own, other] of [[alice, bob, call, leg], [bob, alice, leg, call]]) {
			const { update } = await ok(from, { type: 'update', call: own, sdp: sdpOf('offer') });
			assert.deepEqual(await to.next('update'), { type: 'update', call: other, update, sdp: sdpOf('offer') });
			await ok(to, { type: 'update', call: other, sdp: sdpOf('reply'), answers: update });
			assert.deepEqual(await from.next('update'), { type: 'update', call: own, answers: update, sdp: sdpOf('reply') });
			await refused(to, { type: 'update', call: other, sdp: sdpOf('reply'), answers: update }, 20409);
		}
	});

	test('of two that offer at once the first is heard; an offer may be made anew', async t => {
		const { alice, bob, call, leg } = await connect(t);
		const first = await ok(alice, { type: 'update', call, sdp: sdpOf('one') });
		await refused(bob, { type: 'update', call: leg, sdp: sdpOf('two') }, 20409);
		await refused(alice, { type: 'update', call, sdp: sdpOf('own'), answers: first.update }, 20409);
		const second = await ok(alice, { type: 'update', call, sdp: sdpOf('three') });
		assert.equal(second.update, first.update + 1);
		await refused(bob, { type: 'update', call: leg, sdp: sdpOf('late'), answers: first.update }, 20409);
		await ok(bob, { type: 'update', call: leg, sdp: sdpOf('right'), answers: second.update });
		assert.equal((await alice.next('update')).sdp, sdpOf('right'));
	});

	test('needs two who are connected, and an SDP', async t => {
		const { alice, bob, call, leg } = await ring(t);
		await refused(alice, { type: 'update', call, sdp: sdpOf('early') }, 21220);
		await refused(bob, { type: 'update', call: leg, sdp: sdpOf('early') }, 21220);
		assert.equal((await alice.request({ type: 'update', call })).field, 'sdp');
		assert.equal((await alice.request({ type: 'update', call, sdp: 'x', answers: 0 })).field, 'answers');
		await refused(alice, { type: 'update', call: leg, sdp: 'x' }, 45204);
	});
});

describe('hold', () => {
	test('is told to the other side once, also when both hold, and does not change presence', async t => {
		const { alice, bob, call, leg } = await connect(t);
		await ok(alice, { type: 'hold', call });
		assert.deepEqual(await bob.next('held'), { type: 'held', call: leg });
		await ok(alice, { type: 'hold', call });
		await ok(bob, { type: 'hold', call: leg });
		assert.deepEqual(await alice.next('held'), { type: 'held', call });
		assert.equal((await cluster.readPresence('alice')).status, 'on_call');
		await ok(alice, { type: 'resume', call });
		assert.deepEqual(await bob.next('resumed'), { type: 'resumed', call: leg });
		await ok(bob, { type: 'resume', call: leg });
		await alice.next('resumed');
		await ok(bob, { type: 'resume', call: leg });
		await ok(alice, { type: 'hangup', call });
		await bob.next('hangup');
		assert.deepEqual([alice, bob].map(one => [one.all('held').length, one.all('resumed').length]), [[1, 1], [1, 1]]);
		assert.deepEqual((await traceOf(cluster, call)).map(e => e.event).filter(e => ['hold', 'resume'].includes(e)),
			['hold', 'hold', 'resume', 'resume']);
	});

	test('is told again to a device that comes back', async t => {
		const { alice, bob, call, leg } = await connect(t);
		await ok(alice, { type: 'hold', call });
		await bob.next('held');
		bob.cut();
		const back = await cluster.connect('bob', { ...at(0), device: bob.welcome.device });
		await back.next('held', { call: leg });
		await ok(alice, { type: 'resume', call });
		await back.next('resumed', { call: leg });
		await ok(back, { type: 'hangup', call: leg });
		await becomes('alice', 'available');
		await back.close();
	});

	test('needs two who are connected', async t => {
		const { alice, bob, call, leg } = await ring(t);
		await refused(alice, { type: 'hold', call }, 21220);
		await refused(bob, { type: 'resume', call: leg }, 21220);
	});
});

describe('a transfer to somebody', () => {
	/** `stays` is led to carol. */
	async function toCarol(t, { leaves, legOfLeaves, stays, legOfStays, call }) {
		const carol = await join(t, cluster, 'carol', at(0));
		await ok(leaves, { type: 'transfer', call: legOfLeaves, to: 'client:carol' });
		assert.equal((await leaves.next('hangup')).reason, 'transferred');
		assert.deepEqual(await stays.next('transferred'), { type: 'transferred', call: legOfStays, to: 'client:carol' });
		await becomes(leaves.identity, 'available');
		const rung = await carol.next('incoming');
		assert.deepEqual([rung.from, rung.to, rung.sdp], [`client:${stays.identity}`, 'client:carol', undefined]);
		await ok(carol, { type: 'ringing', call: rung.call });
		assert.equal((await stays.next('progress', { call: legOfStays })).state, 'ringing');
		await refused(leaves, { type: 'hangup', call: legOfLeaves }, 45204);
		await ok(carol, { type: 'answer', token: rung.token });
		await Promise.all([carol.next('answered'), stays.next('answered', { call: legOfStays })]);

		const { update } = await ok(stays, { type: 'update', call: legOfStays, sdp: sdpOf('offer') });
		await carol.next('update');
		await ok(carol, { type: 'update', call: rung.call, sdp: sdpOf('carol'), answers: update });
		assert.equal((await stays.next('update')).sdp, sdpOf('carol'));
		assert.deepEqual((await Promise.all(['carol', stays.identity].map(name => cluster.readPresence(name)))).map(p => p.status), ['on_call', 'on_call']);
		assert.equal(cluster.customer.requests.filter(r => r.path === '/voice' && r.params.CallSid === call).length, 1, 'the application is asked no more');
		return { carol, leg: rung.call };
	}

	test('by the one who was called; who follows hangs up', async t => {
		const { alice, bob, call, leg } = await connect(t);
		const { carol, leg: carols } = await toCarol(t, { leaves: bob, legOfLeaves: leg, stays: alice, legOfStays: call, call });
		await ok(carol, { type: 'hangup', call: carols });
		assert.equal((await alice.next('hangup')).reason, 'completed');
		await Promise.all(['alice', 'bob', 'carol'].map(name => becomes(name, 'available')));
		const [{ detail }] = await traceOf(cluster, call, 'transferred');
		assert.deepEqual(detail, { leg: 1, to: 'client:carol' });
	});

	test('by the one who called; who stays hangs up', async t => {
		const { alice, bob, call, leg } = await connect(t);
		const { carol } = await toCarol(t, { leaves: alice, legOfLeaves: call, stays: bob, legOfStays: leg, call });
		await ok(bob, { type: 'hangup', call: leg });
		assert.equal((await carol.next('hangup')).reason, 'remote_hangup');
		await Promise.all(['alice', 'bob', 'carol'].map(name => becomes(name, 'available')));
	});

	test('and back again to who has left', async t => {
		const { alice, bob, call, leg } = await connect(t);
		const { carol, leg: carols } = await toCarol(t, { leaves: alice, legOfLeaves: call, stays: bob, legOfStays: leg, call });
		await ok(carol, { type: 'transfer', call: carols, to: 'client:alice' });
		const rung = await alice.next('incoming');
		await ok(alice, { type: 'answer', token: rung.token });
		await Promise.all([alice.next('answered'), bob.next('answered')]);
		await ok(alice, { type: 'hangup', call: rung.call });
		assert.equal((await bob.next('hangup')).reason, 'completed');
		await Promise.all(['alice', 'bob', 'carol'].map(name => becomes(name, 'available')));
	});

	for (const [who, setUp, reason] of [
		['is not there', async () => {}, 'unreachable'],
		['does not want to be disturbed', t => join(t, cluster, 'carol', { status: 'dnd' }), 'busy'],
		['declines', async t => {
			const carol = await join(t, cluster, 'carol');
			void carol.next('incoming').then(rung => carol.send({ type: 'reject', token: rung.token }));
		}, 'declined'],
	]) {
		test(`who ${who}: the one who stayed hears why the call ends`, async t => {
			const { alice, bob, call, leg } = await connect(t);
			await setUp(t);
			await ok(bob, { type: 'transfer', call: leg, to: 'client:carol' });
			assert.equal((await alice.next('hangup', { call })).reason, reason);
			await Promise.all([becomes('alice', 'available'), becomes('bob', 'available')]);
		});
	}

	test('is refused where there is nothing to transfer, or nobody to whom', async t => {
		const { alice, bob, call, rung, leg } = await ring(t);
		await refused(alice, { type: 'transfer', call, to: 'client:carol' }, 21220);
		await refused(bob, { type: 'transfer', call: leg, to: 'client:carol' }, 21220);
		await ok(bob, { type: 'answer', token: rung.token });
		await bob.next('answered');
		for (const to of ['+15550123', 'client:', 'client:a b', 'carol', 'sip:carol@example.com'])
			assert.equal((await bob.request({ type: 'transfer', call: leg, to })).field, 'to');
		await refused(alice, { type: 'transfer', call: leg, to: 'client:carol' }, 45204);
	});

	test('said again, and followed by a hang-up, is the same transfer', async t => {
		const { alice, bob, call, leg } = await connect(t);
		const carol = await join(t, cluster, 'carol');
		bob.send({ type: 'transfer', call: leg, to: 'client:carol' });
		bob.send({ type: 'transfer', call: leg, to: 'client:carol' });
		bob.send({ type: 'hangup', call: leg });
		const rung = await carol.next('incoming');
		await ok(carol, { type: 'answer', token: rung.token });
		await alice.next('answered');
		assert.equal(carol.all('incoming').length, 1);
		await ok(alice, { type: 'hangup', call });
		await until(() => carol.all('hangup').length === 1, 'carol hears the end');
	});
});

describe('a transfer of two talks into one', () => {
	async function areConnected({ alice, bob, carol, call, leg, bobs, carols }) {
		await Promise.all([leg, bobs].map(async one => assert.equal((await bob.next('hangup', { call: one })).reason, 'transferred')));
		assert.equal((await carol.next('hangup', { call: carols })).reason, 'transferred');
		assert.equal((await alice.next('transferred', { call })).to, 'client:carol');
		const rung = await carol.next('incoming');
		assert.deepEqual([rung.replaces, rung.from], [carols, 'client:alice']);
		await ok(carol, { type: 'answer', token: rung.token });
		await Promise.all([carol.next('answered', { call: rung.call }), alice.next('answered', { call })]);
		await becomes('bob', 'available');
		assert.deepEqual((await Promise.all(['alice', 'carol'].map(name => cluster.readPresence(name)))).map(p => p.status), ['on_call', 'on_call']);
		await ok(carol, { type: 'hangup', call: rung.call });
		assert.equal((await alice.next('hangup', { call })).reason, 'completed');
		await Promise.all(['alice', 'carol'].map(name => becomes(name, 'available')));
	}

	test('whom bob has called follows him', async t => {
		const all = await between(t);
		await ok(all.bob, { type: 'transfer', call: all.leg, with: all.bobs });
		await areConnected(all);
	});

	test('only that device is rung, though its client has another', async t => {
		const all = await between(t);
		const other = await join(t, cluster, 'carol', at(1));
		await ok(all.bob, { type: 'transfer', call: all.leg, with: all.bobs });
		await areConnected(all);
		assert.equal(other.all('incoming').length, 0);
	});

	test('is refused while one of the two is not connected, and with anything that is no other call', async t => {
		const { alice, bob, call, leg } = await connect(t);
		cluster.customer.answer('/voice', dial('nobody', { timeout: 30 }));
		for (const other of [leg, call, 'CA1', 'x'])
			assert.equal((await bob.request({ type: 'transfer', call: leg, with: other })).field, 'with', other);
		const carol = await join(t, cluster, 'carol', at(0));
		cluster.customer.answer('/voice', dial('carol', { timeout: 30 }));
		const second = await ok(bob, { type: 'call', to: 'client:other', beside: leg });
		const rung = await carol.next('incoming');
		await refused(bob, { type: 'transfer', call: leg, with: second.call }, 21220);
		await refused(bob, { type: 'transfer', call: second.call, with: leg }, 21220);
		await ok(carol, { type: 'reject', token: rung.token });
		await ok(alice, { type: 'hangup', call });
	});

	test('who does not answer is let go; the one who stayed hears it', async t => {
		const all = await between(t);
		await ok(all.bob, { type: 'transfer', call: all.leg, with: all.bobs });
		const rung = await all.carol.next('incoming');
		await ok(all.carol, { type: 'reject', token: rung.token });
		assert.equal((await all.alice.next('hangup', { call: all.call })).reason, 'declined');
		await Promise.all(['alice', 'bob', 'carol'].map(name => becomes(name, 'available')));
	});
});

describe('a call beside another', () => {
	for (const [which, other] of [['call', 'bobs'], ['bobs', 'call']]) {
		test(`${which === 'call' ? 'the first' : 'the second'} ends first: bob is in a call until the other one ends too`, async t => {
			const all = await between(t);
			const legs = { call: [all.alice, all.call, all.leg], bobs: [all.carol, all.carols, all.bobs] };
			for (const [name, status] of [[which, 'on_call'], [other, 'available']]) {
				const [who, own, bobs] = legs[name];
				await ok(who, { type: 'hangup', call: own });
				await all.bob.next('hangup', { call: bobs });
				await becomes(who.identity, 'available');
				await becomes('bob', status);
				assert.equal((await cluster.readPresence('bob')).ringable.length, status === 'available' ? 1 : 0);
			}
		});
	}

	test('when the channel breaks, the older call is kept', async t => {
		const { bob, call, leg, bobs, carol, carols, alice } = await between(t);
		bob.cut();
		const back = await cluster.connect('bob', { ...at(0), device: bob.welcome.device });
		await carol.next('hangup', { call: carols, ms: 15_000 });
		await ok(back, { type: 'candidate', call: leg, candidate: 'x' });
		await alice.next('candidate', { call });
		await refused(back, { type: 'hangup', call: bobs }, 45204);
		await ok(back, { type: 'hangup', call: leg });
		await becomes('bob', 'available');
		await back.close();
	});

	test('needs a call that this device is in', async t => {
		const { alice, bob, call, leg } = await ring(t);
		for (const beside of [leg, call, 'x'])
			assert.equal((await bob.request({ type: 'call', to: 'client:carol', beside })).field, 'beside', beside);
		await refused(alice, { type: 'call', to: 'client:carol' }, 45304);
	});
});
