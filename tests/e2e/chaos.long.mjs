// chaos.long.mjs - 50 calls at a time, and at any moment of them a routing instance is killed, or stands still: each
// call goes on and ends as if nothing had been. owner_death.test.mjs does the same state by state.
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startCluster } from '../support/cluster.mjs';
import { Drill } from '../support/drill.mjs';

const CALLS = 50, ROUNDS = 30, LONGEST_MS = 4000, SILENCE_MS = 2500;

const below = n => Math.floor(Math.random() * n);

test(`an owner goes at any moment, ${ROUNDS} times`, async t => {
	const cluster = await startCluster({ presence: 2, routing: 3, haproxy: false, env: {
		SWEEP_MS: '50', NODE_LEASE_MS: '600', NODE_RENEW_MS: '100', CALLBACK_RETRY_MS: '50', FETCH_TOTAL_MS: '3000', FETCH_CONNECT_MS: '1000',
	} });
	t.after(() => cluster.stop());
	const drill = new Drill(cluster);
	await drill.join(CALLS);
	for (let round = 0; round < ROUNDS; round++) {
		const victim = cluster.routing[below(3)], isKilled = round % 2 === 0, after = below(round % 4 < 2 ? LONGEST_MS : 150), silence = below(SILENCE_MS);
		t.diagnostic(`round ${round}: ${victim.name} ${isKilled ? 'killed' : `stands still for ${silence} ms`} after ${after} ms`);
		drill.start('nowhere', ['the caller leaves', 'nobody answers', 'the callee leaves', 'the callee leaves']);
		await sleep(after);
		if (isKilled) {
			await victim.kill9();
		} else {
			victim.sigstop();
			await sleep(silence);
			victim.sigcont();
		}
		await drill.judge();
		await cluster.acquainted();
		if (isKilled)
			await victim.restart();
		await cluster.acquainted();
	}
	drill.leave();
});
