// instructions_schema.test.mjs - docs/instructions.schema.json says of a document what the reader says of it:
// thousands of documents, made at random out of good and odd values, are given to both.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { describe, test } from 'node:test';
import Ajv from 'ajv/dist/2020.js';
import twilio from 'twilio';
import { source } from '../support/documents.mjs';
import { BUILD_DIR } from '../support/service.mjs';

const schema = JSON.parse(source('docs/instructions.schema.json'));
const isValid = new Ajv({ strict: true, strictTypes: false, strictRequired: false }).compile(schema);
const reader = (args, input) => execFileSync(`${BUILD_DIR}/read_instructions`, args, { input, encoding: 'utf8', maxBuffer: 1 << 28 }).trim().split('\n').map(line => line.trimEnd());
const read = documents => reader([], documents.map(document => `${JSON.stringify(document)}\n`).join(''));

/** Element -> its attributes in TwiML and members in JSON. */
function knownFields() {
	const known = new Map();
	for (const [element, twiml, json] of reader(['--fields']).map(line => line.split(' '))) {
		const names = known.get(element) ?? known.set(element, { twiml: [], json: [] }).get(element);
		names.twiml.push(...twiml === '-' ? [] : [twiml]);
		names.json.push(...json === '-' ? [] : [json]);
	}
	return known;
}

// What may stand in each member, so that it is accepted.
const URLS = ['/after', 'https://example.com/a?b=c', ''], METHODS = ['GET', 'post'], LINES = ['client:bob', '', 'two words'], KEYS = ['#', '', '1*'];
const PARAMETERS = [{}, { k: 'v', 'größe': '日本' }];
const CALLBACKS = { status_callback: URLS, status_callback_method: METHODS, status_callback_event: [[], ['ringing'], ['initiated', 'answered', 'completed']] };
const TARGETS = {
	identity: { names: ['alice', 'support/tier1/bob', 'support/*', 'a@b.c', '..x'], parameters: PARAMETERS, require: [{}, { skill: 'billing' }, { skill: ['a', 'b'], 'x y': '=' }], ...CALLBACKS },
	number: { names: ['+15550100', '(555) 010-99.99', '*100#', '1'.repeat(32)], send_digits: ['1wW#', ''], parameters: PARAMETERS, ...CALLBACKS },
	sip: { names: ['sip:bob@example.com', 'SIPS:[::1];a=b?c=d'], username: LINES, password: LINES, parameters: PARAMETERS, ...CALLBACKS },
	queue: { names: ['support', 'front desk', 'q'.repeat(64)] },
};
const SAY = { text: ['hello', '', 'two\nlines'], voice: LINES, language: ['de-DE'], loop: [0, 1, 1000] };
const PLAY = { url: URLS, digits: ['1wW', ''], loop: [0, 7] };
const PAUSE = { length: [0, 1, 3600, 2.0] };
const VERBS = {
	dial: {
		clients: ['targets'], targets: ['targets'], timeout: [1, 600], time_limit: [1, 86400], action: URLS, method: METHODS, caller_id: LINES,
		strategy: ['all', 'in_order', 'round_robin', 'longest_idle'], sequential: [true, false],
	},
	redirect: { url: ['/next', 'x'.repeat(4000)], method: METHODS },
	reject: { reason: ['rejected', 'busy'] },
	hangup: {},
	pause: PAUSE,
	enqueue: { queue: ['support', 'front desk'], action: URLS, method: METHODS, wait_url: URLS, wait_url_method: METHODS },
	leave: {},
	message: { body: ['hi', 'two\r\n\tlines', 'b'.repeat(1600)], to: LINES, from: LINES, action: URLS, method: METHODS, status_callback: URLS },
	say: SAY,
	play: PLAY,
	gather: { prompts: ['prompts'], action: URLS, method: METHODS, input: [[], ['dtmf', 'speech']], timeout: [1, 600], num_digits: [1, 100], finish_on_key: KEYS, language: ['de'] },
	record: { action: URLS, method: METHODS, timeout: [5], max_length: [1, 14400], finish_on_key: KEYS, play_beep: [true], trim: ['trim-silence', 'do-not-trim'] },
};
const PROMPTS = { say: SAY, play: PLAY, pause: PAUSE };
const NEEDED = { dial: ['clients'], redirect: ['url'], enqueue: ['queue'], message: ['body'] };
// What is right in some members and wrong in most.
const ODD = [
	null, 0, 1, -1, 1.5, 601, 3601, 14401, 86401, 101, 1001, 1e15, true, false, '', ' ', 'x', ' GET', 'PUT', 'a\nb', 'a\u0001b', 'a/../b', '/*', '*', 'a/*/*', '+', 'sip:', 'sip:a b', 'tel:1', 'busy ', 'all',
	[], {}, [null], ['x'], [1], [['ringing']], { k: 1 }, { k: null }, { '': 'v' }, { k: [] }, { k: [1] }, { k: ['v', ''] }, { k: 'v'.repeat(65) }, 'q'.repeat(65), 'l'.repeat(257), 'b'.repeat(1601), 'u'.repeat(4001), '1'.repeat(33),
];

class Dice {
	#state;
	constructor(seed) {
		this.#state = seed;
	}
	/** mulberry32: 0 <= … < 1 */
	roll() {
		this.#state = (this.#state + 0x6d2b79f5) | 0;
		let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
		t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
		return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
	}
	chance(p) {
		return this.roll() < p;
	}
	of(list) {
		return list[Math.floor(this.roll() * list.length)];
	}
	many(most, make) {
		return Array.from({ length: Math.floor(this.roll() * (most + 1)) }, make);
	}
}

/** oddness: how likely it is that something about a value is not as it should be. */
function documents(seed, count, oddness) {
	const dice = new Dice(seed);
	const odd = () => dice.chance(oddness);

	function target() {
		const kind = dice.chance(0.7) ? 'identity' : dice.of(Object.keys(TARGETS));
		const { names, ...members } = TARGETS[kind];
		const made = { [kind]: odd() ? dice.of(ODD) : dice.of(names), ...fields(members, []) };
		if (odd())
			made[dice.of([...Object.keys(TARGETS), 'conference', 'fax'])] = dice.of(['alice', '1', 'sip:a', null]);
		return odd() ? dice.of(ODD) : made;
	}

	function value(choices) {
		if (odd())
			return dice.of(ODD);
		const chosen = dice.of(choices);
		if (chosen === 'targets')
			return [target(), ...dice.many(2, target)];
		return chosen === 'prompts' ? dice.many(3, () => verb(PROMPTS)) : chosen;
	}

	function fields(members, needed) {
		const made = {};
		for (const [name, choices] of Object.entries(members)) {
			if (needed.includes(name) ? !odd() : dice.chance(0.25))
				made[name] = value(choices);
		}
		if (odd())
			made[dice.of(['x', 'clients', 'timeout', 'prompts', 'Method'])] = dice.of(ODD);
		return made;
	}

	function verb(verbs) {
		const name = dice.of(Object.keys(verbs));
		const made = { verb: odd() ? dice.of(['fax', 'Dial', 'connect', 'dial', '', ...ODD]) : name, ...fields(verbs[name], NEEDED[name] ?? []) };
		return odd() ? dice.of([made, made, ...ODD]) : made;
	}

	return Array.from({ length: count }, () => {
		const instructions = dice.many(3, () => verb(VERBS));
		return odd() ? dice.of([{ instructions: dice.of(ODD) }, dice.of(ODD), { instructions, version: 2 }]) : { instructions };
	});
}

function compare(made) {
	const verdicts = read(made);
	assert.equal(verdicts.length, made.length);
	made.forEach((document, i) => {
		const byReader = verdicts[i].startsWith('accepted');
		assert.equal(isValid(document), byReader, `the reader: ${verdicts[i]}; the schema: ${JSON.stringify(isValid.errors)}\n${JSON.stringify(document).slice(0, 2000)}`);
	});
	return verdicts;
}

describe('the schema of instructions', () => {
	test('and the reader agree on documents with something odd in them', () => {
		const verdicts = [0.01, 0.03, 0.1].flatMap((oddness, i) => compare(documents(20261122 + i, 6000, oddness)));
		const accepted = verdicts.filter(verdict => verdict.startsWith('accepted')).length / verdicts.length;
		assert.ok(accepted > 0.3 && accepted < 0.8, `${accepted} of them were accepted`);
	});

	test('what has nothing odd is accepted, and only queues among others are not', () => {
		for (const verdict of compare(documents(7, 4000, 0)))
			assert.match(verdict, /^accepted 0$|^DOC_DIAL .* a queue has to be dialed alone$/);
	});

	test('each odd value in each member', () => {
		const inDial = target => ({ verb: 'dial', clients: [target] });
		const places = [];
		for (const [name, members] of Object.entries(VERBS)) {
			const base = { verb: name, ...Object.fromEntries((NEEDED[name] ?? []).map(member => [member, member === 'clients' ? [{ identity: 'a' }] : 'x'])) };
			for (const member of ['verb', ...Object.keys(members)])
				places.push(odd => ({ ...base, [member]: odd }), odd => ({ ...base, [member]: [odd] }));
			places.push(odd => ({ verb: 'gather', prompts: [{ ...base, x: odd }] }));
		}
		for (const [kind, { names: [name], ...members }] of Object.entries(TARGETS))
			for (const member of [kind, 'conference', ...Object.keys(members)])
				places.push(odd => inDial({ [kind]: name, [member]: odd }), odd => inDial({ [kind]: name, [member]: [odd] }), odd => inDial({ [kind]: name, [member]: { k: odd } }));
		for (const [name, members] of Object.entries(PROMPTS))
			for (const member of Object.keys(members))
				places.push(odd => ({ verb: 'gather', prompts: [{ verb: name, [member]: odd }] }));
		const verdicts = compare(places.flatMap(place => ODD.map(odd => ({ instructions: [place(odd)] }))));
		assert.ok(verdicts.length > 5000, `${verdicts.length}`);
	});

	test('counts', () => {
		const hangups = n => ({ instructions: Array.from({ length: n }, () => ({ verb: 'hangup' })) });
		const dial = changes => ({ instructions: [{ verb: 'dial', clients: [{ identity: 'a', ...changes }] }] });
		const clients = n => ({ instructions: [{ verb: 'dial', clients: Array.from({ length: n }, () => ({ identity: 'a' })) }] });
		const pairs = n => Object.fromEntries(Array.from({ length: n }, (_, i) => [`k${i}`, 'v']));
		const accepted = compare([hangups(200), clients(50), dial({ parameters: pairs(32) }), dial({ require: pairs(16) }), dial({ require: { k: Array(16).fill('v') } }), dial({ require: { ['k'.repeat(64)]: 'v'.repeat(64) } })]);
		assert.deepEqual(new Set(accepted), new Set(['accepted 0']));
		const refused = compare([hangups(201), clients(51), dial({ parameters: pairs(33) }), dial({ require: pairs(17) }), dial({ require: { k: Array(17).fill('v') } }), dial({ require: { ['k'.repeat(65)]: 'v' } })]);
		assert.ok(refused.every(verdict => !verdict.startsWith('accepted')), refused.join('\n'));
	});

	test('mentions what the reader knows, and nothing else', () => {
		const definition = element => ({ Client: 'client', Number: 'number', Sip: 'sip', Queue: 'queue' }[element] ?? element.toLowerCase());
		const beside = { dial: ['clients', 'targets'], gather: ['prompts'], client: ['parameters'], number: ['parameters'], sip: ['parameters'] };
		for (const kind of Object.keys(TARGETS).map(name => name === 'identity' ? 'client' : name))
			beside[kind] = [...beside[kind] ?? [], ...Object.keys(TARGETS)];
		for (const [element, { json }] of knownFields()) {
			const name = definition(element);
			assert.deepEqual(Object.keys(schema.$defs[name]?.properties ?? {}).sort(), [...new Set([...json, ...beside[name] ?? []])].sort(), name);
		}
	});
});

test('docs/instructions.md tells of every verb, noun and attribute in both forms, and of no others', () => {
	// beside attributes: names of elements, and what stands inside a Client or a Gather
	const isAttribute = name => !/^[A-Z]/.test(name) && !['name', 'value', 'parameters', 'prompts'].includes(name);
	const sections = new Map(source('docs/instructions.md').split(/^(?=#{2,3} )/m).map(section => [/^### `(\w+)`/.exec(section)?.[1], section]));
	const known = knownFields();
	sections.delete(undefined);
	assert.deepEqual([...sections.keys()].sort(), [...known.keys()].sort());
	for (const [element, { twiml, json }] of known) {
		const rows = [...sections.get(element).matchAll(/^\|([^|]*)\|([^|]*)\|/gm)];
		const told = column => [...new Set(rows.flatMap(row => [...row[column].matchAll(/`(\w+)`/g)].map(([, name]) => name).filter(isAttribute)))].sort();
		assert.deepEqual(told(1), twiml.sort(), `${element} in TwiML`);
		assert.deepEqual(told(2), json.sort(), `${element} in JSON`);
	}
});

describe('the package twilio', () => {
	const { VoiceResponse, MessagingResponse } = twilio.twiml;
	const verdict = response => reader(['--twiml'], `${response}\n`)[0];

	test('knows no attribute that would be told as unknown', () => {
		const known = knownFields();
		const types = source('tests/node_modules/twilio/lib/twiml/VoiceResponse.d.ts');
		const interfaces = [...types.matchAll(/interface (\w+)Attributes \{(.*?)\n {4}\}/gs)].filter(([, element]) => known.has(element));
		assert.ok(new Set(interfaces.map(([, element]) => element)).size >= 12, 'they were found');
		for (const [, element, body] of interfaces)
			for (const [, attribute] of body.matchAll(/^ {8}(\w+)\?:/gm))
				assert.ok(known.get(element).twiml.includes(attribute), `${element} ${attribute}`);
	});

	test('makes documents that are read as they are meant', () => {
		const response = new VoiceResponse();
		const dial = response.dial({ action: '/after', callerId: '+15550100', timeLimit: 60, timeout: 10, sequential: true, answerOnBridge: true, hangupOnStar: false, record: 'do-not-record', trim: 'do-not-trim' });
		dial.client({ statusCallback: '/s', statusCallbackEvent: ['initiated', 'completed'], statusCallbackMethod: 'GET' }, 'alice');
		const client = dial.client({ require: 'skill=billing' });
		client.identity('support/*');
		client.parameter({ name: 'k', value: 'v' });
		dial.number({ sendDigits: 'ww1#' }, '+1 (555) 0100');
		dial.sip({ username: 'u', password: 'p' }, 'sip:bob@example.com');
		response.dial().queue('front desk');
		response.enqueue({ action: '/left', waitUrl: '/wait', waitUrlMethod: 'GET' }, 'front desk');
		response.leave();
		const gather = response.gather({ input: 'dtmf speech', numDigits: 1, finishOnKey: '', timeout: 3, hints: 'a, b', bargeIn: true });
		gather.say({ voice: 'alice', language: 'en-GB', loop: 2 }, 'press one');
		gather.play({ loop: 0 }, '/beep.wav');
		gather.pause({ length: 1 });
		const say = response.say('it is ');
		say.emphasis({ level: 'strong' }, 'now');
		say.break({ strength: 'weak' });
		response.play({ digits: '1w2' });
		response.record({ maxLength: 30, playBeep: false, trim: 'trim-silence', transcribe: true });
		response.pause({ length: 2 });
		response.reject({ reason: 'busy' });
		response.redirect({ method: 'GET' }, '/next');
		response.hangup();
		assert.equal(verdict(response), 'accepted 0');
		const messaging = new MessagingResponse();
		messaging.message({ to: 'client:bob', from: 'client:alice', action: '/sent', statusCallback: '/receipt' }, 'hi');
		messaging.message({}).body('hello');
		assert.equal(verdict(messaging), 'accepted 0');
	});

	test('makes some that are refused clearly', () => {
		const made = make => {
			const response = new VoiceResponse();
			make(response);
			return verdict(response);
		};
		assert.equal(made(r => r.dial().conference('room')), 'DOC_CONFERENCE Conference: there is no mixer for a conference');
		assert.match(made(r => r.enqueue({ workflowSid: 'WW1' }).task('{}')), /^DOC_SCHEMA Enqueue: workflowSid is TaskRouter's/);
		assert.equal(made(r => r.dial({ record: 'record-from-answer' }, '+15550100')), 'accepted 1 Dial: record needs a media engine, there is none');
		assert.equal(made(r => r.connect().stream({ url: 'wss://example.com' })), 'accepted 1 Connect: not available here');
	});
});
