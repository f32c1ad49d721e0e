// answer_race.test.mjs - answers, rejections and hang-ups at the same moment, on several
// instances: one wins, everybody else hears exactly one thing, nothing stays claimed.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startCluster } from '../support/cluster.mjs';
import { callBecomes, dial, join, nothingHeld, sdpOf } from '../support/calls.mjs';
import { rest } from '../support/rest.mjs';

const ROUNDS = 200;

describe('at the same moment', () => {
	let cluster;
	before(async () => {
		cluster = await startCluster({ presence: 2, routing: 2, env: { SWEEP_MS: '50' } });
		cluster.customer.answer('/voice', dial('alice'));
	});
	after(() => cluster?.stop());

	const answer = (device, ring) => device.request({ type: 'answer', token: ring.token, sdp: sdpOf(device.welcome.device) });

	/** One more call; the rings, in the devices' order. */
	async function ringAll(devices) {
		const { status, body } = await cluster.communicate({ async: true, sdp: sdpOf('gateway') });
		assert.equal(status, 202);
		return { call: body.call, rings: await Promise.all(devices.map(device => device.next('incoming'))) };
	}

	/** How many messages of a type each leg has heard, over the whole test. */
	function countsOf(devices, type) {
		const counts = new Map();
		for (const message of devices.flatMap(device => device.all(type)))
			counts.set(message.call, (counts.get(message.call) ?? 0) + 1);
		return counts;
	}

	/** One reply is ok; the others say 45302 and hear one cancel; the winner ends the call. */
	async function oneWins(devices, { call, rings }, replies, round) {
		const winners = replies.filter(reply => reply.type === 'ok');
		assert.equal(winners.length, 1, `round ${round}: ${JSON.stringify(replies)}`);
		for (const [i, device] of devices.entries()) {
			if (replies[i].type === 'ok') {
				await device.next('answered', { call: rings[i].call });
				continue;
			}
			assert.equal(replies[i].code, 45302);
			assert.equal((await device.next('cancel', { call: rings[i].call })).reason, 'answered_elsewhere');
		}
		const winner = replies.indexOf(winners[0]);
		assert.equal((await devices[winner].request({ type: 'hangup', call: rings[winner].call })).type, 'ok');
		await callBecomes(cluster, call, 'completed');
		await nothingHeld(cluster, devices[0]);
		return winner;
	}

	/** Every leg that lost heard one cancel and nothing else; every one that won one answered. */
	function heardOnce(devices, rounds) {
		const answered = countsOf(devices, 'answered'), cancelled = countsOf(devices, 'cancel'), rung = countsOf(devices, 'incoming');
		assert.equal(rung.size, rounds * devices.length);
		for (const leg of rung.keys())
			assert.deepEqual([rung.get(leg), (answered.get(leg) ?? 0) + (cancelled.get(leg) ?? 0)], [1, 1], leg);
		assert.equal(answered.size, rounds);
	}

	test(`two devices on two presence instances answer: one wins, ${ROUNDS} times`, async t => {
		const devices = await Promise.all([0, 1].map(i => join(t, cluster, 'alice', { at: cluster.presence[i] })));
		const wins = [0, 0];
		for (let round = 0; round < ROUNDS; round++) {
			const { call, rings } = await ringAll(devices);
			const replies = await Promise.all(devices.map((device, i) => answer(device, rings[i])));
			wins[await oneWins(devices, { call, rings }, replies, round)]++;
		}
		heardOnce(devices, ROUNDS);
		assert.ok(wins[0] && wins[1], `both have won at times: ${wins}`);
	});

	test('three answer, the third by HTTP on a routing instance: one wins, 60 times', async t => {
		const devices = await Promise.all([0, 1, 0].map(i => join(t, cluster, 'alice', { at: cluster.presence[i] })));
		for (let round = 0; round < 60; round++) {
			const { call, rings } = await ringAll(devices);
			const replies = await Promise.all([
				answer(devices[0], rings[0]), answer(devices[1], rings[1]),
				rest('POST', `${cluster.routing[round % 2].url}/v1/Communications/Answer`, { json: { token: rings[2].token, sdp: 'v=0\r\n' } })
					.then(({ status, body }) => ({ type: status === 200 ? 'ok' : 'error', ...body })),
			]);
			await oneWins(devices, { call, rings }, replies, round);
		}
		heardOnce(devices, 60);
	});

	test('two clients of one Dial answer, while a third rejects: one wins, 50 times', async t => {
		cluster.customer.answer('/voice', dial(['alice', 'bob', 'carol']));
		const [alice, bob, carol] = await Promise.all(['alice', 'bob', 'carol'].map((name, i) => join(t, cluster, name, { at: cluster.presence[i % 2] })));
		for (let round = 0; round < 50; round++) {
			const { call, rings } = await ringAll([alice, bob, carol]);
			const [reject, ...replies] = await Promise.all([
				carol.request({ type: 'reject', call: rings[2].call }), answer(alice, rings[0]), answer(bob, rings[1]),
			]);
			await oneWins([alice, bob], { call, rings }, replies, round);
			if (reject.type === 'error')         // the answer came first, so this ring was cancelled
				assert.equal((await carol.next('cancel', { call: rings[2].call })).reason, 'answered_elsewhere');
			await nothingHeld(cluster, alice, bob, carol);
		}
		heardOnce([alice, bob], 50);
		assert.ok([...countsOf([carol], 'cancel').values()].every(n => n === 1));
		cluster.customer.answer('/voice', dial('alice'));
	});

	test('alice answers and the gateway hangs up: either she talked for a moment, or she did not; 60 times', async t => {
		const alice = await join(t, cluster, 'alice', { at: cluster.presence[1] });
		for (let round = 0; round < 60; round++) {
			const { call, rings: [ring] } = await ringAll([alice]);
			const [reply] = await Promise.all([answer(alice, ring), cluster.v1('POST', `/Communications/${call}`, { json: { action: 'hangup' } })]);
			if (reply.type === 'ok') {
				assert.equal((await alice.next('answered')).call, ring.call);
				assert.deepEqual(await alice.next('hangup'), { type: 'hangup', call: ring.call, reason: 'remote_hangup' });
				await callBecomes(cluster, call, 'completed');
			} else {
				assert.equal(reply.code, 45303);
				assert.deepEqual(await alice.next('cancel'), { type: 'cancel', call: ring.call, reason: 'caller_hangup' });
				await callBecomes(cluster, call, 'canceled');
			}
			await nothingHeld(cluster, alice);
		}
		for (const type of ['answered', 'cancel', 'hangup'])
			assert.ok([...countsOf([alice], type).values()].every(n => n === 1), type);
	});

	test('both sides hang up: the call ends once, and nobody hears it twice; 50 times', async t => {
		cluster.customer.answer('/voice', dial('bob'));
		const alice = await join(t, cluster, 'alice', { at: cluster.presence[0] });
		const bob = await join(t, cluster, 'bob', { at: cluster.presence[1] });
		for (let round = 0; round < 50; round++) {
			const { call } = await alice.request({ type: 'call', to: 'client:bob' });
			const ring = await bob.next('incoming');
			await bob.request({ type: 'answer', token: ring.token });
			await Promise.all([alice.next('answered'), bob.next('answered')]);
			const replies = await Promise.all([alice.request({ type: 'hangup', call }), bob.request({ type: 'hangup', call: ring.call })]);
			assert.ok(replies.some(reply => reply.type === 'ok'), JSON.stringify(replies));
			assert.ok(replies.every(reply => reply.type === 'ok' || [45303, 45204].includes(reply.code)), JSON.stringify(replies));
			await callBecomes(cluster, call, 'completed');
			await nothingHeld(cluster, alice, bob);
		}
		for (const type of ['answered', 'hangup'])
			assert.ok([...countsOf([alice, bob], type).values()].every(n => n === 1), type);
	});
});
