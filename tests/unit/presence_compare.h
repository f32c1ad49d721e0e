/* presence_compare.h - what lies in Redis of the clients of presence_model.h, compared with the model. */
#pragma once

#include "tests/unit/presence_model.h"

struct play {
	struct store *store;
	uint64_t seed;
	unsigned run, step;
	struct model_client client[CLIENTS];
	unsigned rules;
	enum { NO_GRACE, LONG_GRACE, SHORT_GRACE } grace;
	const char *doing;
};

/* The account's rules, as its registrations tell them. */
static inline const char *rules(struct play *play)
{
	static const char *const grace_ms[] = { "0", LONG, "1" };

	return text_of(play->store, "1|%u|%s|", play->rules, grace_ms[play->grace]);
}

/* What was given a millisecond is over afterwards. */
static inline void let_it_be_over(struct play *play)
{
	const int64_t now_us = store_now_us(play->store);

	while (store_now_us(play->store) < now_us + 2000)
		;
}

static inline unsigned below(struct play *play, unsigned n)
{
	return random_below(&play->seed, n);
}

#define agree(play, condition)                                                                               \
	do {                                                                                                 \
		if (!(condition))                                                                            \
			fail_msg("seed %u, operation %u: %s\nafter %s\n%s", (play)->run, (play)->step,       \
				 #condition, (play)->doing, everything(play));                               \
	} while (0)

static inline const char *everything(struct play *play)
{
	struct store *store = play->store;

	return text_of(store, "alice %s\nbob %s\ndue %s",
		       line_of(store, DO(store, "HGETALL", client_key(store, 0))),
		       line_of(store, DO(store, "HGETALL", client_key(store, 1))),
		       line_of(store, DO(store, "ZRANGE", "D:{p0}", "0", "-1", "WITHSCORES")));
}

/* ---- comparing ---- */

static inline bool has(struct answer list, const char *word)
{
	for (size_t i = 0; i < list.n; i++) {
		if (str_eq(list.item[i].text, str_of(word)))
			return true;
	}
	return false;
}

struct lists { /* what lies beside the clients */
	struct answer due, held[NODES];
	struct answer texts; /* of the client at hand */
};

static inline void compare_device(struct play *play, unsigned c, unsigned d, struct answer fields,
			   const struct lists *lists)
{
	struct store *store = play->store;
	const struct model_device *device = &play->client[c].device[d];
	const struct model_claim *claim = &play->client[c].claim[d];
	const char *who = member(store, c, d);

	agree(play, has(fields, text_of(store, "d%s", device_sid(store, d))) == device->here);
	agree(play, has(lists->texts, device_sid(store, d)) == device->here);
	agree(play, has(fields, text_of(store, "k%s", device_sid(store, d))) == claim->here);
	agree(play,
	      has(lists->due, text_of(store, "l|%s", who)) == (device->here && device->node == NO_NODE));
	agree(play, has(lists->due, text_of(store, "g|%s", who)) == (device->here && device->in_grace));
	agree(play, has(lists->due, text_of(store, "k|%s", who)) == claim->here);
	for (unsigned n = 0; n < NODES; n++)
		agree(play,
		      has(lists->held[n], who) == (device->here && device->node == n && !device->in_grace));
}

static inline bool is_listed(struct play *play, unsigned c, const char *index)
{
	struct store *store = play->store;

	return !DO(store, "ZSCORE", text_of(store, "i:{p0}:AC:%s", index), client_name(c)).nil;
}

static inline void compare_indexes(struct play *play, unsigned c)
{
	static const char *const shown[] = { "dnd", "on_call", "available", "busy", "away", "offline" };
	static const char *const term_words[TERMS] = { "a:skill=billing", "a:skill=sales", "a:site=a" };
	const struct model_client *client = &play->client[c];
	unsigned terms = 0;

	agree(play, is_listed(play, c, "all") == client->known);
	for (unsigned i = 0; i < ARRAY_LEN(shown); i++)
		agree(play, is_listed(play, c, text_of(play->store, "s:%s", shown[i])) ==
				    (client->known && strcmp(shown_status(client), shown[i]) == 0));
	for (unsigned medium = 1; medium <= 4; medium *= 2)
		agree(play, is_listed(play, c, text_of(play->store, "r:%u", medium)) ==
				    ((ringable_media(client) & medium) != 0));
	for (unsigned d = 0; d < DEVICES; d++)
		terms |= client->device[d].here ? client->device[d].terms : 0;
	for (unsigned t = 0; t < TERMS; t++)
		agree(play, is_listed(play, c, term_words[t]) == ((terms & 1u << t) != 0));
}

/* Never a leave without an enter, and nothing at all unless the account asked for it. */
static inline void compare_webhooks(struct play *play, unsigned c)
{
	struct store *store = play->store;
	struct model_client *client = &play->client[c];
	const char *queue = text_of(store, "o:{p0}:AC:%s", client_name(c));
	const struct answer entries = DO(store, "LRANGE", queue, "0", "-1");

	for (size_t i = 0; i < entries.n; i++) {
		struct str rest = entries.item[i].text, event;

		agree(play, str_split(&rest, '|', &event));
		agree(play, str_eq(event, STR("online")) ? !client->told : client->told);
		client->told =
			str_eq(event, STR("online")) || (client->told && !str_eq(event, STR("offline")));
	}
	agree(play, play->rules & WEBHOOKS || entries.n == 0);
	agree(play, !(play->rules & WEBHOOKS) || client->told == (device_count(client) > 0));
	DO(store, "DEL", queue, "O:{p0}");
}

static inline void compare_history(struct play *play, unsigned c)
{
	struct store *store = play->store;
	const struct model_client *client = &play->client[c];
	const struct answer lines =
		DO(store, "LRANGE", text_of(store, "h:{p0}:AC:%s", client_name(c)), "0", "-1");
	struct str rest, part;

	agree(play, lines.n <= 50 && (lines.n > 0) == client->known);
	if (!client->known)
		return;
	rest = lines.item[0].text;
	agree(play, str_split(&rest, '|', &part) && str_split(&rest, '|', &part));
	agree(play, str_eq(part, str_of(shown_status(client))));
}

static inline void compare_line(struct play *play, unsigned c, const char *before)
{
	struct store *store = play->store;
	struct model_client *client = &play->client[c];
	const char *key = client_key(store, c);
	struct str rest = str_of(field(store, key, "m")), version,
		   expected = str_of(consolidated(store, client));
	int64_t v = 0;

	if (!client->known) {
		agree(play, lives_for_ms(store, key) == -2);
		return;
	}
	agree(play, str_split(&rest, '|', &version) && str_to_i64(version, &v));
	agree(play, str_starts(rest, expected));
	agree(play, v >= client->version);
	if (!str_eq(str_of(before), expected))
		agree(play, v > client->version);
	client->version = v;
	agree(play, DO(store, "ZSCORE", "D:{p0}", text_of(store, "f|%s", client_prefix(store, c))).nil ==
			    !is_idle(client));
	agree(play, str_ends(rest, arena_printf(store->arena, "|%s|%s", override_shown(client),
						client->override.here && client->override.note
							? "at lunch | back soon"
							: "")));
}

static inline void compare(struct play *play, const char *before[CLIENTS])
{
	struct store *store = play->store;
	struct lists lists = { .due = DO(store, "ZRANGE", "D:{p0}", "0", "-1") };

	for (unsigned n = 0; n < NODES; n++)
		lists.held[n] = DO(store, "SMEMBERS", text_of(store, "n:{p0}:%s", node_sid(store, n)));
	for (unsigned c = 0; c < CLIENTS; c++) {
		const struct answer fields = DO(store, "HKEYS", client_key(store, c));

		lists.texts = DO(store, "HKEYS", text_of(store, "x%s", client_key(store, c) + 1));
		for (unsigned d = 0; d < DEVICES; d++)
			compare_device(play, c, d, fields, &lists);
		compare_line(play, c, before[c]);
		compare_indexes(play, c);
		compare_webhooks(play, c);
		compare_history(play, c);
	}
}
