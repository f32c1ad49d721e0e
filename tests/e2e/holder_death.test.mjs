// holder_death.test.mjs - one of three presence instances is killed with 50 calls that ring or talk: calls of
// others go on, who lost the other side hears it in time, and nothing stays claimed.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startCluster } from '../support/cluster.mjs';
import { Drill } from '../support/drill.mjs';
import { until } from '../support/process.mjs';

const CALLS = 50;
const NODE_LEASE_MS = 600, LEG_LOST_MS = 1000;

describe(`an instance that holds devices is killed, ${CALLS} calls at a time`, () => {
	let cluster, drill;
	before(async () => {
		cluster = await startCluster({ presence: 3, routing: 2, haproxy: false, env: {
			SWEEP_MS: '50', NODE_LEASE_MS: String(NODE_LEASE_MS), NODE_RENEW_MS: '100', LEG_LOST_MS: String(LEG_LOST_MS), CALLBACK_RETRY_MS: '50',
		} });
		drill = new Drill(cluster);
	});
	after(async () => {
		drill?.leave();
		await cluster?.stop();
	});

	/** Of each leg that it heard of, the client has heard the end. */
	const hearsEnds = client => until(async () => {
		const ended = new Set(client.heard.filter(({ type }) => type === 'cancel' || type === 'hangup').map(({ call }) => call));
		return client.heard.every(({ type, call }) => (type !== 'incoming' && type !== 'answered') || ended.has(call) || client.left.has(call));
	}, `${client.identity} hears the end`, NODE_LEASE_MS + LEG_LOST_MS + 5000);

	for (const [index, state, endings] of [
		[0, 'ringing', ['the caller leaves', 'nobody answers', 'the callee leaves']],
		[1, 'answered', ['the caller leaves', 'the callee leaves']],
		[2, 'bridged', ['the caller leaves', 'the callee leaves']],
	])
		test(`in ${state}`, async t => {
			const victim = cluster.presence[index];
			t.after(async () => {
				await cluster.acquainted();
				await victim.restart();
				await cluster.acquainted();
			});
			await drill.join(CALLS);
			const door = drill.start(state, endings);
			await door.holds(CALLS);
			await victim.kill9();
			door.open();
			for (const [i, result] of (await Promise.allSettled(drill.talks)).entries()) {
				const pair = [drill.callers[i], drill.callees[i]];
				if (pair.some(({ at }) => at === victim))
					await Promise.all(pair.filter(({ at }) => at !== victim).map(hearsEnds));
				else
					assert.equal(result.reason, undefined);
			}
			await drill.nothingIsLeft();
		});
});
