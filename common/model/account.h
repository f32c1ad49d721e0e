/* account.h - accounts, API keys, applications and addresses, as Redis holds them.
 *
 * Everything of one account lies in one hash slot, so a change is one atomic
 * step; the same step publishes the account's id on "inv", and every worker drops
 * what it cached of it.  The cache holds an entry for at most 60 s and at most
 * ACCOUNT_CACHE_MAX entries; after any gap in the subscription all of it goes, and
 * while there is no subscription nothing is served from it.
 *
 * Results are copied into the flow's arena.  _load: absent or closed things fail the
 * flow with NOT_FOUND.  _find: absent or closed is no failure, out->sid is not set then.
 * _read: like _load, but past the cache (provisioning sees what was just written anywhere).
 */
#pragma once

#include "common/io/flow.h"
#include "common/io/redis.h"
#include "common/io/redis_sub.h"
#include "common/base/sid.h"
#include "common/model/seal.h"
#include "common/model/settings.h"

enum {
	ACCOUNT_CACHE_MAX = 10000,
	ACCOUNT_CACHE_MS = 60000,
	ACCOUNT_RECORDS_MAX = 2000,      /* of each sort in one account */
	ACCOUNT_PAGE_MAX = 100,
	ACCOUNT_NAME_MAX = 256,          /* bytes */
	ACCOUNT_URL_MAX = 2048,
	PHONE_NUMBER_MAX = 128,
	KEY_KID_MAX = 128,
	API_KEYS_AT_ONCE = 16,
	CLOSE_GRACE_PRESET_MS = 2000,
	CLOSE_GRACE_MAX_MS = 60000,
	RING_PROOF_PRESET_MS = 2000,
	RING_PROOF_MAX_MS = 10000,
	AWAY_AFTER_MAX = 100,
	WAKE_HOLD_PRESET_S = 10,
	WAKE_HOLD_MAX_S = 30,
	ACCOUNT_ORIGINS_MAX = 20,
	ACCOUNT_ORIGIN_MAX = 260,        /* bytes of one */
};

struct account {
	struct sid sid;
	struct str name;
	struct str status;               /* active, suspended, closed */
	struct str auth_token;           /* primary: signs webhooks */
	struct str auth_token_second;    /* empty: none; both are accepted */
	struct sid parent;               /* of a sub-account; not set otherwise */

	/* the rules of presence */
	bool call_waiting;               /* a client in a call can be rung */
	bool away_rings;                 /* a device that is away can be rung */
	uint64_t close_grace_ms;         /* a closed channel's device counts so long */
	uint64_t ring_proof_ms;          /* a device that has not acknowledged its ring by then is skipped; 0: none is */
	uint64_t away_after_missed;      /* a device whose rings timed out so often in a row shows away; 0: never */

	struct str presence_webhook_url; /* empty: none */
	struct str policy_url;           /* asked before a client registers; empty: nobody is */
	struct str wake_url;             /* asked to wake a client that is offline and wanted; empty: nobody is */
	uint64_t wake_hold_s;            /* so long a ring waits for it */
	struct str webhook_secret;       /* "whsec_" and base64; empty: none was needed yet */
	struct str origins;              /* of web pages, one space between: "https://a.example https://b.example"; empty: any */
	uint64_t created_ms;
	uint64_t updated_ms;
};

struct api_key {                         /* a shared secret or a public key, never both */
	struct sid sid;
	struct str name;
	struct str secret;               /* empty: a public key */
	struct str algorithm;            /* of a public key: RS256, ES256, EdDSA */
	struct str public_key;           /* PEM */
	struct str kid;                  /* the customer's own name of it; empty: its sid */
	struct str issuer, audience;     /* what iss and aud of its tokens have to be; empty: see client_token.h */
	uint64_t created_ms;
	uint64_t updated_ms;
};

struct application {
	struct sid sid;
	struct str name;
	struct str voice_url, voice_method, voice_fallback_url, voice_fallback_method;
	struct str status_callback, status_callback_method;
	uint64_t created_ms;
	uint64_t updated_ms;
};

struct phone_number {                    /* an address: "+15551234567", "support", "sip:..." */
	struct sid sid;                  /* PN.. */
	struct str number;
	struct str name;
	struct sid application;          /* voice_application_sid; wins over the URLs below */
	struct str voice_url, voice_method, voice_fallback_url, voice_fallback_method;
	struct str status_callback, status_callback_method;
	uint64_t created_ms;
	uint64_t updated_ms;
};

/* One per worker. */
struct accounts;
struct accounts *accounts_new(struct worker *worker, const struct redis_conf *redis, const struct seal *seal);   /* starts the subscription */
struct accounts *accounts_free(struct accounts *accounts);
bool accounts_is_ready(const struct accounts *accounts);
struct redis_sub *accounts_sub(const struct accounts *accounts);     /* this worker's subscriber, for other channels too */

/* Something of the account has changed: a key, its status, a revocation.  Not set: after a gap,
 * anything of any account may have.  What is asked from within is already what is new. */
enum { ACCOUNTS_LISTENERS_MAX = 4 };
typedef void accounts_change_fn(void *arg, struct sid account);
void accounts_on_change(struct accounts *accounts, accounts_change_fn *fn, void *arg);
/* Rises with each of those, before they are told. */
uint64_t accounts_epoch(const struct accounts *accounts);

/* Is this an address: E.164, or a word of identity characters, perhaps behind "sip:" or "sips:"? */
bool phone_number_is_valid(struct str number);

#define WEBHOOK_SECRET_PREFIX "whsec_"

struct str account_auth_token_new(struct arena *arena);
struct str account_webhook_secret_new(struct arena *arena);
MUST_USE bool account_webhook_secret_is_valid(struct str secret);

/* As browsers write it: "https://example.com", "http://localhost:3000". */
MUST_USE bool account_origin_is_valid(struct arena *arena, struct str origin);
/* "origins" of an object, each checked; absent leaves *origins alone. */
struct json;
struct json_fault;
MUST_USE bool account_origins_read(struct arena *arena, const struct json *from, struct str *origins, struct json_fault *fault);
/* May pages of this origin use the account?  Empty: no browser asks. */
bool account_permits_origin(const struct account *account, struct str origin);

/* Settings that are numbers, by their names: absent leaves *number alone.  (account_number.c) */
uint64_t account_number_preset(const char *name);
MUST_USE bool account_number_read(const struct json *from, const char *name, uint64_t *number, struct json_fault *fault);

/* reading, cached */
void account_load(struct accounts *accounts, struct flow *flow, struct sid sid, struct account *out, struct flow_step next);
void account_find(struct accounts *accounts, struct flow *flow, struct sid sid, struct account *out, struct flow_step next);
void api_key_load(struct accounts *accounts, struct flow *flow, struct sid account, struct sid sid, struct api_key *out, struct flow_step next);
void api_key_find(struct accounts *accounts, struct flow *flow, struct sid account, struct sid sid, struct api_key *out, struct flow_step next);
void application_load(struct accounts *accounts, struct flow *flow, struct sid account, struct sid sid, struct application *out, struct flow_step next);
void application_find(struct accounts *accounts, struct flow *flow, struct sid account, struct sid sid, struct application *out, struct flow_step next);
void phone_number_find(struct accounts *accounts, struct flow *flow, struct sid account, struct str number, struct phone_number *out, struct flow_step next);

/* reading past the cache */
void account_read(struct accounts *accounts, struct flow *flow, struct sid sid, struct account *out, struct flow_step next);
void account_read_even_closed(struct accounts *accounts, struct flow *flow, struct sid sid, struct account *out, struct flow_step next);
void api_key_read(struct accounts *accounts, struct flow *flow, struct sid account, struct sid sid, struct api_key *out, struct flow_step next);
void application_read(struct accounts *accounts, struct flow *flow, struct sid account, struct sid sid, struct application *out, struct flow_step next);
void phone_number_read(struct accounts *accounts, struct flow *flow, struct sid account, struct sid sid, struct phone_number *out, struct flow_step next);

/* Changing: write and invalidation in one step.  A put with updated_ms 0 creates or replaces;
 * otherwise it replaces just the version that was read (STALE: another change came first,
 * NOT_FOUND: it is gone).  It sets the times in *in, which has to live until `next`.
 * CONFLICT: the account holds ACCOUNT_RECORDS_MAX of the sort, or the number is taken. */
void account_put(struct accounts *accounts, struct flow *flow, struct account *in, struct flow_step next);
void account_create(struct accounts *accounts, struct flow *flow, struct account *in, struct flow_step next);    /* a sub-account: in->parent is set */
void api_key_put(struct accounts *accounts, struct flow *flow, struct sid account, struct api_key *in, struct flow_step next);
/* Public keys, all new, all or none.  CONFLICT: a kid is taken, or too many keys. */
void api_keys_create(struct accounts *accounts, struct flow *flow, struct sid account, struct api_key *in, size_t n, struct flow_step next);
void api_key_delete(struct accounts *accounts, struct flow *flow, struct sid account, struct sid sid, struct flow_step next);   /* NOT_FOUND */
void application_put(struct accounts *accounts, struct flow *flow, struct sid account, struct application *in, struct flow_step next);
void application_delete(struct accounts *accounts, struct flow *flow, struct sid account, struct sid sid, struct flow_step next);
void phone_number_put(struct accounts *accounts, struct flow *flow, struct sid account, struct phone_number *in, struct flow_step next);   /* a PN keeps its number */
void phone_number_delete(struct accounts *accounts, struct flow *flow, struct sid account, struct sid sid, struct flow_step next);

/* Listing: one page in order of sid, past the cache; *more tells whether another page follows.
 * Accounts: the account itself and its sub-accounts, also those that are closed. */
struct account_query {
	unsigned page;                   /* from 0 */
	unsigned size;                   /* 1..ACCOUNT_PAGE_MAX */
	struct str name;                 /* exact; STR_NULL: any */
	struct str number;               /* addresses only; exact; STR_NULL: any */
	struct str status;               /* accounts only; exact; STR_NULL: any */
	const char *having;              /* only records where this field is not empty; NULL: all */
	struct str after;                /* only sids behind this one; STR_NULL: from the first; then page is 0 */
};
struct account_page { struct account *items; size_t n; bool more; };
struct api_key_page { struct api_key *items; size_t n; bool more; };
struct application_page { struct application *items; size_t n; bool more; };
struct phone_number_page { struct phone_number *items; size_t n; bool more; };
void accounts_list(struct accounts *accounts, struct flow *flow, struct sid account, const struct account_query *query, struct account_page *out, struct flow_step next);
void api_keys_list(struct accounts *accounts, struct flow *flow, struct sid account, const struct account_query *query, struct api_key_page *out, struct flow_step next);
void applications_list(struct accounts *accounts, struct flow *flow, struct sid account, const struct account_query *query, struct application_page *out, struct flow_step next);
void phone_numbers_list(struct accounts *accounts, struct flow *flow, struct sid account, const struct account_query *query, struct phone_number_page *out, struct flow_step next);

/* presence-svc --seed FILE: accounts with their keys, applications and addresses from a
 * JSON file (deploy/accounts.sample.json); idempotent.  Runs its own loop; exit code:
 * 0 all there, 1 the store failed, 2 the file is not acceptable (nothing was written). */
int account_seed(const struct settings *settings, const char *file);

/* presence-svc --reseal: what accounts keep sealed under CLUSTER_SECRET_PREVIOUS is sealed again
 * under CLUSTER_SECRET, while instances run.  Runs its own loop; exit code: 0 all is sealed under
 * CLUSTER_SECRET, 1 the store failed or something does not open (it is named). */
int account_reseal(const struct settings *settings);
