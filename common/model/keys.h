/* keys.h - the names of everything in Redis.  Pure; the only file that spells a key.
 *
 *   {n}     the node table and the control list
 *   {pN}    clients, N = (crc16(account) + crc16(identity) mod SPREAD) mod PARTITIONS
 *   {cN}    calls, N = crc16(stem of the call id) mod SHARDS
 *   {AC..}  what belongs to an account: settings, keys, applications, addresses
 *   in:ND.k inbox of worker k of node ND
 */
#pragma once

#include "common/base/arena.h"
#include "common/base/sid.h"

enum { KEYS_PARTITIONS = 128, KEYS_SHARDS = 128, KEYS_SPREAD = 8, IDENTITY_MAX = 121 };

/* Where messages for one worker of one node go: "ND..32 hex.k" */
enum { ADDRESS_MAX = SID_LEN + 4 };
struct address {
	char s[ADDRESS_MAX];         /* "" when not set */
};

unsigned key_partition(struct str account, struct str identity);
unsigned key_spread(struct str identity);                        /* which of its account's partitions, 0 .. KEYS_SPREAD - 1 */
unsigned key_partition_nth(struct str account, unsigned n);      /* n: of the account's */
unsigned key_shard(struct sid call);
uint16_t key_crc16(struct str s);        /* CRC-16/XMODEM, as Redis Cluster */

struct key_slot {                        /* {cN} or {pN}: where an outbox and its dead letters lie */
	char kind;
	unsigned number;
};
struct key_slot key_slot_of_call(struct sid call);               /* or of a leg */
struct key_slot key_slot_of_client(struct str account, struct str identity);

struct str key_nodes(struct arena *arena);                                             /* nodes:{n} */
struct str key_client(struct arena *arena, struct str account, struct str identity);   /* c:{pN}:AC:identity */
struct str key_client_devices(struct arena *arena, struct str account, struct str identity);   /* x:{pN}:AC:identity: DV -> JSON */
struct str key_client_history(struct arena *arena, struct str account, struct str identity);   /* h:{pN}:AC:identity */
struct str key_account_rules(struct arena *arena, unsigned partition, struct str account);     /* s:{pN}:AC */
struct str key_index_all(struct arena *arena, unsigned partition, struct str account);         /* i:{pN}:AC:all */
struct str key_index(struct arena *arena, unsigned partition, struct str account, struct str which);   /* i:{pN}:AC:which, such as s:busy */
struct str key_index_term(struct arena *arena, unsigned partition, struct str account, struct str term);   /* i:{pN}:AC:a:term */
struct str key_partition_accounts(struct arena *arena, unsigned partition);                    /* A:{pN} */
struct str key_partition_deadlines(struct arena *arena, unsigned partition);           /* D:{pN} */
struct str key_node_devices(struct arena *arena, unsigned partition, struct str node); /* n:{pN}:ND */
struct str key_call(struct arena *arena, struct sid call);                             /* call:{cN}:CA */
struct str key_call_trace(struct arena *arena, struct sid call);                       /* t:{cN}:CA */
struct str key_shard_deadlines(struct arena *arena, unsigned shard);                   /* D:{cN} */
struct str key_account_calls(struct arena *arena, unsigned shard, struct str account); /* l:{cN}:AC */
struct str key_outbox(struct arena *arena, struct key_slot slot, struct str subject);          /* o:{cN}:CA, o:{pN}:AC:identity */
struct str key_dead_letters(struct arena *arena, struct key_slot slot, struct str account);    /* z:{cN}:AC, z:{pN}:AC */
struct str key_inbox(struct arena *arena, struct address to);                          /* in:ND.k */
struct str key_account(struct arena *arena, struct str account);                       /* a:{AC} */
struct str key_account_pattern(void);                                                  /* SCAN's, of every a:{AC} */
MUST_USE bool key_account_parse(struct str key, struct sid *out);
struct str key_account_children(struct arena *arena, struct str account);              /* sa:{AC}: its sub-accounts */
struct str key_account_aliases(struct arena *arena, struct str account);               /* al:{AC}: name -> JSON */
struct str key_account_keys(struct arena *arena, struct str account);                  /* k:{AC} */
struct str key_account_key_index(struct arena *arena, struct str account);             /* kk:{AC}: a public key's kid -> SK */
struct str key_account_applications(struct arena *arena, struct str account);          /* ap:{AC} */
struct str key_account_numbers(struct arena *arena, struct str account);               /* pn:{AC}: PN -> JSON */
struct str key_account_number_index(struct arena *arena, struct str account);          /* pi:{AC}: number -> PN */
struct str key_account_rotation(struct arena *arena, struct str account, struct str group);    /* rr:{AC}:group */
struct str key_account_revocations(struct arena *arena, struct str account);           /* rv:{AC} */

/* Client names: segments of [A-Za-z0-9_.@+-] divided by '/', none "." or "..", 1..121 bytes. */
bool identity_is_valid(struct str identity);
