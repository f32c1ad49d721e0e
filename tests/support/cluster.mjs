// cluster.mjs - the whole system for a test: Redis, n presence-svc, m routing-svc,
// HAProxy in front, a customer's server, and one seeded account.
import { writeFileSync } from 'node:fs';
import { makeAccount } from './accounts.mjs';
import { connectClient } from './client.mjs';
import { startGateway } from './gateway.mjs';
import { startHaproxy } from './haproxy.mjs';
import { temporaryFolder, until } from './process.mjs';
import { startRedis } from './redis.mjs';
import { rest } from './rest.mjs';
import { seed, startService } from './service.mjs';
import { accessToken } from './tokens.mjs';
import { startCustomer } from './webhook.mjs';

/** env: settings for every instance.  With haproxy: false, `url` is the first presence-svc; with gateway: true, numbers can be rung. */
export async function startCluster({ presence = 1, routing = 1, haproxy = true, gateway = false, env = {} } = {}) {
	const cluster = new Cluster(env);
	try {
		if (gateway)
			await cluster.addGateway();
		await cluster.start(presence, routing, haproxy);
	} catch (error) {
		await cluster.stop().catch(() => {});
		throw error;
	}
	return cluster;
}

class Cluster {
	presence = [];
	routing = [];

	constructor(env) {
		this.env = { NODE_RENEW_MS: '100', ...env };
		this.folder = temporaryFolder();
	}

	async addGateway() {
		this.gateway = await startGateway();
		this.env.GATEWAY_URL = this.gateway.url;
	}

	async start(presence, routing, haproxy) {
		this.customer = await startCustomer();
		this.redis = await startRedis();
		this.account = await this.addAccount();
		const many = (program, name, n) => Promise.all(Array.from({ length: n },
			(_, i) => startService(program, this.redis, { name: `${name}-${i + 1}`, env: this.env })));
		[this.presence, this.routing] = await Promise.all([many('presence-svc', 'presence', presence), many('routing-svc', 'routing', routing)]);
		await this.acquainted();
		this.url = this.presence[0]?.url;
		if (!haproxy)
			return;
		this.haproxy = await startHaproxy({ presence: this.presence.map(s => s.port), routing: this.routing.map(s => s.port) });
		this.url = this.haproxy.url;
	}

	/** Every instance that runs knows all the others. */
	acquainted() {
		const running = [...this.presence, ...this.routing].filter(service => !service.wasKilled);
		return until(async () => {
			const known = await Promise.all(running.map(service => service.metric('switchhook_nodes_alive')));
			return known.every(n => n === running.length);
		}, `${running.length} instances know each other`);
	}

	/** Seeds another account. */
	async addAccount(changes) {
		const account = makeAccount(this.customer, changes);
		const file = `${this.folder.path}/${account.sid}.json`;
		writeFileSync(file, JSON.stringify({ accounts: [account.document] }));
		await seed(this.redis, file, this.env);
		return account;
	}

	/** Writes a seeded account once more, with changes of what was seeded. */
	async seedAgain(account, changes) {
		const file = `${this.folder.path}/again-${account.sid}.json`;
		writeFileSync(file, JSON.stringify({ accounts: [{ ...account.document, ...changes }] }));
		await seed(this.redis, file, this.env);
	}

	/** A client of the account on the channel, through HAProxy or on the instance `at`. */
	connect(identity, { at = this, account = this.account, token = accessToken(account, identity), ...hello } = {}) {
		return connectClient(at.url, token, hello);
	}

	/** A request with the account's server credentials; path after /v1/Accounts/{A} or /2010-04-01/Accounts/{A}. */
	v1(method, path, { at = this, account = this.account, ...options } = {}) {
		return rest(method, `${at.url}/v1/Accounts/${account.sid}${path}`, { basic: [account.key.sid, account.key.secret], ...options });
	}

	api2010(method, path, { at = this, account = this.account, ...options } = {}) {
		return rest(method, `${at.url}/2010-04-01/Accounts/${account.sid}${path}`, { basic: [account.sid, account.auth_token], ...options });
	}

	async readPresence(identity, options) {
		const answer = await this.v1('GET', `/Presence/${encodeURIComponent(identity)}?Devices=true`, options);
		if (answer.status !== 200)
			throw new Error(`presence of ${identity}: ${answer.status} ${answer.text}`);
		return answer.body;
	}

	/** Reads until `isSo`; returns that document. */
	presenceBecomes(identity, isSo, what, ms) {
		return until(async () => {
			const document = await this.readPresence(identity);
			return isSo(document) && document;
		}, `${identity} ${what}`, ms);
	}

	/** A communication from outside for the account's address. */
	communicate({ signal, at, ...changes } = {}) {
		return this.v1('POST', '/Communications', { at, signal, json: { from: '+15550123', to: this.account.number.number, ...changes } });
	}

	/** Every instance ends as it should, or the test fails; everything is stopped in any case. */
	async stop() {
		const services = [...this.presence, ...this.routing];
		const ends = await Promise.allSettled(services.map(service => service.stop()));
		const rests = await Promise.allSettled([this.haproxy?.stop(), this.redis?.stop(), this.customer?.stop(), this.gateway?.stop()]);
		this.folder.remove();
		const failed = [...ends, ...rests].find(result => result.status === 'rejected');
		if (failed)
			throw failed.reason;
	}
}
