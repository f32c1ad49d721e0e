// client.mjs - a client on the channel: messages wait in a queue until the test takes them.
import WebSocket from 'ws';
import { once } from 'node:events';
import { within } from './process.mjs';

/** Opens the channel; base is http://... or https://... of an instance or of HAProxy. */
export async function openChannel(base, options = {}) {
	const client = new ChannelClient(base.replace(/^http/, 'ws') + '/v1/connect', options);
	await within(once(client.socket, 'open'), `the channel to ${base} opens`);
	return client;
}

/** Opens the channel and says hello; `client.welcome` is the answer. */
export async function connectClient(base, token, hello = {}, options = {}) {
	const client = await openChannel(base, options);
	client.welcome = await client.request({ type: 'hello', token, ...hello });
	if (client.welcome.type !== 'welcome')
		throw new Error(`hello was answered ${JSON.stringify(client.welcome)}`);
	return client;
}

class ChannelClient {
	#lastId = 0;

	constructor(url, options) {
		this.heard = [];             // everything, in order
		this.unread = [];            // what next() has not returned
		this.waiting = [];
		this.socket = new WebSocket(url, 'switchhook.v1', { perMessageDeflate: false, rejectUnauthorized: false, ...options });
		this.socket.on('message', data => this.#take(JSON.parse(data)));
		this.socket.on('error', () => {});
		this.closed = new Promise(resolve => this.socket.once('close', (code, reason) => resolve({ code, reason: String(reason) })));
	}

	/** Sends an object, or text as it is. */
	send(message) {
		this.socket.send(typeof message === 'string' ? message : JSON.stringify(message));
	}

	/** Sends with an id and returns the reply, whatever its type. */
	request(message, ms) {
		const id = ++this.#lastId;
		const reply = this.#first(heard => heard.re === id, `a reply to ${message.type}`, ms);
		this.send({ ...message, id });
		return reply;
	}

	/** The first message of that type (and of that call) which no one has taken yet. */
	next(type, { call, ms } = {}) {
		return this.#first(heard => heard.type === type && (call === undefined || heard.call === call), type, ms);
	}

	/** All messages of that type so far, taken or not. */
	all(type) {
		return this.heard.filter(heard => heard.type === type);
	}

	/** Closes in the proper way and waits for the server's close. */
	async close() {
		this.socket.close(1000);
		return within(this.closed, 'the channel closes');
	}

	/** Cuts the connection without a word. */
	cut() {
		this.socket.terminate();
	}

	#take(message) {
		this.heard.push(message);
		const index = this.waiting.findIndex(({ wanted }) => wanted(message));
		if (index >= 0)
			this.waiting.splice(index, 1)[0].resolve(message);
		else
			this.unread.push(message);
	}

	async #first(wanted, what, ms = 10_000) {
		const index = this.unread.findIndex(wanted);
		if (index >= 0)
			return this.unread.splice(index, 1)[0];
		const entry = { wanted };
		const arrival = new Promise(resolve => { entry.resolve = resolve; });
		this.waiting.push(entry);
		try {
			return await within(Promise.race([arrival, this.#failsWhenClosed(what)]), `the client hears ${what}`, ms);
		} catch (error) {
			this.waiting = this.waiting.filter(other => other !== entry);
			throw new Error(`${error.message}; heard: ${JSON.stringify(this.heard.slice(-5))}`);
		}
	}

	async #failsWhenClosed(what) {
		const { code, reason } = await this.closed;
		throw new Error(`the channel closed (${code} ${reason}) before ${what}`);
	}
}
