/* presence_filter.c - one row per parameter. */
#include "common/model/presence_filter.h"

#include "common/model/keys.h"
#include "common/model/presence.h"

#define ATTRIBUTE "Attribute."

bool presence_prefix_is_valid(struct str prefix)
{
	char name[IDENTITY_MAX];

	if (prefix.n == 0 || identity_is_valid(prefix))
		return true;
	if (prefix.n >= IDENTITY_MAX)
		return false;
	memcpy(name, prefix.p, prefix.n);
	name[prefix.n] = 'x'; /* no name is "support/" or "a/.", but some go on from there */
	return identity_is_valid(str_n(name, prefix.n + 1));
}

static bool read_prefix(struct presence_filter *filter, struct str value, struct json_fault *fault)
{
	if (!presence_prefix_is_valid(value))
		return json_fault_set(fault, "Prefix", "cannot start the name of a client");
	filter->prefix = value;
	return true;
}

static bool read_status(struct presence_filter *filter, struct str value, struct json_fault *fault)
{
	static const char *const words[] = { "available", "away", "busy", "dnd", "on_call", "offline" };

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (str_eq(value, str_of(words[i]))) {
			filter->status = value;
			return true;
		}
	}
	return json_fault_set(fault, "Status", "has to be available, away, busy, dnd, on_call or offline");
}

static bool read_media(const char *name, struct str value, unsigned *mask, struct json_fault *fault)
{
	unsigned bit;

	if (!media_bit_of(value, &bit))
		return json_fault_set(fault, name, "has to be voice, video or message");
	*mask |= bit;
	return true;
}

static bool read_attribute(struct presence_filter *filter, const struct form_field *field,
			   struct json_fault *fault)
{
	const struct str name = str_skip(field->name, strlen(ATTRIBUTE));

	if (name.n == 0 || name.n > ATTRIBUTE_LEN_MAX || str_has_ctl(name))
		return json_fault_set(fault, ATTRIBUTE, "has to be followed by a name of 1 to %d bytes",
				      ATTRIBUTE_LEN_MAX);
	if (field->value.n > ATTRIBUTE_LEN_MAX)
		return json_fault_set(fault, ATTRIBUTE, "has a value of more than %d bytes",
				      ATTRIBUTE_LEN_MAX);
	if (filter->n_attributes == FILTER_ATTRIBUTES_MAX)
		return json_fault_set(fault, ATTRIBUTE, "may be given %d times", FILTER_ATTRIBUTES_MAX);
	filter->attributes[filter->n_attributes++] = (struct form_field){ name, field->value };
	return true;
}

/* *given: bits of what may be there once. */
static bool once(const char *name, unsigned bit, unsigned *given, struct json_fault *fault)
{
	if (*given & bit)
		return json_fault_set(fault, name, "may be given once");
	*given |= bit;
	return true;
}

static bool read_field(struct presence_filter *filter, const struct form_field *field, unsigned *given,
		       struct json_fault *fault)
{
	if (str_eq(field->name, STR("Prefix")))
		return once("Prefix", 1, given, fault) && read_prefix(filter, field->value, fault);
	if (str_eq(field->name, STR("Status")))
		return once("Status", 2, given, fault) && read_status(filter, field->value, fault);
	if (str_eq(field->name, STR("Media")))
		return read_media("Media", field->value, &filter->media, fault);
	if (str_eq(field->name, STR("Ringable")))
		return read_media("Ringable", field->value, &filter->ringable, fault);
	if (str_starts(field->name, STR(ATTRIBUTE)))
		return read_attribute(filter, field, fault);
	return true;
}

bool presence_filter_read(const struct form *query, struct presence_filter *out, struct json_fault *fault)
{
	unsigned given = 0;

	*out = (struct presence_filter){ .prefix = STR(""), .status = STR("") };
	for (size_t i = 0; i < query->n; i++) {
		if (!read_field(out, &query->fields[i], &given, fault))
			return false;
	}
	return true;
}

static void put(struct buf *out, const char *name, struct str value)
{
	buf_printf(out, "%s=", name);
	buf_put_urlencoded(out, value);
	buf_putc(out, '&');
}

static void put_media(struct buf *out, const char *name, unsigned mask)
{
	for (unsigned bit = MEDIA_VOICE; bit <= MEDIA_MESSAGE; bit <<= 1) {
		if (mask & bit)
			put(out, name, media_word_of(bit));
	}
}

void presence_filter_write(struct buf *out, const struct presence_filter *filter)
{
	if (filter->prefix.n)
		put(out, "Prefix", filter->prefix);
	if (filter->status.n)
		put(out, "Status", filter->status);
	put_media(out, "Media", filter->media);
	put_media(out, "Ringable", filter->ringable);
	for (size_t i = 0; i < filter->n_attributes; i++) {
		buf_puts(out, ATTRIBUTE);
		buf_put_urlencoded(out, filter->attributes[i].name);
		put(out, "", filter->attributes[i].value);
	}
}
