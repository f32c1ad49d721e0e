// webhook.mjs - the customer's server: records every request in order, answers as told.
import http from 'node:http';
import https from 'node:https';
import { once } from 'node:events';
import { within } from './process.mjs';

/** tls: {key, cert} for https; host: an address of this machine. */
export async function startCustomer({ tls, host = '127.0.0.1' } = {}) {
	const customer = new Customer(tls);
	customer.server.listen(0, host);
	await once(customer.server, 'listening');
	customer.url = `${tls ? 'https' : 'http'}://${host}:${customer.server.address().port}`;
	return customer;
}

class Customer {
	constructor(tls) {
		this.requests = [];          // all, in order of arrival
		this.unread = [];            // those that next() has not returned
		this.waiting = [];
		this.answers = new Map();
		const serve = (request, response) => this.#serve(request, response).catch(() => response.destroy());
		this.server = tls ? https.createServer(tls, serve) : http.createServer(serve);
	}

	/**
	 * What `path` answers from now on: a text (TwiML), an object (JSON), {status, headers, body}, or a
	 * function of the recorded request that returns one of these, perhaps later.
	 * Paths without an answer give 204.
	 */
	answer(path, answer) {
		this.answers.set(path, answer);
	}

	/** The first request on `path` (and of which `matches` is true) that was not returned before. */
	next(path, { matches = () => true, ms = 10_000 } = {}) {
		const wanted = request => request.path === path && matches(request);
		const index = this.unread.findIndex(wanted);
		if (index >= 0)
			return this.unread.splice(index, 1)[0];
		return within(new Promise(resolve => this.waiting.push({ wanted, resolve })), `the customer hears ${path}`, ms);
	}

	/** All requests on `path` so far. */
	all(path) {
		return this.requests.filter(request => request.path === path);
	}

	/** Drops what was recorded: drills of many calls keep books of their own. */
	forget() {
		this.requests = [];
		this.unread = [];
	}

	async stop() {
		this.server.close();
		this.server.closeAllConnections();
		await once(this.server, 'close');
	}

	async #serve(request, response) {
		let body = '';
		for await (const text of request.setEncoding('utf8'))
			body += text;
		const record = recorded(request, body, this.url);
		this.#record(record);
		let answer = this.answers.get(record.path);
		if (typeof answer === 'function')
			answer = await answer(record);
		send(response, answer);
	}

	#record(record) {
		this.requests.push(record);
		const index = this.waiting.findIndex(({ wanted }) => wanted(record));
		if (index >= 0)
			this.waiting.splice(index, 1)[0].resolve(record);
		else
			this.unread.push(record);
	}
}

function recorded(request, body, base) {
	const url = new URL(request.url, base);
	const isForm = request.headers['content-type']?.startsWith('application/x-www-form-urlencoded');
	return {
		at: performance.now(), method: request.method, path: url.pathname, url: base + request.url,
		headers: request.headers, query: Object.fromEntries(url.searchParams), body,
		params: isForm ? Object.fromEntries(new URLSearchParams(body)) : {},
	};
}

function send(response, answer) {
	if (answer === undefined || answer === null)
		response.writeHead(204).end();
	else if (typeof answer === 'string')
		response.writeHead(200, { 'Content-Type': 'text/xml' }).end(answer);
	else if ('status' in answer)
		response.writeHead(answer.status, answer.headers ?? {}).end(answer.body ?? '');
	else
		response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(answer));
}
