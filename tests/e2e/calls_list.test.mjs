// calls_list.test.mjs - the list of an account's calls as the twilio package iterates and filters it.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import twilio from 'twilio';
import { startCluster } from '../support/cluster.mjs';
import { callBecomes } from '../support/calls.mjs';

describe('the list of calls', () => {
	let cluster, library, made;
	before(async () => {
		cluster = await startCluster({ presence: 1, routing: 2, env: { SWEEP_MS: '50' } });
		library = twilio(cluster.account.sid, cluster.account.auth_token);
		library.api.baseUrl = cluster.url;
		made = [];
		for (let i = 0; i < 130; i++) {
			const call = await library.calls.create({ to: `client:nobody${i % 3}`, from: `+1555010${i % 2}`, twiml: '<Response/>' });
			made.unshift(call.sid);
		}
		await Promise.all(made.map(sid => callBecomes(cluster, sid, 'no-answer')));
	});
	after(() => cluster?.stop());

	const sids = calls => calls.map(call => call.sid);
	const madeAs = wanted => made.filter((_, i) => wanted(made.length - 1 - i));
	const sorted = list => [...list].sort();

	test('holds all of them, newest first, however it is paged', async () => {
		for (const pageSize of [7, 100])
			assert.deepEqual(sorted(sids(await library.calls.list({ pageSize }))), sorted(made));
		assert.equal((await library.calls.list({ limit: 5 })).length, 5);
	});

	test('is filtered by To, From and Status, also when hardly any fits, on every page', async () => {
		assert.deepEqual(sorted(sids(await library.calls.list({ to: 'client:nobody1' }))), sorted(madeAs(i => i % 3 === 1)));
		assert.deepEqual(sorted(sids(await library.calls.list({ from: '+15550100', to: 'client:nobody0', pageSize: 3 }))), sorted(madeAs(i => i % 6 === 0)));
		assert.equal((await library.calls.list({ status: 'no-answer' })).length, made.length);
		assert.deepEqual(await library.calls.list({ status: 'completed' }), []);
		assert.deepEqual(await library.calls.list({ to: 'client:stranger', pageSize: 2 }), []);
		assert.deepEqual(await library.calls.list({ parentCallSid: made[0] }), [], 'the list holds no legs');
	});

	test('is filtered by when calls began', async () => {
		const hour = 3600_000, at = offset => new Date(Date.now() + offset);
		assert.equal((await library.calls.list({ startTimeAfter: at(-hour), startTimeBefore: at(hour) })).length, made.length);
		assert.deepEqual(await library.calls.list({ startTimeAfter: at(hour) }), []);
		assert.deepEqual(await library.calls.list({ startTimeBefore: at(-hour) }), []);
		const { body } = await cluster.api2010('GET', `/Calls.json?StartTime=${new Date().toISOString().slice(0, 10)}&PageSize=100`);
		assert.equal(body.calls.length, 100);
		assert.match(body.next_page_uri, /StartTime=/);
	});

	test('names a filter that is wrong', async () => {
		for (const [query, field] of [['Status=gone', 'Status'], ['StartTime=yesterday', 'StartTime'], ['StartTime%3C=2026-13-01', 'StartTime<'], ['PageToken=x', 'PageToken'], [`To=${'x'.repeat(300)}`, 'To']]) {
			const { status, body } = await cluster.api2010('GET', `/Calls.json?${query}`);
			assert.equal(status, 400, query);
			assert.ok(body.message.includes(field), body.message);
		}
	});
});
