// calls.mjs - what tests of calls say often: clients of one test, documents, traces,
// signatures, and the check that a call has left nothing behind.
import assert from 'node:assert/strict';
import twilio from 'twilio';
import { sid } from './accounts.mjs';
import { until } from './process.mjs';

export const { VoiceResponse } = twilio.twiml;

/** A session description that is recognised when it comes out elsewhere. */
export const sdpOf = name => `v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=${name}\r\nc=IN IP4 192.0.2.1\r\nm=audio 49170 UDP/TLS/RTP/SAVPF 111\r\n`;

/** A document with one Dial; `clients` are identities or [identity, attributes]. */
export function dial(clients, attributes) {
	const response = new VoiceResponse();
	const verb = response.dial(attributes);
	for (const client of [clients].flat())
		Array.isArray(client) ? verb.client(client[1], client[0]) : verb.client(client);
	return String(response);
}

/** One more account, whose application (and so its address) has these fields; more are changes of the account itself. */
export async function accountWith(cluster, fields, more) {
	const application = { sid: sid('AP'), name: 'Test application', voice_url: `${cluster.customer.url}/voice`, ...fields };
	const number = { sid: sid('PN'), number: '+15550100', name: 'Front desk', application_sid: application.sid };
	const account = await cluster.addAccount({ applications: [application], phone_numbers: [number], ...more });
	return Object.assign(account, { application, number });
}

/** A client for the time of one test: closed, and offline, before the next one begins. */
export async function join(t, cluster, identity, options) {
	const client = await cluster.connect(identity, options);
	client.identity = identity;
	t.after(async () => {
		client.socket.terminate();
		await until(async () => {
			const { devices = [] } = await cluster.readPresence(identity, { account: options?.account });
			return devices.every(device => device.device !== client.welcome.device);
		}, `${identity}'s device is gone after the test`);
	});
	return client;
}

/** The call's record, in the helper libraries' words. */
export async function readCall(cluster, sid, options) {
	const answer = await cluster.api2010('GET', `/Calls/${sid}.json`, options);
	assert.equal(answer.status, 200, answer.text);
	return answer.body;
}

/** Waits for that status and returns the record. */
export function callBecomes(cluster, sid, status, ms) {
	let last;
	return until(async () => {
		last = await readCall(cluster, sid);
		return last.status === status && last;
	}, `call ${sid} becomes ${status}`, ms).catch(error => { throw new Error(`${error.message}; it is ${last?.status}`); });
}

/** The events of a call, or only those of one kind. */
export async function traceOf(cluster, sid, event) {
	const answer = await cluster.v1('GET', `/Calls/${sid}/Trace`);
	assert.equal(answer.status, 200, answer.text);
	return answer.body.events.filter(e => event === undefined || e.event === event);
}

/** Why clients were not rung: {identity: reason}. */
export async function reasonsOf(cluster, sid) {
	const events = await traceOf(cluster, sid, 'not_rung');
	return Object.fromEntries(events.map(({ detail }) => [detail.client, detail.reason]));
}

const CLAIMS = `
local out = {}
for _, key in ipairs(redis.call('KEYS', 'c:{p*}:' .. ARGV[1] .. ':*')) do
	for _, field in ipairs(redis.call('HKEYS', key)) do
		if string.sub(field, 1, 1) == 'k' then
			out[#out + 1] = key .. ' ' .. field .. ' ' .. redis.call('HGET', key, field)
		end
	end
end
return table.concat(out, '\\n')`;

/** The claims that calls hold on the account's devices, one a line. */
export const claimsOf = (cluster, account = cluster.account) => cluster.redis.command('EVAL', CLAIMS, 0, account.sid);

/**
 * No device of the account is claimed any more (within 5 s), and each of the clients
 * can be rung again.
 */
export async function nothingHeld(cluster, ...clients) {
	let left;
	await until(async () => (left = await claimsOf(cluster)) === '', 'no device is claimed', 5000)
		.catch(error => { throw new Error(`${error.message}; left:\n${left}`); });
	for (const { identity } of clients) {
		const { status, ringable } = await cluster.readPresence(identity);
		assert.deepEqual({ identity, status, ringable }, { identity, status: 'available', ringable: ['voice'] });
	}
}

/** The parameters of a webhook as a validator wants them: a repeated name has a list of values. */
export function parametersOf(request) {
	const out = new Map();
	for (const [name, value] of new URLSearchParams(request.body))
		out.set(name, out.has(name) ? [out.get(name), value].flat() : value);
	return Object.fromEntries(out);
}

export function isSigned(request, { auth_token }) {
	return twilio.validateRequest(auth_token, request.headers['x-twilio-signature'], request.url, parametersOf(request));
}

/** An incoming communication that `client` has answered; the outcome has come. */
export async function connected(cluster, client, { offer = sdpOf('gateway'), answer = sdpOf('client'), ...changes } = {}) {
	const outcome = cluster.communicate({ sdp: offer, ...changes });
	const ring = await client.next('incoming');
	const reply = await client.request({ type: 'answer', token: ring.token, sdp: answer });
	assert.equal(reply.type, 'ok', JSON.stringify(reply));
	await client.next('answered', { call: ring.call });
	const { status, body } = await outcome;
	assert.equal(status, 200);
	return { call: body.call, ring, outcome: body };
}

const RECORD = `
local key = redis.call('KEYS', 'call:{c*}:' .. ARGV[1])[1]
local flat = redis.call('HGETALL', key)
local lines = {}
for i = 1, #flat, 2 do
	lines[#lines + 1] = flat[i] .. '=' .. flat[i + 1]
end
table.sort(lines)
return table.concat(lines, '\\n')`;

/** A call's whole record as text: equal texts mean that nothing has changed. */
export const recordOf = (cluster, sid) => cluster.redis.command('EVAL', RECORD, 0, sid);
