/* instructions_tables.c - every verb and noun with its attributes: names, types, ranges, what becomes of them.
 *
 * docs/instructions.md and docs/instructions.schema.json say the same to users.
 * What Twilio knows and does not matter here is listed as well: it is no unknown
 * attribute, and a wrong value of it is a mistake all the same.
 */
#include "common/model/instructions_build.h"

enum { URL_MAX = 4000, LINE_MAX = 256, START_MAX = 256, QUEUE_MAX = 64, BODY_MAX = 1600 };

/* the columns of a row after its two names */
#define DIAL		  .err = ERR_DOC_DIAL
#define OTHER		  .err = ERR_DOC_SCHEMA
#define IN_VERB(member)	  .offset = offsetof(struct verb, member)
#define IN_TARGET(member) .offset = offsetof(struct dial_target, member)
#define URL		  .type = FIELD_URL, .max = URL_MAX
#define METHOD		  .type = FIELD_METHOD
#define LINE(from, to)	  .type = FIELD_TEXT, .min = from, .max = to
#define ANY_LINE	  LINE(0, LINE_MAX)
#define CHARS(list, to)	  .type = FIELD_CHARS, .words = list, .max = to
#define WORD(list)	  .type = FIELD_WORD, .words = list
#define WORDS(list)	  .type = FIELD_WORDS, .words = list
#define NUMBER(from, to)  .type = FIELD_NUMBER, .min = from, .max = to
#define FLAG		  .type = FIELD_FLAG
#define CHECKED		  .use = USE_CHECKED
#define NO_MEDIA(list)	  .use = USE_NO_MEDIA, .quiet = list
#define IGNORED(list)	  .use = USE_IGNORED, .quiet = list
#define TASK_ROUTER	  .use = USE_REFUSED
/* clang-format off */
#define SET(table)	  { table, ARRAY_LEN(table) }
#define NO_FIELDS	  { NULL, 0 }
/* clang-format on */

#define STRATEGIES "all in_order round_robin longest_idle"
#define PROGRESS   "initiated ringing answered completed"
#define RECORDINGS "in-progress completed absent"
#define RECORD                                                                                               \
	"do-not-record record-from-answer record-from-ringing record-from-answer-dual "                      \
	"record-from-ringing-dual true false"
#define TRIM  "trim-silence do-not-trim true false"
#define KEYS  "0123456789*#"
#define TONES KEYS "wW"

/* -- verbs ---------------------------------------------------------------- */

static const struct field dial_fields[] = {
	{ "action", "action", DIAL, IN_VERB(url), URL },
	{ "method", "method", DIAL, IN_VERB(get), METHOD },
	{ "timeout", "timeout", .err = ERR_DOC_DIAL_TIMEOUT, IN_VERB(timeout_s), NUMBER(1, 600) },
	{ "timeLimit", "time_limit", DIAL, IN_VERB(time_limit_s), NUMBER(1, 86400) },
	{ "callerId", "caller_id", DIAL, IN_VERB(caller_id), ANY_LINE },
	{ "strategy", "strategy", DIAL, IN_VERB(strategy), .type = FIELD_STRATEGY, .words = STRATEGIES },
	{ "sequential", "sequential", DIAL, IN_VERB(sequential), FLAG },
	{ "answerOnBridge", NULL, DIAL, FLAG, IGNORED("true") },
	{ "ringTone", NULL, DIAL, ANY_LINE, NO_MEDIA(NULL) },
	{ "hangupOnStar", NULL, DIAL, FLAG, NO_MEDIA("false") },
	{ "record", NULL, DIAL, WORD(RECORD), NO_MEDIA("do-not-record false") },
	{ "trim", NULL, DIAL, WORD(TRIM), NO_MEDIA("do-not-trim false") },
	{ "recordingTrack", NULL, DIAL, WORD("both inbound outbound"), CHECKED },
	{ "recordingConfigurationId", NULL, DIAL, ANY_LINE, NO_MEDIA(NULL) },
	{ "recordingStatusCallback", NULL, DIAL, URL, NO_MEDIA(NULL) },
	{ "recordingStatusCallbackMethod", NULL, DIAL, METHOD, CHECKED },
	{ "recordingStatusCallbackEvent", NULL, DIAL, WORDS(RECORDINGS), CHECKED },
	{ "referUrl", NULL, DIAL, URL, IGNORED(NULL) },
	{ "referMethod", NULL, DIAL, METHOD, CHECKED },
	{ "events", NULL, DIAL, ANY_LINE, IGNORED(NULL) },
	{ "passports", NULL, DIAL, LINE(0, URL_MAX), IGNORED(NULL) },
};

static const struct field redirect_fields[] = {
	{ NULL, "url", OTHER, IN_VERB(url), .type = FIELD_URL, .min = 1, .max = URL_MAX },
	{ "method", "method", OTHER, IN_VERB(get), METHOD },
};

static const struct field reject_fields[] = {
	{ "reason", "reason", OTHER, IN_VERB(reason), WORD("rejected busy") },
};

static const struct field pause_fields[] = {
	{ "length", "length", OTHER, IN_VERB(length_s), NUMBER(0, 3600) },
};

static const struct field enqueue_fields[] = {
	{ NULL, "queue", OTHER, IN_VERB(queue), LINE(1, QUEUE_MAX) },
	{ "action", "action", OTHER, IN_VERB(url), URL },
	{ "method", "method", OTHER, IN_VERB(get), METHOD },
	{ "waitUrl", "wait_url", OTHER, IN_VERB(wait_url), URL },
	{ "waitUrlMethod", "wait_url_method", OTHER, IN_VERB(wait_get), METHOD },
	{ "maxQueueSize", NULL, OTHER, NUMBER(1, 5000), IGNORED(NULL) },
	{ "workflowSid", NULL, OTHER, ANY_LINE, TASK_ROUTER },
};

static const struct field message_fields[] = {
	{ NULL, "body", OTHER, IN_VERB(text), .type = FIELD_PROSE, .min = 1, .max = BODY_MAX },
	{ "to", "to", OTHER, IN_VERB(to), ANY_LINE },
	{ "from", "from", OTHER, IN_VERB(from), ANY_LINE },
	{ "action", "action", OTHER, IN_VERB(url), URL },
	{ "method", "method", OTHER, IN_VERB(get), METHOD },
	{ "statusCallback", "status_callback", OTHER, IN_VERB(status_callback), URL },
};

static const struct field say_fields[] = {
	{ NULL, "text", OTHER, IN_VERB(text), .type = FIELD_START, .max = START_MAX },
	{ "voice", "voice", OTHER, CHECKED, ANY_LINE },
	{ "language", "language", OTHER, CHECKED, ANY_LINE },
	{ "loop", "loop", OTHER, CHECKED, NUMBER(0, 1000) },
};

static const struct field play_fields[] = {
	{ NULL, "url", OTHER, IN_VERB(text), .type = FIELD_START, .max = START_MAX },
	{ "loop", "loop", OTHER, CHECKED, NUMBER(0, 1000) },
	{ "digits", "digits", OTHER, CHECKED, CHARS(TONES, LINE_MAX) },
};

static const struct field gather_fields[] = {
	{ "action", "action", OTHER, CHECKED, URL },
	{ "method", "method", OTHER, CHECKED, METHOD },
	{ "input", "input", OTHER, CHECKED, WORDS("dtmf speech") },
	{ "timeout", "timeout", OTHER, CHECKED, NUMBER(1, 600) },
	{ "numDigits", "num_digits", OTHER, CHECKED, NUMBER(1, 100) },
	{ "finishOnKey", "finish_on_key", OTHER, CHECKED, CHARS(KEYS, 12) },
	{ "actionOnEmptyResult", NULL, OTHER, CHECKED, FLAG },
	{ "bargeIn", NULL, OTHER, CHECKED, FLAG },
	{ "debug", NULL, OTHER, CHECKED, FLAG },
	{ "enhanced", NULL, OTHER, CHECKED, FLAG },
	{ "hints", NULL, OTHER, CHECKED, LINE(0, URL_MAX) },
	{ "language", "language", OTHER, CHECKED, ANY_LINE },
	{ "maxSpeechTime", NULL, OTHER, CHECKED, NUMBER(1, 600) },
	{ "partialResultCallback", NULL, OTHER, CHECKED, URL },
	{ "partialResultCallbackMethod", NULL, OTHER, CHECKED, METHOD },
	{ "profanityFilter", NULL, OTHER, CHECKED, FLAG },
	{ "speechModel", NULL, OTHER, CHECKED, ANY_LINE },
	{ "speechTimeout", NULL, OTHER, CHECKED, ANY_LINE },
};

static const struct field record_fields[] = {
	{ "action", "action", OTHER, CHECKED, URL },
	{ "method", "method", OTHER, CHECKED, METHOD },
	{ "timeout", "timeout", OTHER, CHECKED, NUMBER(1, 600) },
	{ "maxLength", "max_length", OTHER, CHECKED, NUMBER(1, 14400) },
	{ "finishOnKey", "finish_on_key", OTHER, CHECKED, CHARS(KEYS, 12) },
	{ "playBeep", "play_beep", OTHER, CHECKED, FLAG },
	{ "trim", "trim", OTHER, CHECKED, WORD(TRIM) },
	{ "recordingConfigurationId", NULL, OTHER, CHECKED, ANY_LINE },
	{ "recordingStatusCallback", NULL, OTHER, CHECKED, URL },
	{ "recordingStatusCallbackMethod", NULL, OTHER, CHECKED, METHOD },
	{ "recordingStatusCallbackEvent", NULL, OTHER, CHECKED, WORDS(RECORDINGS) },
	{ "transcribe", NULL, OTHER, CHECKED, FLAG },
	{ "transcribeCallback", NULL, OTHER, CHECKED, URL },
};

static const struct verb_name verb_names[] = {
	{ "Dial", "dial", VERB_DIAL, SET(dial_fields), .children = CHILDREN_TARGETS },
	{ "Redirect", "redirect", VERB_REDIRECT, SET(redirect_fields), .children = CHILDREN_NONE },
	{ "Reject", "reject", VERB_REJECT, SET(reject_fields), .children = CHILDREN_NONE },
	{ "Hangup", "hangup", VERB_HANGUP, NO_FIELDS, .children = CHILDREN_NONE },
	{ "Pause", "pause", VERB_PAUSE, SET(pause_fields), .is_prompt = true },
	{ "Enqueue", "enqueue", VERB_ENQUEUE, SET(enqueue_fields), .children = CHILDREN_NONE },
	{ "Leave", "leave", VERB_LEAVE, NO_FIELDS, .children = CHILDREN_NONE },
	{ "Message", "message", VERB_MESSAGE, SET(message_fields), .children = CHILDREN_BODY },
	{ "Say", "say", VERB_MEDIA, SET(say_fields), .children = CHILDREN_SPEECH, .is_prompt = true },
	{ "Play", "play", VERB_MEDIA, SET(play_fields), .is_prompt = true },
	{ "Gather", "gather", VERB_MEDIA, SET(gather_fields), .children = CHILDREN_PROMPTS },
	{ "Record", "record", VERB_MEDIA, SET(record_fields), .children = CHILDREN_NONE },
	{ .twiml = "Connect", .json = "connect", .is_missing = true },
	{ .twiml = "Echo", .json = "echo", .is_missing = true },
	{ .twiml = "Pay", .json = "pay", .is_missing = true },
	{ .twiml = "Prompt", .json = "prompt", .is_missing = true },
	{ .twiml = "Refer", .json = "refer", .is_missing = true },
	{ .twiml = "Sms", .json = "sms", .is_missing = true },
	{ .twiml = "Start", .json = "start", .is_missing = true },
	{ .twiml = "Stop", .json = "stop", .is_missing = true },
};

const struct verb_name *verb_by_twiml(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(verb_names); i++) {
		if (strcmp(verb_names[i].twiml, name) == 0)
			return &verb_names[i];
	}
	return NULL;
}

const struct verb_name *verb_by_json(struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(verb_names); i++) {
		if (str_eq(str_of(verb_names[i].json), name))
			return &verb_names[i];
	}
	return NULL;
}

const struct verb_name *verb_by_number(size_t i)
{
	return i < ARRAY_LEN(verb_names) ? &verb_names[i] : NULL;
}

/* -- whom a Dial names ---------------------------------------------------- */

/* clang-format off */
#define CALLBACKS \
	{ "statusCallback", "status_callback", DIAL, IN_TARGET(status_callback), URL }, \
	{ "statusCallbackMethod", "status_callback_method", DIAL, IN_TARGET(status_callback_get), METHOD }, \
	{ "statusCallbackEvent", "status_callback_event", DIAL, IN_TARGET(events), WORDS(PROGRESS) }

/* instructions for the called side before it is connected: it has nobody to run them */
#define WHISPER \
	{ "url", NULL, DIAL, URL, IGNORED(NULL) }, \
	{ "method", NULL, DIAL, METHOD, CHECKED }

#define MACHINE_DETECTION \
	{ "machineDetection", NULL, DIAL, ANY_LINE, NO_MEDIA(NULL) }, \
	{ "machineDetectionTimeout", NULL, DIAL, NUMBER(3, 59), CHECKED }, \
	{ "machineDetectionSpeechThreshold", NULL, DIAL, NUMBER(1000, 6000), CHECKED }, \
	{ "machineDetectionSpeechEndThreshold", NULL, DIAL, NUMBER(500, 5000), CHECKED }, \
	{ "machineDetectionSilenceTimeout", NULL, DIAL, NUMBER(2000, 10000), CHECKED }, \
	{ "amdStatusCallback", NULL, DIAL, URL, CHECKED }, \
	{ "amdStatusCallbackMethod", NULL, DIAL, METHOD, CHECKED }
/* clang-format on */

static const struct field client_fields[] = {
	CALLBACKS,
	WHISPER,
	{ "require", "require", DIAL, .type = FIELD_REQUIRE },
	{ "clientNotificationUrl", NULL, DIAL, URL, IGNORED(NULL) },
};

static const struct field number_fields[] = {
	CALLBACKS,
	WHISPER,
	MACHINE_DETECTION,
	{ "sendDigits", "send_digits", DIAL, IN_TARGET(send_digits), CHARS(TONES, 32) },
	{ "byoc", NULL, DIAL, ANY_LINE, IGNORED(NULL) },
	{ "phoneNumberSid", NULL, DIAL, ANY_LINE, IGNORED(NULL) },
};

static const struct field sip_fields[] = {
	CALLBACKS,
	WHISPER,
	MACHINE_DETECTION,
	{ "username", "username", DIAL, IN_TARGET(username), ANY_LINE },
	{ "password", "password", DIAL, IN_TARGET(password), ANY_LINE },
};

static const struct field queue_fields[] = {
	WHISPER,
	{ "reservationSid", NULL, DIAL, ANY_LINE, TASK_ROUTER },
	{ "postWorkActivitySid", NULL, DIAL, ANY_LINE, TASK_ROUTER },
};

static const struct target_name target_names[] = {
	{ "Client", "identity", TARGET_CLIENT, SET(client_fields) },
	{ "Number", "number", TARGET_NUMBER, SET(number_fields) },
	{ "Sip", "sip", TARGET_SIP, SET(sip_fields) },
	{ "Queue", "queue", TARGET_QUEUE, SET(queue_fields) },
};

const struct target_name *target_by_twiml(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(target_names); i++) {
		if (strcmp(target_names[i].twiml, name) == 0)
			return &target_names[i];
	}
	return NULL;
}

const struct target_name *target_by_number(size_t i)
{
	return i < ARRAY_LEN(target_names) ? &target_names[i] : NULL;
}

/* -- rows ----------------------------------------------------------------- */

const struct field *field_by_twiml(struct field_set set, const char *name)
{
	for (size_t i = 0; i < set.n; i++) {
		if (set.fields[i].twiml && strcmp(set.fields[i].twiml, name) == 0)
			return &set.fields[i];
	}
	return NULL;
}

const struct field *field_of_text(struct field_set set)
{
	return set.n > 0 && !set.fields[0].twiml ? &set.fields[0] : NULL;
}

const struct field *field_by_json(struct field_set set, struct str name)
{
	for (size_t i = 0; i < set.n; i++) {
		if (set.fields[i].json && str_eq(str_of(set.fields[i].json), name))
			return &set.fields[i];
	}
	return NULL;
}
