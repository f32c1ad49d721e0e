/* ring_order.c - see ring_order.h. */
#include "routing-svc/ring_order.h"

#include <stdlib.h>

#include "common/base/buf.h"
#include "common/base/crypto.h"

enum { GROUP_BYTES = 16 };

/* ---- the list ---- */

static bool is_listed(const struct ring_list *list, struct str identity)
{
	for (size_t i = 0; i < list->n; i++) {
		if (str_eq(list->clients[i].identity, identity))
			return true;
	}
	return false;
}

void ring_list_add(struct ring_list *list, const struct plan_target *named, struct str identity,
		   struct str refused)
{
	struct plan_target *client = &list->clients[list->n];
	const bool is_repeated = identity.n > 0 && is_listed(list, identity);

	if (list->n == PLAN_RING_MAX || (is_repeated && !str_eq(named->identity, identity)))
		return;
	*client = *named;
	client->identity = identity;
	client->refused = is_repeated ? STR("named_twice") : refused;
	list->n++;
}

/* ---- the order ---- */

struct ranked {
	struct plan_target client;
	unsigned rank;
	int64_t key; /* among those of one rank */
	size_t place;
};

static int by_rank(const void *a, const void *b)
{
	const struct ranked *left = a, *right = b;

	if (left->rank != right->rank)
		return left->rank < right->rank ? -1 : 1;
	if (left->key != right->key)
		return left->key < right->key ? -1 : 1;
	return left->place < right->place ? -1 : 1;
}

enum { ASKED, ASKED_LATER, REFUSED };

static bool is_asked(const struct plan_target *client)
{
	return str_is_null(client->refused);
}

static void rank_rotated(struct ranked ranked[], const struct ring_list *list, uint64_t start)
{
	size_t n = 0, at = 0;

	for (size_t i = 0; i < list->n; i++)
		n += is_asked(&list->clients[i]);
	for (size_t i = 0; i < list->n; i++) {
		if (is_asked(&list->clients[i]))
			ranked[i].key = (int64_t)((at++ + n - start % n) % n);
		else
			ranked[i].rank = REFUSED;
	}
}

/* Whoever is available but cannot be rung is asked: the claim knows why. */
static void rank_idle(struct ranked *ranked, const struct presence *presence, unsigned medium)
{
	if (!is_asked(&ranked->client)) {
		ranked->rank = REFUSED;
	} else if (ranked->client.by_gateway) {
		ranked->rank = ASKED_LATER;
	} else if (str_eq(presence->status, STR("available"))) {
		ranked->key = presence->since_ms;
	} else if (!str_eq(presence->status, STR("on_call")) && (presence->ringable & medium)) {
		ranked->rank = ASKED_LATER;
	} else {
		ranked->rank = REFUSED;
		ranked->client.refused = presence->status;
	}
}

void ring_order(struct ring_list *list, enum dial_strategy strategy, uint64_t start, unsigned medium,
		const struct presence presence[])
{
	struct ranked ranked[PLAN_RING_MAX];

	for (size_t i = 0; i < list->n; i++)
		ranked[i] = (struct ranked){ .client = list->clients[i], .rank = ASKED, .place = i };
	if (strategy == STRATEGY_ROUND_ROBIN)
		rank_rotated(ranked, list, start);
	for (size_t i = 0; strategy == STRATEGY_LONGEST_IDLE && i < list->n; i++)
		rank_idle(&ranked[i], &presence[i], medium);
	qsort(ranked, list->n, sizeof(*ranked), by_rank);
	for (size_t i = 0; i < list->n; i++)
		list->clients[i] = ranked[i].client;
}

/* ---- as the record keeps it ---- */

struct str ring_order_write(struct arena *arena, const struct plan_target clients[], size_t n)
{
	struct str copy;
	struct buf out;

	buf_init(&out, PLAN_RING_MAX * (CALL_ADDRESS_MAX + CALL_WORD_MAX + 8));
	for (size_t i = 0; i < n; i++) {
		const struct plan_target *client = &clients[i];

		buf_printf(&out, "%u " STR_FMT " " STR_FMT "\n", client->index,
			   STR_ARG(is_asked(client) ? STR("-") : client->refused), STR_ARG(client->identity));
	}
	copy = buf_ok(&out) ? arena_copy(arena, buf_str(&out)) : STR("");
	buf_fini(&out);
	return copy;
}

static bool read_line(struct str line, const struct plan_target named[], size_t n_named,
		      struct plan_target *out)
{
	struct str index, reason;
	uint64_t n;

	if (!str_split(&line, ' ', &index) || !str_to_u64(index, &n) || n >= n_named ||
	    !str_split(&line, ' ', &reason))
		return false;
	*out = named[n];
	out->identity = line;
	out->refused = str_eq(reason, STR("-")) ? STR_NULL : reason;
	return true;
}

void ring_order_read(struct str text, const struct plan_target named[], size_t n_named, struct ring_list *out)
{
	struct str line;

	out->n = 0;
	while (out->n < PLAN_RING_MAX && str_split(&text, '\n', &line)) {
		if (read_line(line, named, n_named, &out->clients[out->n]))
			out->n++;
	}
}

size_t ring_order_count(struct str text)
{
	size_t n = 0;

	for (size_t i = 0; i < text.n; i++)
		n += text.p[i] == '\n';
	return n;
}

struct str ring_order_group(struct arena *arena, const struct plan_target named[], size_t n)
{
	uint8_t digest[CRYPTO_MAC_MAX];
	char hex[2 * CRYPTO_MAC_MAX + 1];
	struct buf text;

	buf_init(&text, PLAN_RING_MAX * (CALL_ADDRESS_MAX + 1));
	for (size_t i = 0; i < n; i++)
		buf_printf(&text, STR_FMT "\n", STR_ARG(named[i].identity));
	(void)crypto_digest(CRYPTO_SHA256, buf_str(&text), digest);
	buf_fini(&text);
	crypto_hex(str_n((const char *)digest, GROUP_BYTES), hex);
	return arena_copy(arena, str_of(hex));
}
