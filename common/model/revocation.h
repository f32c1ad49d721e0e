/* revocation.h - what was revoked in an account: one token, or all that a client or a key had.
 *
 * Revoking an identity or a key ends every token that was issued until that second;
 * one that is issued later is good again.  A revocation is kept for as long as a
 * token may live.  It is written and announced on "inv" in one step.
 *
 * A channel that a revocation ends is its worker's to find (presence-svc/recheck.h);
 * what is held by REST leases is found in the store, by hidden index terms.
 *
 * Each worker keeps what it knows of the accounts that it meets.  After an
 * invalidation it reads what is new since, after a gap in the subscription all of
 * it; while there is no subscription it asks Redis each time, so nobody is
 * admitted while nobody can know.
 */
#pragma once

#include "common/model/account.h"
#include "common/model/client_token.h"
#include "common/model/presence.h"

enum {
	REVOCATIONS_MAX = 10000,         /* of one account at a time */
	REVOCATION_KEPT_S = CLIENT_TOKEN_LIFETIME_MAX_S + 60,
};

enum revocation_kind { REVOKE_TOKEN = 't', REVOKE_IDENTITY = 'i', REVOKE_KEY = 'k' };

struct revocation {
	enum revocation_kind kind;
	struct str id;                   /* a token's id, an identity, an SK sid */
	int64_t at_us;                   /* by Redis' clock; each of an account has its own */
};

/* kind and id in, at_us out; it lives until `next`.  CONFLICT when the account holds REVOCATIONS_MAX. */
void revocation_put(struct accounts *accounts, struct flow *flow, struct sid account, struct revocation *revocation,
                    struct flow_step next);
/* Ends the REST leases that were made with what is revoked, until at_us. */
void revocation_end_leases(struct flow *flow, struct sid account, const struct revocation *revocation, struct flow_step next);

/* What a leased device is listed by besides its attributes: the token that it came with, and its key. */
void revocation_add_terms(struct device_profile *profile, struct arena *arena, const struct client_token *token);
MUST_USE bool revocation_terms_are_of(struct str terms, const struct client_token *token);   /* as they are stored */

/* One page, newest first: those before before_us (0: from the newest on). */
struct revocation_page { struct revocation *items; size_t n; bool more; };
void revocations_list(struct flow *flow, struct sid account, int64_t before_us, size_t size, struct revocation_page *out,
                      struct flow_step next);

/* What a revocation goes by. */
struct token_facts {
	struct sid account, key;         /* key not set: signed with an auth token of the account */
	uint32_t signer;                 /* which one: auth_token_mark */
	struct str id, identity;
	uint64_t issued_at_s;            /* 0: nobody knows */
};
struct token_facts token_facts_of(const struct client_token *token);

struct revoked;                          /* all of one account */
bool revoked_has(const struct revoked *revoked, const struct token_facts *facts);

/* Inside revocations_load when was_cached, else later, as a step of the flow; revoked is borrowed. */
typedef void revocations_found_fn(struct flow *flow, void *arg, const struct revoked *revoked, bool was_cached);
void revocations_load(struct accounts *accounts, struct flow *flow, struct sid account, const char *waiting_for,
                      revocations_found_fn *found, void *arg);

/* For account.c: one per worker. */
struct revocations;
struct revocations *revocations_new(void);
struct revocations *revocations_free(struct revocations *revocations);
void revocations_forget(struct revocations *revocations, struct str account);    /* there may be new ones */
void revocations_forget_all(struct revocations *revocations);
