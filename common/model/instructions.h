/* instructions.h - what the customer's server wants done: TwiML or JSON.   (expat inside)
 *
 * Pure: text in, verbs out, everything in the arena.  At most INSTRUCTIONS_MAX
 * bytes, 8 levels, 200 verbs; DOCTYPE and processing of entities beyond the five
 * of XML are refused.  Unknown verbs and attributes are warnings with their
 * line, as on Twilio; wrong values of known ones are errors with theirs.
 * Defaults and ranges are Twilio's (see docs); every Dial behaves as
 * answerOnBridge=true.
 *
 * The same verbs as JSON (application/json):
 *   {"instructions":[{"verb":"dial","timeout":20,"action":"/after","clients":[{"identity":"alice","parameters":{"k":"v"}}]},
 *                    {"verb":"redirect","url":"/next"},{"verb":"reject","reason":"busy"},{"verb":"hangup"},{"verb":"pause","length":2}]}
 */
#pragma once

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/base/str.h"

enum {
	INSTRUCTIONS_MAX = 64 * 1024,
	INSTRUCTIONS_MAX_VERBS = 200,
	INSTRUCTIONS_MAX_TARGETS = 50,
	INSTRUCTIONS_MAX_PARAMETERS = 32,
	INSTRUCTIONS_MAX_WARNINGS = 16,
};

enum verb_kind { VERB_DIAL, VERB_REDIRECT, VERB_REJECT, VERB_HANGUP, VERB_PAUSE, VERB_MEDIA /* Say, Play, Gather, Record */ };

enum target_kind { TARGET_CLIENT, TARGET_UNSUPPORTED /* Number, Sip, Queue, Conference: later */ };

enum { EVENT_INITIATED = 1, EVENT_RINGING = 2, EVENT_ANSWERED = 4, EVENT_COMPLETED = 8 };

struct parameter {
	struct str name, value;
};

struct dial_target {
	enum target_kind kind;
	struct str name;                 /* element or JSON member, for the trace: "Client" */
	struct str identity;             /* TARGET_CLIENT */
	struct parameter *parameters;
	size_t n_parameters;
	struct str status_callback;      /* empty: none */
	bool status_callback_get;
	unsigned events;                 /* EVENT_ bits; default EVENT_COMPLETED */
	unsigned line;
};

struct verb {
	enum verb_kind kind;
	unsigned line;                   /* JSON: 0 */
	struct str name;                 /* "Dial", "Say" */
	struct str url;                  /* Redirect: target; Dial: action, empty for none */
	bool get;                        /* method of url */
	unsigned timeout_s;              /* Dial: 30, 1..600 */
	unsigned time_limit_s;           /* Dial: 14400, 1..86400 */
	unsigned length_s;               /* Pause: 1, 0..3600 */
	struct str caller_id;            /* Dial: empty for the caller's own */
	struct str reason;               /* Reject: "rejected" or "busy" */
	bool sequential;                 /* Dial: parsed; ringing in turn comes with the strategies */
	struct dial_target *targets;     /* Dial */
	size_t n_targets;
};

struct instruction_note {
	enum err err;
	unsigned line;
	char text[120];
};

struct instructions {
	struct verb *verbs;
	size_t n;
	struct instruction_note warnings[INSTRUCTIONS_MAX_WARNINGS];
	size_t n_warnings;
};

/* content_type as the server sent it: text/xml, application/xml, text/html -> TwiML;
 * application/json -> JSON; anything else ERR_DOC_CONTENT_TYPE.  An empty TwiML
 * document is ERR_DOC_PARSE.  On failure *why says what and on which line. */
MUST_USE enum err instructions_parse(struct arena *arena, struct str content_type, struct str text,
                                     struct instructions *out, struct instruction_note *why);
