/* account_record.c - the tables of account_record.h, and the walks over them. */
#include "common/model/account_record.h"

#include <stdio.h>

#include "common/base/json.h"
#include "common/model/account.h"
#include "common/model/keys.h"

static const char sealed_for[] = "account-secret";

#define FIELD(record, member, json, ...)                                                                     \
	{                                                                                                    \
		.name = json, .offset = offsetof(struct record, member), __VA_ARGS__                         \
	}
#define TEXT(record, member, json)	   FIELD(record, member, json, .type = RECORD_TEXT)
#define SECRET(record, member, json)	   FIELD(record, member, json, .type = RECORD_SECRET)
#define SID(record, member, json, letters) FIELD(record, member, json, .type = RECORD_SID, .prefix = letters)
#define FLAG(record, member, json)	   FIELD(record, member, json, .type = RECORD_FLAG)
#define NUMBER(record, member, json, when) FIELD(record, member, json, .type = RECORD_NUMBER, .preset = when)
#define TIME(record, member, json)	   FIELD(record, member, json, .type = RECORD_TIME)

#define KIND(type, sid_prefix, field_table, key_fn, ...)                                                     \
	{                                                                                                    \
		.name = #type, .prefix = sid_prefix, .size = sizeof(struct type),                            \
		.created = offsetof(struct type, created_ms), .updated = offsetof(struct type, updated_ms),  \
		.fields = field_table, .n = ARRAY_LEN(field_table), .key = key_fn, __VA_ARGS__               \
	}

/* "updated" stays first in each: the scripts rely on it. */
static const struct record_field account_fields[] = {
	TIME(account, updated_ms, "updated"),
	TIME(account, created_ms, "created"),
	TEXT(account, name, "name"),
	TEXT(account, status, "status"),
	SECRET(account, auth_token, "auth_token"),
	SECRET(account, auth_token_second, "auth_token_second"),
	SID(account, parent, "parent", "AC"),
	FLAG(account, call_waiting, "call_waiting"),
	FLAG(account, away_rings, "away_rings"),
	NUMBER(account, close_grace_ms, "close_grace_ms", CLOSE_GRACE_PRESET_MS),
	NUMBER(account, ring_proof_ms, "ring_proof_ms", RING_PROOF_PRESET_MS),
	NUMBER(account, away_after_missed, "away_after_missed", 0),
	TEXT(account, presence_webhook_url, "presence_webhook_url"),
	TEXT(account, policy_url, "policy_url"),
	TEXT(account, wake_url, "wake_url"),
	NUMBER(account, wake_hold_s, "wake_hold_s", WAKE_HOLD_PRESET_S),
	SECRET(account, webhook_secret, "webhook_secret"),
	TEXT(account, origins, "origins"),
};

static const struct record_field key_fields[] = {
	TIME(api_key, updated_ms, "updated"),
	TIME(api_key, created_ms, "created"),
	TEXT(api_key, name, "name"),
	SECRET(api_key, secret, "secret"),
	TEXT(api_key, algorithm, "algorithm"),
	TEXT(api_key, public_key, "public_key"),
	TEXT(api_key, kid, "kid"),
	TEXT(api_key, issuer, "issuer"),
	TEXT(api_key, audience, "audience"),
};

#define VOICE_FIELDS(type)                                                                                   \
	TEXT(type, voice_url, "voice_url"), TEXT(type, voice_method, "voice_method"),                        \
		TEXT(type, voice_fallback_url, "voice_fallback_url"),                                        \
		TEXT(type, voice_fallback_method, "voice_fallback_method"),                                  \
		TEXT(type, status_callback, "status_callback"),                                              \
		TEXT(type, status_callback_method, "status_callback_method")

static const struct record_field application_fields[] = {
	TIME(application, updated_ms, "updated"),
	TIME(application, created_ms, "created"),
	TEXT(application, name, "name"),
	VOICE_FIELDS(application),
};

static const struct record_field number_fields[] = {
	TIME(phone_number, updated_ms, "updated"),	     TEXT(phone_number, number, "number"),
	TIME(phone_number, created_ms, "created"),	     TEXT(phone_number, name, "name"),
	SID(phone_number, application, "application", "AP"), VOICE_FIELDS(phone_number),
};

const struct record_kind record_account = KIND(account, "AC", account_fields, key_account, .index = NULL);
const struct record_kind record_key =
	KIND(api_key, "SK", key_fields, key_account_keys, .index = key_account_key_index, .indexed = "kid");
const struct record_kind record_application =
	KIND(application, "AP", application_fields, key_account_applications, .index = NULL);
const struct record_kind record_number = KIND(phone_number, "PN", number_fields, key_account_numbers,
					      .index = key_account_number_index, .indexed = "number");

static void *field_of(const void *record, const struct record_field *field)
{
	return (char *)record + field->offset;
}

static struct str *text_of(const void *record, const struct record_field *field)
{
	return field_of(record, field);
}

static bool is_text(const struct record_field *field)
{
	return field->type == RECORD_TEXT || field->type == RECORD_SECRET;
}

uint64_t *record_time(void *record, size_t offset)
{
	return (void *)((char *)record + offset);
}

struct str record_text(const struct record_kind *kind, const void *record, const char *field)
{
	for (size_t i = 0; i < kind->n; i++)
		if (is_text(&kind->fields[i]) && str_eq(str_of(kind->fields[i].name), str_of(field)))
			return *text_of(record, &kind->fields[i]);
	return STR_NULL;
}

static bool field_equal(const struct record_field *field, const void *a, const void *b)
{
	const struct sid *sid_a = field_of(a, field), *sid_b = field_of(b, field);
	const bool *flag_a = field_of(a, field), *flag_b = field_of(b, field);
	const uint64_t *number_a = field_of(a, field), *number_b = field_of(b, field);

	switch (field->type) {
	case RECORD_TEXT:
	case RECORD_SECRET:
		return crypto_equal(*text_of(a, field), *text_of(b, field));
	case RECORD_SID:
		return sid_eq(*sid_a, *sid_b);
	case RECORD_FLAG:
		return *flag_a == *flag_b;
	case RECORD_NUMBER:
		return *number_a == *number_b;
	case RECORD_TIME:
		break;
	}
	return true;
}

bool record_equal(const struct record_kind *kind, const void *a, const void *b)
{
	const struct sid *sid_a = a, *sid_b = b;
	bool equal = sid_eq(*sid_a, *sid_b);

	for (size_t i = 0; i < kind->n; i++)
		equal = field_equal(&kind->fields[i], a, b) && equal;
	return equal;
}

/* What a sealed text is bound to: moved to another account, record or field it does not open. */
static struct str seal_context(char space[2 * SID_SIZE + 32], struct sid account, struct str id,
			       const char *field)
{
	const int n = snprintf(space, 2 * SID_SIZE + 32, "%s/" STR_FMT "/%s", account.s, STR_ARG(id), field);

	INVARIANT(n > 0 && n < 2 * SID_SIZE + 32);
	return str_n(space, (size_t)n);
}

static void write_secret(struct json_writer *w, const struct seal *seal, const char *name, struct str context,
			 struct str plain)
{
	struct buf sealed;

	buf_init(&sealed, RECORD_MAX);
	seal_text(seal, sealed_for, context, plain, &sealed);
	json_str(w, name, buf_str(&sealed));
	buf_fini(&sealed);
}

static void write_field(struct json_writer *w, const struct seal *seal, struct sid account,
			const void *record, const struct record_field *field)
{
	const struct sid *id = record, *sid = field_of(record, field);
	const uint64_t *number = field_of(record, field);
	const bool *flag = field_of(record, field);
	char space[2 * SID_SIZE + 32];

	switch (field->type) {
	case RECORD_TEXT:
		if (text_of(record, field)->n > 0)
			json_str(w, field->name, *text_of(record, field));
		break;
	case RECORD_SECRET:
		if (text_of(record, field)->n > 0)
			write_secret(w, seal, field->name,
				     seal_context(space, account, sid_str(id), field->name),
				     *text_of(record, field));
		break;
	case RECORD_SID:
		if (sid_is_set(*sid))
			json_str(w, field->name, sid_str(sid));
		break;
	case RECORD_FLAG:
		if (*flag)
			json_bool(w, field->name, true);
		break;
	case RECORD_NUMBER:
	case RECORD_TIME:
		json_int(w, field->name, (int64_t)*number);
		break;
	}
}

void record_write(const struct record_kind *kind, const struct seal *seal, struct sid account,
		  const void *record, struct buf *out)
{
	struct json_writer w;

	json_begin(&w, out);
	json_object(&w);
	for (size_t i = 0; i < kind->n; i++)
		write_field(&w, seal, account, record, &kind->fields[i]);
	json_object_end(&w);
}

static bool read_secret(const struct seal *seal, struct str context, struct str sealed, struct arena *arena,
			struct str *out)
{
	struct buf plain;
	bool opened;

	buf_init(&plain, RECORD_MAX);
	opened = seal_open(seal, sealed_for, context, sealed, &plain) && buf_ok(&plain);
	if (opened)
		*out = arena_copy(arena, buf_str(&plain));
	if (plain.p)
		crypto_wipe(plain.p, plain.n);
	buf_fini(&plain);
	return opened;
}

static bool read_number(const struct json *value, uint64_t *out)
{
	int64_t number = 0;

	if (!json_integer(value, &number) || number < 0)
		return false;
	*out = (uint64_t)number;
	return true;
}

static bool read_flag(const struct json *value, bool *out)
{
	*out = json_is_true(value);
	return json_is_bool(value);
}

static bool read_field(const struct record_field *field, const struct json *value, const struct seal *seal,
		       struct str context, struct arena *arena, void *out)
{
	const struct str text = json_string(value);

	switch (field->type) {
	case RECORD_TEXT:
		*text_of(out, field) = arena_copy(arena, text);
		return !str_is_null(text);
	case RECORD_SECRET:
		return read_secret(seal, context, text, arena, text_of(out, field));
	case RECORD_SID:
		return sid_parse(text, field->prefix, field_of(out, field));
	case RECORD_FLAG:
		return read_flag(value, field_of(out, field));
	case RECORD_NUMBER:
	case RECORD_TIME:
		return read_number(value, field_of(out, field));
	}
	return false;
}

static void set_absent(const struct record_field *field, void *out)
{
	uint64_t *number = field_of(out, field);

	if (is_text(field))
		*text_of(out, field) = STR("");
	else if (field->type == RECORD_NUMBER)
		*number = field->preset;
}

const char *record_read_fault(const struct record_kind *kind, const struct seal *seal, struct sid account,
			      struct str id, struct str text, struct arena *arena, void *out)
{
	struct json *doc = NULL;

	memset(out, 0, kind->size);

	const bool is_record = text.n <= RECORD_MAX && json_parse(text, &doc, NULL) == ERR_NONE &&
			       json_is_object(doc) && sid_parse(id, kind->prefix, out);
	const char *fault = is_record ? NULL : "";

	for (size_t i = 0; !fault && i < kind->n; i++) {
		const struct record_field *field = &kind->fields[i];
		const struct json *value = json_get(doc, field->name);
		char space[2 * SID_SIZE + 32];

		if (!value)
			set_absent(field, out);
		else if (!read_field(field, value, seal, seal_context(space, account, id, field->name), arena,
				     out))
			fault = field->name;
	}
	json_free(doc);
	return fault;
}

bool record_read(const struct record_kind *kind, const struct seal *seal, struct sid account, struct str id,
		 struct str text, struct arena *arena, void *out)
{
	return !record_read_fault(kind, seal, account, id, text, arena, out);
}

void record_copy(const struct record_kind *kind, struct arena *arena, const void *from, void *to)
{
	memcpy(to, from, kind->size);
	for (size_t i = 0; i < kind->n; i++)
		if (is_text(&kind->fields[i]))
			*text_of(to, &kind->fields[i]) = arena_copy(arena, *text_of(from, &kind->fields[i]));
}

static size_t packed_size(const struct record_kind *kind, const void *record)
{
	size_t size = kind->size;

	for (size_t i = 0; i < kind->n; i++)
		if (is_text(&kind->fields[i]))
			size += text_of(record, &kind->fields[i])->n;
	return size;
}

void *record_pack(const struct record_kind *kind, const void *record, size_t *size)
{
	*size = packed_size(kind, record);

	char *block = x_alloc(*size);
	char *behind = block + kind->size;

	memcpy(block, record, kind->size);
	for (size_t i = 0; i < kind->n; i++) {
		if (!is_text(&kind->fields[i]))
			continue;

		struct str *text = text_of(block, &kind->fields[i]);

		if (text->n > 0)
			memcpy(behind, text->p, text->n);
		*text = str_n(behind, text->n);
		behind += text->n;
	}
	return block;
}
