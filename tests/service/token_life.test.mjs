// token_life.test.mjs - a token's end on an open channel: the warning, the renewal, the expiry.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startCluster } from '../support/cluster.mjs';
import { accessToken, opened } from '../support/tokens.mjs';

let cluster, account;

before(async () => {
	cluster = await startCluster({ haproxy: false });
	account = cluster.account;
	cluster.customer.answer('/voice', '<Response><Pause length="60"/></Response>');
});
after(() => cluster?.stop());

const brief = (identity, seconds = 2, options) => accessToken(account, identity, { ttl: seconds, ...options });
const endOf = token => opened(token).payload.exp * 1000;

describe('a token that ends', { concurrency: true }, () => {
	test('is warned of, and takes the registration and the channel with it', async () => {
		const token = brief('ann');
		const ann = await cluster.connect('ann', { token });
		assert.equal(Date.parse(ann.welcome.expires_at), endOf(token));
		const { seconds } = await ann.next('token_will_expire');
		assert.ok(seconds >= 0 && seconds <= 2, `${seconds} s`);
		const error = await ann.next('error');
		assert.deepEqual([error.code, error.re], [20104, undefined]);
		assert.ok(Date.now() >= endOf(token) - 20 && Date.now() < endOf(token) + 1500);
		assert.equal((await ann.closed).code, 1008);
		await cluster.presenceBecomes('ann', p => p.status === 'offline', 'is offline');
		assert.equal(ann.all('token_will_expire').length, 1);
	});

	test('is warned of ten seconds before', async () => {
		const token = brief('bea', 12);
		const bea = await cluster.connect('bea', { token });
		assert.equal((await bea.next('token_will_expire')).seconds, 10);
		assert.ok(Math.abs(endOf(token) - Date.now() - 10_000) < 1100);
		await bea.close();
	});

	test('ends the registration but not the call', async () => {
		const cleo = await cluster.connect('cleo', { token: brief('cleo') });
		const { call } = await cleo.request({ type: 'call', to: 'client:nobody' });
		assert.ok(call);
		assert.equal((await cleo.next('error')).code, 20104);
		await cluster.presenceBecomes('cleo', p => p.device_count === 0, 'is not registered');
		assert.equal((await cleo.request({ type: 'call', to: 'client:nobody' })).code, 45102);
		assert.equal((await cleo.request({ type: 'status', status: 'away' })).code, 45203);
		assert.equal((await cluster.api2010('GET', `/Calls/${call}.json`, { at: cluster.routing[0] })).body.status, 'ringing');
		assert.equal((await cleo.request({ type: 'hangup', call })).type, 'ok');
		assert.equal((await cleo.closed).code, 1008);
		assert.equal((await cluster.readPresence('cleo')).status, 'offline');
	});

	test('ends the channel of a client that is not registered, too', async () => {
		const dora = await cluster.connect('dora', { token: brief('dora', 2, { incoming: false }) });
		assert.equal((await dora.next('error')).code, 20104);
		assert.equal((await dora.closed).code, 1008);
	});
});

describe('a token that is renewed', { concurrency: true }, () => {
	test('carries the registration on without a gap', async () => {
		const eve = await cluster.connect('eve', { token: brief('eve') });
		const { version } = await cluster.readPresence('eve');
		await eve.next('token_will_expire');
		const token = brief('eve', 4);
		const ok = await eve.request({ type: 'token', token });
		assert.deepEqual([ok.type, Date.parse(ok.expires_at)], ['ok', endOf(token)]);
		assert.ok((await eve.next('token_will_expire')).seconds >= 1);
		const error = await eve.next('error');
		assert.equal(error.code, 20104);
		assert.ok(Date.now() >= endOf(token) - 20, 'by the end of the new token');
		assert.equal((await cluster.readPresence('eve')).version >= version, true);
		await eve.closed;
	});

	test('takes the permissions of the new one', async () => {
		const fay = await cluster.connect('fay', { token: accessToken(account, 'fay', { outgoing: false }) });
		assert.equal((await fay.request({ type: 'call', to: 'client:nobody' })).code, 45102);
		assert.equal((await fay.request({ type: 'token', token: accessToken(account, 'fay') })).type, 'ok');
		const { type, call } = await fay.request({ type: 'call', to: 'client:nobody' });
		assert.equal(type, 'ok');
		await fay.request({ type: 'hangup', call });
		assert.equal((await fay.request({ type: 'token', token: accessToken(account, 'fay', { outgoing: false }) })).type, 'ok');
		assert.equal((await fay.request({ type: 'call', to: 'client:nobody' })).code, 45102);
		await fay.close();
	});

	test('has to be good, and the same client\'s; otherwise the old one counts on', async () => {
		const other = await cluster.addAccount();
		const gil = await cluster.connect('gil');
		const cases = {
			'another identity': [accessToken(account, 'bob'), 20106],
			'another account': [accessToken(other, 'gil'), 20108],
			'no permission to stay registered': [accessToken(account, 'gil', { incoming: false }), 20106],
			expired: [accessToken(account, 'gil', { ttl: -60 }), 20104],
			'25 hours': [accessToken(account, 'gil', { ttl: 25 * 3600 }), 31207],
			'a wrong signature': [accessToken({ ...account, key: { ...account.key, secret: 'x'.repeat(32) } }, 'gil'), 20107],
			'no token': ['x', 20101],
		};
		for (const [what, [token, code]] of Object.entries(cases))
			assert.equal((await gil.request({ type: 'token', token })).code, code, what);
		assert.equal((await gil.request({ type: 'status', status: 'away' })).type, 'ok');
		assert.equal((await cluster.readPresence('gil')).status, 'away');
		await gil.close();
	});
});
