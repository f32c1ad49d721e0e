/* instructions_json.c - the same verbs as a JSON document.
 *
 *     {"instructions": [ verb ... ]}, a Dial with "clients": [ client ... ]
 *
 * Types are strict; null counts as absent; unknown members are warnings.  A
 * message names the path ("instructions[2].clients[0]"), the line is 0 except
 * where the text is not JSON at all.
 */
#include "common/model/instructions_build.h"

#include "common/base/json.h"

static bool wrong_type(struct build *b, const struct place *place, const struct field *field,
		       const char *wanted)
{
	return build_fail(b, place, field->err, "%s has to be %s", field->json, wanted);
}

static bool set_events(struct build *b, const struct place *place, const struct field *field,
		       const struct json *value, void *thing)
{
	if (!json_is_array(value))
		return wrong_type(b, place, field, "an array");
	for (const struct json *event = json_first(value); event; event = json_next(event)) {
		if (!add_event(b, place, field, field->json, json_string(event), thing))
			return false;
	}
	return true;
}

static bool set_value(struct build *b, const struct place *place, const struct field *field,
		      const struct json *value, void *thing)
{
	int64_t number;

	switch (field->type) {
	case FIELD_URL:
	case FIELD_METHOD:
	case FIELD_TEXT:
	case FIELD_REASON:
		if (!json_is_string(value))
			return wrong_type(b, place, field, "a string");
		return set_text(b, place, field, field->json, json_string(value), thing);
	case FIELD_NUMBER:
		if (!json_integer(value, &number))
			number = -1;
		return set_number(b, place, field, field->json, number, thing);
	case FIELD_FLAG:
		if (!json_is_bool(value))
			return wrong_type(b, place, field, "true or false");
		set_flag(field, json_is_true(value), thing);
		return true;
	case FIELD_EVENTS:
		return set_events(b, place, field, value, thing);
	case FIELD_NO_EFFECT:
	case FIELD_LATER:
		return true;
	}
	return true;
}

static bool read_fields(struct build *b, const struct place *place, const struct json *object,
			struct field_set set, void *thing)
{
	for (size_t i = 0; i < set.n; i++) {
		const struct field *field = &set.fields[i];
		const struct json *value = field->json ? json_get(object, field->json) : NULL;

		if (value && !set_value(b, place, field, value, thing))
			return false;
	}
	return true;
}

/* others: names beside the fields, "" at the end */
static void warn_of_unknown(struct build *b, const struct place *place, const struct json *object,
			    struct field_set set, const char *const *others)
{
	for (const struct json *member = json_first(object); member; member = json_next(member)) {
		struct str key = json_key(member);
		bool is_known = false;

		for (size_t i = 0; i < set.n && !is_known; i++)
			is_known = set.fields[i].json && str_eq(key, str_of(set.fields[i].json));
		for (const char *const *other = others; **other && !is_known; other++)
			is_known = str_eq(key, str_of(*other));
		if (!is_known)
			build_warn(b, place, "unknown member " STR_FMT, STR_ARG(shown(key)));
	}
}

static bool read_parameters(struct build *b, const struct place *place, const struct json *parameters)
{
	if (!parameters)
		return true;
	if (!json_is_object(parameters))
		return build_fail(b, place, ERR_DOC_DIAL, "parameters has to be an object");
	for (const struct json *member = json_first(parameters); member; member = json_next(member)) {
		if (!json_is_string(member))
			return build_fail(b, place, ERR_DOC_DIAL, "a parameter's value has to be a string");
		if (!build_parameter(b, place, json_key(member), json_string(member)))
			return false;
	}
	return true;
}

static bool read_client(struct build *b, const struct place *place, const struct json *client)
{
	static const char *const others[] = { "identity", "parameters", "" };
	const struct json *identity = json_get(client, "identity");
	struct dial_target *target;

	if (!json_is_object(client))
		return build_fail(b, place, ERR_DOC_DIAL, "has to be an object");
	if (identity && !json_is_string(identity))
		return build_fail(b, place, ERR_DOC_DIAL, "identity has to be a string");
	target = build_target(b, place, TARGET_CLIENT, STR("Client"));
	if (!target || !read_fields(b, place, client, fields_of_client(), target) ||
	    (identity && !build_identity(b, place, target, json_string(identity))) ||
	    !read_parameters(b, place, json_get(client, "parameters")))
		return false;
	warn_of_unknown(b, place, client, fields_of_client(), others);
	return build_target_end(b, place, target);
}

static bool read_clients(struct build *b, const struct place *place, const struct json *clients)
{
	size_t i = 0;

	if (!clients)
		return true;
	if (!json_is_array(clients))
		return build_fail(b, place, ERR_DOC_DIAL, "clients has to be an array");
	for (const struct json *client = json_first(clients); client; client = json_next(client)) {
		struct place at = place_at(0, "%.28s.clients[%zu]", place->what, i++);

		if (!read_client(b, &at, client))
			return false;
	}
	return true;
}

static bool read_known(struct build *b, const struct place *place, const struct json *object,
		       const struct verb_name *name)
{
	static const char *const dial_others[] = { "verb", "clients", "" }, *const others[] = { "verb", "" };
	struct verb *verb = build_verb(b, place, name);
	struct field_set set = fields_of_verb(name->kind);

	if (!verb || name->kind == VERB_MEDIA)
		return verb != NULL;
	if (!read_fields(b, place, object, set, verb))
		return false;
	if (name->kind == VERB_DIAL && !read_clients(b, place, json_get(object, "clients")))
		return false;
	warn_of_unknown(b, place, object, set, name->kind == VERB_DIAL ? dial_others : others);
	return build_verb_end(b, place, verb);
}

static bool read_verb(struct build *b, const struct place *place, const struct json *object)
{
	struct str verb = json_string(json_get(object, "verb"));
	const struct verb_name *name = verb_by_json(verb);

	if (str_is_null(verb))
		return build_fail(b, place, ERR_DOC_SCHEMA, "has to be an object with a verb");
	if (!name)
		build_warn(b, place, "unknown verb " STR_FMT, STR_ARG(shown(verb)));
	else if (name->is_later)
		build_warn(b, place, "%s is not available yet", name->json);
	else
		return read_known(b, place, object, name);
	return true;
}

static bool read_document(struct build *b, const struct json *document)
{
	static const char *const others[] = { "instructions", "" };
	const struct json *list = json_get(document, "instructions");
	const struct place root = place_at(0, "document");
	size_t i = 0;

	if (!json_is_array(list))
		return build_fail(b, &root, ERR_DOC_ROOT,
				  "has to be an object with an array named instructions");
	warn_of_unknown(b, &root, document, (struct field_set){ NULL, 0 }, others);
	for (const struct json *object = json_first(list); object; object = json_next(object)) {
		struct place place = place_at(0, "instructions[%zu]", i++);

		if (!read_verb(b, &place, object))
			return false;
	}
	return true;
}

static unsigned line_of(struct str text, size_t at)
{
	unsigned line = 1;

	for (size_t i = 0; i < at && i < text.n; i++)
		line += text.p[i] == '\n';
	return line;
}

bool instructions_json_read(struct build *b, struct str text)
{
	struct json *document;
	size_t at = 0;
	bool is_fine;

	if (json_parse(text, &document, &at) != ERR_NONE) {
		struct place place = place_at(line_of(text, at), "document");

		return build_fail(b, &place, ERR_DOC_PARSE, "not valid JSON at byte %zu", at);
	}
	is_fine = read_document(b, document);
	json_free(document);
	return is_fine;
}
