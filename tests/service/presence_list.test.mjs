// presence_list.test.mjs - GET Presence: every filter against all documents, pages while others come and go, tokens, who may list.
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { startCluster } from '../support/cluster.mjs';
import { populate } from '../support/population.mjs';
import { rest } from '../support/rest.mjs';
import { accessToken, forgedToken, opened } from '../support/tokens.mjs';

const CHANNELS = 25, LEASES = 60, GAMES = 150;
const STATUSES = ['available', 'away', 'busy', 'dnd'], MEDIA = ['voice', 'video', 'message'];
const TEAMS = ['support/', 'support/tier1/', 'sales/', ''];
const SKILLS = ['billing', 'french', 'a=b', 'long walks & tea'];

let cluster, account, other;

before(async () => {
	cluster = await startCluster({ routing: 0, haproxy: false });
	account = cluster.account;
	other = await cluster.addAccount();
});
after(() => cluster?.stop());

const query = entries => new URLSearchParams(entries).toString();
const list = (entries = {}, options = {}) => cluster.v1('GET', `/Presence?${query(entries)}`, options);
const names = answer => answer.body.clients.map(c => c.identity);

async function listed(entries, options) {
	const answer = await list(entries, options);
	assert.equal(answer.status, 200, answer.text);
	return answer;
}

/** All pages, by their addresses as they are given. */
async function everyPage(entries, options = {}) {
	const pages = [await listed(entries, options)];
	while (pages.at(-1).body.next_page_uri) {
		const answer = await rest('GET', cluster.url + pages.at(-1).body.next_page_uri, { basic: [account.key.sid, account.key.secret] });
		assert.equal(answer.status, 200, answer.text);
		pages.push(answer);
		assert.ok(pages.length < 1000);
	}
	return pages;
}

const everybody = async (entries, options) => (await everyPage(entries, options)).flatMap(names);

async function lease(identity, json = {}, owner = account) {
	const answer = await rest('POST', `${cluster.url}/v1/Accounts/${owner.sid}/Devices`, { bearer: accessToken(owner, identity), json: { ttl: 600, ...json } });
	assert.equal(answer.status, 201, answer.text);
	return answer.body.device;
}

const endLease = (identity, device) => rest('DELETE', `${cluster.url}/v1/Accounts/${account.sid}/Devices/${device}`, { bearer: accessToken(account, identity) });

function watcher(watch, identity = 'observer') {
	const { header, payload } = opened(accessToken(account, identity));
	return { basic: undefined, bearer: forgedToken(header, { ...payload, grants: { ...payload.grants, presence: { watch } } }, account.key.secret) };
}

// ---- random clients, random filters ----

const pick = words => words[randomInt(words.length)];
const some = words => words.filter(() => randomInt(2));

function profile() {
	const media = some(MEDIA), skills = some(SKILLS);
	return {
		status: randomInt(2) ? 'available' : pick(STATUSES), media: media.length ? media : ['voice'],
		attributes: { ...(skills.length && { skill: skills.length > 1 ? skills : skills[0] }), ...(randomInt(2) && { level: String(randomInt(3)) }) },
	};
}

function filter() {
	const entries = [];
	if (randomInt(3) === 0)
		entries.push(['Prefix', pick(['support/', 'support/tier1', 's', 'sales/c1', 'nobody', 'c'])]);
	if (randomInt(3) === 0)
		entries.push(['Status', pick([...STATUSES, 'offline', 'on_call'])]);
	for (const name of ['Media', 'Ringable'])
		if (randomInt(3) === 0)
			entries.push(...(randomInt(3) ? [pick(MEDIA)] : MEDIA.slice(0, 2)).map(word => [name, word]));
	for (let i = randomInt(3); i > 0; i--)
		entries.push(pick([['Attribute.skill', pick(SKILLS)], ['Attribute.level', String(randomInt(3))], ['Attribute.none', 'x']]));
	return entries;
}

/** What the document says of itself. */
function fits(document, entries) {
	const has = (name, value) => document.devices.some(d => [d.attributes[name] ?? []].flat().includes(value));
	return entries.every(([name, value]) => {
		switch (name) {
		case 'Prefix': return document.identity.startsWith(value);
		case 'Status': return document.status === value;
		case 'Media': return document.media.includes(value);
		case 'Ringable': return document.ringable.includes(value);
		default: return has(name.slice('Attribute.'.length), value);
		}
	});
}

describe('a list', () => {
	let identities, documents, channels;

	before(async () => {
		identities = Array.from({ length: CHANNELS + LEASES }, (_, i) => `${TEAMS[i % TEAMS.length]}c${i}`);
		channels = await Promise.all(identities.slice(0, CHANNELS).map(identity => cluster.connect(identity, profile())));
		await Promise.all(identities.slice(CHANNELS).map(identity => lease(identity, profile())));
		await Promise.all(identities.filter(() => randomInt(4) === 0).map(identity => lease(identity, profile())));
		for (const identity of identities.slice(CHANNELS, CHANNELS + 5))
			await cluster.v1('PUT', `/Presence/${encodeURIComponent(identity)}`, { json: { status: pick(['offline', 'busy']), note: 'x' } });
		const gone = identities.slice(-5);
		for (const identity of gone)
			for (const { device } of (await cluster.readPresence(identity)).devices)
				assert.equal((await endLease(identity, device)).status, 204);
		documents = await Promise.all(identities.map(identity => cluster.readPresence(identity)));
	});
	after(() => Promise.all(channels.map(channel => channel.close())));

	test('shows each client as GET Presence shows it', async () => {
		const shown = (await everyPage({ PageSize: '1000' })).flatMap(page => page.body.clients);
		const known = documents.map(({ devices, ...document }) => document);
		const byName = (a, b) => a.identity < b.identity ? -1 : 1;
		assert.deepEqual(shown.sort(byName), known.sort(byName));
	});

	test(`is what the filter makes of all documents, ${GAMES} times over, whatever the size of the pages`, async () => {
		for (let game = 0; game < GAMES; game++) {
			const entries = filter();
			const size = pick(['1', '7', '50', '1000']);
			const expected = documents.filter(d => fits(d, entries)).map(d => d.identity).sort();
			const found = await everybody([...entries, ['PageSize', size]]);
			assert.deepEqual(found.sort(), expected, `${JSON.stringify(entries)} by ${size}`);
		}
	});

	test('comes in the same order, in pages of any size', async () => {
		const whole = await everybody({ PageSize: '1000' });
		for (const size of ['1', '13', '84', '85', '86'])
			assert.deepEqual(await everybody({ PageSize: size }), whole, size);
		assert.deepEqual((await everyPage({ PageSize: '10' })).slice(0, 3).map(page => page.body.clients.length), [10, 10, 10]);
		assert.equal(names(await listed()).length, 50);
	});

	test('has an ETag for its very page', async () => {
		const entries = { Prefix: 'sales/', PageSize: '5' };
		const etag = (await listed(entries)).headers.get('etag');
		for (const given of [etag, `W/${etag}`, `"x", ${etag}`, '*']) {
			const same = await list(entries, { headers: { 'If-None-Match': given } });
			assert.deepEqual([same.status, same.text, same.headers.get('etag')], [304, '', etag], given);
		}
		assert.equal((await list({ ...entries, PageSize: '6' }, { headers: { 'If-None-Match': etag } })).status, 200);
		await cluster.v1('PUT', '/Presence/sales%2Fc2', { json: { note: 'here' } });
		const changed = (await everyPage(entries)).find(page => names(page).includes('sales/c2'));
		assert.equal(changed.body.clients.find(c => c.identity === 'sales/c2').note, 'here');
		assert.equal((await list({ ...entries, PageSize: '1000' }, { headers: { 'If-None-Match': etag } })).status, 200);
	});
});

describe('pages', () => {
	test('show who stays, once, while others come and go', async () => {
		const stay = Array.from({ length: 40 }, (_, i) => `pages/stays-${i}`);
		await Promise.all(stay.map(identity => lease(identity)));
		let comings = 0, isOver = false;
		const writer = (async () => {
			while (!isOver) {
				const identity = `pages/${pick(['a', 'stays-1', 'stays-3', 'z'])}-guest-${++comings}`;
				const device = await lease(identity);
				await endLease(identity, device);
			}
		})();
		try {
			for (let round = 0; round < 10; round++) {
				const found = await everybody({ Prefix: 'pages/', Status: 'available', PageSize: '3' });
				const stayed = found.filter(name => stay.includes(name));
				assert.deepEqual(stayed.sort(), [...stay].sort());
				assert.equal(new Set(found).size, found.length);
			}
		} finally {
			isOver = true;
			await writer;
		}
		assert.ok(comings > 10);
	});

	test('go on with a token that a page gave, and with no other', async () => {
		await Promise.all(['t1', 't2', 't3', 't4'].map(name => lease(`token/${name}`)));
		const { body } = await listed({ Prefix: 'token/', PageSize: '1' });
		const token = body.next_page_token;
		assert.ok(body.next_page_uri.endsWith(`PageSize=1&PageToken=${token}`));
		const spoilt = Array.from(token, (c, i) => token.slice(0, i) + (c === 'A' ? 'B' : 'A') + token.slice(i + 1));
		for (const wrong of [...spoilt, token.slice(0, -1), token + 'A', '', 'x', '0', 'AAAAAAAAAAAAAAAAAAAAAAAAAAAA', 'ü', 'A'.repeat(2000)]) {
			const answer = await list({ Prefix: 'token/', PageSize: '1', PageToken: wrong });
			assert.deepEqual([answer.status, answer.body.field], [400, 'PageToken'], wrong);
		}
		await lease('token/t1', {}, other);
		const theirs = await rest('GET', `${cluster.url}/v1/Accounts/${other.sid}/Presence?PageToken=${token}`, { basic: [other.sid, other.auth_token] });
		assert.deepEqual([theirs.status, theirs.body.field], [400, 'PageToken']);
	});

	test('are short rather than long to come where few of many fit', async () => {
		const rare = 'rare/needle';
		await lease(rare, { media: ['message'] });
		await populate(cluster.redis, account, 'rare/hay-', 9000);
		const pages = await everyPage({ Prefix: 'rare/', Media: 'message' });
		assert.deepEqual(pages.flatMap(names), [rare]);
		assert.ok(pages.length > 1 && pages.length < 10, `${pages.length} pages`);
		assert.deepEqual(await everybody({ Prefix: 'rare/needle' }), [rare]);
	});
});

describe('what cannot be asked is refused, naming the parameter', () => {
	const wrong = [
		['Prefix', 'a b'], ['Prefix', '/'], ['Prefix', 'a//'], ['Prefix', '../'], ['Prefix', 'ü'], ['Prefix', 'a'.repeat(122)],
		['Status', 'asleep'], ['Status', ''], ['Media', 'fax'], ['Media', ''], ['Ringable', 'yes'], ['Ringable', 'voice,video'],
		['PageSize', '0'], ['PageSize', '1001'], ['PageSize', 'x'], ['PageSize', '-1'], ['PageSize', ''],
		['Attribute.', 'x'], [`Attribute.${'n'.repeat(65)}`, 'x'], ['Attribute.skill', 'v'.repeat(65)], ['Attribute.a\tb', 'x'],
	];
	for (const [name, value] of wrong) {
		test(`${name}=${value}`.slice(0, 40), async () => {
			const answer = await list([[name, value]]);
			assert.equal(answer.status, 400, answer.text);
			assert.equal(answer.body.field, name.startsWith('Attribute.') ? 'Attribute.' : name);
		});
	}

	test('one of a kind given twice, too many attributes', async () => {
		for (const entries of [[['Prefix', 'a'], ['Prefix', 'b']], [['Status', 'busy'], ['Status', 'busy']], Array.from({ length: 9 }, (_, i) => ['Attribute.skill', String(i)])])
			assert.deepEqual([(await list(entries)).status, (await list(entries)).body.field], [400, entries[0][0].replace('skill', '')]);
		assert.equal((await list(Array.from({ length: 8 }, (_, i) => ['Attribute.skill', String(i)]))).status, 200);
	});

	test('but not what nobody knows', async () => {
		assert.equal((await list({ Colour: 'red', prefix: 'a b' })).status, 200);
	});
});

describe('who may list', () => {
	const cases = [
		[['*'], { '': 200, 'support/': 200 }],
		[['support/*'], { 'support/': 200, 'support/tier1/': 200, support: 403, 'sales/': 403, '': 403 }],
		['support/tier1/*', { 'support/': 403, 'support/tier1/a': 200 }],
		[['support/c0'], { 'support/c0': 403, '': 403 }],
		[[], { observer: 403, '': 403 }],
	];
	for (const [watch, expected] of cases) {
		test(`the grant to watch ${JSON.stringify(watch)} covers just those prefixes`, async () => {
			for (const [Prefix, status] of Object.entries(expected))
				assert.equal((await list(Prefix ? { Prefix } : {}, watcher(watch))).status, status, Prefix);
		});
	}

	test('an account sees its own clients only', async () => {
		await lease('theirs/x', {}, other);
		assert.deepEqual(await everybody({ Prefix: 'theirs/' }), []);
		assert.equal((await list({}, { basic: [other.sid, other.auth_token] })).status, 404);
		assert.equal((await list({}, { basic: undefined, bearer: accessToken(other, 'x') })).status, 403);
	});
});
