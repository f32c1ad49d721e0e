// certificate.mjs - certificates of a moment, for servers of a test.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { run } from './process.mjs';

/** A certificate that signs itself, for these names ("IP:127.0.0.1", "DNS:localhost"); its files lie in `folder`. */
export async function selfSigned(folder, name, ...names) {
	const [key, cert] = ['key', 'cert'].map(part => `${folder}/${name}.${part}.pem`);
	const { code, output } = await run('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2',
		'-keyout', key, '-out', cert, '-subj', `/CN=${name}`, '-addext', `subjectAltName=${names.join(',')}`]);
	assert.equal(code, 0, output);
	return { file: cert, key: readFileSync(key), cert: readFileSync(cert) };
}
