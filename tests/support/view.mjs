// view.mjs - what a watcher knows, built from its frames as a client builds it, and judged on the way.
import assert from 'node:assert/strict';
import { until } from './process.mjs';

/** The clients that one channel watches.  Versions never go back, but for a resync. */
export class View {
	clients = new Map();
	snapshots = [];              // complete ones: {clients, resumed}
	resyncs = [];
	updates = 0;
	#part = [];

	constructor(channel) {
		this.channel = channel;
		channel.socket.on('message', data => this.#take(JSON.parse(data)));
	}

	#take(message) {
		if (message.type === 'resync') {
			this.resyncs.push(message.reason);
			this.clients.clear();
			this.#part = [];
		} else if (message.type === 'snapshot') {
			this.#apply(message.clients);
			this.#part.push(...message.clients);
			this.cursor = message.cursor;
			if (message.more)
				return;
			this.snapshots.push({ clients: this.#part, resumed: message.resumed === true });
			this.#part = [];
		} else if (message.type === 'presence') {
			assert.ok(message.clients.length > 0);
			this.updates += message.clients.length;
			this.cursor = message.cursor;
			this.#apply(message.clients);
		}
	}

	#apply(clients) {
		for (const client of clients) {
			const known = this.clients.get(client.identity);
			if (known && known.version > client.version)
				this.broken ??= `${client.identity} went back from ${known.version} to ${client.version}`;
			this.clients.set(client.identity, client);
		}
	}

	/** Waits until there have been so many snapshots; returns the last one's clients by name. */
	async snapshot(n = 1) {
		await until(() => this.snapshots.length >= n, `${n} snapshots`);
		assert.equal(this.snapshots.length, n);
		return new Map(this.snapshots.at(-1).clients.map(client => [client.identity, client]));
	}

	/** Waits until it knows that of the client. */
	becomes(identity, isSo, what) {
		return until(() => {
			const client = this.clients.get(identity);
			return client && isSo(client) && client;
		}, `${identity} ${what} for the watcher`);
	}

	check() {
		assert.equal(this.broken, undefined);
	}
}
