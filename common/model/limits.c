/* limits.c - one table of buckets, in the order of their last use; one of accounts with channels.
 *                                                                          (uthash inside) */
#include "common/model/limits.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "common/base/clock.h"
#include "common/base/metrics.h"
#include "common/base/rate.h"
#include "common/model/app.h"
#include "common/model/keys.h"
#include "common/model/settings.h"

#define uthash_malloc(size)   x_alloc(size)
#define uthash_free(p, size)  x_free(p)
#define uthash_fatal(message) invariant_failed(message, __FILE__, __LINE__)
#include <uthash.h>
#include <utlist.h>

enum { BUCKETS_MAX = 20000, PEER_MAX = 64, KEY_MAX = 1 + SID_LEN + 1 + IDENTITY_MAX, IPV6_NETWORK = 8 };

struct bucket {
	struct bucket *prev, *next; /* the one used last is at the end */
	uint64_t state;
	UT_hash_handle hh;
	char key[];
};

struct holder { /* an account with channels */
	struct sid account;
	uint64_t channels;
	UT_hash_handle hh;
};

struct limits {
	struct rate rates[LIMIT_IDENTITY + 1];
	uint64_t channels_max;
	struct bucket *by_key, *by_use;
	struct holder *holders;
};

struct limits *limits_new(const struct settings *settings)
{
	const uint64_t per_s[] = {
		[LIMIT_ADDRESS] = settings->limit_address_per_s,
		[LIMIT_FAILURES] = settings->limit_failures_per_s,
		[LIMIT_ACCOUNT] = settings->limit_account_per_s,
		[LIMIT_IDENTITY] = settings->limit_identity_per_s,
	};
	struct limits *limits = x_alloc(sizeof(*limits));

	for (size_t i = 0; i < ARRAY_LEN(per_s); i++)
		limits->rates[i] = (struct rate){ per_s[i], per_s[i] * settings->limit_burst_s };
	limits->channels_max = settings->limit_account_channels;
	return limits;
}

struct limits *limits_free(struct limits *limits)
{
	struct bucket *bucket, *next;
	struct holder *holder, *next_holder;

	if (!limits)
		return NULL;
	HASH_CLEAR(hh, limits->by_key);
	DL_FOREACH_SAFE(limits->by_use, bucket, next)
	x_free(bucket);
	HASH_ITER(hh, limits->holders, holder, next_holder)
	{
		HASH_DEL(limits->holders, holder);
		x_free(holder);
	}
	x_free(limits);
	return NULL;
}

/* ---- buckets ---- */

/* Who has an IPv6 network has all of its addresses. */
static struct str network_of(struct str address, struct in6_addr *space)
{
	char text[PEER_MAX];

	if (str_copy(address, text, sizeof(text)) && inet_pton(AF_INET6, text, space) == 1 &&
	    !IN6_IS_ADDR_V4MAPPED(space))
		return str_n((const char *)space->s6_addr, IPV6_NETWORK);
	return str_n(address.p, MIN(address.n, (size_t)PEER_MAX));
}

static size_t key_put(char *key, size_t n, struct str part)
{
	const size_t len = MIN(part.n, KEY_MAX - n);

	if (len > 0)
		memcpy(key + n, part.p, len);
	return n + len;
}

static struct str key_of(char key[KEY_MAX], enum limit limit, struct str who, struct str identity)
{
	struct in6_addr space;
	size_t n = 1;

	key[0] = (char)('0' + limit);
	if (limit == LIMIT_ADDRESS || limit == LIMIT_FAILURES)
		return str_n(key, key_put(key, n, network_of(who, &space)));
	n = key_put(key, n, who);
	return str_n(key, key_put(key, n, identity));
}

static struct bucket *find(struct limits *limits, struct str key)
{
	struct bucket *bucket = NULL;

	HASH_FIND(hh, limits->by_key, key.p, key.n, bucket);
	return bucket;
}

static void forget(struct limits *limits, struct bucket *bucket)
{
	HASH_DEL(limits->by_key, bucket);
	DL_DELETE(limits->by_use, bucket);
	x_free(bucket);
}

static struct bucket *find_or_make(struct limits *limits, struct str key)
{
	struct bucket *bucket = find(limits, key);

	if (bucket) {
		DL_DELETE(limits->by_use, bucket);
	} else {
		if (HASH_COUNT(limits->by_key) >= BUCKETS_MAX)
			forget(limits, limits->by_use);
		bucket = x_alloc(sizeof(*bucket) + key.n);
		memcpy(bucket->key, key.p, key.n);
		HASH_ADD(hh, limits->by_key, key, key.n, bucket);
	}
	DL_APPEND(limits->by_use, bucket);
	return bucket;
}

static uint64_t now_us(void)
{
	return clock_mono_ms() * 1000;
}

static uint64_t up_to_ms(uint64_t us)
{
	return (us + 999) / 1000;
}

uint64_t limits_take(struct limits *limits, enum limit limit, struct str who, struct str identity)
{
	const struct rate *rate = &limits->rates[limit];
	char key[KEY_MAX];
	uint64_t wait_us;

	if (rate->per_s == 0 ||
	    rate_take(rate, &find_or_make(limits, key_of(key, limit, who, identity))->state, now_us(),
		      &wait_us))
		return 0;
	metric_add(METRIC_limited_total, 1);
	return up_to_ms(wait_us);
}

uint64_t limits_wait_ms(struct limits *limits, enum limit limit, struct str who, struct str identity)
{
	const struct rate *rate = &limits->rates[limit];
	const struct bucket *bucket;
	char key[KEY_MAX];

	if (rate->per_s == 0)
		return 0;
	bucket = find(limits, key_of(key, limit, who, identity));
	return bucket ? up_to_ms(rate_wait_us(rate, bucket->state, now_us())) : 0;
}

/* ---- channels ---- */

static struct holder *holder_of(struct limits *limits, struct sid account)
{
	struct holder *holder = NULL;

	HASH_FIND(hh, limits->holders, account.s, SID_LEN, holder);
	return holder;
}

bool limits_hold(struct limits *limits, struct sid account)
{
	struct holder *holder = holder_of(limits, account);

	if (!holder) {
		holder = x_alloc(sizeof(*holder));
		holder->account = account;
		HASH_ADD(hh, limits->holders, account.s, SID_LEN, holder);
	} else if (limits->channels_max && holder->channels >= limits->channels_max) {
		metric_add(METRIC_limited_total, 1);
		return false;
	}
	holder->channels++;
	return true;
}

void limits_let_go(struct limits *limits, struct sid account)
{
	struct holder *holder = holder_of(limits, account);

	INVARIANT(holder && holder->channels > 0);
	if (--holder->channels > 0)
		return;
	HASH_DEL(limits->holders, holder);
	x_free(holder);
}

/* ---- requests ---- */

void limits_note_failure(struct flow *flow)
{
	if (!str_is_null(flow->asker))
		(void)limits_take(worker_common(flow->worker)->limits, LIMIT_FAILURES, flow->asker, STR_NULL);
}

static struct limits *limits_of(struct req *req)
{
	return worker_common(req_worker(req))->limits;
}

void reply_retry_after(struct req *req, enum err err, uint64_t wait_ms, const char *why)
{
	reply_header(req, "Retry-After",
		     arena_printf(req_arena(req), "%llu",
				  (unsigned long long)MAX((wait_ms + 999) / 1000, 1)));
	reply_error(req, err, "%s", why);
}

static bool may_or_reply(struct req *req, uint64_t wait_ms, const char *why)
{
	if (wait_ms > 0)
		reply_retry_after(req, ERR_TOO_MANY_REQUESTS, wait_ms, why);
	return wait_ms == 0;
}

bool limits_address_or_reply(struct req *req)
{
	struct limits *limits = limits_of(req);
	const struct str address = req_client_address(req);

	req_flow(req)->asker = address;
	return may_or_reply(req, limits_take(limits, LIMIT_ADDRESS, address, STR_NULL),
			    "too many requests from this address") &&
	       may_or_reply(req, limits_wait_ms(limits, LIMIT_FAILURES, address, STR_NULL),
			    "too many wrong credentials from this address");
}

bool limits_account_or_reply(struct req *req, struct sid account, struct str identity)
{
	struct limits *limits = limits_of(req);
	const struct str who = sid_str(&account);

	return may_or_reply(req, limits_take(limits, LIMIT_ACCOUNT, who, STR_NULL),
			    "too many requests for this account") &&
	       (str_is_null(identity) || may_or_reply(req, limits_take(limits, LIMIT_IDENTITY, who, identity),
						      "too many requests of this client"));
}
