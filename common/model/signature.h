/* signature.h - X-Twilio-Signature as the helper libraries validate it.  Pure. */
#pragma once

#include "common/base/urlenc.h"

enum { SIGNATURE_MAX = 32 };

/* base64(HMAC-SHA1(auth token, url + name and value of each parameter)), parameters sorted
 * by name in byte order; of a repeated one each distinct value once, sorted.
 * url as it is requested, without fragment. fields may be NULL (GET). */
void signature_twilio(struct str auth_token, struct str url, const struct form_field *fields, size_t n, char out[SIGNATURE_MAX]);
