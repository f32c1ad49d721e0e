/* auth.h - who is asking: the authorize hook of both services' routes.
 *
 * AUTH_SERVER: HTTP Basic, account SID + auth token (primary or second) or API key
 * SID + secret, for the account in the path ({A}; without one: for itself).
 * AUTH_CLIENT: "Authorization: Bearer" with a client token.
 * AUTH_ANY: either.  AUTH_NONE: the handler decides (health, communication tokens).
 * AUTH_PARENT: as AUTH_SERVER, where a parent may also change what is suspended or closed.
 *
 * Credentials of an account are good for its sub-accounts, too: the handler works on
 * the path's account.  What is suspended is only read by them, what is closed is not found.
 * Compares run in constant time; an unknown account and a wrong secret give the
 * same answer.  A path of another account is 404 to valid credentials (existence
 * does not leak).  The handler finds the caller by req_caller.  Too many requests of an
 * address, account or client are 429; with AUTH_NONE the handler asks limits_address_or_reply.
 *
 * A web page has to be of one of the account's origins, if it names any; all requests of
 * browsers for other pages are refused.
 */
#pragma once

#include "common/io/http_route.h"
#include "common/model/account.h"
#include "common/model/app.h"
#include "common/model/client_token.h"

enum auth { AUTH_NONE, AUTH_SERVER, AUTH_CLIENT, AUTH_ANY, AUTH_PARENT };

struct caller {
	struct sid account;                      /* that the request is about */
	bool is_server;
	bool is_parent;                          /* server: the credentials are those of the account's parent */
	struct sid owner;                        /* server: the account whose credentials they are, a parent's or its own */
	struct sid key;                          /* server: the API key used; not set: the auth token */
	struct str secret;                       /* server: the key's, or the auth token, as it was given */
	const struct client_token *token;        /* client only */
	uint64_t epoch;                          /* client: accounts_epoch() from before the token was looked at */
};

void auth_request(struct req *req, const struct route *route);   /* needs worker->app to start with struct app_common (app.h) */
const struct caller *req_caller(const struct req *req);
struct accounts *req_accounts(struct req *req);                  /* of the request's worker */

/* A client's token for a flow of any kind: reads, finds the key, verifies; failures are
 * the token's own errors.  `account` not set: the token decides. */
void auth_client_token(struct accounts *accounts, struct flow *flow, struct sid account, struct str text,
                       struct client_token *out, struct flow_step next);

/* Tells auth tokens apart, and tells nothing of them. */
uint32_t auth_token_mark(struct str auth_token);
/* Is that still one of the account's? */
bool auth_token_is_current(const struct account *account, uint32_t mark);

/* Is one that was good some time ago still good?  Else TOKEN_REVOKED or ACCOUNT_SUSPENDED.  Its expiry is the
 * caller's.  The token, or what is kept of it (revocation.h), lives until `next`. */
struct token_facts;
void auth_token_again(struct accounts *accounts, struct flow *flow, const struct client_token *token, struct flow_step next);
void auth_facts_again(struct accounts *accounts, struct flow *flow, const struct token_facts *facts, struct flow_step next);
