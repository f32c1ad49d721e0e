/* client_token_grants.c - what a verified token permits, in both of its spellings.
 *
 * A permission that is not understood whole is refused, never read as less or
 * more than it says.  Members and scopes of other products are passed over.
 */
#include "common/model/client_token_grants.h"

#include "common/base/urlenc.h"

enum {
	PARAMETERS_MAX = 6 * CLIENT_TOKEN_MAX, /* every byte escaped as \u00XX */
	PARAMETERS_COUNT_MAX = 128,	       /* with what else is sent they have to fit one form */
};

static bool set_identity(struct arena *arena, struct str name, struct client_token *out)
{
	if (!identity_is_valid(name) || (out->identity.n > 0 && !str_eq(out->identity, name)))
		return false;
	out->identity = arena_copy(arena, name);
	return true;
}

bool client_token_pattern_is_valid(struct str pattern)
{
	struct str name = pattern;

	if (str_ends(name, STR("/*")))
		name.n -= 2;
	return str_eq(pattern, STR("*")) || identity_is_valid(name);
}

static bool add_watch(struct arena *arena, struct str pattern, struct client_token *out)
{
	if (!client_token_pattern_is_valid(pattern) || out->n_watch == CLIENT_TOKEN_WATCH_MAX)
		return false;
	out->watch[out->n_watch++] = arena_copy(arena, pattern);
	return true;
}

/* -- access tokens -------------------------------------------------------- */

/* A number or boolean becomes its text; false for null and what is nested. */
static bool parameter_text(const struct json *value, struct buf *scratch, struct str *out)
{
	struct json_writer writer;

	if (json_is_string(value)) {
		*out = json_string(value);
		return true;
	}
	if (!json_is_number(value) && !json_is_bool(value))
		return false;
	buf_clear(scratch);
	json_begin(&writer, scratch);
	json_put(&writer, value);
	*out = buf_str(scratch);
	return buf_ok(scratch);
}

static bool put_parameters(struct arena *arena, const struct json *params, struct str *out)
{
	struct json_writer writer;
	struct buf text, scratch;
	struct str value;
	bool is_fine;

	if (json_count(params) > PARAMETERS_COUNT_MAX)
		return false;
	buf_init(&text, PARAMETERS_MAX);
	buf_init(&scratch, CLIENT_TOKEN_MAX);
	json_begin(&writer, &text);
	json_object(&writer);
	for (const struct json *member = json_first(params); member; member = json_next(member)) {
		if (!parameter_text(member, &scratch, &value))
			continue;
		json_name_str(&writer, json_key(member));
		json_put_str(&writer, value);
	}
	json_object_end(&writer);
	is_fine = buf_ok(&text);
	if (is_fine)
		*out = arena_copy(arena, buf_str(&text));
	buf_fini(&scratch);
	buf_fini(&text);
	return is_fine;
}

static bool read_outgoing(struct arena *arena, const struct json *outgoing, struct client_token *out)
{
	const struct json *params = NULL;
	struct json_fault fault;
	struct str application;

	return json_get_str(outgoing, "application_sid", JSON_REQUIRED, SID_LEN, &application, &fault) &&
	       sid_parse(application, "AP", &out->application) &&
	       json_get_object(outgoing, "params", JSON_OPTIONAL, &params, &fault) &&
	       (!params || put_parameters(arena, params, &out->parameters));
}

static bool read_voice(struct arena *arena, const struct json *voice, struct client_token *out)
{
	const struct json *incoming = NULL, *outgoing = NULL;
	struct json_fault fault;

	if (!json_get_object(voice, "incoming", JSON_OPTIONAL, &incoming, &fault) ||
	    !json_get_object(voice, "outgoing", JSON_OPTIONAL, &outgoing, &fault))
		return false;
	if (incoming && !json_get_bool(incoming, "allow", &out->incoming, &fault))
		return false;
	return !outgoing || read_outgoing(arena, outgoing, out);
}

static bool read_presence(struct arena *arena, const struct json *presence, struct client_token *out)
{
	const struct json *watch = json_get(presence, "watch");
	struct json_fault fault;

	if (!json_get_bool(presence, "override", &out->override, &fault))
		return false;
	if (!watch)
		return true;
	if (!json_is_array(watch))
		return json_is_string(watch) && add_watch(arena, json_string(watch), out);
	for (const struct json *pattern = json_first(watch); pattern; pattern = json_next(pattern)) {
		if (!json_is_string(pattern) || !add_watch(arena, json_string(pattern), out))
			return false;
	}
	return true;
}

bool access_grants_read(struct arena *arena, const struct json *claims, struct client_token *out)
{
	const struct json *grants, *voice = NULL, *presence = NULL;
	struct json_fault fault;
	struct str identity;

	if (!json_get_object(claims, "grants", JSON_REQUIRED, &grants, &fault) ||
	    !json_get_str(grants, "identity", JSON_REQUIRED, IDENTITY_MAX, &identity, &fault) ||
	    !json_get_object(grants, "voice", JSON_OPTIONAL, &voice, &fault) ||
	    !json_get_object(grants, "presence", JSON_OPTIONAL, &presence, &fault))
		return false;
	return set_identity(arena, identity, out) && (!voice || read_voice(arena, voice, out)) &&
	       (!presence || read_presence(arena, presence, out));
}

/* -- capability tokens ---------------------------------------------------- */

static bool is_repeated(const struct form *form, size_t at)
{
	for (size_t i = 0; i < at; i++) {
		if (str_eq(form->fields[i].name, form->fields[at].name))
			return true;
	}
	return false;
}

/* "b=1&a=2", decoded once already, as a JSON object; of a repeated name the first counts */
static bool put_form(struct arena *arena, struct str text, struct str *out)
{
	struct json_writer writer;
	struct form form;
	struct buf json;
	bool is_fine;

	if (form_parse(arena, text, &form) != ERR_NONE || form.n > PARAMETERS_COUNT_MAX)
		return false;
	buf_init(&json, PARAMETERS_MAX);
	json_begin(&writer, &json);
	json_object(&writer);
	for (size_t i = 0; i < form.n; i++) {
		if (is_repeated(&form, i))
			continue;
		json_name_str(&writer, form.fields[i].name);
		json_put_str(&writer, form.fields[i].value);
	}
	json_object_end(&writer);
	is_fine = buf_ok(&json);
	if (is_fine)
		*out = arena_copy(arena, buf_str(&json));
	buf_fini(&json);
	return is_fine;
}

static bool scope_incoming(struct arena *arena, const struct form *query, struct client_token *out)
{
	out->incoming = true;
	return set_identity(arena, form_get(query, "clientName"), out);
}

static bool scope_outgoing(struct arena *arena, const struct form *query, struct client_token *out)
{
	struct str name = form_get(query, "clientName"), parameters = form_get(query, "appParams");

	return !sid_is_set(out->application) &&
	       sid_parse(form_get(query, "appSid"), "AP", &out->application) &&
	       (str_is_null(name) || set_identity(arena, name, out)) &&
	       (str_is_null(parameters) || put_form(arena, parameters, &out->parameters));
}

/* Filters narrow: "identity=alice" names what may be watched.  One that we do not
 * know would narrow in a way we cannot keep, so then nothing may be watched. */
static bool scope_stream(struct arena *arena, const struct form *query, struct client_token *out)
{
	struct str filters = form_get(query, "appParams");
	struct form form;

	if (!str_eq(form_get(query, "path"), STR("/2010-04-01/Events")))
		return true;
	if (filters.n == 0)
		return add_watch(arena, STR("*"), out);
	if (form_parse(arena, filters, &form) != ERR_NONE)
		return false;
	for (size_t i = 0; i < form.n; i++) {
		if (!str_eq(form.fields[i].name, STR("identity")))
			return true;
	}
	for (size_t i = 0; i < form.n; i++) {
		if (!add_watch(arena, form.fields[i].value, out))
			return false;
	}
	return true;
}

static const struct scope {
	struct str name;
	bool (*read)(struct arena *arena, const struct form *query, struct client_token *out);
} scopes[] = {
	{ { "scope:client:incoming", 21 }, scope_incoming },
	{ { "scope:client:outgoing", 21 }, scope_outgoing },
	{ { "scope:stream:subscribe", 22 }, scope_stream },
};

static bool scope_read(struct arena *arena, struct str uri, struct client_token *out)
{
	struct str query = uri, name;
	struct form form;

	if (!str_split(&query, '?', &name))
		return true;
	for (size_t i = 0; i < ARRAY_LEN(scopes); i++) {
		if (str_eq(name, scopes[i].name))
			return form_parse(arena, query, &form) == ERR_NONE &&
			       scopes[i].read(arena, &form, out);
	}
	return true;
}

bool scopes_read(struct arena *arena, const struct json *claims, struct client_token *out)
{
	struct json_fault fault;
	struct str rest, uri;

	if (!json_get_str(claims, "scope", JSON_REQUIRED, CLIENT_TOKEN_MAX, &rest, &fault))
		return false;
	while (str_split(&rest, ' ', &uri)) {
		if (!scope_read(arena, uri, out))
			return false;
	}
	return true;
}
