// webhooks.mjs - what the customer's server checks of a webhook: both signatures, and presence events.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import twilio from 'twilio';

/** Signed as the npm package twilio checks JSON: the body by its digest in the URL, the URL by the auth token. */
export function isSignedWithBody(account, request) {
	const { validateRequestWithBody } = twilio;
	return validateRequestWithBody(account.auth_token, request.headers['x-twilio-signature'], request.url, request.body);
}

/** Signed as the Standard Webhooks specification says, a moment ago. */
export function isSignedTheStandardWay(secret, { headers, body }) {
	const [id, time, signature] = ['id', 'timestamp', 'signature'].map(name => headers[`webhook-${name}`]);
	assert.match(secret, /^whsec_/);
	assert.ok(Math.abs(Date.now() / 1000 - Number(time)) < 60, `webhook-timestamp ${time}`);
	const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
	return signature === 'v1,' + createHmac('sha256', key).update(`${id}.${time}.${body}`).digest('base64');
}

export const eventOf = request => JSON.parse(request.body);

/** The account's presence webhooks go to `path` of the customer's server from now on ("" for nowhere). */
export async function tellPresence(cluster, account, path, more) {
	const url = path && cluster.customer.url + path;
	const answer = await cluster.v1('POST', '/Settings', { account, json: { presence_webhook_url: url, close_grace_ms: 0, ...more } });
	assert.equal(answer.status, 200, answer.text);
}

/** The account's webhook secret, which only its auth token may read. */
export async function webhookSecret(cluster, account) {
	const answer = await cluster.v1('GET', '/Settings', { account, basic: [account.sid, account.auth_token] });
	assert.equal(answer.status, 200, answer.text);
	return answer.body.webhook_secret;
}

/** Events by identity, each once (a webhook may come twice, with the same id), in order of arrival. */
export function historiesOf(requests) {
	const histories = new Map(), ids = new Set();
	for (const event of requests.map(eventOf)) {
		if (ids.has(event.id))
			continue;
		ids.add(event.id);
		histories.set(event.identity, [...histories.get(event.identity) ?? [], event]);
	}
	return histories;
}
