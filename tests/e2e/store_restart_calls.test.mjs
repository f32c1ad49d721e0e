// store_restart_calls.test.mjs - Redis is killed and started again, with 50 calls in one state: what was
// promised before holds afterwards, and whoever says again what was refused is served.
import { after, before, describe, test } from 'node:test';
import { startCluster } from '../support/cluster.mjs';
import { Drill, recordsOf } from '../support/drill.mjs';
import { until } from '../support/process.mjs';

const CALLS = 50;
const ALL = ['the caller leaves', 'nobody answers', 'the callee leaves'];
const ANSWERED = ['the caller leaves', 'the callee leaves'];

describe(`the store restarts, ${CALLS} calls at a time`, () => {
	let cluster, drill;
	before(async () => {
		cluster = await startCluster({ presence: 2, routing: 2, haproxy: false, env: {
			SWEEP_MS: '50', NODE_LEASE_MS: '1000', NODE_RENEW_MS: '100', CALLBACK_RETRY_MS: '50', FETCH_TOTAL_MS: '3000', FETCH_CONNECT_MS: '1000', REDIS_TIMEOUT_MS: '600',
		} });
		drill = new Drill(cluster);
		await drill.join(CALLS);
	});
	after(async () => {
		drill?.leave();
		await cluster?.stop();
	});

	async function restart() {
		await cluster.redis.crash();
		await cluster.redis.start();
	}

	for (const [name, gate, endings] of [
		['fetch', 'fetch', ALL], ['pause', 'pause', ALL], ['ringing', 'ringing', ALL], ['bridged', 'bridged', ANSWERED],
		['the fetch of a Dial\'s action', 'action', ['the callee leaves']],
	])
		test(`in ${name}`, async () => {
			const door = drill.start(gate, endings, { isPatient: true });
			if (gate === 'pause')
				await until(async () => (await recordsOf(cluster)).some(({ state }) => state === 'pause'), 'calls pause');
			else
				await door.holds(CALLS);
			await restart();
			door.open();
			await drill.judge();
		});

	for (const [state, gate, endings] of [['new', 'new', ALL], ['claim', 'fetch', ALL], ['answered', 'answered', ANSWERED]])
		test(`while calls pass through ${state}`, async () => {
			const door = drill.start(gate, endings, { isPatient: true });
			await door.holds(CALLS);
			door.open();
			await until(async () => (await recordsOf(cluster)).some(record => record.state === state), `a call is in ${state}`);
			await restart();
			await drill.judge();
		});
});
