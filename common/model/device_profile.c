/* device_profile.c - what a client may say about its device, checked. */
#include <stdio.h>

#include "common/model/presence.h"

static const struct {
	struct str word;
	unsigned bit;
} media_words[] = {
	{ { "voice", 5 }, MEDIA_VOICE },
	{ { "video", 5 }, MEDIA_VIDEO },
	{ { "message", 7 }, MEDIA_MESSAGE },
};

bool media_bit_of(struct str word, unsigned *out)
{
	for (size_t i = 0; i < ARRAY_LEN(media_words); i++) {
		if (str_eq(word, media_words[i].word)) {
			*out = media_words[i].bit;
			return true;
		}
	}
	return false;
}

struct str media_word_of(unsigned bit)
{
	for (size_t i = 0; i < ARRAY_LEN(media_words); i++) {
		if (media_words[i].bit == bit)
			return media_words[i].word;
	}
	return STR("voice");
}

void media_put(struct json_writer *w, const char *key, unsigned mask)
{
	json_name(w, key);
	json_array(w);
	for (size_t i = 0; i < ARRAY_LEN(media_words); i++) {
		if (mask & media_words[i].bit)
			json_put_str(w, media_words[i].word);
	}
	json_array_end(w);
}

bool device_status_is_valid(struct str word)
{
	return str_eq(word, STR("available")) || str_eq(word, STR("away")) || str_eq(word, STR("busy")) ||
	       str_eq(word, STR("dnd"));
}

static bool read_status(const struct json *object, bool whole, struct device_profile *out,
			struct json_fault *fault)
{
	if (!json_get_str(object, "status", JSON_OPTIONAL, 16, &out->status, fault))
		return false;
	if (str_is_null(out->status)) {
		out->status = whole ? STR("available") : STR_NULL;
		return true;
	}
	return device_status_is_valid(out->status) ||
	       json_fault_set(fault, "status", "has to be available, away, busy or dnd");
}

static bool read_media(const struct json *object, bool whole, struct device_profile *out,
		       struct json_fault *fault)
{
	const struct json *array;

	if (!json_get_array(object, "media", JSON_OPTIONAL, 8, &array, fault))
		return false;
	out->media = MEDIA_VOICE;
	out->has_media = whole || array;
	if (!array)
		return true;
	out->media = 0;
	for (const struct json *word = json_first(array); word; word = json_next(word)) {
		unsigned bit;

		if (!media_bit_of(json_string(word), &bit))
			return json_fault_set(fault, "media",
					      "holds a word that is not voice, video or message");
		out->media |= bit;
	}
	return true;
}

static bool attribute_is_valid(const struct json *value)
{
	if (json_is_string(value))
		return json_string(value).n <= ATTRIBUTE_LEN_MAX;
	if (!json_is_array(value) || json_count(value) > ATTRIBUTES_MAX)
		return false;
	for (const struct json *one = json_first(value); one; one = json_next(one)) {
		if (!json_is_string(one) || json_string(one).n > ATTRIBUTE_LEN_MAX)
			return false;
	}
	return true;
}

static bool read_attributes(const struct json *object, const struct json **out, struct json_fault *fault)
{
	if (!json_get_object(object, "attributes", JSON_OPTIONAL, out, fault))
		return false;
	if (!*out)
		return true;
	if (json_count(*out) > ATTRIBUTES_MAX)
		return json_fault_set(fault, "attributes", "has more than %d members", ATTRIBUTES_MAX);
	for (const struct json *one = json_first(*out); one; one = json_next(one)) {
		char field[64];

		if (json_key(one).n == 0 || json_key(one).n > ATTRIBUTE_LEN_MAX || str_has_ctl(json_key(one)))
			return json_fault_set(
				fault, "attributes",
				"holds a name that is not 1 to 64 bytes without control characters");
		if (attribute_is_valid(one))
			continue;
		snprintf(field, sizeof(field), "attributes." STR_FMT, (int)MIN(json_key(one).n, 40),
			 json_key(one).p);
		return json_fault_set(fault, field,
				      "has to be a string of at most 64 bytes, or at most 16 of them");
	}
	return true;
}

static bool read_label(const struct json *object, const char *name, struct str *out, struct json_fault *fault)
{
	if (!json_get_str(object, name, JSON_OPTIONAL, LABEL_MAX, out, fault))
		return false;
	return !str_has_ctl(*out) || json_fault_set(fault, name, "holds a control character");
}

/* STR_NULL: too long */
static struct str json_text(struct arena *arena, const struct json *value)
{
	struct json_writer w;
	struct buf text;
	struct str copy;

	buf_init(&text, ATTRIBUTES_JSON_MAX);
	json_begin(&w, &text);
	json_put(&w, value);
	copy = buf_ok(&text) ? arena_copy(arena, buf_str(&text)) : STR_NULL;
	buf_fini(&text);
	return copy;
}

/* What readers are shown besides status and media. */
static void render(struct arena *arena, struct device_profile *profile)
{
	struct json_writer w;
	struct buf json;

	buf_init(&json, 32 * 1024);
	json_begin(&w, &json);
	json_object(&w);
	json_str(&w, "app", profile->app);
	json_str(&w, "host", profile->host);
	json_name(&w, "attributes");
	json_put_raw(&w, profile->attributes);
	json_object_end(&w);
	profile->json = arena_copy(arena, buf_str(&json));
	buf_fini(&json);
}

void device_profile_add_term(struct device_profile *profile, struct arena *arena, struct str term)
{
	if (!profile->terms)
		profile->terms = arena_alloc(arena, DEVICE_TERMS_MAX * sizeof(*profile->terms));
	INVARIANT(profile->n_terms < DEVICE_TERMS_MAX);
	profile->terms[profile->n_terms++] = arena_copy(arena, term);
}

static void add_term(struct device_profile *profile, struct arena *arena, struct str key,
		     const struct json *value)
{
	const struct str word = json_string(value);

	device_profile_add_term(profile, arena,
				arena_printf(arena, STR_FMT "=" STR_FMT, STR_ARG(key), STR_ARG(word)));
}

/* What the device is found by: each value of each attribute. */
static void add_terms(struct arena *arena, struct device_profile *profile)
{
	struct json *attributes;

	if (json_parse(profile->attributes, &attributes, NULL) != ERR_NONE)
		return;
	for (const struct json *one = json_first(attributes); one; one = json_next(one)) {
		if (json_is_string(one))
			add_term(profile, arena, json_key(one), one);
		for (const struct json *word = json_is_array(one) ? json_first(one) : NULL; word;
		     word = json_next(word))
			add_term(profile, arena, json_key(one), word);
	}
	json_free(attributes);
}

static struct str pick(struct arena *arena, struct str given, struct str otherwise)
{
	return str_is_null(given) ? otherwise : arena_copy(arena, given);
}

bool device_profile_read(struct arena *arena, const struct json *object, const struct device_profile *before,
			 struct device_profile *out, struct json_fault *fault)
{
	const struct json *attributes;

	*out = (struct device_profile){ .status = STR_NULL };
	if (!read_status(object, !before, out, fault) || !read_media(object, !before, out, fault) ||
	    !read_attributes(object, &attributes, fault) || !read_label(object, "app", &out->app, fault) ||
	    !read_label(object, "host", &out->host, fault))
		return false;

	out->status = arena_copy(arena, out->status);
	if (before && !attributes && str_is_null(out->app) && str_is_null(out->host))
		return true;
	out->app = pick(arena, out->app, before ? before->app : STR("default"));
	out->host = pick(arena, out->host, before ? before->host : STR(""));
	out->attributes = attributes ? json_text(arena, attributes) : before ? before->attributes : STR("{}");
	if (str_is_null(out->attributes))
		return json_fault_set(fault, "attributes", "are larger than %d bytes as JSON",
				      ATTRIBUTES_JSON_MAX);
	render(arena, out);
	add_terms(arena, out);
	return true;
}

void device_profile_retell(struct arena *arena, const struct device_profile *before,
			   struct device_profile *profile)
{
	profile->app = before->app;
	profile->host = before->host;
	profile->attributes = before->attributes;
	render(arena, profile);
	add_terms(arena, profile);
}

void device_profile_of_json(struct arena *arena, struct str json, struct device_profile *out)
{
	struct json *doc;

	*out = (struct device_profile){ .app = STR("default"), .host = STR(""), .attributes = STR("{}") };
	if (json_parse(json, &doc, NULL) != ERR_NONE)
		return;
	out->app = arena_copy(arena, json_string(json_get(doc, "app")));
	out->host = arena_copy(arena, json_string(json_get(doc, "host")));
	if (json_get(doc, "attributes"))
		out->attributes = json_text(arena, json_get(doc, "attributes"));
	json_free(doc);
}

void device_profile_restore(struct arena *arena, struct str status, unsigned media, struct str json,
			    struct device_profile *out)
{
	device_profile_of_json(arena, json, out);
	out->status = arena_copy(arena, status);
	out->media = media;
	out->has_media = true;
	out->json = arena_copy(arena, json);
	add_terms(arena, out);
}
