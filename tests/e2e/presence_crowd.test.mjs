// presence_crowd.test.mjs - thousands of clients, each watched by twenty: an instance is killed, another stands
// still, Redis pauses and restarts.  Every watcher hears every end once, and of nobody's end who is alive.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startCluster } from '../support/cluster.mjs';
import { inCrowds, joinCrowd, percentile, watchCrowd } from '../support/crowd.mjs';
import { until } from '../support/process.mjs';

const CLIENTS = 5000, WATCHERS = 200, WATCHED_BY = 20;
const LEASE_MS = 3000;
const ENV = { NODE_LEASE_MS: String(LEASE_MS), NODE_RENEW_MS: '1000', LIMIT_ACCOUNT_PER_S: '0', ADMIT_PER_S: '0', PING_MS: '30000', DEAD_MS: '60000' };

const names = Array.from({ length: CLIENTS }, (_, i) => `team${i % 100}/u${i}`);

describe('a crowd', () => {
	let cluster, members, watchers;

	/** The clients that the instance with this index holds. */
	const heldBy = index => names.filter((_, i) => i % 2 === index);
	const watchersOf = identity => watchers.filter(watcher => watcher.ledger.view.has(identity));
	const view = (watcher, identity) => watcher.ledger.view.get(identity);

	before(async () => {
		cluster = await startCluster({ presence: 3, routing: 0, haproxy: false, env: ENV });
		const joined = await inCrowds(names.map((identity, i) => ({ identity, at: cluster.presence[i % 2] })),
			({ identity, at }) => joinCrowd(cluster, identity, { at }));
		members = new Map(joined.map((member, i) => [names[i], member]));
		// Watcher w watches a tenth of all, so that each client has twenty watchers.
		const share = WATCHERS / WATCHED_BY;
		watchers = await inCrowds(Array.from({ length: WATCHERS }, (_, w) => w),
			w => watchCrowd(cluster, `watcher${w}`, names.filter((_, i) => Math.floor(i / 2) % share === w % share), { at: cluster.presence[2] }));
	});
	after(async () => {
		members?.forEach(member => member.cut());
		watchers?.forEach(watcher => watcher.cut());
		await cluster?.stop();
	});

	const forget = () => watchers.forEach(({ ledger }) => Object.assign(ledger, { told: new Map(), events: 0, backwards: 0, doubled: 0, resyncs: 0 }));

	/** Every watcher's view of these is `status`; answers how long after `since` each was told. */
	async function everybodyHears(identities, status, since, ms) {
		await until(async () => watchers.every(watcher => identities.every(identity => !view(watcher, identity) || view(watcher, identity).status === status)),
			`all are ${status}`, ms);
		return watchers.flatMap(({ ledger }) => identities.flatMap(identity => (ledger.told.get(identity) ?? []).map(({ at }) => at - since)));
	}

	/** What must never happen has not happened. */
	function nothingWrong(changed, expected) {
		const touched = new Set(changed);
		for (const { ledger } of watchers) {
			assert.equal(ledger.backwards, 0, 'a version went back');
			assert.equal(ledger.doubled, 0, 'the same version was told twice');
			for (const [identity, told] of ledger.told) {
				assert.ok(touched.has(identity), `${identity} was told as ${JSON.stringify(told)}`);
				assert.deepEqual(told.map(({ status }) => status), expected, identity);
			}
		}
	}

	test('is seen by its watchers', () => {
		assert.equal(watchers.reduce((sum, { ledger }) => sum + ledger.view.size, 0), CLIENTS * WATCHED_BY);
		for (const identity of [names[0], names.at(-1)]) {
			assert.equal(watchersOf(identity).length, WATCHED_BY);
			assert.ok(watchersOf(identity).every(watcher => view(watcher, identity).status === 'available'));
		}
	});

	test('a killed instance: each of its clients is told as offline to each watcher, once; nobody else is', async t => {
		const lost = heldBy(0);
		forget();
		const since = performance.now();
		await cluster.presence[0].kill9();
		const delays = await everybodyHears(lost, 'offline', since, 30_000);
		nothingWrong(lost, ['offline']);
		assert.equal(delays.length, lost.length * WATCHED_BY, 'events lost or doubled');
		t.diagnostic(`${delays.length} events, p50 ${Math.round(percentile(delays, 0.5))} ms, p99 ${Math.round(percentile(delays, 0.99))} ms after the kill`);
	});

	test('they come back on another instance: each is told once', async () => {
		const lost = heldBy(0);
		forget();
		const joined = await inCrowds(lost, identity => joinCrowd(cluster, identity, { at: cluster.presence[2], device: members.get(identity).welcome.device }));
		joined.forEach((member, i) => members.set(lost[i], member));
		const delays = await everybodyHears(lost, 'available', 0, 30_000);
		nothingWrong(lost, ['available']);
		assert.equal(delays.length, lost.length * WATCHED_BY);
	});

	test('an instance that stands still beyond its lease: offline once, and back once it goes on', async () => {
		const still = heldBy(1);
		forget();
		cluster.presence[1].process.kill('SIGSTOP');
		await everybodyHears(still, 'offline', 0, 30_000);
		cluster.presence[1].process.kill('SIGCONT');
		await everybodyHears(still, 'available', 0, 30_000);
		nothingWrong(still, ['offline', 'available']);
		assert.ok(still.every(identity => members.get(identity).socket.readyState === 1), 'the connections have lived through it');
	});

	const amnesty = () => cluster.redis.command('HGET', 'nodes:{n}', 'amnesty');

	/** A new one has begun since `before` was read, and whoever would be buried after it has been buried by now. */
	async function amnestyIsOver(before) {
		await until(async () => {
			const [ends, time] = [await amnesty(), await cluster.redis.command('TIME')];
			const [seconds] = String(time).match(/\d{10}/) ?? [0];  // nothing at all while it stands still
			return ends && ends !== before && Number(seconds) * 1000 > Number(ends) + LEASE_MS;
		}, 'the amnesty is over', 30_000);
	}

	test('Redis stands still for longer than the lease: nobody is offline', async () => {
		forget();
		const before = await amnesty();
		await cluster.redis.command('CLIENT', 'PAUSE', String(LEASE_MS + 1000), 'ALL');
		await amnestyIsOver(before);
		nothingWrong([], []);
		assert.ok(watchers.every(({ ledger }) => [...ledger.view.values()].every(document => document.status === 'available')));
	});

	test('Redis restarts: nobody is offline, every watcher has a new snapshot', async t => {
		forget();
		const [since, earlier] = [performance.now(), await amnesty()];
		await cluster.redis.shutdown();
		await cluster.redis.start();
		await until(async () => watchers.every(({ ledger }) => ledger.resyncs > 0), 'every watcher is told to start anew', 30_000);
		const before = watchers.map(({ ledger }) => ledger.snapshots);
		await until(async () => watchers.every(({ ledger }, i) => ledger.snapshots >= before[i] && ledger.snapshots > 1), 'every watcher has its snapshot', 30_000);
		t.diagnostic(`all resynced ${Math.round(performance.now() - since)} ms after the restart began`);
		await amnestyIsOver(before);
		nothingWrong([], []);
		assert.ok(watchers.every(({ ledger }) => [...ledger.view.values()].every(document => document.status === 'available')));
	});
});
