// wake.test.mjs - a client who is offline is woken by the account's own server, and rung once it registers.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import twilio from 'twilio';
import { startCluster } from '../support/cluster.mjs';
import { accountWith, callBecomes, dial, reasonsOf, sdpOf, traceOf } from '../support/calls.mjs';
import { until } from '../support/process.mjs';
import { accessToken } from '../support/tokens.mjs';

let cluster;
before(async () => { cluster = await startCluster({ presence: 2, routing: 2, env: { SWEEP_MS: '50', NODE_LEASE_MS: '600', NODE_RENEW_MS: '100' } }); });
after(() => cluster?.stop());

/** An account of the test's own, with a wake_url; its address answers with this document. */
async function desk(t, document, settings) {
	const name = t.name.replaceAll(/[^a-z]+/gi, '-');
	const paths = { voice: `/${name}`, wake: `/${name}/wake` };
	cluster.customer.answer(paths.voice, document);
	const account = await accountWith(cluster, { voice_url: cluster.customer.url + paths.voice }, { wake_url: cluster.customer.url + paths.wake, ...settings });
	const mine = {
		v1: (method, path, options) => cluster.v1(method, path, { account, ...options }),
		api2010: (method, path, options) => cluster.api2010(method, path, { account, ...options }),
	};
	return {
		account, paths, ...mine,
		join: async (identity, at = cluster.presence[1]) => {
			const client = await cluster.connect(identity, { at, account });
			t.after(() => client.socket.terminate());
			return client;
		},
		call: async () => (await mine.v1('POST', '/Communications', { json: { from: '+15550123', to: account.number.number, async: true } })).body.call,
		becomes: (call, status) => callBecomes(mine, call, status),
		trace: (call, event) => traceOf(mine, call, event),
		reasons: call => reasonsOf(mine, call),
	};
}

const answer = async client => {
	const ring = await client.next('incoming');
	assert.equal((await client.request({ type: 'answer', token: ring.token, sdp: sdpOf('woken') })).type, 'ok');
	return ring;
};

test('is asked for, signed, and rings as soon as it registers', async t => {
	const { account, paths, join, call, becomes, trace } = await desk(t, dial(['ann', 'bob'], { timeout: 20 }));
	const id = await call();
	const requests = await Promise.all(['ann', 'bob'].map(identity => cluster.customer.next(paths.wake, { matches: r => JSON.parse(r.body).identity === identity })));
	assert.deepEqual(JSON.parse(requests[1].body), { account: account.sid, identity: 'bob', call: id, from: '+15550123', media: 'voice' });
	for (const request of requests) {
		assert.ok(twilio.validateRequestWithBody(account.auth_token, request.headers['x-twilio-signature'], request.url, request.body));
		assert.match(request.headers['webhook-id'], new RegExp(`^${id}-wake-(ann|bob)$`));
	}
	const ring = await answer(await join('bob'));
	await becomes(id, 'in-progress');
	assert.deepEqual((await trace(id, 'wake')).map(e => e.detail.client), ['ann', 'bob']);
	assert.equal(ring.to, 'client:bob');
	assert.equal(cluster.customer.all(paths.wake).length, 2, 'each is asked for once');
});

test('who has only a lease is asked for as well', async t => {
	const { account, paths, v1, join, call, becomes } = await desk(t, dial('ann', { timeout: 20 }));
	assert.equal((await v1('POST', '/Devices', { basic: undefined, bearer: accessToken(account, 'ann'), json: { ttl: 60 } })).status, 201);
	const id = await call();
	await cluster.customer.next(paths.wake);
	await answer(await join('ann'));
	await becomes(id, 'in-progress');
});

test('a call that the backend creates waits, too', async t => {
	const { paths, api2010, join, becomes } = await desk(t, '<Response/>');
	const { body } = await api2010('POST', '/Calls.json', { form: { To: 'client:ann', From: '+15550199', Twiml: '<Response><Hangup/></Response>' } });
	await cluster.customer.next(paths.wake);
	await answer(await join('ann'));
	await becomes(body.sid, 'completed');
});

test('the call goes on without who does not come in time', async t => {
	const { paths, call, becomes, reasons, trace } = await desk(t, dial('ann', { timeout: 20 }), { wake_hold_s: 1 });
	cluster.customer.answer(paths.wake, { status: 500 });
	const since = performance.now();
	const id = await call();
	await becomes(id, 'no-answer');
	const took = performance.now() - since;
	assert.ok(took > 950 && took < 3000, `after ${took} ms`);
	assert.deepEqual(await reasons(id), { ann: 'offline' });
	assert.deepEqual((await trace(id, 'dial_over'))[0].detail, { status: 'no-answer', outcome: 'unreachable' });
	assert.equal(cluster.customer.all(paths.wake).length, 1);
});

test('nobody is woken while somebody rings', async t => {
	const { paths, join, call, becomes } = await desk(t, dial(['ann', 'bob'], { timeout: 20 }));
	const ann = await join('ann');
	const id = await call();
	await answer(ann);
	await becomes(id, 'in-progress');
	assert.equal(cluster.customer.all(paths.wake).length, 0);
});

test('a hang-up ends the waiting', async t => {
	const { paths, api2010, call, becomes } = await desk(t, dial('ann', { timeout: 20 }), { wake_hold_s: 30 });
	const id = await call();
	await cluster.customer.next(paths.wake);
	await api2010('POST', `/Calls/${id}.json`, { form: { Status: 'completed' } });
	await becomes(id, 'canceled');
});

test('whoever takes the call over goes on waiting', async t => {
	const { paths, join, call, becomes, trace } = await desk(t, dial('ann', { timeout: 20 }), { wake_hold_s: 30 });
	const id = await call();
	await cluster.customer.next(paths.wake);
	const [{ host }] = await until(async () => { const events = await trace(id, 'wake'); return events.length && events; }, 'the waking is traced');
	const owner = cluster.routing.find(instance => instance.name === host);
	await owner.kill9();
	t.after(async () => { await owner.restart(); await cluster.acquainted(); });
	await until(async () => (await trace(id, 'adopted')).length, 'the call is adopted');
	await answer(await join('ann'));
	await becomes(id, 'in-progress');
	const ids = cluster.customer.all(paths.wake).map(request => request.headers['webhook-id']);
	assert.equal(new Set(ids).size, 1, 'a repeat can be told by its id');
});
