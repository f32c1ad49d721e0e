/* account_seed_read.c - what a seed file may hold, by table. */
#include "common/model/account_seed.h"

#include <stdio.h>

#include "common/io/url.h"
#include "common/model/account.h"

enum { SECRET_MIN = 16, SECRET_MAX = 128 };

enum seed_type {
	NAME,
	SECRET,
	STATUS,
	URL,
	METHOD,
	NUMBER,
	APPLICATION,
	/* what is not named stays: where an account belongs, and its settings */
	PARENT,
	FLAG,
	SETTING_NUMBER,
	SETTING_URL,
	WEBHOOK_SECRET,
	ORIGINS,
};

struct seed_field {
	const char *name;
	enum seed_type type;
	enum json_need need;
	size_t offset;
};

struct seed_noun {
	const struct record_kind *kind;
	const char *list; /* the array's name in its account */
	const struct seed_field *fields;
	size_t n;
	enum json_need sid;
};

static const struct seed_field account_fields[] = {
	{ "name", NAME, JSON_OPTIONAL, offsetof(struct account, name) },
	{ "status", STATUS, JSON_OPTIONAL, offsetof(struct account, status) },
	{ "auth_token", SECRET, JSON_REQUIRED, offsetof(struct account, auth_token) },
	{ "auth_token_second", SECRET, JSON_OPTIONAL, offsetof(struct account, auth_token_second) },
	{ "parent", PARENT, JSON_OPTIONAL, offsetof(struct account, parent) },
	{ "call_waiting", FLAG, JSON_OPTIONAL, offsetof(struct account, call_waiting) },
	{ "away_rings", FLAG, JSON_OPTIONAL, offsetof(struct account, away_rings) },
	{ "close_grace_ms", SETTING_NUMBER, JSON_OPTIONAL, offsetof(struct account, close_grace_ms) },
	{ "ring_proof_ms", SETTING_NUMBER, JSON_OPTIONAL, offsetof(struct account, ring_proof_ms) },
	{ "away_after_missed", SETTING_NUMBER, JSON_OPTIONAL, offsetof(struct account, away_after_missed) },
	{ "presence_webhook_url", SETTING_URL, JSON_OPTIONAL,
	  offsetof(struct account, presence_webhook_url) },
	{ "policy_url", SETTING_URL, JSON_OPTIONAL, offsetof(struct account, policy_url) },
	{ "wake_url", SETTING_URL, JSON_OPTIONAL, offsetof(struct account, wake_url) },
	{ "wake_hold_s", SETTING_NUMBER, JSON_OPTIONAL, offsetof(struct account, wake_hold_s) },
	{ "webhook_secret", WEBHOOK_SECRET, JSON_OPTIONAL, offsetof(struct account, webhook_secret) },
	{ "origins", ORIGINS, JSON_OPTIONAL, offsetof(struct account, origins) },
};

static const struct seed_field key_fields[] = {
	{ "name", NAME, JSON_OPTIONAL, offsetof(struct api_key, name) },
	{ "secret", SECRET, JSON_REQUIRED, offsetof(struct api_key, secret) },
};

#define VOICE_FIELDS(type)                                                                                   \
	{ "name", NAME, JSON_OPTIONAL, offsetof(struct type, name) },                                        \
		{ "voice_url", URL, JSON_OPTIONAL, offsetof(struct type, voice_url) },                       \
		{ "voice_method", METHOD, JSON_OPTIONAL, offsetof(struct type, voice_method) },              \
		{ "voice_fallback_url", URL, JSON_OPTIONAL, offsetof(struct type, voice_fallback_url) },     \
		{ "voice_fallback_method", METHOD, JSON_OPTIONAL,                                            \
		  offsetof(struct type, voice_fallback_method) },                                            \
		{ "status_callback", URL, JSON_OPTIONAL, offsetof(struct type, status_callback) },           \
	{                                                                                                    \
		"status_callback_method", METHOD, JSON_OPTIONAL,                                             \
			offsetof(struct type, status_callback_method)                                        \
	}

static const struct seed_field application_fields[] = { VOICE_FIELDS(application) };

static const struct seed_field number_fields[] = {
	{ "number", NUMBER, JSON_REQUIRED, offsetof(struct phone_number, number) },
	{ "application_sid", APPLICATION, JSON_OPTIONAL, offsetof(struct phone_number, application) },
	{ "application", APPLICATION, JSON_OPTIONAL, offsetof(struct phone_number, application) },
	VOICE_FIELDS(phone_number),
};

static const struct seed_noun account_noun = { &record_account, NULL, account_fields,
					       ARRAY_LEN(account_fields), JSON_REQUIRED };

/* Applications stand before the addresses that name them. */
static const struct seed_noun nouns[] = {
	{ &record_key, "keys", key_fields, ARRAY_LEN(key_fields), JSON_REQUIRED },
	{ &record_application, "applications", application_fields, ARRAY_LEN(application_fields),
	  JSON_REQUIRED },
	{ &record_number, "phone_numbers", number_fields, ARRAY_LEN(number_fields), JSON_OPTIONAL },
};

/* -- the values of members -- */

static size_t size_of(enum seed_type type)
{
	if (type == APPLICATION || type == PARENT)
		return sizeof(struct sid);
	if (type == FLAG)
		return sizeof(bool);
	return type == SETTING_NUMBER ? sizeof(uint64_t) : sizeof(struct str);
}

static bool is_printable(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] >= 0x7f)
			return false;
	return true;
}

static bool secret_check(const char *name, struct str secret, struct json_fault *fault)
{
	/* "$TOKEN" taken as it stands would be a secret that everybody can guess. */
	if (str_starts(secret, STR("$")))
		return json_fault_set(fault, name, "has to be the secret itself: $NAME is not replaced");
	if (secret.n < SECRET_MIN || !is_printable(secret))
		return json_fault_set(fault, name, "has to be %d to %d printable ASCII characters",
				      SECRET_MIN, SECRET_MAX);
	return true;
}

static bool text_check(struct arena *arena, const struct seed_field *field, struct str text,
		       struct json_fault *fault)
{
	switch (field->type) {
	case NAME:
		return !str_has_ctl(text) || json_fault_set(fault, field->name, "holds a control character");
	case SECRET:
		return secret_check(field->name, text, fault);
	case STATUS:
		return str_eq(text, STR("active")) || str_eq(text, STR("suspended")) ||
		       str_eq(text, STR("closed")) ||
		       json_fault_set(fault, field->name, "has to be active, suspended or closed");
	case URL:
	case SETTING_URL:
		return text.n == 0 || url_is_http(arena, text) ||
		       json_fault_set(fault, field->name, "has to be an http or https URL");
	case METHOD:
		return str_eq(text, STR("GET")) || str_eq(text, STR("POST")) ||
		       json_fault_set(fault, field->name, "has to be GET or POST");
	case NUMBER:
		return phone_number_is_valid(text) ||
		       json_fault_set(fault, field->name, "has to be an E.164 number or a word");
	case WEBHOOK_SECRET:
		return account_webhook_secret_is_valid(text) ||
		       json_fault_set(fault, field->name, "has to be whsec_ and 24 to 64 bytes in base64");
	case APPLICATION:
	case PARENT:
	case FLAG:
	case SETTING_NUMBER:
	case ORIGINS:
		break;
	}
	return true;
}

static bool sid_read(const struct json *from, const char *name, enum json_need need, const char *prefix,
		     struct sid *out, struct json_fault *fault)
{
	struct str text = STR_NULL;

	if (!json_get_str(from, name, need, SID_LEN, &text, fault))
		return false;
	if (str_is_null(text) || sid_parse(text, prefix, out))
		return true;
	return json_fault_set(fault, name, "has to be %s and 32 hex digits in lower case", prefix);
}

static bool text_read(struct arena *arena, const struct json *from, const struct seed_field *field, void *at,
		      struct json_fault *fault)
{
	static const size_t longest[] = {
		[NAME] = ACCOUNT_NAME_MAX,
		[SECRET] = SECRET_MAX,
		[STATUS] = 16,
		[URL] = ACCOUNT_URL_MAX,
		[METHOD] = 8,
		[NUMBER] = PHONE_NUMBER_MAX,
		[SETTING_URL] = ACCOUNT_URL_MAX,
		[WEBHOOK_SECRET] = SECRET_MAX,
	};
	struct str text = STR_NULL;

	if (!json_get_str(from, field->name, field->need, longest[field->type], &text, fault))
		return false;
	if (!str_is_null(text))
		*(struct str *)at = text;
	return str_is_null(text) || text_check(arena, field, text, fault);
}

static bool field_read(struct arena *arena, const struct json *from, const struct seed_field *field,
		       void *record, struct json_fault *fault)
{
	void *at = (char *)record + field->offset;

	switch (field->type) {
	case APPLICATION:
		return sid_read(from, field->name, field->need, "AP", at, fault);
	case PARENT:
		return sid_read(from, field->name, field->need, "AC", at, fault);
	case FLAG:
		return json_get_bool(from, field->name, at, fault);
	case SETTING_NUMBER:
		return account_number_read(from, field->name, at, fault);
	case ORIGINS:
		return account_origins_read(arena, from, at, fault);
	case NAME:
	case SECRET:
	case STATUS:
	case URL:
	case METHOD:
	case NUMBER:
	case SETTING_URL:
	case WEBHOOK_SECRET:
		break;
	}
	return text_read(arena, from, field, at, fault);
}

/* A parent stays as well: it is part of what an account is. */
void seed_keep(const struct seed_item *item, const void *stored)
{
	const struct account *before = stored;
	struct account *account = item->record;

	for (size_t i = 0; i < ARRAY_LEN(account_fields); i++) {
		const struct seed_field *field = &account_fields[i];

		if (field->type < PARENT || json_get(item->from, field->name))
			continue;
		memcpy((char *)account + field->offset, (const char *)before + field->offset,
		       size_of(field->type));
	}
}

static bool is_known(const struct seed_noun *noun, struct str name)
{
	for (size_t i = 0; i < noun->n; i++)
		if (str_eq(str_of(noun->fields[i].name), name))
			return true;
	for (size_t i = 0; noun == &account_noun && i < ARRAY_LEN(nouns); i++)
		if (str_eq(str_of(nouns[i].list), name))
			return true;
	return str_eq(name, STR("sid"));
}

static bool members_check(const struct seed_noun *noun, const struct json *from, struct json_fault *fault)
{
	for (const struct json *member = json_first(from); member; member = json_next(member)) {
		const struct str name = json_key(member);
		char space[40];

		if (is_known(noun, name))
			continue;
		snprintf(space, sizeof(space), STR_FMT, STR_ARG(name));
		return json_fault_set(fault, space, "is not known here");
	}
	return true;
}

/* -- what has to hold between records -- */

static bool same_thing(const struct seed_item *a, const struct seed_item *b)
{
	const struct sid *sid_a = a->record, *sid_b = b->record;

	if (a->kind != b->kind || !sid_eq(a->account, b->account))
		return false;
	if (sid_is_set(*sid_a) && sid_eq(*sid_a, *sid_b))
		return true;
	return a->kind == &record_number &&
	       str_eq(record_text(a->kind, a->record, "number"), record_text(b->kind, b->record, "number"));
}

static bool application_check(const struct seed_plan *plan, const struct seed_item *item,
			      struct json_fault *fault)
{
	const struct phone_number *number = item->record;
	struct application named = { .sid = number->application };
	const struct seed_item wanted = { .kind = &record_application,
					  .account = item->account,
					  .record = &named };

	if (!sid_is_set(number->application))
		return number->voice_url.n > 0 ||
		       json_fault_set(fault, "application_sid", "or voice_url is required");
	for (size_t i = 0; i < plan->n; i++)
		if (same_thing(&wanted, &plan->items[i]))
			return true;
	return json_fault_set(fault, "application_sid", "is not among the account's applications");
}

/* Families are two deep. */
static bool parent_check(const struct seed_plan *plan, const struct seed_item *item, struct json_fault *fault)
{
	const struct account *account = item->record;

	if (!sid_is_set(account->parent))
		return true;
	for (size_t i = 0; i < plan->n; i++) {
		const struct account *before = plan->items[i].record;

		if (plan->items[i].kind == &record_account && sid_eq(before->sid, account->parent) &&
		    !sid_is_set(before->parent))
			return true;
	}
	return json_fault_set(fault, "parent", "is no account before this one that has no parent itself");
}

static bool item_add(struct seed_plan *plan, const struct seed_item *item, struct json_fault *fault)
{
	for (size_t i = 0; i < plan->n; i++)
		if (same_thing(item, &plan->items[i]))
			return json_fault_set(fault, item->kind == &record_number ? "number" : "sid",
					      "is in the file twice");
	if (plan->n == SEED_MAX)
		return json_fault_set(fault, "sid", "is one too many: a file holds at most %d records",
				      SEED_MAX);
	if (item->kind == &record_number && !application_check(plan, item, fault))
		return false;
	if (item->kind == &record_account && !parent_check(plan, item, fault))
		return false;
	plan->items[plan->n++] = *item;
	return true;
}

/* -- the file -- */

/* Texts that the file leaves out are empty, not absent; a few have a preset. */
static void *record_new(struct arena *arena, const struct seed_noun *noun)
{
	void *record = arena_alloc(arena, noun->kind->size);

	for (size_t i = 0; i < noun->n; i++) {
		void *at = (char *)record + noun->fields[i].offset;
		const enum seed_type type = noun->fields[i].type;

		if (type == STATUS)
			*(struct str *)at = STR("active");
		else if (type == SETTING_NUMBER)
			*(uint64_t *)at = account_number_preset(noun->fields[i].name);
		else if (size_of(type) == sizeof(struct str))
			*(struct str *)at = STR("");
	}
	return record;
}

static bool record_parse(struct arena *arena, const struct seed_noun *noun, const struct json *from,
			 struct seed_item *item, struct json_fault *fault)
{
	item->kind = noun->kind;
	item->record = record_new(arena, noun);
	item->from = from;
	if (!json_is_object(from))
		return json_fault_set(fault, "", "has to be an object");
	if (!members_check(noun, from, fault) ||
	    !sid_read(from, "sid", noun->sid, noun->kind->prefix, item->record, fault))
		return false;
	for (size_t i = 0; i < noun->n; i++)
		if (!field_read(arena, from, &noun->fields[i], item->record, fault))
			return false;
	return true;
}

/* Puts where we are in front of the name that the fault has. */
static bool fault_within(struct json_fault *fault, const char *list, size_t i)
{
	char inner[sizeof(fault->field)];

	memcpy(inner, fault->field, sizeof(inner));
	snprintf(fault->field, sizeof(fault->field), "%s[%zu]%s%.*s", list, i, *inner ? "." : "", 40, inner);
	return false;
}

static bool list_read(struct arena *arena, const struct seed_noun *noun, const struct json *from,
		      struct sid account, struct seed_plan *plan, struct json_fault *fault)
{
	const struct json *list = NULL;
	size_t i = 0;

	if (!json_get_array(from, noun->list, JSON_OPTIONAL, SEED_MAX, &list, fault))
		return false;
	for (const struct json *member = list ? json_first(list) : NULL; member;
	     member = json_next(member), i++) {
		struct seed_item item = { .account = account };

		if (!record_parse(arena, noun, member, &item, fault) || !item_add(plan, &item, fault))
			return fault_within(fault, noun->list, i);
	}
	return true;
}

static bool account_read_from(struct arena *arena, const struct json *from, struct seed_plan *plan,
			      struct json_fault *fault)
{
	struct seed_item item = { .kind = NULL };

	if (!record_parse(arena, &account_noun, from, &item, fault))
		return false;
	item.account = ((const struct account *)item.record)->sid;
	if (!item_add(plan, &item, fault))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(nouns); i++)
		if (!list_read(arena, &nouns[i], from, item.account, plan, fault))
			return false;
	return true;
}

bool seed_read(struct arena *arena, const struct json *doc, struct seed_plan *out, struct json_fault *fault)
{
	const struct json *list = NULL;
	size_t i = 0;

	out->n = 0;
	if (!json_is_object(doc))
		return json_fault_set(fault, "accounts", "has to be a member of an object");
	if (!json_get_array(doc, "accounts", JSON_REQUIRED, SEED_MAX, &list, fault))
		return false;
	for (const struct json *member = json_first(list); member; member = json_next(member), i++)
		if (!account_read_from(arena, member, out, fault))
			return fault_within(fault, "accounts", i);
	return true;
}
