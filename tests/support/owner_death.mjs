// owner_death.mjs - the routing instance that works on calls is killed, or stands still for a while, with 50 calls
// in one state: each goes on and ends as if nothing had been. What e2e/owner_death.*.mjs are made of.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startCluster } from './cluster.mjs';
import { Drill, nodeOf, recordsOf } from './drill.mjs';
import { until } from './process.mjs';

const CALLS = 50;
const SILENCE_MS = 1300;                 // by then others take the calls of who stands still
const ALL = ['the caller leaves', 'nobody answers', 'the callee leaves'];
const ANSWERED = ['the caller leaves', 'the callee leaves'];

/* What the calls wait for, and whether it is what happens next or what the owner should see to that is missing. */
const STATES = {
	new: { gate: 'new', endings: ALL, goOn: true },
	fetch: { gate: 'fetch', endings: ALL },
	claim: { gate: 'fetch', endings: ALL, isBrief: true },
	pause: { gate: 'pause', endings: ALL },
	ringing: { gate: 'ringing', endings: ALL },
	answered: { gate: 'answered', endings: ANSWERED, goOn: true },
	bridged: { gate: 'bridged', endings: ANSWERED },
	'the fetch of a Dial\'s action': { gate: 'action', endings: ['the callee leaves'], state: 'fetch' },
};

/** killed, stopped: names of states. */
export function theOwnerGoes({ killed = [], stopped = [] }) {
	describe(`the owner of calls goes, ${CALLS} calls at a time`, () => play(killed, stopped));
}

export const ALL_STATES = Object.keys(STATES);

function play(killed, stopped) {
	let cluster, drill, victims = 0;
	before(async () => {
		cluster = await startCluster({ presence: 2, routing: 3, haproxy: false, env: {
			SWEEP_MS: '50', NODE_LEASE_MS: '600', NODE_RENEW_MS: '100', CALLBACK_RETRY_MS: '50', FETCH_TOTAL_MS: '3000', FETCH_CONNECT_MS: '1000',
		} });
		drill = new Drill(cluster);
		await drill.join(CALLS);
	});
	after(async () => {
		drill?.leave();
		await cluster?.stop();
	});

	/** Another one each time; whatever was done to it, it is there again afterwards. */
	function nextVictim(t) {
		const victim = cluster.routing[victims++ % cluster.routing.length];
		t.after(async () => {
			victim.sigcont();
			await cluster.acquainted();
			if (victim.wasKilled)
				await victim.restart();
			await cluster.acquainted();
		});
		return victim;
	}

	const caught = async (node, state) => (await recordsOf(cluster)).some(record => record.node === node && record.state === state);

	/** Stops the victim while some of its calls are in that state, which they leave at once. */
	async function catchIn(victim, node, state) {
		for (let tries = 0; tries < 200; tries++) {
			victim.sigstop();
			if (await caught(node, state))
				return true;
			victim.sigcont();
			await sleep(1);
		}
		return false;
	}

	/** The victim stands still, and calls of its own are in the state. */
	async function arrest(victim, name, { gate, endings, goOn, isBrief, state = name }) {
		const node = await nodeOf(cluster, victim);
		const door = drill.start(gate, endings);
		if (gate === 'pause')
			await until(() => caught(node, 'pause'), 'calls pause');
		else
			await door.holds(CALLS);
		if (!isBrief)
			victim.sigstop();
		if (goOn || isBrief)
			door.open();
		if (isBrief)
			assert.ok(await catchIn(victim, node, state), `calls are caught in ${state}`);
		else
			await until(() => caught(node, state), `calls are in ${state}`);
		return door;
	}

	for (const name of killed) {
		test(`SIGKILL in ${name}`, async t => {
			const victim = nextVictim(t);
			const door = await arrest(victim, name, STATES[name]);
			await victim.kill9();
			door.open();
			await drill.judge();
		});
	}

	for (const name of stopped) {
		test(`SIGSTOP in ${name}, and SIGCONT when others take over`, async t => {
			const victim = nextVictim(t);
			const door = await arrest(victim, name, STATES[name]);
			door.open();
			await sleep(SILENCE_MS);
			victim.sigcont();
			await drill.judge();
		});
	}
}
