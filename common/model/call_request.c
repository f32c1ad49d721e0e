/* call_request.c - see call_request.h. */
#include "common/model/call_request.h"

bool call_read_media(const struct json *object, struct call *call, struct json_fault *fault)
{
	struct str word;

	if (!json_get_str(object, "media", JSON_OPTIONAL, CALL_WORD_MAX, &word, fault))
		return false;
	call->medium = MEDIA_VOICE;
	return str_is_null(word) || media_bit_of(word, &call->medium) ||
	       json_fault_set(fault, "media", "has to be voice, video or message");
}

bool call_read_parameters(struct arena *arena, const struct json *object, struct call *call,
			  struct json_fault *fault)
{
	const struct json *parameters;
	struct json_writer w;
	struct buf text;

	if (!json_get_object(object, "parameters", JSON_OPTIONAL, &parameters, fault))
		return false;
	if (!parameters)
		return true;
	if (json_count(parameters) > CALL_PARAMETERS_COUNT_MAX)
		return json_fault_set(fault, "parameters", "has more than %d members",
				      CALL_PARAMETERS_COUNT_MAX);
	for (const struct json *one = json_first(parameters); one; one = json_next(one)) {
		if (!json_is_string(one))
			return json_fault_set(fault, "parameters", "may only hold strings");
	}
	buf_init(&text, CALL_PARAMETERS_MAX);
	json_begin(&w, &text);
	json_put(&w, parameters);
	call->parameters = buf_ok(&text) ? arena_copy(arena, buf_str(&text)) : STR_NULL;
	buf_fini(&text);
	return !str_is_null(call->parameters) ||
	       json_fault_set(fault, "parameters", "are larger than %d bytes", CALL_PARAMETERS_MAX);
}

bool call_read_address(const struct json *object, const char *name, struct str *out, struct json_fault *fault)
{
	if (!json_get_str(object, name, JSON_REQUIRED, CALL_ADDRESS_MAX, out, fault))
		return false;
	return (out->n > 0 && !str_has_ctl(*out)) ||
	       json_fault_set(fault, name, "has to be an address without control characters");
}

bool call_read_body(const struct json *object, struct call *call, struct json_fault *fault)
{
	struct str body;

	if (call->medium != MEDIA_MESSAGE)
		return true;
	if (!json_get_str(object, "body", JSON_OPTIONAL, CALL_BODY_MAX, &body, fault) ||
	    !json_get_bool(object, "answer_with_call", &call->answer_with_call, fault))
		return false;
	call->body = body;
	return str_is_null(body) || body.n > 0 || json_fault_set(fault, "body", "has to say something");
}

static bool is_get(struct str method)
{
	return str_eq(method, STR("GET"));
}

void call_from_application(struct call *call, const struct application *application)
{
	call->application = application->sid;
	call->voice_url = application->voice_url;
	call->voice_get = is_get(application->voice_method);
	call->fallback_url = application->voice_fallback_url;
	call->fallback_get = is_get(application->voice_fallback_method);
	if (call->status_callback.n == 0) {
		call->status_callback = application->status_callback;
		call->status_callback_get = is_get(application->status_callback_method);
	}
}

void call_from_number(struct call *call, const struct phone_number *number)
{
	call->voice_url = number->voice_url;
	call->voice_get = is_get(number->voice_method);
	call->fallback_url = number->voice_fallback_url;
	call->fallback_get = is_get(number->voice_fallback_method);
	if (call->status_callback.n == 0) {
		call->status_callback = number->status_callback;
		call->status_callback_get = is_get(number->status_callback_method);
	}
}
