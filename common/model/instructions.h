/* instructions.h - what the customer's server wants done: TwiML or JSON.   (expat inside)
 *
 * Pure: text in, verbs out, everything in the arena.  At most INSTRUCTIONS_MAX
 * bytes, 8 levels, 200 verbs; DOCTYPE and processing of entities beyond the five
 * of XML are refused.  Unknown verbs and attributes are warnings with their
 * line, as on Twilio; wrong values of known ones are errors with theirs.  What
 * is known and does nothing here is a warning, once (DOC_IGNORED, DOC_NO_MEDIA).
 * Every Dial behaves as answerOnBridge=true.  docs/instructions.md has it all.
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
	INSTRUCTIONS_MAX_REQUIRE = 16,
	INSTRUCTIONS_MAX_WARNINGS = 16,
};

enum verb_kind {
	VERB_DIAL,
	VERB_REDIRECT,
	VERB_REJECT,
	VERB_HANGUP,
	VERB_PAUSE,
	VERB_MEDIA,                      /* Say, Play, Gather, Record: `name` says which */
	VERB_ENQUEUE,
	VERB_LEAVE,
	VERB_MESSAGE,
};

enum target_kind { TARGET_CLIENT, TARGET_NUMBER, TARGET_SIP, TARGET_QUEUE };

enum dial_strategy { STRATEGY_UNSAID, STRATEGY_ALL, STRATEGY_IN_ORDER, STRATEGY_ROUND_ROBIN, STRATEGY_LONGEST_IDLE };

enum { EVENT_INITIATED = 1, EVENT_RINGING = 2, EVENT_ANSWERED = 4, EVENT_COMPLETED = 8 };

struct parameter {
	struct str name, value;
};

struct dial_target {
	enum target_kind kind;
	bool is_group;                   /* Client: every client below "support/", written "support/" and a star */
	struct str name;                 /* element or JSON member, for the trace: "Client" */
	struct str identity;             /* Client: a client's name, an alias, or a group's as it is written; else empty */
	struct str destination;          /* Number, Sip: whom the gateway rings; Queue: its name; else empty */
	struct str send_digits;          /* Number: for the gateway, once it is answered; empty: none */
	struct str username, password;   /* Sip: for the gateway; empty: none */
	struct parameter *parameters;    /* handed over with the ring; Queue: none */
	size_t n_parameters;
	struct parameter *require;       /* Client: a device has to have every one of these attributes; names may repeat */
	size_t n_require;
	struct str status_callback;      /* empty: none */
	bool status_callback_get;
	unsigned events;                 /* EVENT_ bits; default EVENT_COMPLETED */
	unsigned line;
};

struct verb {
	enum verb_kind kind;
	unsigned line;                   /* JSON: 0 */
	struct str name;                 /* "Dial", "Say" */
	struct str url;                  /* Redirect: target; Dial, Enqueue, Message: action, empty for none */
	bool get;                        /* method of url */
	unsigned timeout_s;              /* Dial: 30, 1..600 */
	unsigned time_limit_s;           /* Dial: 14400, 1..86400 */
	unsigned length_s;               /* Pause: 1, 0..3600 */
	struct str caller_id;            /* Dial: empty for the caller's own */
	struct str reason;               /* Reject: "rejected" or "busy" */
	enum dial_strategy strategy;     /* Dial: never UNSAID, STRATEGY_ALL by default */
	bool sequential;                 /* Dial: as written; strategy is what counts */
	struct dial_target *targets;     /* Dial: clients, numbers and addresses; or one queue alone */
	size_t n_targets;
	struct str queue;                /* Enqueue: 1..64 bytes */
	struct str wait_url;             /* Enqueue: empty for none */
	bool wait_get;
	struct str to, from;             /* Message: empty for the caller and the called one of this communication */
	struct str status_callback;      /* Message: empty for none */
	struct str text;                 /* Message: the body, 1..1600 bytes; media: the start of what is said or played */
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
