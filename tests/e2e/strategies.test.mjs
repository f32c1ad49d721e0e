// strategies.test.mjs - who rings: groups, aliases, what a device has to have, and clients who take turns.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startCluster } from '../support/cluster.mjs';
import { accountWith, callBecomes, claimsOf, dial, reasonsOf, sdpOf, traceOf } from '../support/calls.mjs';
import { until } from '../support/process.mjs';

const AGAIN = { SWEEP_MS: '50', NODE_LEASE_MS: '600', NODE_RENEW_MS: '100' };
let cluster;
before(async () => { cluster = await startCluster({ presence: 2, routing: 2, env: AGAIN }); });
after(() => cluster?.stop());

/** An account of the test's own, whose address answers with this document; clients join on the instances by turns. */
async function desk(t, document, settings) {
	const path = `/${t.name.replaceAll(/[^a-z]+/gi, '-')}`;
	cluster.customer.answer(path, document);
	const account = await accountWith(cluster, { voice_url: cluster.customer.url + path }, settings);
	const mine = {
		redis: cluster.redis,
		v1: (method, path, options) => cluster.v1(method, path, { account, ...options }),
		api2010: (method, path, options) => cluster.api2010(method, path, { account, ...options }),
	};
	let turn = 0;
	return {
		...mine,
		join: async (identity, options) => {
			const client = await cluster.connect(identity, { at: cluster.presence[turn++ % 2], account, ...options });
			t.after(() => client.socket.terminate());
			return Object.assign(client, { identity });
		},
		call: async () => (await mine.v1('POST', '/Communications', { json: { from: '+15550123', to: account.number.number, async: true } })).body.call,
		becomes: (call, status) => callBecomes(mine, call, status),
		trace: (call, event) => traceOf(mine, call, event),
		reasons: call => reasonsOf(mine, call),
		order: async call => (await until(async () => (await traceOf(mine, call, 'order'))[0], 'the order is known')).detail,
		isFree: () => until(async () => await claimsOf(cluster, account) === '', 'no device is claimed'),
	};
}

async function reject(client, reason = 'declined') {
	const ring = await client.next('incoming');
	assert.equal((await client.request({ type: 'reject', call: ring.call, reason })).type, 'ok');
}

async function answer(client) {
	const ring = await client.next('incoming');
	assert.equal((await client.request({ type: 'answer', token: ring.token, sdp: sdpOf(client.identity) })).type, 'ok');
	return ring;
}

const byName = (clients, name) => clients.find(client => client.identity === name);
const isSilent = clients => assert.deepEqual(clients.flatMap(client => client.all('incoming')), []);

describe('whom a Dial names', () => {
	test('a group rings everybody below its prefix who can be rung for the medium, nobody else', async t => {
		const { join, call, becomes } = await desk(t, dial('support/*'));
		const rung = await Promise.all([join('support/ann'), join('support/tier2/bob')]);
		const others = await Promise.all([join('support/dnd', { status: 'dnd' }), join('support/films', { media: ['video'] }), join('supporters'), join('sales/carl')]);
		const id = await call();
		assert.equal((await rung[0].next('incoming')).to, 'client:support/ann');
		assert.equal((await answer(rung[1])).to, 'client:support/tier2/bob');
		assert.equal((await rung[0].next('cancel')).reason, 'answered_elsewhere');
		await becomes(id, 'in-progress');
		isSilent(others);
	});

	test('a group in which nobody can be rung ends the Dial at once', async t => {
		const { join, call, becomes, reasons } = await desk(t, dial('support/*'));
		await join('support/ann', { status: 'away' });
		const id = await call();
		await becomes(id, 'no-answer');
		assert.deepEqual(await reasons(id), { 'support/*': 'nobody_ringable' });
	});

	test('an alias rings its members, each of them once', async t => {
		const { v1, join, call, becomes, reasons, isFree } = await desk(t, dial(['night-shift', 'ann']));
		assert.equal((await v1('PUT', '/Aliases/night-shift', { json: { members: ['ann', 'bob', 'carl'] } })).status, 201);
		const clients = await Promise.all([join('ann'), join('bob')]);
		const id = await call();
		await Promise.all(clients.map(client => reject(client)));
		await becomes(id, 'busy');
		assert.deepEqual(await reasons(id), { ann: 'named_twice', carl: 'offline' });
		assert.deepEqual(clients.map(client => client.all('incoming').map(ring => ring.to)), [['client:ann'], ['client:bob']]);
		await isFree();
	});

	test('a call created by the backend rings the members of an alias', async t => {
		const { v1, api2010, join, becomes } = await desk(t, '<Response/>');
		await v1('PUT', '/Aliases/desk', { json: { members: ['ann', 'bob'] } });
		const [ann, bob] = await Promise.all([join('ann'), join('bob')]);
		const { body } = await api2010('POST', '/Calls.json', { form: { To: 'client:desk', From: '+15550199', Twiml: '<Response><Hangup/></Response>' } });
		await reject(ann);
		await answer(bob);
		await becomes(body.sid, 'completed');
	});

	test('only a device that has all that is required rings', async t => {
		const { join, call, becomes, reasons, isFree } = await desk(t, dial(['ann', 'bob', 'carl'].map(name => [name, { require: 'skill=billing lang=de' }])));
		const fits = await join('ann', { attributes: { skill: ['billing', 'sales'], lang: 'de' } });
		const others = await Promise.all([
			join('ann', { attributes: { skill: 'billing' } }), // another device of the same client
			join('bob', { attributes: { skill: 'billing', lang: 'en' } }), join('bob', { attributes: { skill: 'sales', lang: 'de' } }), join('carl'),
		]);
		const id = await call();
		await reject(fits);
		await becomes(id, 'busy');
		isSilent(others);
		assert.deepEqual(await reasons(id), { bob: 'requirement', carl: 'requirement' });
		await isFree();
	});

	test('a group rings only whom its requirement fits', async t => {
		const { join, call, becomes } = await desk(t, dial([['support/*', { require: 'skill=billing' }]]));
		const [fits, other] = await Promise.all([join('support/ann', { attributes: { skill: 'billing' } }), join('support/bob', { attributes: { skill: 'sales' } })]);
		const id = await call();
		await reject(fits);
		await becomes(id, 'busy');
		isSilent([other]);
	});
});

describe('turns', () => {
	test('in order: the next one rings when the one before has declined, or its time is over', async t => {
		const { join, call, becomes, order, reasons, trace } = await desk(t, dial(['dora', 'ann', 'bob', 'carl'], { sequential: true, timeout: 1 }));
		const [ann, bob, carl] = await Promise.all([join('ann'), join('bob'), join('carl')]);
		const id = await call();
		await reject(ann);
		const unanswered = await bob.next('incoming');
		isSilent([carl]);
		assert.equal((await bob.next('cancel', { call: unanswered.call })).reason, 'timeout');
		await answer(carl);
		const late = await bob.request({ type: 'answer', token: unanswered.token, sdp: sdpOf('bob') });
		assert.equal(late.type, 'error', 'his turn is over');
		await becomes(id, 'in-progress');
		assert.deepEqual(await order(id), { strategy: 'in_order', clients: ['dora', 'ann', 'bob', 'carl'] });
		assert.deepEqual(await reasons(id), { dora: 'offline' });
		assert.deepEqual((await trace(id, 'turn_over')).map(e => e.detail.outcome), ['declined', 'no-answer']);
		assert.deepEqual([ann, bob, carl].map(client => client.all('incoming').length), [1, 1, 1]);
	});

	test('the last one decides how the Dial ends', async t => {
		const { join, call, becomes, trace, isFree } = await desk(t, dial(['ann', 'bob'], { sequential: true, timeout: 20 }));
		const [ann, bob] = await Promise.all([join('ann'), join('bob')]);
		const id = await call();
		await reject(ann, 'declined');
		await reject(bob, 'busy');
		await becomes(id, 'busy');
		assert.deepEqual((await trace(id, 'dial_over'))[0].detail, { status: 'busy', outcome: 'busy' });
		await isFree();
	});

	test('in rotation: every call begins with the next one, whichever instance has it', async t => {
		const { join, call, becomes, order } = await desk(t, dial('team/*', { strategy: 'round_robin', timeout: 20 }));
		const clients = await Promise.all(['team/a', 'team/b', 'team/c'].map(name => join(name)));
		const firsts = [];
		for (let i = 0; i < 6; i++) {
			const id = await call();
			const { clients: names } = await order(id);
			firsts.push(names[0]);
			for (const name of names)
				await reject(byName(clients, name));
			await becomes(id, 'busy');
		}
		assert.equal(new Set(firsts.slice(0, 3)).size, 3, `first were ${firsts}`);
		assert.deepEqual(firsts.slice(3), firsts.slice(0, 3));
	});

	test('longest idle: whoever has been available for longest is first; who talks is not asked', async t => {
		const { join, call, becomes, order, reasons } = await desk(t, dial(['ann', 'bob', 'carl', 'dora', 'erik'], { strategy: 'longest_idle', timeout: 20 }));
		const carl = await join('carl');
		const ann = await join('ann');
		const bob = await join('bob');
		await join('dora', { status: 'dnd' });
		const first = await call();
		const talk = await answer(carl);
		await becomes(first, 'in-progress');
		await ann.request({ type: 'status', status: 'busy' });
		await ann.request({ type: 'status', status: 'available' }); // since now: bob for longer
		const second = await call();
		await reject(bob);
		await reject(ann);
		await becomes(second, 'busy');
		assert.deepEqual((await order(second)).clients, ['bob', 'ann', 'carl', 'dora', 'erik']);
		assert.deepEqual(await reasons(second), { carl: 'on_call', dora: 'dnd', erik: 'offline' });
		await carl.request({ type: 'hangup', call: talk.call });
		await becomes(first, 'completed');
	});

	test('the end of the call ends the turns', async t => {
		const { api2010, join, call, becomes, isFree } = await desk(t, dial(['ann', 'bob'], { sequential: true, timeout: 20 }));
		const [ann, bob] = await Promise.all([join('ann'), join('bob')]);
		const id = await call();
		const ring = await ann.next('incoming');
		await api2010('POST', `/Calls/${id}.json`, { form: { Status: 'completed' } });
		assert.equal((await ann.next('cancel', { call: ring.call })).reason, 'completed');
		await becomes(id, 'canceled');
		isSilent([bob]);
		await isFree();
	});

	test('whoever takes the call over goes on with the same order', async t => {
		const { join, call, becomes, order, trace } = await desk(t, dial('team/*', { strategy: 'round_robin', timeout: 20 }));
		const clients = await Promise.all(['team/a', 'team/b', 'team/c'].map(name => join(name)));
		const id = await call();
		const { clients: names } = await order(id);
		const [ringing] = await until(async () => { const events = await trace(id, 'ring'); return events.length && events; }, 'the first one rings');
		assert.equal(ringing.detail.client, names[0]);
		const owner = cluster.routing.find(instance => instance.name === ringing.host);
		await owner.kill9();
		t.after(async () => { await owner.restart(); await cluster.acquainted(); });
		for (const name of names)
			await reject(byName(clients, name));
		await becomes(id, 'busy');
		assert.equal((await trace(id, 'order')).length, 1);
		assert.equal((await trace(id, 'adopted')).length, 1);
	});
});

describe('call waiting', () => {
	for (const call_waiting of [true, false]) {
		test(`who talks on one device ${call_waiting ? 'is rung on the others' : 'is busy'}, as the account has it (${call_waiting})`, async t => {
			const { join, call, becomes, reasons } = await desk(t, dial('ann', { timeout: 20 }), { call_waiting });
			const desktop = await join('ann', { app: 'desk' });
			const first = await call();
			const talk = await answer(desktop);
			await becomes(first, 'in-progress');
			const mobile = await join('ann', { app: 'mobile' });
			const second = await call();
			if (call_waiting)
				await reject(mobile);
			await becomes(second, 'busy');
			assert.deepEqual(await reasons(second), call_waiting ? {} : { ann: 'on_call' });
			assert.equal(mobile.all('incoming').length, call_waiting ? 1 : 0);
			assert.equal(desktop.all('incoming').length, 1);
			await desktop.request({ type: 'hangup', call: talk.call });
			await becomes(first, 'completed');
		});
	}
});
