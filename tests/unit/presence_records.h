/* presence_records.h - one client of partition p0 and its devices, as the tests of its scripts name them. */
#pragma once

#include "tests/unit/scripts_fixture.h"

#define AC     "AC00000000000000000000000000000001"
#define ALICE  AC "|alice"
#define CLIENT "c:{p0}:" AC ":alice"
#define DUE    "D:{p0}"
#define DEVICES_OF_ALICE "x:{p0}:" AC ":alice"

#define DV1 "DV00000000000000000000000000000001"
#define DV2 "DV00000000000000000000000000000002"
#define DV3 "DV00000000000000000000000000000003"
#define ND1 "ND00000001000000000000000000000000"
#define ND2 "ND00000002000000000000000000000000"
#define CA1 "CA00000000000000000000000001000000"
#define CA2 "CA00000000000000000000000002000000"

#define VOICE	"1"
#define VIDEO	"2"
#define MESSAGE "4"

static inline struct answer put_on_channel(struct store *store, const char *dv, const char *node,
					   const char *status, const char *media)
{
	return RUN(store, DEVICE_PUT, CLIENT, dv, "new", "", text_of(store, "%s.0", node), status, media,
		   "{\"app\":\"default\"}", "", "", "");
}

static inline struct answer put_by_lease(struct store *store, const char *dv, const char *ttl_ms)
{
	return RUN(store, DEVICE_PUT, CLIENT, dv, "new", "", "", "available", VOICE, "{}", ttl_ms, LONG, "");
}

/* status, media, json: "" keeps */
static inline struct answer update(struct store *store, const char *dv, const char *reg, const char *status,
				   const char *media, const char *json)
{
	return RUN(store, DEVICE_PUT, CLIENT, dv, reg, "", "", status, media, json, "", "", "");
}

/* ttl_ms: "" as long as the last time */
static inline struct answer heartbeat(struct store *store, const char *dv, const char *reg,
				      const char *ttl_ms, const char *most_ms)
{
	return RUN(store, DEVICE_PUT, CLIENT, dv, reg, "", "", "", "", "", ttl_ms, most_ms, "");
}

static inline struct answer remove_device(struct store *store, const char *dv, const char *reg)
{
	return RUN(store, DEVICE_REMOVE, CLIENT, dv, reg, "", "now");
}

/* Whatever registration of it this node holds. */
static inline struct answer remove_held(struct store *store, const char *dv, const char *node)
{
	return RUN(store, DEVICE_REMOVE, CLIENT, dv, "", text_of(store, "%s.0", node), "now");
}

static inline struct answer sweep_some(struct store *store, const char *limit, const char *check_ms)
{
	return RUN(store, PARTITION_SWEEP, DUE, limit, check_ms,
		   text_of(store, "%lld", (long long)store_now_us(store) / 1000));
}

static inline struct answer sweep(struct store *store)
{
	return sweep_some(store, "100", LONG);
}

/* What a sweep found, without its time: "[1,[member,claim,1]]". */
static inline void assert_sweep(struct store *store, struct answer answer, const char *expected)
{
	assert_true(number(item(answer, 0)) <= store_now_us(store) / 1000);
	answer.item++;
	answer.n--;
	assert_answer(store, answer, expected);
}

static inline struct answer reap(struct store *store, const char *node)
{
	return RUN(store, DEVICES_REAP, text_of(store, "n:{p0}:%s", node), "100");
}

/* To ring: every ringable device, for voice, attempt 1, fence 1. */
static inline struct answer claim(struct store *store, const char *call, const char *hold_ms)
{
	return RUN(store, CLAIM_TAKE, CLIENT, call, "1", "1", VOICE, "r", hold_ms, "", "50", "");
}

static inline struct answer engage_own(struct store *store, const char *call, const char *dv,
				       const char *hold_ms)
{
	return RUN(store, CLAIM_TAKE, CLIENT, call, "1", "0", VOICE, "e", hold_ms, dv, "1", "");
}

/* how: see lua/claim_settle.lua */
static inline struct answer settle(struct store *store, const char *call, const char *attempt,
				   const char *fence, const char *how, const char *dv)
{
	return RUN(store, CLAIM_SETTLE, CLIENT, call, attempt, fence, LONG, how, dv, ND1 ".0");
}

/* How soon an offline client is forgotten; -1: not at all. */
static inline int64_t forgotten_in_ms(struct store *store)
{
	const struct answer at = DO(store, "ZSCORE", DUE, "f|" ALICE);

	return at.nil ? -1 : number(at) - store_now_us(store) / 1000;
}

/* What lets somebody live: the client, deadlines, the nodes' sets. */
static inline void assert_lives(struct store *store, const char *expected)
{
	struct answer keys = DO(store, "KEYS", "[cDn]:*");

	if (keys.n > 1)
		qsort(keys.item, keys.n, sizeof(*keys.item), by_text);
	assert_answer(store, keys, expected);
}

enum line_part { LINE_VERSION, LINE_STATUS, LINE_RINGABLE, LINE_MEDIA, LINE_DEVICES, LINE_SINCE, LINE_SEEN, LINE_OVERRIDE, LINE_NOTE };

static inline struct str line_part_of(struct str line, enum line_part part)
{
	struct str out = STR_NULL;

	for (unsigned i = 0; i <= part; i++) {
		if (!str_split(&line, '|', &out))
			fail_msg("a consolidated line has 9 parts");
	}
	return out;
}

static inline int64_t line_number(struct store *store, enum line_part part)
{
	int64_t n = 0;

	assert_true(str_to_i64(line_part_of(str_of(field(store, CLIENT, "m")), part), &n));
	return n;
}

/* What readers see of the client: "available ringable 1 media 3 devices 2". */
static inline const char *presence(struct store *store)
{
	const struct str line = str_of(field(store, CLIENT, "m"));
	const struct str status = line_part_of(line, LINE_STATUS);
	const struct str ringable = line_part_of(line, LINE_RINGABLE);
	const struct str media = line_part_of(line, LINE_MEDIA);
	const struct str devices = line_part_of(line, LINE_DEVICES);

	return text_of(store, STR_FMT " ringable " STR_FMT " media " STR_FMT " devices " STR_FMT,
		      STR_ARG(status), STR_ARG(ringable), STR_ARG(media), STR_ARG(devices));
}

static inline void assert_presence(struct store *store, const char *expected)
{
	assert_string_equal(presence(store), expected);
}
