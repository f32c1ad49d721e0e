/* dead_letters.h - webhooks that were given up: to be read, delivered after all, or thrown away.
 *
 * They lie where their outbox lies: in each of the account's partitions (presence webhooks) and of the
 * shards of calls (status callbacks) a stream of at most ~1,000, kept for 30 days after its last.  One
 * is named by slot and place, "p12-1732280000000-0".  They are listed by slot, then by age.
 */
#pragma once

#include "common/io/flow.h"
#include "common/model/keys.h"

enum { DEAD_LETTERS_PAGE_MAX = 50, DEAD_LETTERS_REPLAY_MAX = 500, DEAD_LETTER_PLACE_MAX = 42 };

struct dead_letter_id {
	struct key_slot slot;            /* kind 0: not set */
	char place[DEAD_LETTER_PLACE_MAX];      /* "ms-number" */
};

MUST_USE bool dead_letter_id_parse(struct str text, struct dead_letter_id *out);
struct str dead_letter_id_text(struct arena *arena, const struct dead_letter_id *id);

struct dead_letter {
	struct dead_letter_id id;
	struct str subject, entry;       /* outbox_entry.h */
	struct str why;
	int64_t tries;                   /* 0: it was never tried */
	uint64_t died_ms;
};

enum dead_letter_kinds { DEAD_LETTERS_PRESENCE = 1, DEAD_LETTERS_CALLS = 2, DEAD_LETTERS_ALL = 3 };

struct dead_letter_page {
	struct dead_letter *items;
	size_t n;
	bool more;
};

/* Could it be one of these letters of the account? */
bool dead_letter_id_fits(const struct dead_letter_id *id, struct sid account, enum dead_letter_kinds kinds);

/* after: one that fits; NULL: from the first.  A page of large letters may hold fewer. */
void dead_letters_list(struct flow *flow, struct sid account, enum dead_letter_kinds kinds, const struct dead_letter_id *after,
                       size_t size, struct dead_letter_page *out, struct flow_step next);

/* Back to its subject's outbox, behind what waits there.  NOT_FOUND. */
void dead_letter_replay(struct flow *flow, struct sid account, const struct dead_letter_id *id, struct flow_step next);
void dead_letter_delete(struct flow *flow, struct sid account, const struct dead_letter_id *id, struct flow_step next);

struct dead_letters_replayed { int64_t replayed, left; };

/* The first DEAD_LETTERS_REPLAY_MAX of them. */
void dead_letters_replay(struct flow *flow, struct sid account, enum dead_letter_kinds kinds,
                         struct dead_letters_replayed *out, struct flow_step next);
