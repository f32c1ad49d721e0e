/* call_request.h - what a new call is made of, whoever asks for it. */
#pragma once

#include "common/model/account.h"
#include "common/model/call.h"

enum { CALL_PARAMETERS_COUNT_MAX = 32, CALL_CANDIDATE_MAX = 4096 };
enum { CALL_CANDIDATE_JSON_MAX = 6 * CALL_CANDIDATE_MAX + 512 };        /* a message with one, of whatever characters */

/* "media": one word, default voice; "parameters": an object of strings; "sdp". */
MUST_USE bool call_read_media(const struct json *object, struct call *call, struct json_fault *fault);
MUST_USE bool call_read_parameters(struct arena *arena, const struct json *object, struct call *call, struct json_fault *fault);
/* "body": of media message; without one, or with "answer_with_call", it is a call. */
MUST_USE bool call_read_body(const struct json *object, struct call *call, struct json_fault *fault);
MUST_USE bool call_read_address(const struct json *object, const char *name, struct str *out, struct json_fault *fault);

/* Which URLs speak for it. A status callback of its own stays. */
void call_from_application(struct call *call, const struct application *application);
void call_from_number(struct call *call, const struct phone_number *number);
