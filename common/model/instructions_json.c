/* instructions_json.c - the same verbs as a JSON document.
 *
 *     {"instructions": [ verb ... ]}
 *     a dial with "clients", "targets": [ target ... ]; a gather with "prompts": [ verb ... ]
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

static bool set_words(struct build *b, const struct place *place, const struct field *field,
		      const struct json *value, void *thing)
{
	if (!json_is_array(value))
		return wrong_type(b, place, field, "an array");
	for (const struct json *word = json_first(value); word; word = json_next(word)) {
		if (!add_word(b, place, field, field->json, json_string(word), thing))
			return false;
	}
	return true;
}

/* {"skill": "billing", "language": ["de", "en"]} */
static bool set_require(struct build *b, const struct place *place, const struct field *field,
			const struct json *pairs)
{
	if (!json_is_object(pairs))
		return wrong_type(b, place, field, "an object");
	for (const struct json *pair = json_first(pairs); pair; pair = json_next(pair)) {
		const bool is_array = json_is_array(pair);

		if (is_array && json_count(pair) == 0)
			return wrong_type(b, place, field, "an object of strings, or arrays of them");
		for (const struct json *value = is_array ? json_first(pair) : pair; value;
		     value = is_array ? json_next(value) : NULL) {
			if (!add_require(b, place, json_key(pair), json_string(value)))
				return false;
		}
	}
	return true;
}

static bool set_value(struct build *b, const struct place *place, const struct field *field,
		      const struct json *value, void *thing)
{
	int64_t number;

	switch (field->type) {
	case FIELD_NUMBER:
		if (!json_integer(value, &number))
			number = -1;
		return set_number(b, place, field, field->json, number, thing);
	case FIELD_FLAG:
		if (!json_is_bool(value))
			return wrong_type(b, place, field, "true or false");
		set_flag(b, place, field, field->json, json_is_true(value), thing);
		return true;
	case FIELD_WORDS:
		return set_words(b, place, field, value, thing);
	case FIELD_REQUIRE:
		return set_require(b, place, field, value);
	case FIELD_URL:
	case FIELD_TEXT:
	case FIELD_PROSE:
	case FIELD_START:
	case FIELD_CHARS:
	case FIELD_METHOD:
	case FIELD_WORD:
	case FIELD_STRATEGY:
		break;
	}
	if (!json_is_string(value))
		return wrong_type(b, place, field, "a string");
	return set_text(b, place, field, field->json, json_string(value), thing);
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
		bool is_known = field_by_json(set, key) != NULL;

		for (const char *const *other = others; **other && !is_known; other++)
			is_known = str_eq(key, str_of(*other));
		if (!is_known)
			build_warn(b, place, ERR_DOC_SCHEMA, "unknown member " STR_FMT, STR_ARG(shown(key)));
	}
}

/* -- whom a Dial names ---------------------------------------------------- */

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

/* The one member that says whom; NULL: none, or two */
static const struct target_name *name_of_target(const struct json *object)
{
	const struct target_name *name, *found = NULL;

	for (size_t i = 0; (name = target_by_number(i)); i++) {
		if (!json_get(object, name->json))
			continue;
		if (found)
			return NULL;
		found = name;
	}
	return found;
}

static bool read_target(struct build *b, const struct place *place, const struct json *object)
{
	const struct target_name *name = name_of_target(object);
	static const char *const others[] = { "identity", "number", "sip", "queue", "parameters", "" };
	static const char *const queue_others[] = { "identity", "number", "sip", "queue", "" };
	const bool is_queue = name && name->kind == TARGET_QUEUE;
	struct dial_target *target;

	if (!json_is_object(object))
		return build_fail(b, place, ERR_DOC_DIAL, "has to be an object");
	if (json_get(object, "conference"))
		return build_no_conference(b, place);
	if (!name)
		return build_fail(b, place, ERR_DOC_DIAL, "needs one of identity, number, sip, queue");
	if (!json_is_string(json_get(object, name->json)))
		return build_fail(b, place, ERR_DOC_DIAL, "%s has to be a string", name->json);
	target = build_target(b, place, name);
	if (!target || !read_fields(b, place, object, name->fields, target) ||
	    !build_whom(b, place, target, json_string(json_get(object, name->json))))
		return false;
	if (!is_queue && !read_parameters(b, place, json_get(object, "parameters")))
		return false;
	warn_of_unknown(b, place, object, name->fields, is_queue ? queue_others : others);
	return build_target_end(b, place, target);
}

typedef bool read_fn(struct build *b, const struct place *place, const struct json *object);

static bool read_list(struct build *b, const struct place *place, const struct json *object,
		      const char *member, enum err err, read_fn *read)
{
	const struct json *list = json_get(object, member);
	size_t i = 0;

	if (list && !json_is_array(list))
		return build_fail(b, place, err, "%s has to be an array", member);
	for (const struct json *one = json_first(list); one; one = json_next(one)) {
		struct place at = place_at(0, "%.28s.%s[%zu]", place->what, member, i++);

		if (!read(b, &at, one))
			return false;
	}
	return true;
}

/* -- verbs ---------------------------------------------------------------- */

static bool read_children(struct build *b, const struct place *place, const struct json *object,
			  const struct verb_name *name);

static const char *const *members_beside_fields(const struct verb_name *name)
{
	static const char *const dial[] = { "verb", "clients", "targets", "" };
	static const char *const gather[] = { "verb", "prompts", "" };
	static const char *const others[] = { "verb", "" };

	if (name->children == CHILDREN_TARGETS)
		return dial;
	return name->children == CHILDREN_PROMPTS ? gather : others;
}

static bool read_known(struct build *b, const struct place *place, const struct json *object,
		       const struct verb_name *name, struct verb *verb)
{
	if (!verb || !read_fields(b, place, object, name->fields, verb) ||
	    !read_children(b, place, object, name))
		return false;
	warn_of_unknown(b, place, object, name->fields, members_beside_fields(name));
	return build_verb_end(b, place, name, verb);
}

/* NULL: no verb, or none that can be run here; *is_fine says whether that is a failure */
static const struct verb_name *name_of_verb(struct build *b, const struct place *place,
					    const struct json *object, bool *is_fine)
{
	struct str verb = json_string(json_get(object, "verb"));
	const struct verb_name *name = verb_by_json(verb);

	*is_fine =
		!str_is_null(verb) || build_fail(b, place, ERR_DOC_SCHEMA, "has to be an object with a verb");
	if (!*is_fine)
		return NULL;
	if (!name)
		build_warn(b, place, ERR_DOC_SCHEMA, "unknown verb " STR_FMT, STR_ARG(shown(verb)));
	else if (name->is_missing)
		build_warn(b, place, ERR_DOC_UNAVAILABLE, "%s is not available here", name->json);
	return name && !name->is_missing ? name : NULL;
}

static bool read_verb(struct build *b, const struct place *place, const struct json *object)
{
	bool is_fine;
	const struct verb_name *name = name_of_verb(b, place, object, &is_fine);

	return name ? read_known(b, place, object, name, build_verb(b, place, name)) : is_fine;
}

static bool read_prompt(struct build *b, const struct place *place, const struct json *object)
{
	bool is_fine;
	const struct verb_name *name = name_of_verb(b, place, object, &is_fine);

	return name ? read_known(b, place, object, name, build_prompt(b, place, name)) : is_fine;
}

static bool read_children(struct build *b, const struct place *place, const struct json *object,
			  const struct verb_name *name)
{
	if (name->children == CHILDREN_TARGETS)
		return read_list(b, place, object, "clients", ERR_DOC_DIAL, read_target) &&
		       read_list(b, place, object, "targets", ERR_DOC_DIAL, read_target);
	if (name->children == CHILDREN_PROMPTS)
		return read_list(b, place, object, "prompts", ERR_DOC_SCHEMA, read_prompt);
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
	if (json_count(list) > INSTRUCTIONS_MAX_VERBS)
		return build_fail(b, &root, ERR_DOC_PARSE, "more than %d verbs", INSTRUCTIONS_MAX_VERBS);
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
