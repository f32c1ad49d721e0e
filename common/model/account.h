/* account.h - accounts, API keys, applications and addresses, as Redis holds them.
 *
 * Everything of one account lies in one hash slot, so a change is one atomic
 * step; the same step publishes the account's id on "inv", and every worker drops
 * what it cached of it.  The cache holds an entry for at most 60 s and at most
 * ACCOUNT_CACHE_MAX entries; after any gap in the subscription all of it goes.
 *
 * Results are copied into the flow's arena.  Absent or closed things fail the
 * flow with the error named, or with NOT_FOUND.
 */
#pragma once

#include "common/io/flow.h"
#include "common/io/redis.h"
#include "common/io/redis_sub.h"
#include "common/base/sid.h"
#include "common/model/seal.h"
#include "common/model/settings.h"

enum { ACCOUNT_CACHE_MAX = 10000, ACCOUNT_CACHE_MS = 60000 };

struct account {
	struct sid sid;
	struct str name;
	struct str status;               /* active, suspended, closed */
	struct str auth_token;           /* primary: signs webhooks */
	struct str auth_token_second;    /* empty: none; both are accepted */
	uint64_t created_ms;
	uint64_t updated_ms;
};

struct api_key {
	struct sid sid;
	struct str name;
	struct str secret;
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

/* reading, cached */
void account_load(struct accounts *accounts, struct flow *flow, struct sid sid, struct account *out, struct flow_step next);
void api_key_load(struct accounts *accounts, struct flow *flow, struct sid account, struct sid sid, struct api_key *out, struct flow_step next);
void application_load(struct accounts *accounts, struct flow *flow, struct sid account, struct sid sid, struct application *out, struct flow_step next);
/* absent is no failure: out->sid is not set then */
void phone_number_find(struct accounts *accounts, struct flow *flow, struct sid account, struct str number, struct phone_number *out, struct flow_step next);

/* changing: write and invalidation in one step; a put creates or replaces */
void account_put(struct accounts *accounts, struct flow *flow, const struct account *in, struct flow_step next);
void api_key_put(struct accounts *accounts, struct flow *flow, struct sid account, const struct api_key *in, struct flow_step next);
void api_key_delete(struct accounts *accounts, struct flow *flow, struct sid account, struct sid sid, struct flow_step next);   /* NOT_FOUND */
void application_put(struct accounts *accounts, struct flow *flow, struct sid account, const struct application *in, struct flow_step next);
void application_delete(struct accounts *accounts, struct flow *flow, struct sid account, struct sid sid, struct flow_step next);
void phone_number_put(struct accounts *accounts, struct flow *flow, struct sid account, const struct phone_number *in, struct flow_step next);   /* CONFLICT: number taken */
void phone_number_delete(struct accounts *accounts, struct flow *flow, struct sid account, struct sid sid, struct flow_step next);

/* listing: a page in order of sid; *more tells whether another follows `after` */
struct api_key_page { struct api_key *items; size_t n; bool more; };
struct application_page { struct application *items; size_t n; bool more; };
struct phone_number_page { struct phone_number *items; size_t n; bool more; };
void api_keys_list(struct accounts *accounts, struct flow *flow, struct sid account, unsigned page, unsigned size, struct api_key_page *out, struct flow_step next);
void applications_list(struct accounts *accounts, struct flow *flow, struct sid account, unsigned page, unsigned size, struct application_page *out, struct flow_step next);
void phone_numbers_list(struct accounts *accounts, struct flow *flow, struct sid account, unsigned page, unsigned size, struct phone_number_page *out, struct flow_step next);

/* presence-svc --seed FILE: accounts with their keys, applications and addresses from a
 * JSON file (deploy/accounts.sample.json); idempotent.  Runs its own loop; exit code. */
int account_seed(const struct settings *settings, const char *file);
