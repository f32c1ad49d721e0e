/* account_store.h - the accounts of one worker from inside.  Private to account*.c and auth*.c. */
#pragma once

#include "common/model/account.h"
#include "common/model/account_cache.h"
#include "common/model/account_record.h"

enum { TOKEN_CACHE_MAX = 4096 };         /* verified client tokens, about 1.3 KB each */

struct accounts {
	struct worker *worker;
	const struct seal *seal;
	struct redis_sub *sub;
	struct account_cache *records;
	struct account_cache *tokens;
	struct account_cache *admitted;          /* tokens that the account's policy has admitted */
	struct revocations *revocations;
	uint64_t epoch;                  /* rises with every invalidation and every gap */
	struct accounts_listener {
		accounts_change_fn *fn;
		void *arg;
	} listeners[ACCOUNTS_LISTENERS_MAX];
	size_t n_listeners;
};

/* May what was read since `epoch` was noted be kept?  An invalidation in between may have been meant for it. */
bool accounts_may_cache(const struct accounts *accounts, uint64_t epoch);
void accounts_forget(struct accounts *accounts, struct str account);

/* Runs inside record_lookup when was_cached, else later, as a step of the flow. */
typedef void record_found_fn(struct flow *flow, void *arg, bool was_cached);

struct record_lookup {
	const struct record_kind *kind;
	struct sid account;
	struct str id;                   /* a sid, or what the kind is indexed by (by_index): an address, a kid */
	void *out;
	bool by_index;
	bool past_cache;
	bool even_closed;                /* a closed account counts as present */
	bool absent_is_fine;             /* then out's sid is not set; else the flow fails with NOT_FOUND */
	const char *waiting_for;         /* step name, for the log */
	record_found_fn *found;
	void *arg;
};

void record_lookup(struct accounts *accounts, struct flow *flow, const struct record_lookup *want);

/* record: its times are set here; a version (updated_ms) in it has to be the stored one.  Lives until `next`. */
void record_put(struct accounts *accounts, struct flow *flow, const struct record_kind *kind, struct sid account,
                void *record, struct flow_step next);
