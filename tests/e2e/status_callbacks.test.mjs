// status_callbacks.test.mjs - the customer hears every event it asked for, in order, once it can
// hear: a server that fails is asked again, and nothing overtakes.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startCluster } from '../support/cluster.mjs';
import { accountWith, isSigned, join, nothingHeld, sdpOf, VoiceResponse } from '../support/calls.mjs';
import { until } from '../support/process.mjs';

const EVENTS = 'initiated ringing answered completed';
const statusOf = requests => requests.map(r => r.params.CallStatus);

describe('status callbacks', () => {
	let cluster, number = 0;
	before(async () => {
		cluster = await startCluster({ presence: 2, routing: 2, env: { SWEEP_MS: '50', CALLBACK_RETRY_MS: '40', FETCH_TOTAL_MS: '500', FETCH_CONNECT_MS: '300' } });
	});
	after(() => cluster?.stop());

	/** A path of its own, the account that reports to it, and a Dial of bob whose leg does, too. */
	async function scene(t, fields) {
		const path = `/status${++number}`;
		const account = await accountWith(cluster, { status_callback: cluster.customer.url + path, ...fields });
		const response = new VoiceResponse();
		response.dial().client({ statusCallback: `${path}/leg`, statusCallbackEvent: EVENTS }, 'bob');
		cluster.customer.answer('/voice', String(response));
		const alice = await join(t, cluster, 'alice', { account, at: cluster.presence[0] });
		const bob = await join(t, cluster, 'bob', { account, at: cluster.presence[1] });
		return { path, account, alice, bob };
	}

	/** alice calls bob, who acknowledges, answers and hangs up. */
	async function talk({ alice, bob }) {
		const { call } = await alice.request({ type: 'call', to: 'client:bob', sdp: sdpOf('alice') });
		const ring = await bob.next('incoming');
		await bob.request({ type: 'ringing', call: ring.call });
		await bob.request({ type: 'answer', token: ring.token, sdp: sdpOf('bob') });
		await alice.next('answered');
		await bob.request({ type: 'hangup', call: ring.call });
		await alice.next('hangup');
		return { call, leg: ring.call };
	}

	/** Those that were answered with success, as soon as the last one has come. */
	async function delivered(path, isOver) {
		await until(() => isOver(cluster.customer.all(path)), `${path} hears the end`);
		return cluster.customer.all(path);
	}

	const over = requests => requests.some(r => r.params.CallStatus === 'completed' && r.answered !== 500);

	test('of the call and of its leg come in order, numbered, signed, with all that they promise', async t => {
		const actors = await scene(t);
		const { path, account } = actors;
		const { call, leg } = await talk(actors);
		const [ofCall, ofLeg] = [await delivered(path, over), await delivered(`${path}/leg`, over)];
		assert.deepEqual(statusOf(ofCall), ['completed'], 'of a call only its end, unless asked');
		assert.deepEqual(statusOf(ofLeg), ['initiated', 'ringing', 'in-progress', 'completed']);
		for (const [requests, sid, direction] of [[ofCall, call, 'inbound'], [ofLeg, leg, 'outbound-dial']])
			for (const request of requests) {
				const { params } = request;
				assert.ok(isSigned(request, account));
				assert.deepEqual([params.CallSid, params.AccountSid, params.From, params.To, params.Direction, params.ApiVersion, params.CallbackSource],
					[sid, account.sid, 'client:alice', 'client:bob', direction, '2010-04-01', 'call-progress-events']);
				assert.match(params.Timestamp, /^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d \+0000$/);
				assert.ok(Math.abs(Date.parse(params.Timestamp) - Date.now()) < 10_000);
			}
		assert.ok(ofLeg.every(r => r.params.ParentCallSid === call));
		assert.deepEqual([ofCall[0].params.CallDuration, ofLeg[3].params.CallDuration, ofLeg[3].params.Duration], ['0', '0', '0']);
		assert.deepEqual(ofCall.map(r => r.params.SequenceNumber), ['0'], 'each sid counts by itself, from 0');
		assert.deepEqual(ofLeg.map(r => r.params.SequenceNumber), ['0', '1', '2', '3']);
		await nothingHeld(cluster);
	});

	test('go on in order when the customer\'s server fails first: each is repeated until it is taken', async t => {
		const actors = await scene(t);
		const { path } = actors;
		const failures = new Map();
		cluster.customer.answer(`${path}/leg`, request => {
			const { CallStatus } = request.params;
			failures.set(CallStatus, (failures.get(CallStatus) ?? 0) + 1);
			request.answered = failures.get(CallStatus) <= 2 ? 500 : 204;
			return { status: request.answered };
		});
		await talk(actors);
		const heard = await delivered(`${path}/leg`, over);
		assert.deepEqual(statusOf(heard), ['initiated', 'ringing', 'in-progress', 'completed'].flatMap(status => [status, status, status]));
		for (const status of ['initiated', 'ringing', 'in-progress', 'completed']) {
			const tries = heard.filter(r => r.params.CallStatus === status);
			for (const same of [r => r.body, r => r.headers['i-twilio-idempotency-token'], r => r.headers['x-twilio-signature']])
				assert.equal(new Set(tries.map(same)).size, 1, 'a repeat is the same request');
		}
		assert.equal(new Set(heard.map(r => r.headers['i-twilio-idempotency-token'])).size, 4);
	});

	for (const [what, misbehave] of [
		['hangs up', () => { throw new Error('the connection is cut'); }],
		['never answers', () => new Promise(() => {})],
		['redirects', () => ({ status: 302, headers: { Location: '/elsewhere' } })],
		['says that it is gone', () => ({ status: 410 })],
	])
		test(`are repeated to a server that first ${what}`, async t => {
			const actors = await scene(t);
			let tries = 0;
			cluster.customer.answer(actors.path, request => {
				request.answered = ++tries === 1 ? 500 : 200;
				return tries === 1 ? misbehave() : { status: 200, body: 'x'.repeat(100_000) };
			});
			await talk(actors);
			assert.equal((await delivered(actors.path, over)).length, 2);
			assert.equal(cluster.customer.all('/elsewhere').length, 0);
		});

	test('of one call do not wait for those of another one that fails', async t => {
		const stuck = await scene(t);
		let healed = false;
		cluster.customer.answer(stuck.path, request => ({ status: request.answered = healed ? 204 : 500 }));
		await talk(stuck);
		await cluster.customer.next(stuck.path);
		const fine = await scene(t);
		await talk(fine);
		assert.equal((await delivered(fine.path, over)).length, 1);
		assert.ok(cluster.customer.all(stuck.path).every(r => r.answered === 500));
		healed = true;
		await delivered(stuck.path, over);
	});

	test('survive the instance that owed them: another one delivers', async t => {
		const actors = await scene(t);
		let healed = false;
		cluster.customer.answer(actors.path, request => ({ status: request.answered = healed ? 204 : 500 }));
		await talk(actors);
		await cluster.customer.next(actors.path);
		for (const instance of cluster.routing) {
			await instance.stop();
			await instance.restart();
		}
		healed = true;
		const heard = await delivered(actors.path, over);
		assert.equal(heard.filter(r => r.answered === 204).length, 1);
	});

	test('may be asked for by the communication itself', async t => {
		const actors = await scene(t);
		cluster.customer.answer('/voice', String(new VoiceResponse()));
		const { body } = await cluster.v1('POST', '/Communications', { account: actors.account, json: { from: '+15550123', to: actors.account.number.number, status_callback: `${cluster.customer.url}/own` } });
		const heard = await cluster.customer.next('/own', { matches: r => r.params.CallSid === body.call });
		assert.equal(heard.params.CallStatus, 'completed');
		assert.equal(cluster.customer.all(actors.path).length, 0, 'instead of the application\'s');
	});
});
