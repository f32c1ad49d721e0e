// dead_letters.test.mjs - webhooks that were given up: listed page by page, delivered after all, thrown away.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { accountWith, dial } from '../support/calls.mjs';
import { startCluster } from '../support/cluster.mjs';
import { until } from '../support/process.mjs';
import { eventOf, isSignedWithBody, tellPresence } from '../support/webhooks.mjs';

const ENV = { SWEEP_MS: '40', CALLBACK_RETRY_MS: '40', CALLBACK_GIVE_UP_S: '1', FETCH_TOTAL_MS: '500', FETCH_CONNECT_MS: '300', FETCH_BREAK_AFTER: '0' };

describe('dead letters', () => {
	let cluster, number = 0;
	const up = new Set();        // paths that succeed
	before(async () => {
		cluster = await startCluster({ presence: 1, routing: 1, haproxy: false, env: ENV });
	});
	after(() => cluster?.stop());

	/** An account and a path of the customer's server that fails until up.add(path). */
	async function scene(make = () => cluster.addAccount()) {
		const path = `/down${++number}`;
		const account = await make(cluster.customer.url + path);
		cluster.customer.answer(path, one => ({ status: one.answered = up.has(path) ? 200 : 500 }));
		return { account, path };
	}

	async function presenceScene() {
		const actors = await scene();
		await tellPresence(cluster, actors.account, actors.path);
		return actors;
	}

	const request = (account, method, path = '', options) => cluster.v1(method, `/DeadLetters${path}`, { account, ...options });

	async function list(account, query = '') {
		const answer = await request(account, 'GET', query);
		assert.equal(answer.status, 200, answer.text);
		return answer.body;
	}

	/** Waits until the account has n letters; returns them. */
	async function letters(account, n, query = '?PageSize=50') {
		let last;
		return until(async () => {
			last = (await list(account, query)).dead_letters;
			return last.length === n && last;
		}, `${n} dead letters`).catch(error => { throw new Error(`${error.message}; there are ${last?.length}`); });
	}

	const comesAndGoes = async (account, identity) => (await cluster.connect(identity, { account })).close();

	test('show what could not be told, why, and how often it was tried', async () => {
		const { account, path } = await presenceScene();
		await comesAndGoes(account, 'alice');
		const [online, offline] = await letters(account, 2);
		const { id, webhook_id, body, tries, died_at, ...rest } = online;
		assert.match(id, /^p\d+-\d+-\d+$/);
		assert.ok(tries > 1 && Math.abs(Date.now() - Date.parse(died_at)) < 60_000);
		assert.deepEqual(rest, { kind: 'presence', subject: 'alice', url: cluster.customer.url + path, why: 'status' });
		assert.equal(JSON.parse(body).id, webhook_id);
		assert.deepEqual([online, offline].map(letter => JSON.parse(letter.body).type), ['presence.online', 'presence.offline']);
		assert.deepEqual((await list(account, '?Kind=calls')).dead_letters, []);
	});

	test('tell no password, and of addresses that nobody may reach', async () => {
		const account = await cluster.addAccount();
		await tellPresence(cluster, account, '', { presence_webhook_url: 'http://me:secret@10.0.0.1/hook' });
		await comesAndGoes(account, 'eve');
		for (const letter of await letters(account, 2)) {
			assert.deepEqual([letter.why, letter.url], ['FETCH_BLOCKED', 'http://10.0.0.1/hook']);
			assert.doesNotMatch(JSON.stringify(letter), /secret/);
		}
		assert.doesNotMatch(cluster.presence[0].output, /me:secret/);
	});

	test('are delivered after all: one, with the id that it always had', async () => {
		const { account, path } = await presenceScene();
		await comesAndGoes(account, 'bob');
		const [online] = await letters(account, 2);
		const before = cluster.customer.all(path).length;
		up.add(path);
		assert.equal((await request(account, 'POST', `/${online.id}/Replay`)).status, 204);
		const arrived = await until(() => cluster.customer.all(path)[before], 'it is delivered');
		assert.equal(eventOf(arrived).id, online.webhook_id);
		assert.ok(isSignedWithBody(account, arrived));
		assert.equal(arrived.body, online.body);
		await letters(account, 1);
		assert.equal((await request(account, 'POST', `/${online.id}/Replay`)).status, 404, 'only once');
	});

	test('are delivered all together, in order, a kind at a time', async () => {
		const { account, path } = await presenceScene();
		for (const identity of ['a', 'b', 'c'])
			await comesAndGoes(account, identity);
		await letters(account, 6);
		const before = cluster.customer.all(path).length;
		up.add(path);
		const none = await request(account, 'POST', '/Replay', { json: { kind: 'calls' } });
		assert.deepEqual(none.body, { replayed: 0, left: 0 });
		const all = await request(account, 'POST', '/Replay', { json: { kind: 'presence' } });
		assert.deepEqual(all.body, { replayed: 6, left: 0 });
		const again = () => cluster.customer.all(path).slice(before).map(eventOf);
		await until(() => again().length === 6, 'all arrive');
		for (const identity of ['a', 'b', 'c'])
			assert.deepEqual(again().filter(event => event.identity === identity).map(event => event.type), ['presence.online', 'presence.offline']);
		await letters(account, 0);
	});

	test('of one client are also those that found no room while its account could not be told', async () => {
		const { account, path } = await presenceScene();
		const client = await cluster.connect('busy', { account });
		for (let i = 0; i < 110; i++)
			await client.request({ type: 'status', status: i % 2 ? 'available' : 'away' });
		up.add(path);
		await client.close();
		const told = () => cluster.customer.all(path).filter(one => one.answered === 200).map(eventOf);
		await until(() => told().some(event => event.type === 'presence.offline'), 'the others are told', 20_000);
		const { dead_letters } = await list(account, '?PageSize=50');
		for (const letter of dead_letters)
			assert.equal(letter.tries === 0, letter.why === 'overflow');
		assert.ok(dead_letters.filter(letter => letter.why === 'overflow').length >= 11);
		const ids = new Set([...told().map(event => event.id), ...dead_letters.map(letter => letter.webhook_id)]);
		assert.equal(ids.size, 112, 'nothing is lost: it came, changed 110 times, and went');
	});

	test('come page by page', async () => {
		const { account } = await presenceScene();
		for (const identity of ['a', 'b', 'c', 'd'])
			await comesAndGoes(account, identity);
		const all = (await letters(account, 8)).map(letter => letter.id);
		const paged = [];
		for (let query = '?PageSize=3'; query;) {
			const { dead_letters, next_page_token } = await list(account, query);
			assert.ok(dead_letters.length <= 3);
			paged.push(...dead_letters.map(letter => letter.id));
			query = next_page_token && `?PageSize=3&PageToken=${next_page_token}`;
		}
		assert.deepEqual(paged, all);
	});

	test('are thrown away', async () => {
		const { account } = await presenceScene();
		await comesAndGoes(account, 'carol');
		const [first, second] = await letters(account, 2);
		assert.equal((await request(account, 'DELETE', `/${first.id}`)).status, 204);
		assert.equal((await request(account, 'DELETE', `/${first.id}`)).status, 404);
		assert.deepEqual((await letters(account, 1))[0].id, second.id);
	});

	test('of calls are there too, and routing-svc delivers them', async () => {
		const { account, path } = await scene(url => accountWith(cluster, { status_callback: url }));
		cluster.customer.answer('/voice', dial('nobody'));
		await cluster.v1('POST', '/Communications', { account, at: cluster.routing[0], json: { from: '+15550123', to: account.number.number } });
		const [letter] = await letters(account, 1);
		assert.match(letter.id, /^c\d+-\d+-\d+$/);
		assert.equal(letter.kind, 'calls');
		assert.match(letter.subject, /^CA/);
		assert.equal(letter.url, cluster.customer.url + path);
		const before = cluster.customer.all(path).length;
		up.add(path);
		assert.deepEqual((await request(account, 'POST', '/Replay', { json: {} })).body, { replayed: 1, left: 0 });
		await until(() => cluster.customer.all(path).length > before, 'it arrives');
		assert.equal(cluster.customer.all(path).at(-1).body, letter.body);
	});

	test('belong to their account, and requests that are not good say what is not', async () => {
		const { account } = await presenceScene();
		await comesAndGoes(account, 'dave');
		const [letter] = await letters(account, 2);
		assert.deepEqual((await list(cluster.account)).dead_letters, []);
		for (const [method, path] of [['DELETE', `/${letter.id}`], ['POST', `/${letter.id}/Replay`]])
			assert.equal((await request(cluster.account, method, path)).status, 404);
		for (const path of ['/p999-1-0', '/x', '/p1-', '/q1-1-1'])
			assert.equal((await request(account, 'DELETE', path)).status, 404, path);
		for (const [field, query] of [['Kind', 'Kind=letters'], ['PageSize', 'PageSize=0'], ['PageSize', 'PageSize=51'], ['PageToken', 'PageToken=x'], ['PageToken', 'Kind=calls&PageToken=p1-1-1']]) {
			const answer = await request(account, 'GET', `?${query}`);
			assert.equal(answer.status, 400, query);
			assert.match(answer.body.message, new RegExp(`^${field}`), query);
		}
		const bad = await request(account, 'POST', '/Replay', { json: { kind: 7 } });
		assert.equal(bad.status, 400);
		assert.match(bad.body.message, /^kind/);
		assert.equal((await request(account, 'GET', '', { basic: [account.sid, 'wrong'] })).status, 401);
	});
});
