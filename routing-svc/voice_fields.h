/* voice_fields.h - what applications and addresses both say: which URLs speak for them. */
#pragma once

#include "common/io/http.h"
#include "common/model/account.h"

/* From a form onto what is there: absent parameters change nothing; a wrong one is answered. */
MUST_USE bool application_fields_or_reply(struct req *req, const struct form *form, struct application *out);
MUST_USE bool phone_number_fields_or_reply(struct req *req, const struct form *form, struct phone_number *out);

void application_fields_put(struct json_writer *w, const struct application *in);
void phone_number_fields_put(struct json_writer *w, const struct phone_number *in);
