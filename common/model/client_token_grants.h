/* client_token_grants.h - the permissions inside a verified token.  Private to client_token.c. */
#pragma once

#include "common/model/client_token.h"

/* "grants" of an access token */
MUST_USE bool access_grants_read(struct arena *arena, const struct json *claims, struct client_token *out);

/* "scope" of a capability token */
MUST_USE bool scopes_read(struct arena *arena, const struct json *claims, struct client_token *out);
