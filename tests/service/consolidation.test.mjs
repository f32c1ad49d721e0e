// consolidation.test.mjs - what many devices make of one client: a table, and random device sets with
// calls, through the real services and Redis, against a model of a few lines.
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { startCluster } from '../support/cluster.mjs';
import { until } from '../support/process.mjs';
import { rest } from '../support/rest.mjs';
import { accessToken } from '../support/tokens.mjs';

const PLAYERS = 8, GAMES = 3, STEPS = 25;

let cluster, account;

before(async () => {
	cluster = await startCluster({ haproxy: false, env: { LEG_LOST_MS: '200' } });
	account = cluster.account;
	cluster.customer.answer('/voice', '<Response><Pause length="60"/></Response>');
});
after(() => cluster?.stop());

// ---- the model (design 5.1, E3): live devices and claims in, the line out ----

const RANK = ['offline', 'away', 'busy', 'available', 'on_call', 'dnd'];
const MEDIA = ['voice', 'video', 'message'];
const highest = words => RANK[Math.max(0, ...words.map(word => RANK.indexOf(word)))];
const united = devices => MEDIA.filter(word => devices.some(d => d.media.includes(word)));

function model(devices) {
	const engaged = devices.some(d => d.claim === 'engaged');
	const isBlocked = engaged || devices.some(d => d.status === 'dnd');
	const ringable = isBlocked ? [] : devices.filter(d => d.held === 'channel' && !d.claim && d.status === 'available');
	return {
		status: highest([...devices.map(d => d.status), ...(engaged ? ['on_call'] : [])]),
		ringable: united(ringable), media: united(devices), device_count: devices.length,
	};
}

// ---- real devices ----

let clients = 0;
const newClient = () => `client-${++clients}`;

async function byChannel(identity, profile) {
	const channel = await cluster.connect(identity, profile);
	return {
		...profile, held: 'channel', id: channel.welcome.device,
		say: async change => assert.equal((await channel.request({ type: 'status', ...change })).type, 'ok'),
		leave: () => channel.close(),
		async call() {
			// A call that was hung up lets its device go soon, not at once.
			const answer = await until(async () => {
				const reply = await channel.request({ type: 'call', to: 'client:nobody' });
				return reply.code !== 45304 && reply;
			}, 'the device may call', 3000);
			assert.equal(answer.type, 'ok', JSON.stringify(answer));
			Object.assign(this, { claim: 'engaged', engagedIn: answer.call });
		},
		async hangUp() {
			const answer = await channel.request({ type: 'hangup', call: this.engagedIn });
			assert.equal(answer.type, 'ok', JSON.stringify(answer));
			delete this.claim;
		},
	};
}

async function byLease(identity, profile) {
	const bearer = accessToken(account, identity);
	const url = `${cluster.url}/v1/Accounts/${account.sid}/Devices`;
	const { body } = await rest('POST', url, { bearer, json: profile });
	return {
		...profile, held: 'lease', id: body.device,
		say: async change => assert.equal((await rest('PUT', `${url}/${body.device}`, { bearer, json: change })).status, 200),
		leave: async () => assert.equal((await rest('DELETE', `${url}/${body.device}`, { bearer })).status, 204),
	};
}

const line = ({ status, ringable, media, device_count }) => ({ status, ringable, media, device_count });

/** What others do (the end of a channel, of a call) is carried out soon, not at once. */
async function shows(identity, devices, what) {
	const expected = JSON.stringify(model(devices));
	let presence;
	await until(async () => {
		presence = await cluster.readPresence(identity);
		return JSON.stringify(line(presence)) === expected;
	}, 'as the model says', 3000).catch(() => assert.deepEqual(line(presence), model(devices), `${what}: ${JSON.stringify(devices)}`));
	assert.deepEqual(presence.devices.map(d => [d.device, d.status, d.held]).sort(), devices.map(d => [d.id, d.status, d.held]).sort(), what);
	return presence;
}

const voice = status => ({ status, media: ['voice'] });

// the devices' own words, and what is shown of the client
const table = [
	[[], 'offline', []],
	[['available'], 'available', ['voice']],
	[['away'], 'away', []],
	[['busy'], 'busy', []],
	[['dnd'], 'dnd', []],
	[['available', 'available'], 'available', ['voice']],
	[['available', 'away'], 'available', ['voice']],
	[['available', 'busy'], 'available', ['voice']],
	[['available', 'dnd'], 'dnd', []],
	[['away', 'busy'], 'busy', []],
	[['away', 'dnd'], 'dnd', []],
	[['busy', 'dnd'], 'dnd', []],
	[['available', 'away', 'busy'], 'available', ['voice']],
	[['available', 'away', 'busy', 'dnd'], 'dnd', []],
];

describe('the shown word', () => {
	for (const [words, status, ringable] of table) {
		test(`${words.join(' + ') || 'no device'} is ${status}, ${ringable.length ? 'ringable' : 'not ringable'}`, async () => {
			for (const order of [words, words.toReversed()]) {
				const identity = newClient();
				const devices = [];
				for (const word of order)
					devices.push(await byChannel(identity, voice(word)));
				const presence = await cluster.readPresence(identity);
				assert.deepEqual([presence.status, presence.ringable], [status, ringable]);
				assert.equal(status, model(devices).status);
				await Promise.all(devices.map(d => d.leave()));
			}
		});
	}

	test('on_call is above available, below dnd, blocks ringing, and ends with the call', async () => {
		const identity = newClient();
		const [talking, idle] = [await byChannel(identity, voice('available')), await byChannel(identity, voice('available'))];
		await talking.call();
		assert.deepEqual(line(await shows(identity, [talking, idle], 'in a call')), { status: 'on_call', ringable: [], media: ['voice'], device_count: 2 });
		await idle.say({ status: 'dnd' });
		idle.status = 'dnd';
		assert.equal((await shows(identity, [talking, idle], 'dnd in a call')).status, 'dnd');
		await idle.leave();
		assert.equal((await shows(identity, [talking], 'alone in a call')).status, 'on_call');
		await talking.hangUp();
		assert.deepEqual((await shows(identity, [talking], 'after the call')).ringable, ['voice']);
		await talking.leave();
	});

	test('a leased device counts, and cannot be rung', async () => {
		const identity = newClient();
		const leased = await byLease(identity, { status: 'available', media: ['voice', 'video'] });
		await shows(identity, [leased], 'leased alone');
		const channel = await byChannel(identity, voice('away'));
		await shows(identity, [leased, channel], 'leased and away');
		await Promise.all([leased.leave(), channel.leave()]);
	});

	test('since changes with the word alone, last_seen and version with everything', async () => {
		const identity = newClient();
		const first = await byChannel(identity, voice('available'));
		const before = await cluster.readPresence(identity);
		const second = await byChannel(identity, voice('away'));
		const after = await cluster.readPresence(identity);
		assert.equal(after.since, before.since);
		assert.ok(after.version > before.version);
		await first.say({ status: 'busy' });
		assert.ok((await cluster.readPresence(identity)).since > before.since);
		await Promise.all([first.leave(), second.leave()]);
	});
});

const pick = list => list.length ? list[randomInt(list.length)] : undefined;
const someMedia = () => MEDIA.filter(() => randomInt(2));
const someProfile = () => ({ status: pick(['available', 'away', 'busy', 'dnd']), media: someMedia() });

const actions = {
	async connect(identity, devices) { devices.push(await byChannel(identity, someProfile())); },
	async lease(identity, devices) { devices.push(await byLease(identity, someProfile())); },
	async change(_, devices) {
		const device = pick(devices);
		const change = pick([someProfile(), { status: pick(['available', 'away', 'busy', 'dnd']) }, { media: someMedia() }, {}]);
		await device.say(change);
		Object.assign(device, change);
	},
	async leave(_, devices) { await devices.splice(randomInt(devices.length), 1)[0].leave(); },
	async call(_, devices) { await pick(devices.filter(d => d.held === 'channel' && !d.claim))?.call(); },
	async hangUp(_, devices) { await pick(devices.filter(d => d.claim))?.hangUp(); },
};

function choicesFor(devices) {
	if (devices.length === 0)
		return ['connect', 'lease'];
	return devices.length > 6 ? ['change', 'leave', 'hangUp'] : Object.keys(actions);
}

describe('random device sets', () => {
	test(`${PLAYERS * GAMES} clients of ${STEPS} steps each show what the model says, and their versions only rise`, async () => {
		const play = async () => {
			const identity = newClient();
			const devices = [], story = [];
			let version = 0;
			for (let step = 0; step < STEPS; step++) {
				const choice = pick(choicesFor(devices));
				story.push(choice);
				await actions[choice](identity, devices);
				const now = (await shows(identity, devices, story.join(' '))).version;
				assert.ok(now >= version, story.join(' '));
				version = now;
			}
			await Promise.all(devices.map(d => d.leave()));
			await shows(identity, [], 'everybody has left');
		};
		for (let game = 0; game < GAMES; game++)
			await Promise.all(Array.from({ length: PLAYERS }, play));
	});

	test('at the same time by many hands end in one consistent state', async () => {
		const identity = newClient();
		const devices = await Promise.all(Array.from({ length: 20 }, (_, i) => (i % 2 ? byChannel : byLease)(identity, someProfile())));
		await Promise.all(devices.map(async device => {
			for (let i = 0; i < 10; i++) {
				const change = someProfile();
				await device.say(change);
				Object.assign(device, change);
			}
		}));
		await shows(identity, devices, 'after the storm');
		await Promise.all(devices.splice(0, 10).map(d => d.leave()));
		await shows(identity, devices, 'half have left');
		await Promise.all(devices.map(d => d.leave()));
		await shows(identity, [], 'all have left');
	});
});
