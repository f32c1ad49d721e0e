/* voice_fields.c - one table of the members that applications and addresses share. */
#include "routing-svc/voice_fields.h"

#include "common/model/twilio_json.h"

enum which { IN_APPLICATION, IN_NUMBER, WHICH_COUNT };

enum form_type { NAME, URL, METHOD };

#define FIELD(param, json, type, member)                                                                     \
	{                                                                                                    \
		param, json, type,                                                                           \
		{                                                                                            \
			offsetof(struct application, member), offsetof(struct phone_number, member)          \
		}                                                                                            \
	}

static const struct voice_field {
	const char *param;
	const char *json;
	enum form_type type;
	size_t offset[WHICH_COUNT];
} fields[] = {
	FIELD("FriendlyName", "friendly_name", NAME, name),
	FIELD("VoiceUrl", "voice_url", URL, voice_url),
	FIELD("VoiceMethod", "voice_method", METHOD, voice_method),
	FIELD("VoiceFallbackUrl", "voice_fallback_url", URL, voice_fallback_url),
	FIELD("VoiceFallbackMethod", "voice_fallback_method", METHOD, voice_fallback_method),
	FIELD("StatusCallback", "status_callback", URL, status_callback),
	FIELD("StatusCallbackMethod", "status_callback_method", METHOD, status_callback_method),
};

static struct str *value_of(const void *record, const struct voice_field *field, enum which which)
{
	return (void *)((char *)record + field->offset[which]);
}

static bool field_or_reply(struct req *req, const struct form *form, const struct voice_field *field,
			   struct str *out)
{
	switch (field->type) {
	case NAME:
		return twilio_text_or_reply(req, form, field->param, ACCOUNT_NAME_MAX, out);
	case URL:
		return twilio_url_or_reply(req, form, field->param, out);
	case METHOD:
		break;
	}
	return twilio_method_or_reply(req, form, field->param, out);
}

static bool fields_or_reply(struct req *req, const struct form *form, void *record, enum which which)
{
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (!field_or_reply(req, form, &fields[i], value_of(record, &fields[i], which)))
			return false;
	return true;
}

static void fields_put(struct json_writer *w, const void *record, enum which which)
{
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		const struct str value = *value_of(record, &fields[i], which);

		if (fields[i].type == METHOD)
			json_str(w, fields[i].json, value.n > 0 ? value : STR("POST"));
		else if (fields[i].type == URL)
			twilio_str(w, fields[i].json, value);
		else
			json_str(w, fields[i].json, value.n > 0 ? value : STR(""));
	}
}

bool application_fields_or_reply(struct req *req, const struct form *form, struct application *out)
{
	return fields_or_reply(req, form, out, IN_APPLICATION);
}

bool phone_number_fields_or_reply(struct req *req, const struct form *form, struct phone_number *out)
{
	return fields_or_reply(req, form, out, IN_NUMBER);
}

void application_fields_put(struct json_writer *w, const struct application *in)
{
	fields_put(w, in, IN_APPLICATION);
}

void phone_number_fields_put(struct json_writer *w, const struct phone_number *in)
{
	fields_put(w, in, IN_NUMBER);
}
