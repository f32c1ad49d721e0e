/* account_seed.h - a seed file as a list of records.  Pure.  Private to account_seed*.c.
 *
 * The whole file is read and checked before anything is written.  Members that
 * are not known are refused too: in a file that people write a misspelt name
 * would otherwise be a setting that is silently missing.  Names, states and secrets
 * are as the file says, also what it leaves out; an account's settings, which have an
 * endpoint of their own, are changed only where it names them.
 */
#pragma once

#include "common/base/json.h"
#include "common/model/account_record.h"

enum { SEED_MAX = 5000 };                /* records in one file */

struct seed_item {
	const struct record_kind *kind;
	struct sid account;
	void *record;                    /* an address may have no sid: it keeps the one it has, or gets one */
	const struct json *from;
};

struct seed_plan {
	struct seed_item items[SEED_MAX];    /* an account stands before what belongs to it */
	size_t n;
};

/* An account's settings that the file does not mention stay as they are stored. */
void seed_keep(const struct seed_item *item, const void *stored);

/* Borrows texts from doc.  On false *fault names the member: "accounts[0].keys[1].secret". */
MUST_USE bool seed_read(struct arena *arena, const struct json *doc, struct seed_plan *out, struct json_fault *fault);
