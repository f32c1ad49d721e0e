// accounts.mjs - accounts of a test, in the shape that presence-svc --seed reads.
import { randomBytes } from 'node:crypto';

const hex = () => randomBytes(16).toString('hex');

export const sid = prefix => prefix + hex();

/**
 * One account with a key, an application and an address, all new; `customer` (webhook.mjs) speaks for them.
 * A device whose channel closes is gone at once, and a ring need not be acknowledged: tests of the grace and of the proof ask for one.
 */
export function makeAccount(customer, changes = {}) {
	const application = {
		sid: sid('AP'), name: 'Test application', voice_url: `${customer.url}/voice`, voice_method: 'POST',
		status_callback: `${customer.url}/status`, status_callback_method: 'POST',
	};
	const key = { sid: sid('SK'), name: 'Test key', secret: hex() };
	const number = { sid: sid('PN'), number: '+15550100', name: 'Front desk', application_sid: application.sid };
	const document = { sid: sid('AC'), name: 'Test', auth_token: hex(), close_grace_ms: 0, ring_proof_ms: 0, keys: [key], applications: [application], phone_numbers: [number], ...changes };
	return { ...document, key, application, number, document };
}
