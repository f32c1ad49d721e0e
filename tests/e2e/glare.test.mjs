// glare.test.mjs - two clients call each other at the same moment: both are busy, always.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startCluster } from '../support/cluster.mjs';
import { callBecomes, dial, join, nothingHeld, reasonsOf } from '../support/calls.mjs';

const ROUNDS = 100;

describe('clients that call each other', () => {
	let cluster;
	before(async () => {
		cluster = await startCluster({ presence: 2, routing: 2, env: { SWEEP_MS: '50' } });
	});
	after(() => cluster?.stop());

	/** The customer dials whom the caller asked for, but only when `n` calls are waiting for that. */
	function answerWhenAsked(n) {
		const waiting = [];
		cluster.customer.answer('/voice', async ({ params }) => {
			await new Promise(resolve => {
				if (waiting.push(resolve) === n)
					waiting.splice(0).forEach(open => open());
			});
			return dial(params.To.replace(/^client:/, ''));
		});
	}

	const call = (client, to) => client.request({ type: 'call', to: `client:${to.identity}` });
	const joinAll = (t, ...names) => Promise.all(names.map((name, i) => join(t, cluster, name, { at: cluster.presence[i % 2] })));

	test(`are both busy, ${ROUNDS} times of ${ROUNDS}, when both calls were on their way`, async t => {
		const [alice, bob] = await joinAll(t, 'alice', 'bob');
		answerWhenAsked(2);
		for (let round = 0; round < ROUNDS; round++) {
			const replies = await Promise.all([call(alice, bob), call(bob, alice)]);
			assert.deepEqual(replies.map(r => r.type), ['ok', 'ok']);
			const ends = await Promise.all([alice, bob].map((client, i) => client.next('hangup', { call: replies[i].call })));
			assert.deepEqual(ends.map(e => e.reason), ['busy', 'busy'], `round ${round}`);
			if (round % 20 === 0)
				for (const [i, other] of ['bob', 'alice'].entries()) {
					await callBecomes(cluster, replies[i].call, 'busy');
					assert.ok(['on_call', 'engaged'].includes((await reasonsOf(cluster, replies[i].call))[other]));
				}
		}
		assert.equal(alice.all('incoming').length + bob.all('incoming').length, 0);
		await nothingHeld(cluster, alice, bob);
	});

	test('are both busy, or one rings the other, whatever the moment; never both, never neither', async t => {
		answerWhenAsked(1);
		const outcomes = { busy: 0, ring: 0 };
		for (let round = 0; round < 40; round++) {
			const names = [`alice${round}`, `bob${round}`];
			const both = await joinAll(t, ...names);
			const replies = await Promise.all([call(both[0], both[1]), call(both[1], both[0])]);
			const callers = both.filter((_, i) => replies[i].type === 'ok');
			if (callers.length === 2) {
				outcomes.busy++;
				for (const [i, client] of callers.entries())
					assert.equal((await client.next('hangup', { call: replies[i].call })).reason, 'busy');
				continue;
			}
			outcomes.ring++;                 // the one call was ringing before the other was made
			assert.equal(callers.length, 1, JSON.stringify(replies));
			const callee = both.find(client => client !== callers[0]);
			assert.equal(replies.find(r => r.type === 'error').code, 45304);
			await callee.request({ type: 'reject', call: (await callee.next('incoming')).call });
			await callers[0].next('hangup');
		}
		assert.equal(outcomes.busy + outcomes.ring, 40);
		await nothingHeld(cluster);
	});

	test('are all busy when three call in a circle', async t => {
		const three = await joinAll(t, 'alice', 'bob', 'carol');
		answerWhenAsked(3);
		for (let round = 0; round < 10; round++) {
			const replies = await Promise.all(three.map((client, i) => call(client, three[(i + 1) % 3])));
			for (const [i, client] of three.entries())
				assert.equal((await client.next('hangup', { call: replies[i].call })).reason, 'busy');
		}
		await nothingHeld(cluster, ...three);
	});

	test('can call again at once, and be rung a moment later', async t => {
		const [alice, bob] = await joinAll(t, 'alice', 'bob');
		answerWhenAsked(2);
		const replies = await Promise.all([call(alice, bob), call(bob, alice)]);
		await Promise.all([alice, bob].map((client, i) => client.next('hangup', { call: replies[i].call })));
		await nothingHeld(cluster, alice, bob);
		answerWhenAsked(1);
		const again = await call(alice, bob);
		await bob.request({ type: 'answer', token: (await bob.next('incoming')).token });
		await alice.next('answered', { call: again.call });
		await alice.request({ type: 'hangup', call: again.call });
		await bob.next('hangup');
		await nothingHeld(cluster, alice, bob);
	});
});
