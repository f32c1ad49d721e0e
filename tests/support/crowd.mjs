// crowd.mjs - thousands of light clients on the channel, and watchers that keep a ledger of what they are told.
import WebSocket from 'ws';
import { until, within } from './process.mjs';
import { accessToken } from './tokens.mjs';

const AT_ONCE = 100;

/** Runs make(item) for all items, a hundred at a time. */
export async function inCrowds(items, make) {
	const results = [];
	for (let i = 0; i < items.length; i += AT_ONCE)
		results.push(...await Promise.all(items.slice(i, i + AT_ONCE).map(make)));
	return results;
}

class Member {
	constructor(base, token, onMessage) {
		this.token = token;
		this.socket = new WebSocket(base.replace(/^http/, 'ws') + '/v1/connect', 'switchhook.v1', { perMessageDeflate: false });
		this.closed = new Promise(resolve => this.socket.once('close', (code, reason) => resolve({ code, reason: String(reason) })));
		this.socket.on('error', () => {});
		this.socket.on('message', data => onMessage(this, JSON.parse(data)));
	}

	hello(fields) {
		const welcome = new Promise((resolve, reject) => {
			this.onReply = message => message.type === 'welcome' ? resolve(message) : reject(new Error(JSON.stringify(message)));
			this.socket.once('open', () => this.send({ type: 'hello', id: 0, token: this.token, ...fields }));
			this.closed.then(({ code, reason }) => reject(new Error(`closed ${code} ${reason}`)));
		});
		return within(welcome, 'a welcome', 30_000).then(message => { this.welcome = message; return this; });
	}

	send(message) {
		this.socket.send(JSON.stringify(message));
	}

	cut() {
		this.socket.terminate();
	}
}

/** A client that registers and then only holds its connection. */
export function joinCrowd(cluster, identity, { at, account = cluster.account, ...hello } = {}) {
	const token = accessToken(account, identity);
	return new Member(at.url, token, (member, message) => message.re === 0 && member.onReply(message)).hello(hello);
}

/** Watches `identities`; its ledger says what it was told of each, and counts what must never be. */
export async function watchCrowd(cluster, name, identities, { at, account = cluster.account } = {}) {
	const ledger = { view: new Map(), told: new Map(), events: 0, backwards: 0, doubled: 0, resyncs: 0, snapshots: 0 };
	const note = document => {
		const before = ledger.view.get(document.identity);
		if (before && document.version < before.version)
			ledger.backwards++;
		ledger.view.set(document.identity, document);
		return before;
	};
	const hear = (member, message) => {
		if (message.re === 0)
			member.onReply(message);
		if (message.type === 'snapshot') {
			message.clients.forEach(note);
			ledger.snapshots += message.more ? 0 : 1;
		} else if (message.type === 'presence') {
			for (const document of message.clients) {
				const before = note(document);
				ledger.events++;
				ledger.doubled += before && before.version === document.version ? 1 : 0;
				if (!before || before.status !== document.status)
					ledger.told.set(document.identity, [...(ledger.told.get(document.identity) ?? []), { status: document.status, at: performance.now() }]);
			}
		} else if (message.type === 'resync') {
			ledger.resyncs++;
		}
	};
	const token = accessToken(account, name, { incoming: false, watch: ['*'] });
	const watcher = await new Member(at.url, token, hear).hello({});
	watcher.ledger = ledger;
	watcher.send({ type: 'watch', identities });
	await until(async () => ledger.snapshots > 0, `${name} has its snapshot`, 60_000);
	return watcher;
}

/** Of all numbers, the one that `share` of them do not exceed. */
export function percentile(numbers, share) {
	const sorted = [...numbers].sort((a, b) => a - b);
	return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
}
