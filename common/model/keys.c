/* keys.c - spells every key; see keys.h for the scheme. */
#include "common/model/keys.h"

enum { CALL_STEM_LEN = 28 }; /* "CA" and 26 digits, the same in a call and its legs */

/* A nibble at a time: 32 bytes of table that stay in the cache. */
uint16_t key_crc16(struct str s)
{
	static const uint16_t table[16] = {
		0x0000, 0x1021, 0x2042, 0x3063, 0x4084, 0x50a5, 0x60c6, 0x70e7,
		0x8108, 0x9129, 0xa14a, 0xb16b, 0xc18c, 0xd1ad, 0xe1ce, 0xf1ef,
	};
	uint16_t crc = 0;

	for (size_t i = 0; i < s.n; i++) {
		uint8_t byte = (uint8_t)s.p[i];

		crc = (uint16_t)(crc << 4 ^ table[crc >> 12 ^ byte >> 4]);
		crc = (uint16_t)(crc << 4 ^ table[crc >> 12 ^ (byte & 15)]);
	}
	return crc;
}

unsigned key_spread(struct str identity)
{
	return key_crc16(identity) % KEYS_SPREAD;
}

unsigned key_partition_nth(struct str account, unsigned n)
{
	return (key_crc16(account) + n) % KEYS_PARTITIONS;
}

unsigned key_partition(struct str account, struct str identity)
{
	return key_partition_nth(account, key_spread(identity));
}

unsigned key_shard(struct sid call)
{
	INVARIANT(sid_is_set(call));
	return key_crc16(str_n(call.s, CALL_STEM_LEN)) % KEYS_SHARDS;
}

struct str key_nodes(struct arena *arena)
{
	return arena_copy(arena, STR("nodes:{n}"));
}

static struct str of_client(struct arena *arena, char kind, struct str account, struct str identity)
{
	return arena_printf(arena, "%c:{p%u}:" STR_FMT ":" STR_FMT, kind, key_partition(account, identity),
			    STR_ARG(account), STR_ARG(identity));
}

struct str key_client(struct arena *arena, struct str account, struct str identity)
{
	return of_client(arena, 'c', account, identity);
}

struct str key_client_devices(struct arena *arena, struct str account, struct str identity)
{
	return of_client(arena, 'x', account, identity);
}

struct str key_client_history(struct arena *arena, struct str account, struct str identity)
{
	return of_client(arena, 'h', account, identity);
}

struct str key_account_rules(struct arena *arena, unsigned partition, struct str account)
{
	return arena_printf(arena, "s:{p%u}:" STR_FMT, partition, STR_ARG(account));
}

struct str key_index(struct arena *arena, unsigned partition, struct str account, struct str which)
{
	return arena_printf(arena, "i:{p%u}:" STR_FMT ":" STR_FMT, partition, STR_ARG(account),
			    STR_ARG(which));
}

struct str key_index_all(struct arena *arena, unsigned partition, struct str account)
{
	return key_index(arena, partition, account, STR("all"));
}

struct str key_index_term(struct arena *arena, unsigned partition, struct str account, struct str term)
{
	return arena_printf(arena, "i:{p%u}:" STR_FMT ":a:" STR_FMT, partition, STR_ARG(account),
			    STR_ARG(term));
}

struct str key_partition_accounts(struct arena *arena, unsigned partition)
{
	return arena_printf(arena, "A:{p%u}", partition);
}

struct str key_partition_deadlines(struct arena *arena, unsigned partition)
{
	return arena_printf(arena, "D:{p%u}", partition);
}

struct str key_node_devices(struct arena *arena, unsigned partition, struct str node)
{
	return arena_printf(arena, "n:{p%u}:" STR_FMT, partition, STR_ARG(node));
}

struct str key_call(struct arena *arena, struct sid call)
{
	return arena_printf(arena, "call:{c%u}:%s", key_shard(call), sid_call_of(call).s);
}

struct str key_call_trace(struct arena *arena, struct sid call)
{
	return arena_printf(arena, "t:{c%u}:%s", key_shard(call), sid_call_of(call).s);
}

struct str key_shard_deadlines(struct arena *arena, unsigned shard)
{
	return arena_printf(arena, "D:{c%u}", shard);
}

struct str key_account_calls(struct arena *arena, unsigned shard, struct str account)
{
	return arena_printf(arena, "l:{c%u}:" STR_FMT, shard, STR_ARG(account));
}

struct key_slot key_slot_of_call(struct sid call)
{
	return (struct key_slot){ 'c', key_shard(call) };
}

struct key_slot key_slot_of_client(struct str account, struct str identity)
{
	return (struct key_slot){ 'p', key_partition(account, identity) };
}

struct str key_outbox(struct arena *arena, struct key_slot slot, struct str subject)
{
	return arena_printf(arena, "o:{%c%u}:" STR_FMT, slot.kind, slot.number, STR_ARG(subject));
}

struct str key_dead_letters(struct arena *arena, struct key_slot slot, struct str account)
{
	return arena_printf(arena, "z:{%c%u}:" STR_FMT, slot.kind, slot.number, STR_ARG(account));
}

struct str key_inbox(struct arena *arena, struct address to)
{
	return arena_printf(arena, "in:%s", to.s);
}

struct str key_account(struct arena *arena, struct str account)
{
	return arena_printf(arena, "a:{" STR_FMT "}", STR_ARG(account));
}

struct str key_account_pattern(void)
{
	return STR("a:{AC*}");
}

bool key_account_parse(struct str key, struct sid *out)
{
	return key.n == 3 + SID_LEN + 1 && str_starts(key, STR("a:{")) && str_ends(key, STR("}")) &&
	       sid_parse(str_n(key.p + 3, SID_LEN), "AC", out);
}

struct str key_account_children(struct arena *arena, struct str account)
{
	return arena_printf(arena, "sa:{" STR_FMT "}", STR_ARG(account));
}

struct str key_account_aliases(struct arena *arena, struct str account)
{
	return arena_printf(arena, "al:{" STR_FMT "}", STR_ARG(account));
}

struct str key_account_keys(struct arena *arena, struct str account)
{
	return arena_printf(arena, "k:{" STR_FMT "}", STR_ARG(account));
}

struct str key_account_key_index(struct arena *arena, struct str account)
{
	return arena_printf(arena, "kk:{" STR_FMT "}", STR_ARG(account));
}

struct str key_account_applications(struct arena *arena, struct str account)
{
	return arena_printf(arena, "ap:{" STR_FMT "}", STR_ARG(account));
}

struct str key_account_numbers(struct arena *arena, struct str account)
{
	return arena_printf(arena, "pn:{" STR_FMT "}", STR_ARG(account));
}

struct str key_account_number_index(struct arena *arena, struct str account)
{
	return arena_printf(arena, "pi:{" STR_FMT "}", STR_ARG(account));
}

struct str key_account_rotation(struct arena *arena, struct str account, struct str group)
{
	return arena_printf(arena, "rr:{" STR_FMT "}:" STR_FMT, STR_ARG(account), STR_ARG(group));
}

struct str key_account_revocations(struct arena *arena, struct str account)
{
	return arena_printf(arena, "rv:{" STR_FMT "}", STR_ARG(account));
}

static bool is_identity_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr("_.@+-", c));
}

static bool segment_is_valid(struct str segment)
{
	for (size_t i = 0; i < segment.n; i++) {
		if (!is_identity_char(segment.p[i]))
			return false;
	}
	return segment.n > 0 && !str_eq(segment, STR(".")) && !str_eq(segment, STR(".."));
}

bool identity_is_valid(struct str identity)
{
	if (identity.n > IDENTITY_MAX)
		return false;
	for (size_t slash; str_find(identity, '/', &slash); identity = str_skip(identity, slash + 1)) {
		if (!segment_is_valid(str_n(identity.p, slash)))
			return false;
	}
	return segment_is_valid(identity);
}
