// hostile_server.test.mjs - a customer's server that does everything wrong, with many calls at once: each of them
// ends, in time and with its code, and another customer's calls are decided as fast as before.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { after, before, describe, test } from 'node:test';
import { sid } from '../support/accounts.mjs';
import { accountWith, dial, isSigned } from '../support/calls.mjs';
import { selfSigned } from '../support/certificate.mjs';
import { startCluster } from '../support/cluster.mjs';
import { temporaryFolder, until } from '../support/process.mjs';
import { startCustomer } from '../support/webhook.mjs';

const FETCH_TOTAL_MS = 2500, EACH = 6, DECISIONS = 40;

const head = (...lines) => ['HTTP/1.1 200 OK', 'Content-Type: text/xml', ...lines, '', ''].join('\r\n');
const whole = body => head(`Content-Length: ${Buffer.byteLength(body)}`) + body;
const entities = `<!DOCTYPE r [<!ENTITY a0 "ha">${Array.from({ length: 30 }, (_, i) => `<!ENTITY a${i + 1} "&a${i};&a${i};">`).join('')}]><Response><Say>&a30;</Say></Response>`;

/** Writes `what` again and again, as fast as it is read. */
function pour(socket, first, what) {
	const more = () => { while (!socket.destroyed && socket.write(what)); };
	socket.on('drain', more).write(first);
	more();
}

/** Writes one more of `what` at a time. */
function drip(socket, first, what, ms) {
	socket.write(first);
	const timer = setInterval(() => socket.write(what), ms);
	socket.on('close', () => clearInterval(timer));
}

/** name: [what it does with a request, the codes that its call may fail with] */
const HABITS = {
	hangs: [() => {}, [11200]],
	'drips its head': [socket => drip(socket, 'HTTP/1.1 200 OK\r\n', 'X-Drip: 1\r\n', 20), [11200, 11750]],
	'drips its body': [socket => drip(socket, head('Content-Length: 60000'), ' ', 20), [11200]],
	'drips chunks': [socket => drip(socket, head('Transfer-Encoding: chunked'), '1\r\n \r\n', 20), [11200]],
	'sends chunks without end': [socket => pour(socket, head('Transfer-Encoding: chunked'), `4000\r\n${' '.repeat(0x4000)}\r\n`), [11750]],
	'sends a body without end': [socket => pour(socket, head('Connection: close'), ' '.repeat(65536)), [11750]],
	'sends heads without end': [socket => pour(socket, 'HTTP/1.1 200 OK\r\n', 'X-Bomb: 0123456789abcdef\r\n'.repeat(100)), [11200, 11750]],
	'sends one header of 1 MB': [socket => socket.end(head(`X-Bomb: ${'x'.repeat(1 << 20)}`)), [11200, 11750]],
	'sends interim answers without end': [socket => pour(socket, '', 'HTTP/1.1 100 Continue\r\n\r\n'.repeat(100)), [11200, 11750]],
	'sends 1 MB of TwiML': [socket => socket.end(whole(`<Response>${'<Pause/>'.repeat(131072)}</Response>`)), [11750]],
	'promises more than it sends': [socket => socket.end(head('Content-Length: 50000') + '<Response/>'), [11200]],
	'sends an entity bomb': [socket => socket.end(whole(entities)), [12100]],
	'sends NUL bytes': [socket => socket.end(whole('<Response>\0<Hangup/>\0</Response>')), [12100]],
	'sends a tree of 5000 levels': [socket => socket.end(whole('<a>'.repeat(5000) + '</a>'.repeat(5000))), [12100, 12102]],
	'sends JSON of 5000 levels': [socket => socket.end(whole('['.repeat(30000)).replace('text/xml', 'application/json')), [12100]],
	'speaks no HTTP': [socket => socket.end('SSH-2.0-OpenSSH_9.2\r\n'), [11200]],
	'says two lengths': [socket => socket.end(head('Content-Length: 11', 'Content-Length: 12') + '<Response/>'), [11200]],
	'compresses': [socket => socket.end(head('Content-Encoding: gzip', 'Content-Length: 4') + '\x1f\x8b\x08\0'), [12300]],
	'redirects to itself': [socket => socket.end('HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n'), [11215]],
	'redirects to a file': [socket => socket.end('HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n'), [11100]],
	'redirects inside': [socket => socket.end('HTTP/1.1 307 Found\r\nLocation: http://169.254.169.254/latest/\r\nContent-Length: 0\r\n\r\n'), [45211]],
	'sends a monstrous cookie': [socket => socket.end(`HTTP/1.1 500 No\r\nSet-Cookie: a=${'x'.repeat(20000)}\r\nContent-Length: 0\r\n\r\n`), [11200]],
	'resets the connection': [socket => socket.resetAndDestroy(), [11200]],
};

/** A server of that habit, for each connection anew. */
async function startHostile(habit) {
	const sockets = new Set();
	const server = net.createServer(socket => {
		sockets.add(socket);
		socket.on('error', () => {}).on('close', () => sockets.delete(socket));
		socket.once('data', () => habit(socket));
	}).listen(0, '127.0.0.1');
	await once(server, 'listening');
	return { url: `http://127.0.0.1:${server.address().port}/`, stop: () => { server.close(); sockets.forEach(socket => socket.destroy()); } };
}

const median = list => list.toSorted((a, b) => a - b)[list.length >> 1];

describe('a hostile server', () => {
	let cluster, folder, tls, servers, bad, good;
	before(async () => {
		folder = temporaryFolder();
		tls = await startCustomer({ tls: await selfSigned(folder.path, 'stranger', 'DNS:elsewhere.example') });
		servers = await Promise.all(Object.values(HABITS).map(([habit]) => startHostile(habit)));
		cluster = await startCluster({ haproxy: false, env: { WORKERS: '1', SWEEP_MS: '50', FETCH_TOTAL_MS: String(FETCH_TOTAL_MS), FETCH_CONNECT_MS: '1000', DRAIN_MAX_MS: '500' } });
		const urls = [...servers.map(server => server.url), tls.url];
		const phone_numbers = urls.map((voice_url, i) => ({ sid: sid('PN'), number: `+1555030${String(i).padStart(2, '0')}`, voice_url }));
		bad = Object.assign(await cluster.addAccount({ phone_numbers }), { phone_numbers });
		good = await accountWith(cluster);
		cluster.customer.answer('/voice', dial('nobody'));
	});
	after(async () => {
		servers?.forEach(server => server.stop());
		await cluster?.stop();
		await tls?.stop();
		folder?.remove();
	});

	async function communicate(account, to, more) {
		const answer = await cluster.v1('POST', '/Communications', { account, at: cluster.routing[0], json: { from: '+15550123', to, ...more } });
		assert.ok(answer.status < 300, answer.text);
		return answer.body;
	}

	/** How long the good customer's call takes until it is decided, ms. */
	async function decision() {
		const since = performance.now();
		const { outcome } = await communicate(good, good.number.number);
		assert.equal(outcome, 'unreachable');
		return performance.now() - since;
	}

	async function decisions() {
		const times = [];
		for (let i = 0; i < DECISIONS; i++)
			times.push(await decision());
		return times;
	}

	const NAMES = [...Object.keys(HABITS), 'has a certificate of somebody else'];
	for (const [i, name] of NAMES.entries())
		test(`that ${name}: its call fails in time, with its code`, async () => {
			const codes = HABITS[name]?.[1] ?? [11220];
			const since = performance.now();
			const { call, status } = await communicate(bad, bad.phone_numbers[i].number);
			const took = performance.now() - since;
			assert.equal(status, 'failed');
			assert.ok(took < FETCH_TOTAL_MS + 2000, `${took} ms`);
			const { body: { events } } = await cluster.v1('GET', `/Calls/${call}/Trace`, { account: bad, at: cluster.routing[0] });
			const failures = events.filter(e => ['fetch_failed', 'instructions_refused'].includes(e.event));
			assert.equal(failures.length, 1, JSON.stringify(failures));
			assert.ok(codes.includes(failures[0].detail.code), JSON.stringify(failures));
			assert.match(failures[0].detail.text, /^[ -~]{4,}$/);
		});

	test('with many calls of each habit slows nobody else\'s calls', async t => {
		await decisions();
		const calm = await decisions();
		const started = (await Promise.all(bad.phone_numbers.flatMap(({ number }) => Array.from({ length: EACH }, () => communicate(bad, number, { async: true }))))).map(b => b.call);
		const meanwhile = [];
		const statusOf = async call => (await cluster.api2010('GET', `/Calls/${call}.json`, { account: bad, at: cluster.routing[0] })).body.status;
		const over = async () => {
			const lists = await Promise.all(['queued', 'ringing', 'in-progress'].map(status => cluster.api2010('GET', `/Calls.json?Status=${status}`, { account: bad, at: cluster.routing[0] })));
			return lists.every(list => list.body.calls.length === 0);
		};
		do
			meanwhile.push(...(await decisions()));
		while (!(await over()) && meanwhile.length < 50 * DECISIONS);
		await until(over, `all ${started.length} calls end`, 30_000);
		assert.deepEqual(await Promise.all(started.map(statusOf)), Array(NAMES.length * EACH).fill('failed'));

		const [before, during] = [median(calm), median(meanwhile)];
		t.diagnostic(`decided in ${before.toFixed(1)} ms before, ${during.toFixed(1)} ms meanwhile (worst ${Math.max(...meanwhile).toFixed(1)} ms of ${meanwhile.length})`);
		assert.ok(during < 4 * before + 20, `${during} ms instead of ${before} ms`);
		assert.ok(Math.max(...meanwhile) < FETCH_TOTAL_MS, 'nobody waits for a hostile server\'s time to run out');
		for (const request of cluster.customer.all('/voice').slice(-5))
			assert.ok(isSigned(request, good));
	});
});
