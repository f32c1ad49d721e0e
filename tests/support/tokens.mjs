// tokens.mjs - client tokens made by the real twilio package, and forged ones made by hand.
import { createHmac } from 'node:crypto';
import twilio from 'twilio';

const { AccessToken, ClientCapability } = twilio.jwt;

/** account: see accounts.mjs.  grants.presence is added to the payload, which the package does not know. */
export function accessToken(account, identity, { incoming = true, outgoing = true, params, ttl = 3600, nbf, algorithm, watch, override } = {}) {
	const token = new AccessToken(account.sid, account.key.sid, account.key.secret, { identity, ttl, nbf });
	token.addGrant(new AccessToken.VoiceGrant({
		incomingAllow: incoming,
		outgoingApplicationSid: outgoing ? account.application.sid : undefined,
		outgoingApplicationParams: params,
	}));
	if (watch || override)
		token.addGrant({ key: 'presence', toPayload: () => ({ watch, override }) });
	return token.toJwt(algorithm);
}

/** The legacy kind, signed with the account's auth token. */
export function capabilityToken(account, identity, { incoming = true, outgoing = true, params, ttl = 600 } = {}) {
	const capability = new ClientCapability({ accountSid: account.sid, authToken: account.auth_token, ttl });
	if (incoming)
		capability.addScope(new ClientCapability.IncomingClientScope(identity));
	if (outgoing)
		capability.addScope(new ClientCapability.OutgoingClientScope({ applicationSid: account.application.sid, clientName: identity, params }));
	return capability.toJwt();
}

const part = value => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

/** Any header and payload, signed or not: for what the package refuses to make. */
export function forgedToken(header, payload, secret, hash = 'sha256') {
	const signed = `${part(header)}.${part(payload)}`;
	return `${signed}.${secret === null ? '' : createHmac(hash, secret).update(signed).digest('base64url')}`;
}

/** {header, payload} of a token, to be changed and signed again. */
export function opened(token) {
	const [header, payload] = token.split('.', 2).map(text => JSON.parse(Buffer.from(text, 'base64url')));
	return { header, payload };
}
