/* alias.h - a name that stands for several clients of an account.
 *
 * An account's aliases lie in one hash, read when they are asked for and never cached.
 * Members are names of clients, not of other aliases; whether they exist does not matter.
 */
#pragma once

#include "common/base/sid.h"
#include "common/io/flow.h"
#include "common/model/keys.h"

enum { ALIAS_MEMBERS_MAX = 100, ALIAS_NOTE_MAX = 256, ALIASES_MAX = 2000, ALIAS_PAGE_MAX = 100 };

struct alias {
	struct str name;
	struct str *members;
	size_t n_members;
	struct str note;                 /* empty: none */
	uint64_t created_ms;             /* 0: there is no such alias */
	uint64_t updated_ms;
};

void alias_read(struct flow *flow, struct sid account, struct str name, struct alias *out, struct flow_step next);   /* NOT_FOUND */
void alias_find(struct flow *flow, struct sid account, struct str name, struct alias *out, struct flow_step next);   /* absent is fine */
/* All of these names that are aliases, in out[i] for names[i]; the others have no members.  n is at least 1. */
void aliases_find(struct flow *flow, struct sid account, const struct str names[], size_t n, struct alias out[], struct flow_step next);

/* Creates it, or replaces just the version that was read (STALE, NOT_FOUND); sets the times in *in, which
 * has to live until `next`.  CONFLICT: the account has ALIASES_MAX. */
void alias_put(struct flow *flow, struct sid account, struct alias *in, struct flow_step next);
void alias_delete(struct flow *flow, struct sid account, struct str name, struct flow_step next);                    /* NOT_FOUND */

struct alias_page { struct alias *items; size_t n; bool more; };
/* In order of their names, those behind `after`; STR_NULL: from the first. */
void aliases_list(struct flow *flow, struct sid account, struct str after, size_t size, struct alias_page *out,
                  struct flow_step next);
