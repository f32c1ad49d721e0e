// documents.mjs - the descriptions in docs/ as judges of what the services really say.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import Ajv from 'ajv/dist/2020.js';
import YAML from 'yaml';

const TOP = new URL('../../', import.meta.url);
// What stands at the top of a document, around its schemas.
const DOCUMENT_WORDS = ['openapi', 'asyncapi', 'info', 'servers', 'tags', 'paths', 'webhooks', 'channels', 'operations', 'components'];
const METHODS = ['get', 'put', 'post', 'delete'];

export const source = path => readFileSync(new URL(path, TOP), 'utf8');

/** name: a YAML file in docs/, without its ending. */
export function openDocument(name) {
	return new Document(name, YAML.parse(source(`docs/${name}.yaml`)));
}

class Document {
	#validators = new Map();
	#ajv = new Ajv({
		keywords: DOCUMENT_WORDS, allErrors: true, strict: true, strictTypes: false, strictRequired: false, validateSchema: false,
		formats: { 'date-time': /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, uri: text => URL.canParse(text) },
	});

	constructor(name, content) {
		this.name = name;
		this.content = content;
		this.#ajv.addSchema(content, name);
	}

	/** What stands at a path of names, references followed. */
	at(...names) {
		return names.reduce((node, key) => this.follow(node?.[key]), this.content);
	}

	follow(node) {
		while (typeof node?.$ref === 'string' && Object.keys(node).length === 1)
			node = this.#target(node.$ref);
		return node;
	}

	/** Fails unless the value is as the schema at that path says, and holds nothing that it does not mention. */
	check(value, what, ...names) {
		const pointer = names.map(name => encodeURIComponent(String(name).replaceAll('~', '~0').replaceAll('/', '~1'))).join('/');
		if (!this.#validators.has(pointer))
			this.#validators.set(pointer, this.#ajv.compile({ $ref: `${this.name}#/${pointer}` }));
		const validate = this.#validators.get(pointer);
		const said = JSON.stringify(value)?.slice(0, 2000);
		assert.ok(validate(value), `${what}: ${this.#ajv.errorsText(validate.errors)}: ${said}`);
		assert.deepEqual(this.#unmentioned(this.at(...names), value), [], `${what} has members that ${this.name} does not mention: ${said}`);
	}

	/** Every reference in the document leads somewhere. */
	checkReferences(node = this.content) {
		if (node === null || typeof node !== 'object')
			return;
		if (typeof node.$ref === 'string')
			assert.notEqual(this.#target(node.$ref), undefined, `${this.name}: ${node.$ref} leads nowhere`);
		for (const child of Object.values(node))
			this.checkReferences(child);
	}

	#target(ref) {
		assert.ok(ref.startsWith('#/'), `${this.name}: ${ref} leads outside`);
		return ref.slice(2).split('/').reduce((node, key) => node?.[key.replaceAll('~1', '/').replaceAll('~0', '~')], this.content);
	}

	/** A schema and those that it is put together from. */
	#parts(schema) {
		const part = this.follow(schema);
		const base = part?.$ref ? this.#parts(this.#target(part.$ref)) : [];
		const more = [...(part?.anyOf ?? []), ...(part?.allOf ?? [])].flatMap(one => this.#parts(one));
		return [part, ...base, ...more].filter(Boolean);
	}

	#unmentioned(schema, value, where = '') {
		if (value === null || typeof value !== 'object')
			return [];
		const parts = this.#parts(schema);
		if (Array.isArray(value)) {
			const items = parts.find(part => part.items)?.items;
			return value.flatMap((one, i) => this.#unmentioned(items, one, `${where}[${i}]`));
		}
		return Object.entries(value).flatMap(([key, child]) => {
			const own = parts.find(part => part.properties?.[key])?.properties[key];
			const other = parts.find(part => part.additionalProperties)?.additionalProperties;
			return own || other ? this.#unmentioned(own ?? other, child, `${where}.${key}`) : [`${where}.${key}`];
		});
	}
}

/** The operations of an OpenAPI document: {id, method, path, operation, statuses}. */
export function operationsOf(document) {
	return Object.entries(document.content.paths).flatMap(([path, item]) => METHODS.filter(method => item[method]).map(method => ({
		id: item[method].operationId, method: method.toUpperCase(), path, operation: item[method], statuses: Object.keys(item[method].responses),
	})));
}

/** The table of routes.c, with the rows that both services share: {method, path, auth}. */
export function routesOf(service) {
	const text = source(`${service}/routes.c`).replace('HEALTH_ROUTES', source('common/model/health.h').split('#define HEALTH_ROUTES')[1]);
	const names = Object.fromEntries([...text.matchAll(/#define (\w+)\s+"([^"]*)"/g)].map(([, name, value]) => [name, value]));
	return [...text.matchAll(/\{ HTTP_(\w+), (\w+)? ?"([^"]*)", AUTH_(\w+), \w+ \}/g)]
		.map(([, method, name, end, auth]) => ({ method, path: (name ? names[name] : '') + end, auth }));
}
