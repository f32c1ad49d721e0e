// gateway.mjs - a gateway that is rung for numbers and SIP addresses: records what it is told, and
// answers, rejects or hangs up as the test says.
import { startCustomer } from './webhook.mjs';

const PATH = '/ring';
const idOf = ({ headers }) => headers['i-twilio-idempotency-token'];

export async function startGateway() {
	return new Gateway(await startCustomer());
}

class Gateway {
	constructor(server) {
		this.server = server;
		this.url = server.url + PATH;
		this.taken = new Set();      // ids of messages
	}

	/**
	 * The first message of that action (to that number, of that call or leg) which no one has taken yet: its members, and the
	 * request.  With again: one that was taken before and is repeated.
	 */
	async next(action, { again = false, ms, ...members } = {}) {
		const fits = told => told.action === action && Object.entries(members).every(([name, value]) => told[name] === value);
		const request = await this.server.next(PATH, { matches: one => this.taken.has(idOf(one)) === again && fits(JSON.parse(one.body)), ms });
		this.taken.add(idOf(request));
		return { ...JSON.parse(request.body), id: idOf(request), request };
	}

	/** Every action that it was told of a leg so far, in order; a repeated message counts once. */
	told(communication) {
		const seen = new Map();
		for (const request of this.server.all(PATH))
			seen.set(idOf(request), JSON.parse(request.body));
		return [...seen.values()].filter(one => one.communication === communication).map(one => one.action);
	}

	/** What it answers from now on, as the customer's server would (webhook.mjs); undefined: 204. */
	answers(answer) {
		this.server.answer(PATH, answer);
	}

	stop() {
		return this.server.stop();
	}
}

/** What the gateway says of a leg that it was rung for. */
export const say = (cluster, { communication }, action, more, options) =>
	cluster.v1('POST', `/Communications/${communication}`, { json: { action, ...more }, ...options });
