/* account_seed.h - a seed file as a list of records.  Pure.  Private to account_seed*.c.
 *
 * The whole file is read and checked before anything is written.  Members that
 * are not known are refused too: in a file that people write a misspelt name
 * would otherwise be a setting that is silently missing.
 */
#pragma once

#include "common/base/json.h"
#include "common/model/account_record.h"

enum { SEED_MAX = 5000 };                /* records in one file */

struct seed_item {
	const struct record_kind *kind;
	struct sid account;
	void *record;                    /* an address may have no sid: it keeps the one it has, or gets one */
};

struct seed_plan {
	struct seed_item items[SEED_MAX];    /* an account stands before what belongs to it */
	size_t n;
};

/* Borrows texts from doc.  On false *fault names the member: "accounts[0].keys[1].secret". */
MUST_USE bool seed_read(struct arena *arena, const struct json *doc, struct seed_plan *out, struct json_fault *fault);
