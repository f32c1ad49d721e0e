// joining.test.mjs - an instance that is ready knows who else is there.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startCluster } from '../support/cluster.mjs';
import { startService } from '../support/service.mjs';

const STARTS = 12;

test('a client may call as soon as its presence-svc is ready, and no instance starts with a stalled loop', async t => {
	const cluster = await startCluster({ presence: 0, routing: 2, haproxy: false });
	t.after(() => cluster.stop());
	for (let i = 0; i < STARTS; i++) {
		const presence = await startService('presence-svc', cluster.redis, { name: `presence-${i}` });
		cluster.presence.push(presence);
		const alice = await cluster.connect('alice', { at: presence });
		const reply = await alice.request({ type: 'call', to: 'client:nobody' });
		assert.equal(reply.type, 'ok', `start ${i}: ${JSON.stringify(reply)}\n${presence.output}`);
		await alice.next('hangup');
		assert.doesNotMatch(presence.output, /loop_stalled/);
		await presence.stop();
	}
});
