/* comm_token.c - see comm_token.h for "CT1.<host id>.<sealed>".
 *
 * What is sealed has a fixed size, so the host id is whatever stands before
 * the last SEALED_LEN characters; it may hold dots.
 *
 *     version u8 | leg 16 | account 16 | device 16 | attempt u32 | expires_at_ms u64      big-endian
 *
 * The ids are the 32 hex digits of a sid as bytes; their letters follow from the place.
 */
#include "common/model/comm_token.h"

enum {
	VERSION = 1,
	ID_LEN = 16,
	PLAIN_LEN = 1 + 3 * ID_LEN + 4 + 8,
	SEALED_BYTES = 12 + PLAIN_LEN + 16,	     /* nonce and tag around it */
	SEALED_LEN = 8 + (SEALED_BYTES * 4 + 2) / 3, /* "s1.1f2e." and base64url */
	MARK_LEN = 4,				     /* "CT1." */
	HOST_ID_MAX = 64,
};

static_assert(MARK_LEN + HOST_ID_MAX + 1 + SEALED_LEN <= COMM_TOKEN_MAX,
	      "a token of the longest host id fits");

/* The host id is part of the key's purpose: every host seals under a key of its own. */
struct purpose {
	char s[sizeof("communication token ") + HOST_ID_MAX];
};

static bool purpose_of(struct str host_id, struct purpose *out)
{
	static const struct str label = { "communication token ", sizeof("communication token ") - 1 };

	if (host_id.n == 0 || host_id.n > HOST_ID_MAX)
		return false;
	memcpy(out->s, label.p, label.n);
	return str_copy(host_id, out->s + label.n, sizeof(out->s) - label.n);
}

static uint8_t *put_number(uint8_t *to, uint64_t number, unsigned bytes)
{
	while (bytes-- > 0)
		*to++ = (uint8_t)(number >> 8 * bytes);
	return to;
}

static uint64_t take_number(const uint8_t **from, unsigned bytes)
{
	uint64_t number = 0;

	while (bytes-- > 0)
		number = number << 8 | *(*from)++;
	return number;
}

static uint8_t nibble(char digit)
{
	return (uint8_t)(digit <= '9' ? digit - '0' : digit - 'a' + 10);
}

static uint8_t *put_id(uint8_t *to, struct sid sid)
{
	INVARIANT(sid_is_set(sid));
	for (const char *digit = sid.s + 2; *digit; digit += 2)
		*to++ = (uint8_t)(nibble(digit[0]) << 4 | nibble(digit[1]));
	return to;
}

static struct sid take_id(const uint8_t **from, const char prefix[2])
{
	struct sid sid = { .s = { prefix[0], prefix[1] } };

	crypto_hex(str_n((const char *)*from, ID_LEN), sid.s + 2);
	*from += ID_LEN;
	return sid;
}

void comm_token_make(const struct seal *seal, struct str host_id, const struct comm_token *in,
		     struct buf *out)
{
	uint8_t plain[PLAIN_LEN], *to = plain;
	struct purpose purpose;

	INVARIANT(purpose_of(host_id, &purpose));
	*to++ = VERSION;
	to = put_id(to, in->leg);
	to = put_id(to, in->account);
	to = put_id(to, in->device);
	to = put_number(to, in->attempt, 4);
	to = put_number(to, in->expires_at_ms, 8);
	INVARIANT(to == plain + PLAIN_LEN);

	buf_puts(out, "CT1.");
	buf_put(out, host_id);
	buf_putc(out, '.');
	seal_text(seal, purpose.s, host_id, str_n((const char *)plain, PLAIN_LEN), out);
}

static bool read_plain(struct str plain, struct comm_token *out)
{
	const uint8_t *from = (const uint8_t *)plain.p;

	if (plain.n != PLAIN_LEN || *from++ != VERSION)
		return false;
	out->leg = take_id(&from, "CA");
	out->account = take_id(&from, "AC");
	out->device = take_id(&from, "DV");
	out->attempt = (unsigned)take_number(&from, 4);
	out->expires_at_ms = take_number(&from, 8);
	return true;
}

bool comm_token_open(const struct seal *seal, struct str text, struct comm_token *out)
{
	struct purpose purpose;
	struct str host_id;
	struct buf plain;
	bool is_ours;

	if (text.n > COMM_TOKEN_MAX || text.n <= MARK_LEN + 1 + SEALED_LEN || !str_starts(text, STR("CT1.")))
		return false;
	host_id = str_n(text.p + MARK_LEN, text.n - MARK_LEN - 1 - SEALED_LEN);
	if (text.p[MARK_LEN + host_id.n] != '.' || !purpose_of(host_id, &purpose))
		return false;

	buf_init(&plain, PLAIN_LEN);
	is_ours = seal_open(seal, purpose.s, host_id, str_skip(text, text.n - SEALED_LEN), &plain) &&
		  read_plain(buf_str(&plain), out);
	buf_fini(&plain);
	return is_ours;
}
