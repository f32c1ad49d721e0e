/* test_scripts_presence.c - thousands of random operations on two clients, each compared with a model in C.
 *
 * After each operation everything in Redis is compared: the answer, each device and
 * claim, the consolidated line, its version, the nodes' sets, the deadlines, the
 * indexes, the history, what the customer is told.  A failure names the seed; put it into FIRST_SEED to repeat it.
 */
#include "tests/unit/presence_compare.h"

enum { FIRST_SEED = 1, RUNS = 12, OPERATIONS = 900 };
enum { SITE_A = 2 }; /* of the terms */

/* ---- operations ---- */

/* Words of device_put for a device as the model has it. */
static const char *const *put_words(struct play *play, unsigned c, unsigned d, const char *what,
				    const char *asserted, const char *address, const char *ttl_ms)
{
	static const char *const term_words[TERMS] = { "skill=billing", "skill=sales", "site=a" };
	static const char *words[16];
	struct store *store = play->store;
	const struct model_device *device = &play->client[c].device[d];
	const char *const fixed[] = { client_key(store, c),
				      device_sid(store, d),
				      what,
				      asserted,
				      address,
				      status_words[device->status],
				      text_of(store, "%u", device->media),
				      text_of(store, "{\"terms\":%u}", device->terms),
				      ttl_ms,
				      ttl_ms[0] ? LONG : "",
				      rules(play) };
	size_t n = ARRAY_LEN(fixed);

	memcpy(words, fixed, sizeof(fixed));
	for (unsigned t = 0; t < TERMS; t++) {
		if (device->terms & 1u << t)
			words[n++] = term_words[t];
	}
	words[n] = NULL;
	return words;
}

static void do_register(struct play *play, unsigned c, unsigned d)
{
	struct store *store = play->store;
	struct model_device *device = &play->client[c].device[d];
	const struct model_device old = *device;
	const unsigned node = below(play, NODES + 1);
	const bool by_lease = node == NO_NODE;
	struct answer answer;

	*device = (struct model_device){ .here = true,
					 .node = node,
					 .status = (enum model_status)below(play, 4),
					 .media = 1 + below(play, 7),
					 .lease_over = by_lease && below(play, 2) };
	device->terms = below(play, 1u << TERMS);
	play->doing = text_of(store, "register %s %u on %u", client_name(c), d, node);
	answer = store_run(store, SCRIPT_DEVICE_PUT,
			   put_words(play, c, d, "new", "",
				     by_lease ? "" : text_of(store, "%s.0", node_sid(store, node)),
				     by_lease ? (device->lease_over ? "0" : LONG) : ""));
	device->registration = number(item(answer, 0));
	agree(play, device->registration > old.registration);
	play->client[c].known = true;
}

static void do_update(struct play *play, unsigned c, unsigned d)
{
	struct store *store = play->store;
	struct model_device *device = &play->client[c].device[d];
	const bool stale = below(play, 4) == 0;
	const unsigned status = below(play, 5), media = below(play, 3) ? 1 + below(play, 7) : 0;
	const bool renew = below(play, 2), over = below(play, 2);
	struct answer answer;

	play->doing = text_of(store, "update %s %u stale %d", client_name(c), d, stale);
	answer = RUN(store, DEVICE_PUT, client_key(store, c), device_sid(store, d),
		     text_of(store, "%lld", (long long)device->registration - stale), "", "",
		     status < 4 ? status_words[status] : "", media ? text_of(store, "%u", media) : "", "",
		     renew ? (over ? "0" : LONG) : "", renew ? LONG : "", "");
	if (!device->here || stale) {
		agree(play, strcmp(line_of(store, answer), "[-1,NO_SUCH_DEVICE]") == 0);
		return;
	}
	agree(play, number(item(answer, 0)) == device->registration);
	device->suspect = false;
	device->status = status < 4 ? (enum model_status)status : device->status;
	device->media = media ? media : device->media;
	if (device->node == NO_NODE && renew)
		device->lease_over = over;
}

static void do_remove(struct play *play, unsigned c, unsigned d)
{
	struct store *store = play->store;
	struct model_device *device = &play->client[c].device[d];
	const unsigned how = below(play, 4); /* by number, a stale number, by its node, by another */
	const unsigned node = device->node == NO_NODE ? 0 : how == 2 ? device->node : 1 - device->node;
	const bool goes = device->here && (how == 0 || (how == 2 && device->node != NO_NODE));
	struct answer answer;

	play->doing = text_of(store, "remove %s %u how %u", client_name(c), d, how);
	answer = RUN(store, DEVICE_REMOVE, client_key(store, c), device_sid(store, d),
		     how < 2 ? text_of(store, "%lld", (long long)device->registration - how) : "",
		     text_of(store, "%s.0", node_sid(store, node)), "now");
	agree(play, number(item(answer, 0)) == goes);
	if (goes)
		agree(play, (item(answer, 2).text.n > 0) == play->client[c].claim[d].here);
	device->here = device->here && !goes;
}

static void do_close(struct play *play, unsigned c, unsigned d)
{
	struct store *store = play->store;
	struct model_device *device = &play->client[c].device[d];
	const bool stale = below(play, 4) == 0;
	const bool by_channel = device->node != NO_NODE;
	const bool good = device->here && !stale && !device->in_grace;
	struct answer answer;

	play->doing = text_of(store, "close %s %u stale %d", client_name(c), d, stale);
	answer = RUN(store, DEVICE_REMOVE, client_key(store, c), device_sid(store, d),
		     text_of(store, "%lld", (long long)device->registration - stale), "", "close");
	agree(play, number(item(answer, 0)) == good);
	if (!good)
		return;
	if (by_channel && play->grace != NO_GRACE) {
		device->in_grace = true;
		device->lease_over = play->grace == SHORT_GRACE;
		let_it_be_over(play);
	} else {
		device->here = false;
	}
}

/* A worker says again what its channel holds: perhaps the store has lost it, perhaps there is a newer one. */
static void do_assert(struct play *play, unsigned c, unsigned d)
{
	struct store *store = play->store;
	struct model_device *device = &play->client[c].device[d];
	const struct model_device old = *device;
	const int64_t asserted = old.registration + (int64_t)below(play, 3) - 1;
	const unsigned node = old.node == NO_NODE || below(play, 2) ? below(play, NODES) : old.node;
	struct answer answer;

	if (!play->client[c].known)
		return;
	play->doing = text_of(store, "assert %s %u on %u", client_name(c), d, node);
	if (!old.here)
		*device = (struct model_device){ .status = AVAILABLE,
						 .media = 1,
						 .registration = old.registration };
	answer = store_run(store, SCRIPT_DEVICE_PUT,
			   put_words(play, c, d, "assert", text_of(store, "%lld", (long long)asserted),
				     text_of(store, "%s.0", node_sid(store, node)), ""));
	if (old.here && asserted < old.registration) {
		agree(play, strcmp(line_of(store, answer), "[-1,NO_SUCH_DEVICE]") == 0);
		return;
	}
	if (old.here && asserted == old.registration && old.node == node && !old.in_grace) {
		agree(play, number(item(answer, 0)) == old.registration);
		return;
	}
	device->here = true;
	device->node = node;
	device->in_grace = device->lease_over = device->suspect = false;
	device->registration = number(item(answer, 0));
	agree(play, device->registration == asserted);
}

static void do_override(struct play *play, unsigned c)
{
	struct store *store = play->store;
	struct model_override *override = &play->client[c].override;
	const char *for_ms;

	play->doing = text_of(store, "override of %s", client_name(c));
	if (below(play, 2)) {
		RUN(store, OVERRIDE_PUT, client_key(store, c), "clear", "", "0", "", rules(play));
		override->here = false;
		return;
	}
	*override = (struct model_override){ .here = true,
					     .status = (enum model_status)below(play, NO_STATUS + 1),
					     .note = below(play, 2),
					     .over = below(play, 3) == 0 };
	for_ms = override->over ? "1" : below(play, 2) ? LONG : "0";
	RUN(store, OVERRIDE_PUT, client_key(store, c), "set", status_words[override->status], for_ms,
	    override->note ? "at lunch | back soon" : "", rules(play));
	play->client[c].known = true;
	let_it_be_over(play);
}

/* What a revocation ends: what no open channel holds, of one client or of all who are listed under a term. */
static void do_revoke(struct play *play, unsigned c)
{
	struct store *store = play->store;
	const bool by_term = below(play, 2), in_time = below(play, 4) != 0;
	const char *until_us = in_time ? "9007199254740991" : "-9"; /* asserted ones may be 0 */
	unsigned ended = 0;
	struct answer answer;

	play->doing = text_of(store, "revoke %s", by_term ? "a term" : client_name(c));
	answer = RUN(store, LEASES_REVOKE, by_term ? "i:{p0}:AC:a:site=a" : client_key(store, c), "AC",
		     by_term ? "site=a" : "", "", until_us, "100");
	for (unsigned i = 0; i < CLIENTS * DEVICES; i++) {
		struct model_device *device = &play->client[i / DEVICES].device[i % DEVICES];
		const bool is_meant = by_term ? (device->terms & 1u << SITE_A) != 0 : i / DEVICES == c;

		if (!device->here || !is_meant || !in_time || (device->node != NO_NODE && !device->in_grace))
			continue;
		device->here = false;
		ended++;
	}
	agree(play, number(item(answer, 0)) == ended);
}

static void hold(struct model_client *client, unsigned d, const struct model_claim *claim)
{
	client->claim[d] = *claim;
	client->claim[d].here = true;
}

static void do_claim(struct play *play, unsigned c)
{
	static const char *const weights[] = { "offline", "no_channel", "suspect", "media", "away",
					       "busy",	  "engaged",	"on_call", "dnd" };
	struct store *store = play->store;
	struct model_client *client = &play->client[c];
	const unsigned media = 1u << below(play, 3), most = 1 + below(play, 5), dead = below(play, NODES + 3);
	const struct model_claim claim = { .call = below(play, CALLS),
					   .attempt = 1 + below(play, 2),
					   .fence = 1 + (int)below(play, 3),
					   .due = below(play, 2) };
	struct model_client before = *client;
	unsigned n = 0, weight = 0;
	struct answer answer;

	play->doing = text_of(store, "claim of %s by %u fence %d media %u most %u dead %u", client_name(c),
			      claim.call, claim.fence, media, most, dead);
	answer = RUN(store, CLAIM_TAKE, client_key(store, c), call_sid(store, claim.call),
		     text_of(store, "%d", claim.fence), text_of(store, "%u", claim.attempt),
		     text_of(store, "%u", media), "r", claim.due ? "0" : LONG, "", text_of(store, "%u", most),
		     dead < NODES ? node_sid(store, dead) : "");
	for (unsigned d = 0; d < DEVICES; d++) {
		const char *why = !before.device[d].here ? "offline"
				  : before.device[d].node == dead && dead < NODES
					  ? "offline"
					  : refusal_of(&before, d, media, claim.call, claim.fence);

		for (unsigned w = 0; why && w < ARRAY_LEN(weights); w++)
			weight = strcmp(why, weights[w]) == 0 ? MAX(weight, w) : weight;
		if (why || n == most)
			continue;
		n++;
		agree(play, strcmp(text(item(item(answer, n), 0)), device_sid(store, d)) == 0);
		hold(client, d, &claim);
	}
	if (n == 0)
		agree(play, strcmp(line_of(store, answer), text_of(store, "[-1,%s]", weights[weight])) == 0);
	else
		agree(play, answer.n == n + 1);
}

static void do_engage_own(struct play *play, unsigned c, unsigned d)
{
	struct store *store = play->store;
	struct model_client *client = &play->client[c];
	const struct model_claim *old = &client->claim[d];
	const struct model_claim claim = {
		.call = below(play, CALLS), .fence = 1, .engaged = true, .due = below(play, 2)
	};
	const bool own = old->here && !old->engaged && old->call == claim.call && old->fence <= 1;
	const bool good = client->device[d].here && (!old->here || own);
	struct answer answer;

	play->doing = text_of(store, "call by %s %u", client_name(c), d);
	answer = RUN(store, CLAIM_TAKE, client_key(store, c), call_sid(store, claim.call), "1", "0", "1", "e",
		     claim.due ? "0" : LONG, device_sid(store, d), "1", "");
	agree(play, (number(item(answer, 0)) > 0) == good);
	if (good)
		hold(client, d, &claim);
}

static void do_settle(struct play *play, unsigned c, unsigned d)
{
	struct store *store = play->store;
	static const char *const releases[] = { "r", "d", "m", "u" };
	struct model_device *device = &play->client[c].device[d];
	struct model_claim *claim = &play->client[c].claim[d];
	const unsigned call = below(play, 3) ? claim->call : below(play, CALLS);
	const unsigned attempt = below(play, 3); /* 0: any */
	const int fence = (int)below(play, 4);	 /* 0: any */
	const bool release = below(play, 2), soon = below(play, 2);
	const unsigned how = below(play, ARRAY_LEN(releases)), node = below(play, NODES);
	const bool fits = claim->here && claim->call == call && (!attempt || claim->attempt == attempt) &&
			  (!fence || claim->fence <= fence);
	const bool changes = fits && (release || !claim->engaged);
	struct answer answer;

	play->doing = text_of(store, "settle %s %u of %u %s", client_name(c), d, call,
			      release ? releases[how] : "e");
	answer = RUN(store, CLAIM_SETTLE, client_key(store, c), call_sid(store, call),
		     attempt ? text_of(store, "%u", attempt) : "", fence ? text_of(store, "%d", fence) : "",
		     soon ? "0" : LONG, release ? releases[how] : "e", device_sid(store, d),
		     text_of(store, "%s.0", node_sid(store, node)));
	agree(play, number(answer) == changes);
	if (changes && release) {
		claim->here = false;
		device->suspect =
			device->suspect || (*releases[how] == 'u' && device->here && device->node == node);
	} else if (changes) {
		claim->engaged = true;
		claim->due = soon;
	}
}

/* What the sweep has changed itself may be told to the customer at once. */
static unsigned names_webhooks(struct answer answer)
{
	const struct answer last = item(answer, answer.n - 1);

	return last.n > 0 && strcmp(text(item(last, 0)), "due") == 0;
}

static void do_sweep(struct play *play)
{
	struct store *store = play->store;
	unsigned ended = 0, listed = 0;
	struct answer answer;

	play->doing = "sweep";
	answer = RUN(store, PARTITION_SWEEP, "D:{p0}", "1000", LONG,
		     text_of(store, "%lld", (long long)store_now_us(store) / 1000));
	for (unsigned i = 0; i < CLIENTS * DEVICES; i++) {
		struct model_device *device = &play->client[i / DEVICES].device[i % DEVICES];
		struct model_claim *claim = &play->client[i / DEVICES].claim[i % DEVICES];

		if (device->here && (device->node == NO_NODE || device->in_grace) && device->lease_over) {
			device->here = false;
			ended++;
		}
		if (!claim->here || !claim->due)
			continue;
		claim->due = false;
		listed += claim->engaged;
		claim->here = claim->engaged;
	}
	for (unsigned c = 0; c < CLIENTS; c++)
		play->client[c].override.here =
			play->client[c].override.here && !play->client[c].override.over;
	agree(play, number(item(answer, 1)) == ended);
	agree(play, answer.n - names_webhooks(answer) == 2 + listed);
}

static void do_reap(struct play *play)
{
	struct store *store = play->store;
	const unsigned node = below(play, NODES);
	unsigned held = 0;
	struct answer answer;

	for (unsigned i = 0; i < CLIENTS * DEVICES; i++) {
		const struct model_device *device = &play->client[i / DEVICES].device[i % DEVICES];

		held += device->here && device->node == node && !device->in_grace;
	}
	play->doing = text_of(store, "reap %u", node);
	answer = RUN(store, DEVICES_REAP, text_of(store, "n:{p0}:%s", node_sid(store, node)), "3");
	agree(play, answer.n == 1 + MIN(held, 3));
	agree(play, number(item(answer, 0)) == (int64_t)(held - MIN(held, 3)));
	for (size_t r = 1; r < answer.n; r++) {
		const char *reaped = text(item(item(answer, r), 0));

		for (unsigned i = 0; i < CLIENTS * DEVICES; i++) {
			struct model_device *device = &play->client[i / DEVICES].device[i % DEVICES];

			if (strcmp(reaped, member(store, i / DEVICES, i % DEVICES)) != 0)
				continue;
			agree(play, device->here && device->node == node && !device->in_grace);
			device->here = false;
		}
	}
}

static void operate(struct play *play)
{
	const unsigned c = below(play, CLIENTS), d = below(play, DEVICES);

	switch (below(play, 14)) {
	case 0:
	case 1:
		do_register(play, c, d);
		break;
	case 2:
		do_update(play, c, d);
		break;
	case 3:
		do_remove(play, c, d);
		break;
	case 4:
	case 5:
		do_claim(play, c);
		break;
	case 6:
		do_engage_own(play, c, d);
		break;
	case 7:
		do_settle(play, c, d);
		break;
	case 8:
		do_sweep(play);
		break;
	case 9:
		do_close(play, c, d);
		break;
	case 10:
		do_assert(play, c, d);
		break;
	case 11:
		do_override(play, c);
		break;
	case 12:
		do_revoke(play, c);
		break;
	default:
		do_reap(play);
	}
}

static void test_presence_is_what_the_design_says_whatever_happens(void **state)
{
	for (unsigned run = FIRST_SEED; run < FIRST_SEED + RUNS; run++) {
		struct play play = {
			.store = *state, .seed = run, .run = run, .rules = run % 8, .grace = run % 3
		};

		for (unsigned c = 0; c < CLIENTS; c++)
			play.client[c].rules = play.rules;

		store_set_up(state);
		for (play.step = 0; play.step < OPERATIONS; play.step++) {
			const char *before[CLIENTS];

			for (unsigned c = 0; c < CLIENTS; c++)
				before[c] = consolidated(play.store, &play.client[c]);
			operate(&play);
			compare(&play, before);
			store_forget(play.store);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(test_presence_is_what_the_design_says_whatever_happens),
	};

	return cmocka_run_group_tests(tests, store_group_set_up, store_group_tear_down);
}
