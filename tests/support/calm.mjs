// calm.mjs - a client with an event loop of its own (a worker thread): how long its small requests take
// is what the service makes of them, not what the test is busy with.
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { connectClient } from './client.mjs';

/** Connects that client; `measure(n)` makes n requests and resolves with their times in ms, sorted. */
export async function startCalmClient(base, token) {
	const worker = new Worker(fileURLToPath(import.meta.url), { workerData: { base, token } });
	const answer = () => new Promise((resolve, reject) => {
		worker.once('message', resolve);
		worker.once('error', reject);
	});
	await answer();
	return {
		measure(n) {
			const times = answer();
			worker.postMessage(n);
			return times;
		},
		stop: () => worker.terminate(),
	};
}

async function latencies(client, n) {
	const times = [];
	for (let i = 0; i < n; i++) {
		const since = performance.now();
		const { type } = await client.request({ type: 'status', status: i % 2 ? 'away' : 'available' });
		if (type !== 'ok')
			throw new Error(`a status was answered ${type}`);
		times.push(performance.now() - since);
		await sleep(5);
	}
	return times.sort((a, b) => a - b);
}

if (!isMainThread && workerData?.base) {
	const client = await connectClient(workerData.base, workerData.token);
	parentPort.on('message', async n => parentPort.postMessage(await latencies(client, n)));
	parentPort.postMessage('connected');
}
