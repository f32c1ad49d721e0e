// rest.mjs - HTTP requests of a test: one call, one plain answer.

/** auth: {basic: [user, password]} or {bearer: token}; json or form is the body.  Returns {status, headers, body, text}. */
export async function rest(method, url, { basic, bearer, json, form, headers = {}, signal } = {}) {
	const head = new Headers(headers);
	let body;
	if (basic)
		head.set('Authorization', 'Basic ' + Buffer.from(basic.join(':')).toString('base64'));
	if (bearer)
		head.set('Authorization', `Bearer ${bearer}`);
	if (json !== undefined) {
		head.set('Content-Type', 'application/json');
		body = typeof json === 'string' ? json : JSON.stringify(json);
	}
	if (form !== undefined)
		body = new URLSearchParams(form);
	const answer = await fetch(url, { method, headers: head, body, signal: signal ?? AbortSignal.timeout(70_000), redirect: 'manual' });
	const text = await answer.text();
	const isJson = answer.headers.get('content-type')?.startsWith('application/json');
	return { status: answer.status, headers: answer.headers, text, body: isJson && text ? JSON.parse(text) : null };
}
