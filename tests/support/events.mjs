// events.mjs - a listener to server-sent events: they wait in a queue until the test takes them.
import http from 'node:http';
import https from 'node:https';
import { within } from './process.mjs';

/** Opens the stream; fails unless it is one.  See rest() for the credentials. */
export async function listen(url, options = {}) {
	const listener = new Listener();
	await within(listener.open(url, options), `${url} answers`);
	return listener;
}

class Listener {
	constructor() {
		this.heard = [];             // every event, in order: {id, event, data}
		this.unread = [];            // what next() has not returned
		this.retries = [];           // ms, as told
		this.pings = 0;
		this.lastId = undefined;
		this.wake = () => {};
	}

	open(url, { basic, bearer, headers = {}, lastId }) {
		const head = { ...headers };
		if (basic)
			head.Authorization = 'Basic ' + Buffer.from(basic.join(':')).toString('base64');
		if (bearer)
			head.Authorization = `Bearer ${bearer}`;
		if (lastId !== undefined)
			head['Last-Event-ID'] = lastId;
		return new Promise((resolve, reject) => {
			const { get } = url.startsWith('https') ? https : http;
			this.request = get(url, { headers: head, agent: false, rejectUnauthorized: false }, response => {
				this.#follow(response);
				if (response.statusCode === 200)
					resolve();
				else
					reject(new Error(`the stream was answered ${response.statusCode}`));
			}).on('error', reject);
		});
	}

	/** ended: 'complete' (the reply has its end) or 'cut'. */
	#follow(response) {
		let text = '';
		this.response = response;
		this.headers = response.headers;
		this.ended = new Promise(resolve => response.once('close', () => resolve(response.complete ? 'complete' : 'cut')));
		this.ended.then(() => { this.isOver = true; this.wake(); });
		response.on('error', () => {});
		response.setEncoding('utf8').on('data', piece => {
			const blocks = (text + piece).split('\n\n');
			text = blocks.pop();
			blocks.forEach(block => this.#take(block));
			this.wake();
		});
	}

	#take(block) {
		const event = {};
		for (const line of block.split('\n')) {
			const [, name, value] = line.match(/^(\w*): ?(.*)$/);
			event[name] = value;
		}
		if (event[''] !== undefined)
			this.pings++;
		if (event.retry !== undefined)
			this.retries.push(Number(event.retry));
		if (event.id !== undefined)
			this.lastId = event.id;
		if (event.event === undefined)
			return;
		const { id, event: type, data } = event;
		this.heard.push({ id, type, data: JSON.parse(data) });
		this.unread.push(this.heard.at(-1));
	}

	/** Waits until `look` finds something in what has come. */
	async #until(look, what, ms) {
		const deadline = performance.now() + ms;
		for (;;) {
			const found = look();
			if (found)
				return found;
			if (this.isOver)
				throw new Error(`the stream ended before ${what}; heard: ${JSON.stringify(this.heard.slice(-5))}`);
			await within(new Promise(resolve => { this.wake = resolve; }), `the listener hears ${what}; heard: ${JSON.stringify(this.heard.slice(-5))}`,
				Math.max(deadline - performance.now(), 1));
		}
	}

	/** The first event of that type that no one has taken yet; its data. */
	async next(type, ms = 10_000) {
		const index = await this.#until(() => this.unread.findIndex(event => event.type === type) + 1, type, ms);
		return this.unread.splice(index - 1, 1)[0].data;
	}

	/** All of one snapshot, whatever its number of events. */
	async snapshot(ms) {
		const clients = [];
		for (;;) {
			const data = await this.next('snapshot', ms);
			clients.push(...data.clients);
			if (!data.more)
				return { ...data, clients };
		}
	}

	/** Waits until somebody's state, as last heard, is so. */
	becomes(identity, isSo, what, ms = 10_000) {
		return this.#until(() => {
			const state = this.state(identity);
			return state && isSo(state) && state;
		}, `${identity} ${what}`, ms);
	}

	/** What was last heard of somebody. */
	state(identity) {
		return this.heard.filter(({ type }) => type === 'snapshot' || type === 'presence')
			.flatMap(({ data }) => data.clients).findLast(client => client.identity === identity);
	}

	all(type) {
		return this.heard.filter(event => event.type === type).map(event => event.data);
	}

	pinged(times, ms = 10_000) {
		return this.#until(() => this.pings >= times, `${times} pings`, ms);
	}

	/** Reads no more, for as long as the test does not resume. */
	pause() {
		this.response.pause();
		this.request.socket.pause();
	}

	/** Hangs up. */
	close() {
		this.request.destroy();
		return this.ended;
	}
}
