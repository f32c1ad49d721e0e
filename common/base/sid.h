/* sid.h - ids of 34 characters: two capital letters and 32 hex digits.
 *
 * A call and its legs share a stem: a call is CA + 26 random digits + 000000,
 * its legs are the same stem with 000001 and up.  So any leg's id names the
 * call's record, and each leg still has an id of its own.
 */
#pragma once

#include "common/base/str.h"

enum { SID_LEN = 34, SID_SIZE = SID_LEN + 1, SID_LEG_MAX = 0xffffff };

struct sid {
	char s[SID_SIZE];        /* NUL behind it; "" when not set */
};

struct sid sid_new(const char prefix[2]);
struct sid sid_new_call(void);
struct sid sid_leg(struct sid call, unsigned leg);       /* leg 0 is the call itself */
unsigned sid_leg_number(struct sid sid);
struct sid sid_call_of(struct sid leg);

MUST_USE bool sid_parse(struct str s, const char prefix[2], struct sid *out);   /* lower-case hex only */
bool sid_is_set(struct sid sid);
bool sid_eq(struct sid a, struct sid b);

static inline struct str sid_str(const struct sid *sid)
{
	return str_of(sid->s);
}
