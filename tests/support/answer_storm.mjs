// answer_storm.mjs - rings that all devices of a client answer in the same tick, on different
// instances, by channel and by HTTP, at times together with the caller's hang-up: round after round.
import assert from 'node:assert/strict';
import { sdpOf, VoiceResponse } from './calls.mjs';
import { startCluster } from './cluster.mjs';
import { allTold, atRest, Books, heardOnce, recordsOf } from './drill.mjs';
import { rest } from './rest.mjs';

const LANES = 10;
const PATIENCE_MS = 20_000;
const FORGET_EVERY = 500;

/** So many rounds, LANES of them side by side; each lane has a client of its own, with a device on every presence instance. */
export async function answerStorm(t, rounds) {
	const cluster = await startCluster({ presence: 3, routing: 2, haproxy: false, env: { SWEEP_MS: '50' } });
	t.after(() => cluster.stop());
	const storm = new Storm(cluster);
	await storm.join();
	await Promise.all(storm.clients.map((_, lane) => storm.play(lane, rounds / LANES)));
	await storm.judge(rounds);
	storm.leave();
	t.diagnostic(`winners: ${JSON.stringify(storm.wins)}`);
}

class Storm {
	constructor(cluster) {
		this.cluster = cluster;
		this.books = new Books(cluster, '/status', '/leg');
		this.wins = { channel: 0, http: 0, nobody: 0 };
		this.winners = new Map();            // call -> the leg that won, or undefined
		cluster.customer.answer('/voice', ({ params }) => {
			const response = new VoiceResponse();
			response.dial({ timeout: 30 }).client({ statusCallback: '/leg', statusCallbackEvent: 'initiated ringing answered completed' }, `agent-${params.From.slice(5)}`);
			return String(response);
		});
	}

	async join() {
		const lanes = Array.from({ length: LANES }, (_, lane) => lane);
		const device = async (at, identity) => Object.assign(await this.cluster.connect(identity, { at }), { identity });
		this.clients = await Promise.all(lanes.map(lane => Promise.all(this.cluster.presence.map(at => device(at, `agent-${lane}`)))));
	}

	async play(lane, rounds) {
		for (let round = 0; round < rounds; round++) {
			await this.#round(this.clients[lane], lane, round);
			if (lane === 0 && round % FORGET_EVERY === 0)
				this.cluster.customer.forget();
		}
	}

	async #round(devices, lane, round) {
		const { routing } = this.cluster;
		const { status, body: { call } } = await this.cluster.communicate({ from: `+1555${lane}`, async: true, sdp: sdpOf('gateway'), at: routing[round % routing.length] });
		assert.equal(status, 202);
		const rings = await Promise.all(devices.map(device => device.next('incoming', { ms: PATIENCE_MS })));
		if (round % 2)
			devices.forEach((device, i) => device.send({ type: 'ringing', call: rings[i].call }));
		const answers = devices.map((device, i) => i === round % (2 * devices.length) ?
			this.#byHttp(rings[i], routing[(round + 1) % routing.length]) : this.#byChannel(device, rings[i]));
		const leaves = round % 10 === 9;     // the caller, at the same time
		const [replies] = await Promise.all([Promise.all(answers), leaves && this.#hangUp(call)]);
		await this.#oneWins(devices, call, rings, replies, leaves);
		await this.cluster.presenceBecomes(devices[0].identity, ({ status }) => status === 'available', 'is free again', PATIENCE_MS);
	}

	async #byChannel(device, ring) {
		const reply = await device.request({ type: 'answer', token: ring.token, sdp: sdpOf(ring.call) }, PATIENCE_MS);
		return { won: reply.type === 'ok', code: reply.code, how: 'channel' };
	}

	async #byHttp(ring, at) {
		const { status, body } = await rest('POST', `${at.url}/v1/Communications/Answer`, { json: { token: ring.token, sdp: sdpOf(ring.call) } });
		return { won: status === 200, code: body.code, how: 'http' };
	}

	#hangUp(call) {
		return this.cluster.v1('POST', `/Communications/${call}`, { json: { action: 'hangup' }, at: this.cluster.routing[0] });
	}

	/** One at most wins, and exactly one unless the caller left; each loser's answer is refused, and it hears one cancel. */
	async #oneWins(devices, call, rings, replies, callerLeft) {
		const winner = replies.findIndex(reply => reply.won);
		assert.ok(winner >= 0 || callerLeft, `${call}: ${JSON.stringify(replies)}`);
		assert.ok(replies.every((reply, i) => i === winner || [45302, 45303].includes(reply.code)), `${call}: ${JSON.stringify(replies)}`);
		for (const [i, device] of devices.entries())
			if (i === winner)
				await device.next('answered', { call: rings[i].call, ms: PATIENCE_MS });
			else
				assert.equal((await device.next('cancel', { call: rings[i].call, ms: PATIENCE_MS })).reason, winner < 0 ? 'caller_hangup' : 'answered_elsewhere');
		if (winner >= 0 && callerLeft)
			await devices[winner].next('hangup', { call: rings[winner].call, ms: PATIENCE_MS });
		else if (winner >= 0)
			assert.equal((await devices[winner].request({ type: 'hangup', call: rings[winner].call }, PATIENCE_MS)).type, 'ok');
		this.wins[winner < 0 ? 'nobody' : replies[winner].how]++;
		this.winners.set(call, rings[winner]?.call);
	}

	async judge(rounds) {
		await atRest(this.cluster);
		await allTold(this.cluster, this.books, 3 * PATIENCE_MS);
		heardOnce(this.clients.flat());
		const records = await recordsOf(this.cluster);
		assert.equal(records.length, rounds);
		for (const { call, produced } of records)
			for (let leg = 1; leg < produced.length; leg++) {
				const sid = call.slice(0, -6) + leg.toString(16).padStart(6, '0');
				assert.match(this.books.statusesOf(sid).join(' '), sid === this.winners.get(call) ? /^initiated ringing in-progress completed$/ : /^initiated (ringing )?canceled$/, sid);
			}
		assert.ok(this.wins.channel && this.wins.http, JSON.stringify(this.wins));
	}

	leave() {
		for (const device of this.clients.flat())
			device.cut();
	}
}
