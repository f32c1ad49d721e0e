/* call_records.h - one call of shard c0 and what lies around it, as the tests of its scripts name them. */
#pragma once

#include "tests/unit/scripts_fixture.h"

#define AC	 "AC00000000000000000000000000000001"
#define CALL	 "CA0000000000000000000000000a000000"
#define LEG1	 "CA0000000000000000000000000a000001"
#define RECORD	 "call:{c0}:" CALL
#define TRACE	 "t:{c0}:" CALL
#define DUE	 "D:{c0}"
#define LIST	 "l:{c0}:" AC
#define OWNER	 "ND00000001000000000000000000000000.0"
#define OTHER	 "ND00000002000000000000000000000000.1"
#define CALLER	 "DV0000000000000000000000000000000c"
#define DV1	 "DV00000000000000000000000000000001"
#define DV2	 "DV00000000000000000000000000000002"
#define DV3	 "DV00000000000000000000000000000003"
#define RETAINED "50000"
#define LINE	 "{\"event\":\"test\"}"

static inline struct answer create(struct store *store)
{
	return RUN(store, CALL_CREATE, RECORD, AC, OWNER, LINE, "ck", "device", "cdev", CALLER, "from", "client:a");
}

/* A call as a plan leaves it behind: pairs of fields on top of a new one. */
static inline void create_with(struct store *store, const char *const pairs[])
{
	create(store);
	for (size_t i = 0; pairs[i]; i += 2)
		DO(store, "HSET", RECORD, pairs[i], pairs[i + 1]);
}

#define CREATE(store, ...) create_with((store), (const char *const[]){ __VA_ARGS__, NULL })

/* state ringing, attempt 2: leg 1 is of the first attempt and cancelled, legs 2 and 3 ring */
static inline void create_ringing(struct store *store)
{
	CREATE(store, "st", "ringing", "att", "2", "legs", "3", "until", "9000000000000",  /**/
	       "i1", "alice|" DV1 "|" OWNER "|0", "t1", "1", "s1", "c",			   /**/
	       "i2", "alice|" DV2 "|" OWNER "|0", "t2", "2", "s2", "n",			   /**/
	       "i3", "bob|" DV3 "|" OTHER "|1", "t3", "2", "s3", "n");
}

static inline struct answer tell(struct store *store, const char *event, const char *leg, const char *attempt,
				 const char *word, const char *said)
{
	return RUN(store, CALL_EVENT, RECORD, event, leg, attempt, word, said, LINE);
}

static inline struct answer answer_of(struct store *store, const char *leg, const char *attempt)
{
	return tell(store, "answer", leg, attempt, "", "sdp");
}

/* A commit that changes one field; look: when somebody has to look again, retention: "" while it lives. */
static inline struct answer commit(struct store *store, const char *fence, const char *rev, const char *look,
				   const char *retention, const char *name, const char *value)
{
	return RUN(store, CALL_COMMIT, RECORD, fence, rev, look, retention, "1", name, value, "0");
}

static inline void end_call(struct store *store)
{
	const char *fence = field(store, RECORD, "fence");
	const char *rev = field(store, RECORD, "rev");

	assert_string_equal(text(item(commit(store, fence, rev, "-1", RETAINED, "st", "ended"), 0)), "ok");
}

/* Everything in the record, in the order of its fields. */
static inline const char *record(struct store *store)
{
	const struct answer flat = DO(store, "HGETALL", RECORD);
	struct answer pairs = { .n = flat.n / 2,
				.item = arena_alloc(store->arena, (flat.n + 1) * sizeof(*pairs.item)) };

	for (size_t i = 0; i < pairs.n; i++)
		pairs.item[i].text = str_of(text_of(store, "%s=%s", text(item(flat, 2 * i)), text(item(flat, 2 * i + 1))));
	qsort(pairs.item, pairs.n, sizeof(*pairs.item), by_text);
	return line_of(store, pairs);
}

#define NOT_DUE INT64_MIN

static inline int64_t due_in_ms(struct store *store)
{
	const struct answer score = DO(store, "ZSCORE", DUE, CALL);

	if (score.nil)
		return NOT_DUE;
	return number(score) - store_now_us(store) / 1000;
}

#define assert_between(value, least, most)                                                                   \
	do {                                                                                                 \
		const int64_t value_ = (value);                                                              \
		if (value_ < (least) || value_ > (most))                                                     \
			fail_msg("%lld is not from %lld to %lld", (long long)value_, (long long)(least),     \
				 (long long)(most));                                                         \
	} while (0)
