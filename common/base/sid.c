/* sid.c - ids of 34 characters, random by getrandom(2). */
#include "common/base/sid.h"

#include <sys/random.h>

enum {
	PREFIX_LEN = 2,
	LEG_DIGITS = 6,
	LEG_AT = SID_LEN - LEG_DIGITS,
	RANDOM_BYTES = (SID_LEN - PREFIX_LEN) / 2,
	POOL_BYTES = 256, /* as much as getrandom always gives whole */
};

static const char hex_digits[] = "0123456789abcdef";

/* One system call fetches the bytes of many ids. */
static void random_bytes(uint8_t *out, size_t n)
{
	static _Thread_local struct {
		uint8_t bytes[POOL_BYTES];
		size_t left;
	} pool;

	if (pool.left < n) {
		INVARIANT(getrandom(pool.bytes, POOL_BYTES, 0) == POOL_BYTES);
		pool.left = POOL_BYTES;
	}
	pool.left -= n;
	memcpy(out, pool.bytes + pool.left, n);
}

struct sid sid_new(const char prefix[2])
{
	uint8_t random[RANDOM_BYTES];
	struct sid sid = { .s = { prefix[0], prefix[1] } };

	random_bytes(random, sizeof(random));
	for (size_t i = 0; i < sizeof(random); i++) {
		sid.s[PREFIX_LEN + 2 * i] = hex_digits[random[i] >> 4];
		sid.s[PREFIX_LEN + 2 * i + 1] = hex_digits[random[i] & 15];
	}
	return sid;
}

struct sid sid_new_call(void)
{
	return sid_call_of(sid_new("CA"));
}

struct sid sid_leg(struct sid call, unsigned leg)
{
	INVARIANT(sid_is_set(call) && leg <= SID_LEG_MAX);
	for (unsigned i = SID_LEN; i-- > LEG_AT; leg >>= 4)
		call.s[i] = hex_digits[leg & 15];
	return call;
}

unsigned sid_leg_number(struct sid sid)
{
	unsigned leg = 0;

	INVARIANT(sid_is_set(sid));
	for (unsigned i = LEG_AT; i < SID_LEN; i++)
		leg = leg * 16 + (unsigned)(sid.s[i] <= '9' ? sid.s[i] - '0' : sid.s[i] - 'a' + 10);
	return leg;
}

struct sid sid_call_of(struct sid leg)
{
	return sid_leg(leg, 0);
}

bool sid_parse(struct str s, const char prefix[2], struct sid *out)
{
	if (s.n != SID_LEN || s.p[0] != prefix[0] || s.p[1] != prefix[1])
		return false;
	for (size_t i = PREFIX_LEN; i < SID_LEN; i++)
		if (!((s.p[i] >= '0' && s.p[i] <= '9') || (s.p[i] >= 'a' && s.p[i] <= 'f')))
			return false;
	return str_copy(s, out->s, sizeof(out->s));
}

bool sid_is_set(struct sid sid)
{
	return sid.s[0] != '\0';
}

bool sid_eq(struct sid a, struct sid b)
{
	return str_eq(sid_str(&a), sid_str(&b));
}
