/* account_record.h - how one thing of an account is written in Redis, by table.  Private to account*.c.
 *
 * A record is one value in a hash of the account: a JSON object whose first
 * member is "updated", so that a script can compare versions without reading
 * JSON.  Its id is the hash's field.  Empty texts and flags that are not set
 * are left out; secrets are sealed, each bound to its account, record and field.
 */
#pragma once

#include "common/base/arena.h"
#include "common/base/sid.h"
#include "common/model/seal.h"

enum { RECORD_MAX = 24 * 1024 };         /* bytes of JSON; what our own checks permit needs less */

enum record_type { RECORD_TEXT, RECORD_SECRET, RECORD_SID, RECORD_TIME, RECORD_FLAG, RECORD_NUMBER };

struct record_field {
	const char *name;
	enum record_type type;
	size_t offset;
	const char *prefix;              /* of a sid */
	uint64_t preset;                 /* of a number that a record does not mention */
};

struct record_kind {                     /* every struct starts with its sid */
	const char *name;                /* for logs and messages */
	const char *prefix;              /* of its sid */
	size_t size;
	size_t created, updated;         /* offsets */
	const struct record_field *fields;
	size_t n;
	struct str (*key)(struct arena *arena, struct str account);
	/* A second hash names records by one of their fields; index NULL: none does. */
	struct str (*index)(struct arena *arena, struct str account);
	const char *indexed;
};

extern const struct record_kind record_account, record_key, record_application, record_number;

uint64_t *record_time(void *record, size_t offset);
struct str record_text(const struct record_kind *kind, const void *record, const char *field);   /* STR_NULL: no such field */
bool record_equal(const struct record_kind *kind, const void *a, const void *b);   /* times do not count */

void record_write(const struct record_kind *kind, const struct seal *seal, struct sid account, const void *record,
                  struct buf *out);
/* False: not a record of ours, or sealed under a secret that we do not have. */
MUST_USE bool record_read(const struct record_kind *kind, const struct seal *seal, struct sid account, struct str id,
                          struct str text, struct arena *arena, void *out);
/* The same, and says what is in the way: the name of the first such field, "" when the text is
 * no record at all.  NULL: it is read. */
const char *record_read_fault(const struct record_kind *kind, const struct seal *seal, struct sid account, struct str id,
                              struct str text, struct arena *arena, void *out) MUST_USE;

void record_copy(const struct record_kind *kind, struct arena *arena, const void *from, void *to);
void *record_pack(const struct record_kind *kind, const void *record, size_t *size) MUST_USE;   /* one block, for x_free */
