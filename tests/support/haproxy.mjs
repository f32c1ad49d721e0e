// haproxy.mjs - HAProxy with the deployment's own policy file, on free ports.
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import assert from 'node:assert/strict';
import { freePort, portAnswers, Process, run, temporaryFolder } from './process.mjs';

const POLICY = fileURLToPath(new URL('../../deploy/haproxy/haproxy.cfg', import.meta.url));

const backend = (name, ports) => `backend ${name} from services\n` +
	ports.map((port, i) => `\tserver ${name}-${i + 1} 127.0.0.1:${port}\n`).join('');

async function certificate(folder) {
	const { code, output } = await run('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
		'-days', '2', '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1',
		'-keyout', `${folder}/switchhook.pem.key`, '-out', `${folder}/switchhook.pem`]);
	assert.equal(code, 0, output);
}

/** presence and routing: the ports of the instances. */
export async function startHaproxy({ presence, routing, env = {} }) {
	const folder = temporaryFolder();
	const [port, tlsPort] = [await freePort(), await freePort()];
	writeFileSync(`${folder.path}/servers.cfg`, backend('presence', presence) + backend('routing', routing));
	await certificate(folder.path);
	const haproxy = new Process('haproxy', '/usr/sbin/haproxy', ['-db', '-f', POLICY, '-f', `${folder.path}/servers.cfg`], {
		env: { SWITCHHOOK_HTTP: `127.0.0.1:${port}`, SWITCHHOOK_HTTPS: `127.0.0.1:${tlsPort}`, SWITCHHOOK_PEM: `${folder.path}/switchhook.pem`, ...env },
	});
	await haproxy.ready(() => portAnswers(port));
	return {
		port, tlsPort, process: haproxy,
		url: `http://127.0.0.1:${port}`,
		tlsUrl: `https://127.0.0.1:${tlsPort}`,
		get output() { return haproxy.output; },
		async stop() {
			await haproxy.end('SIGTERM');
			folder.remove();
		},
	};
}
