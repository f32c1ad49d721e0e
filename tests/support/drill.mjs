// drill.mjs - many calls at once that can be held in one state while something is broken, and
// the books that have to balance afterwards: records, claims, deadlines, status callbacks.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import WebSocket from 'ws';
import { claimsOf, sdpOf, VoiceResponse } from './calls.mjs';
import { inCrowds } from './crowd.mjs';
import { until, within } from './process.mjs';

export const RING_S = 3;
const EVENTS = 'initiated ringing answered completed';
const PATIENCE_MS = 20_000;
const NO_SUCH_LEG = 45204, ALREADY_ANSWERED = 45302, CALL_ENDED = 45303, BUSY = 45304;

/** Where calls wait: whoever comes to `state` first stays there until the gate is opened. */
class Gate {
	constructor(state) {
		this.state = state;
		this.waiting = new Set();
		this.opened = new Promise(resolve => { this.open = resolve; });
	}

	async pass(state, who) {
		if (state !== this.state || this.waiting.has(who))
			return;
		this.waiting.add(who);
		await this.opened;
	}

	holds(n) {
		return until(async () => this.waiting.size >= n, `${n} calls wait in ${this.state}`, PATIENCE_MS)
			.catch(error => { throw new Error(`${error.message}; it is ${this.waiting.size}`); });
	}
}

/** What the customer's server was told of calls and legs: each event once, in order. */
export class Books {
	constructor(cluster, ...paths) {
		this.subjects = new Map();       // sid -> [{number, status, id, body}], each first time
		this.repeated = 0;
		for (const path of paths)
			cluster.customer.answer(path, request => this.#enter(request));
	}

	#enter({ params, headers, body }) {
		const told = this.subjects.get(params.CallSid) ?? [];
		const id = headers['i-twilio-idempotency-token'];
		const before = told.find(event => event.id === id);
		if (before) {
			this.repeated++;
			if (before.body !== body)
				this.differing = `${before.body}\n${body}`;
		} else {
			told.push({ number: Number(params.SequenceNumber), status: params.CallStatus, id, body });
			this.subjects.set(params.CallSid, told);
		}
		return { status: 204 };
	}

	statusesOf(sid) {
		return (this.subjects.get(sid) ?? []).map(event => event.status);
	}

	/** Exactly what the records say was produced. */
	balance(records) {
		assert.equal(this.differing, undefined, 'a repeat says the same');
		for (const { call, produced } of records)
			for (const [leg, n] of produced.entries()) {
				const sid = call.slice(0, -6) + leg.toString(16).padStart(6, '0');
				assert.deepEqual((this.subjects.get(sid) ?? []).map(event => event.number), Array.from({ length: n }, (_, i) => i), sid);
				if (leg > 0)
					assert.match(this.statusesOf(sid).join(' '), /^initiated (ringing )?(in-progress completed|canceled|busy|no-answer)$/, sid);
			}
	}
}

const RECORDS = `
local out = {}
for _, key in ipairs(redis.call('KEYS', 'call:{c*}:*')) do
	local have = redis.call('HMGET', key, 'st', 'own', 'seq', 'legs', 'status')
	local produced = { tonumber(have[3] or '0') }
	for n = 1, tonumber(have[4] or '0') do
		produced[n + 1] = tonumber(redis.call('HGET', key, 'q' .. n) or '0')
	end
	out[#out + 1] = { call = string.match(key, '}:(.*)$'), state = have[1], node = string.match(have[2] or '', '^[^.]*'), produced = produced }
end
return #out == 0 and '[]' or cjson.encode(out)`;

/** Every call's {call, state, node that owns it, produced: callbacks of the call and of its legs}. */
export const recordsOf = async cluster => JSON.parse(await cluster.redis.command('EVAL', RECORDS, 0));

const NODE = `
local flat = redis.call('HGETALL', 'nodes:{n}')
for i = 1, #flat, 2 do
	if string.match(flat[i + 1], '^[^|]*|([^|]*)|[^|]*|alive') == ARGV[1] then
		return flat[i]
	end
end
return ''`;

/** The node id of a running instance. */
export const nodeOf = (cluster, instance) => cluster.redis.command('EVAL', NODE, 0, instance.name);

const DUE = `
local out = {}
for _, pattern in ipairs(ARGV) do
	for _, key in ipairs(redis.call('KEYS', pattern)) do
		out[#out + 1] = key .. ' ' .. table.concat(redis.call('ZRANGE', key, 0, 9, 'WITHSCORES'), ' ')
	end
end
return table.concat(out, '\\n')`;

/** Nothing is left of any call within `ms`: no claim, nothing to look at; every record is closed. */
export async function atRest(cluster, ms = 5000) {
	let left;
	await until(async () => {
		const open = (await recordsOf(cluster)).filter(record => record.state !== 'ended');
		left = [await claimsOf(cluster), await cluster.redis.command('EVAL', DUE, 0, 'D:{c*}'), open.map(record => JSON.stringify(record)).join('\n')].join('\n').trim();
		return left === '';
	}, 'no claim, no deadline, no open record', ms).catch(error => { throw new Error(`${error.message}: ${left}`); });
}

/** Every status callback is delivered, and the books balance. */
export async function allTold(cluster, books, ms = PATIENCE_MS) {
	let left;
	await until(async () => (left = await cluster.redis.command('EVAL', DUE, 0, 'O:{c*}')) === '', 'all callbacks are delivered', ms)
		.catch(error => { throw new Error(`${error.message}: ${left}`); });
	books.balance(await recordsOf(cluster));
}

/** Each leg has rung its device once, and ended once for it. */
export function heardOnce(clients) {
	for (const client of clients) {
		const heard = new Map();
		for (const { type, call } of client.heard.filter(message => ['incoming', 'answered', 'cancel', 'hangup'].includes(message.type)))
			heard.set(call, [...heard.get(call) ?? [], type]);
		for (const [call, types] of heard)
			assert.match(types.join(' '), /^(incoming )?(cancel|answered|hangup|answered hangup)$/, `${client.identity} ${call}`);
	}
}

/** Pairs of clients, a caller and a callee each, over the presence instances. */
export class Drill {
	constructor(cluster) {
		this.cluster = cluster;
		this.books = new Books(cluster, '/status', '/leg');
		this.gate = new Gate('nowhere');
		cluster.customer.answer('/voice', ({ params }) => this.gate.pass('fetch', params.CallSid).then(() => this.#document(params.To)));
		cluster.customer.answer('/action', ({ params }) => this.gate.pass('action', params.CallSid).then(() => '<Response><Hangup/></Response>'));
	}

	#document(to) {
		const response = new VoiceResponse();
		if (this.gate.state === 'pause')
			response.pause({ length: 1 });
		response.dial({ timeout: RING_S, action: '/action' })
			.client({ statusCallback: '/leg', statusCallbackEvent: EVENTS }, to.replace('client:', ''));
		return String(response);
	}

	/** Also once more, for those whose channel is closed. */
	async join(n) {
		const { presence } = this.cluster;
		const numbers = Array.from({ length: n }, (_, i) => i);
		const connect = (name, old, next) => async i => {
			if (old?.[i].socket.readyState === WebSocket.OPEN)
				return old[i];
			const at = presence[(i + next) % presence.length], identity = `${name}-${i}`;
			return Object.assign(await this.cluster.connect(identity, { at }), { identity, at, left: new Set() });
		};
		this.callers = await inCrowds(numbers, connect('caller', this.callers, 0));
		this.callees = await inCrowds(numbers, connect('callee', this.callees, 1));
	}

	leave() {
		for (const client of [...this.callers ?? [], ...this.callees ?? []])
			client.cut();
	}

	/**
	 * Everybody calls; the calls stop in `state`.  endings: how a call goes on, in turns.  With isPatient, whoever is
	 * told that the store is away says it again.
	 */
	start(state, endings, { isPatient = false } = {}) {
		this.gate = new Gate(state);
		this.isPatient = isPatient;
		this.talks = this.callers.map((caller, i) => this.#talk(caller, this.callees[i], endings[i % endings.length]));
		for (const talk of this.talks)
			talk.catch(() => {});
		return this.gate;
	}

	/** `taken`: codes that say that it was done the first time, when that one's reply was lost. */
	async #say(client, message, taken) {
		for (let tries = 0; ; tries++) {
			const reply = await client.request(message, PATIENCE_MS);
			if (reply.type === 'ok' || (tries > 0 && taken.includes(reply.code)))
				return reply;
			assert.ok(this.isPatient && tries < 100 && (reply.code >= 45500 || (tries > 0 && reply.code === BUSY)), `${client.identity} ${message.type}: ${JSON.stringify(reply)}`);
			await sleep(50);
		}
	}

	/** Of a call that was refused, and is being unmade, a ring may come before. */
	async #ringOf(callee, call) {
		for (;;) {
			const ring = await callee.next('incoming', { ms: PATIENCE_MS });
			if (ring.call.startsWith(call.slice(0, -6)))
				return ring;
			assert.ok(this.isPatient, `${callee.identity} is rung by ${ring.call} instead of ${call}`);
		}
	}

	async #talk(caller, callee, ending) {
		await this.gate.pass('new', caller);
		const { call } = await this.#say(caller, { type: 'call', to: `client:${callee.identity}`, sdp: sdpOf(caller.identity) }, []);
		const ring = await this.#ringOf(callee, call);
		const since = performance.now();
		callee.send({ type: 'ringing', call: ring.call });
		await this.gate.pass('ringing', caller);
		if (ending === 'nobody answers')
			await this.#rungOut(caller, callee, call, ring, since);
		else
			await this.#answered(caller, callee, call, ring, ending);
	}

	async #rungOut(caller, callee, call, ring, since) {
		const { reason } = await callee.next('cancel', { call: ring.call, ms: PATIENCE_MS });
		const took = performance.now() - since;
		assert.equal(reason, 'timeout');
		assert.ok(took < RING_S * 1000 + 1000, `${callee.identity} rang for ${took} ms`);
		await caller.next('hangup', { call, ms: PATIENCE_MS });
	}

	async #answered(caller, callee, call, ring, ending) {
		await this.gate.pass('answered', caller);
		await this.#say(callee, { type: 'answer', token: ring.token, sdp: sdpOf(callee.identity) }, [ALREADY_ANSWERED]);
		await Promise.all([caller.next('answered', { call, ms: PATIENCE_MS }), callee.next('answered', { call: ring.call, ms: PATIENCE_MS })]);
		await this.gate.pass('bridged', caller);
		const [leaves, own, stays, other] = ending === 'the caller leaves' ? [caller, call, callee, ring.call] : [callee, ring.call, caller, call];
		leaves.left.add(own);
		await this.#say(leaves, { type: 'hangup', call: own }, [CALL_ENDED, NO_SUCH_LEG]);
		await stays.next('hangup', { call: other, ms: PATIENCE_MS });
	}

	/** All calls have ended as they should, and nothing is left of them. */
	async judge() {
		await within(Promise.all(this.talks), 'all calls end', 3 * PATIENCE_MS);
		await this.nothingIsLeft();
	}

	/** However the calls went. */
	async nothingIsLeft() {
		await atRest(this.cluster);
		await allTold(this.cluster, this.books);
		heardOnce([...this.callers, ...this.callees].filter(({ socket }) => socket.readyState === WebSocket.OPEN));
	}
}
