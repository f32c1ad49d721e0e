/* test_keys.c - every key's spelling, the two hashes, and what a client may be called. */
#include "common/model/keys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static const struct str account = { "AC00000000000000000000000000000001", SID_LEN };
static const struct sid call = { "CA0123456789abcdef0123456789000000" };

static void test_crc16(void **state)
{
	(void)state;
	/* the check value of CRC-16/XMODEM, and of the Redis Cluster specification */
	assert_int_equal(key_crc16(STR("123456789")), 0x31c3);
	assert_int_equal(key_crc16(STR("")), 0);
	assert_int_equal(key_crc16(STR("foo")) % 16384, 12182);
	assert_int_equal(key_crc16(STR("\xff\x00\x80")), 0x5eeb);
}

static void test_partition(void **state)
{
	unsigned first = key_crc16(account) % KEYS_PARTITIONS, used = 0;
	bool seen[KEYS_PARTITIONS] = { false };

	(void)state;
	for (int i = 0; i < 1000; i++) {
		char name[] = { (char)('a' + i % 26), (char)('a' + i / 26 % 26), (char)('a' + i / 676) };
		unsigned partition = key_partition(account, str_n(name, sizeof(name)));

		assert_true((partition + KEYS_PARTITIONS - first) % KEYS_PARTITIONS < KEYS_SPREAD);
		used += !seen[partition];
		seen[partition] = true;
	}
	assert_int_equal(used, KEYS_SPREAD);
	assert_int_equal(key_partition(account, STR("alice")),
			 (key_crc16(account) + key_crc16(STR("alice")) % KEYS_SPREAD) % KEYS_PARTITIONS);
}

static void test_shard(void **state)
{
	(void)state;
	assert_int_equal(key_shard(call), key_crc16(STR("CA0123456789abcdef0123456789")) % KEYS_SHARDS);
	for (unsigned leg = 1; leg < 2000; leg += 37)
		assert_int_equal(key_shard(sid_leg(call, leg)), key_shard(call));
}

static void test_spelling(void **state)
{
	struct arena *arena = arena_new(1 << 16);
	const struct sid leg = sid_leg(call, 3);
	const struct address to = { "ND00000000000000000000000000000009.2" };
	const unsigned p = key_partition(account, STR("support/alice")), c = key_shard(call);
#define FORMAT(...) arena_printf(arena, __VA_ARGS__)
	const struct {
		struct str key, expected;
	} cases[] = {
		{ key_nodes(arena), STR("nodes:{n}") },
		{ key_client(arena, account, STR("support/alice")),
		  FORMAT("c:{p%u}:%s:support/alice", p, account.p) },
		{ key_partition_deadlines(arena, 127), STR("D:{p127}") },
		{ key_node_devices(arena, 0, STR("ND1")), STR("n:{p0}:ND1") },
		{ key_call(arena, call), FORMAT("call:{c%u}:%s", c, call.s) },
		{ key_call(arena, leg), FORMAT("call:{c%u}:%s", c, call.s) },
		{ key_shard_deadlines(arena, 5), STR("D:{c5}") },
		{ key_account_calls(arena, 5, account), FORMAT("l:{c5}:%s", account.p) },
		{ key_outbox(arena, key_slot_of_call(leg), sid_str(&leg)), FORMAT("o:{c%u}:%s", c, leg.s) },
		{ key_outbox(arena, key_slot_of_client(account, STR("alice")), STR("AC1:alice")),
		  FORMAT("o:{p%u}:AC1:alice", key_partition(account, STR("alice"))) },
		{ key_dead_letters(arena, (struct key_slot){ 'c', 5 }, account),
		  FORMAT("z:{c5}:%s", account.p) },
		{ key_dead_letters(arena, (struct key_slot){ 'p', 7 }, account),
		  FORMAT("z:{p7}:%s", account.p) },
		{ key_inbox(arena, to), STR("in:ND00000000000000000000000000000009.2") },
		{ key_account(arena, account), FORMAT("a:{%s}", account.p) },
		{ key_account_keys(arena, account), FORMAT("k:{%s}", account.p) },
		{ key_account_applications(arena, account), FORMAT("ap:{%s}", account.p) },
		{ key_account_numbers(arena, account), FORMAT("pn:{%s}", account.p) },
		{ key_account_number_index(arena, account), FORMAT("pi:{%s}", account.p) },
	};
#undef FORMAT

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_string_equal(cases[i].key.p, cases[i].expected.p);
	arena_free(arena);
}

static void test_identity(void **state)
{
	static const char *const good[] = { "alice",  "A",     "support/tier1/alice",
					    "a.b",    "a@b.c", "+15551234567",
					    "a-b_c",  "...",   ".a",
					    "a/.../b" };
	static const char *const bad[] = { "",	   ".",		"..",	"/",	    "a/",    "/a",
					   "a//b", "a/./b",	"a/..", "../a",	    "a b",   "a\n",
					   "a*",   "support/*", "*",	"a{b}",	    "a%2Fb", "a:b",
					   "a\\b", "a,b",	"\x7f", "b\xc3\xbc" };
	char longest[IDENTITY_MAX + 1];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		assert_true(identity_is_valid(str_of(good[i])));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(identity_is_valid(str_of(bad[i])));
	assert_false(identity_is_valid(STR_NULL));
	assert_false(identity_is_valid(str_n("a\0b", 3)));
	memset(longest, 'x', sizeof(longest));
	assert_true(identity_is_valid(str_n(longest, IDENTITY_MAX)));
	assert_false(identity_is_valid(str_n(longest, IDENTITY_MAX + 1)));
}

static void test_account_of_a_key(void **state)
{
	static const char *const bad[] = {
		"",
		"a:{AC}",
		"a:{AC00000000000000000000000000000001}x",
		"a:{AC0000000000000000000000000000000g}",
		"a:{SK00000000000000000000000000000001}",
		"k:{AC00000000000000000000000000000001}",
		"a:{AC00000000000000000000000000000001)",
	};
	struct arena *arena = arena_new(1024);
	struct sid sid;

	(void)state;
	assert_true(key_account_parse(key_account(arena, account), &sid));
	assert_string_equal(sid.s, account.p);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(key_account_parse(str_of(bad[i]), &sid));
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_crc16),	 cmocka_unit_test(test_partition),
		cmocka_unit_test(test_shard),	 cmocka_unit_test(test_spelling),
		cmocka_unit_test(test_identity), cmocka_unit_test(test_account_of_a_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
