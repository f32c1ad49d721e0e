/* dead_letters.c - all of an account: count -> on_counted -> the slots that hold any, one after the other.
 *
 *     dead_letters_list     count -> read_slot -> on_range -> read_slot ... -> next
 *     dead_letters_replay   count -> replay_slot -> on_replayed -> replay_slot ... -> next
 */
#include "common/model/dead_letters.h"

#include <stdio.h>

#include "common/io/redis.h"
#include "scripts.gen.h"

enum { SLOTS_MAX = KEYS_SPREAD + KEYS_SHARDS, PAGE_BYTES = 1024 * 1024 };

struct slot_count {
	struct key_slot slot;
	int64_t letters;
};

struct walk { /* through the slots in which the account may have letters */
	struct sid account;
	struct slot_count slots[SLOTS_MAX];
	size_t n, at;
	size_t uncounted;
	void (*go_on)(struct flow *flow, struct walk *walk);
	struct flow_step next;
	/* a list */
	struct dead_letter_page *page;
	const char *after; /* in the first slot: the place behind which it begins */
	size_t size, bytes;
	/* a replay */
	struct dead_letters_replayed *replayed;
};

/* ---- names ---- */

static bool slot_parse(struct str text, struct key_slot *out)
{
	uint64_t number;

	if (text.n < 2 || (text.p[0] != 'p' && text.p[0] != 'c') || !str_to_u64(str_skip(text, 1), &number) ||
	    number >= (text.p[0] == 'p' ? KEYS_PARTITIONS : KEYS_SHARDS))
		return false;
	*out = (struct key_slot){ text.p[0], (unsigned)number };
	return true;
}

bool dead_letter_id_parse(struct str text, struct dead_letter_id *out)
{
	struct str slot, ms, place;
	uint64_t a, b;

	if (!str_split(&text, '-', &slot) || !slot_parse(slot, &out->slot))
		return false;
	place = text;
	return str_split(&text, '-', &ms) && str_to_u64(ms, &a) && str_to_u64(text, &b) &&
	       str_copy(place, out->place, sizeof(out->place));
}

struct str dead_letter_id_text(struct arena *arena, const struct dead_letter_id *id)
{
	return arena_printf(arena, "%c%u-%s", id->slot.kind, id->slot.number, id->place);
}

/* ---- how many where ---- */

static void add_slots(struct walk *walk, enum dead_letter_kinds kinds)
{
	for (unsigned i = 0; kinds & DEAD_LETTERS_PRESENCE && i < KEYS_SPREAD; i++)
		walk->slots[walk->n++].slot =
			(struct key_slot){ 'p', key_partition_nth(sid_str(&walk->account), i) };
	for (unsigned i = 0; kinds & DEAD_LETTERS_CALLS && i < KEYS_SHARDS; i++)
		walk->slots[walk->n++].slot = (struct key_slot){ 'c', i };
}

static struct walk *walk_new(struct flow *flow, struct sid account, enum dead_letter_kinds kinds,
			     struct flow_step next)
{
	struct walk *walk = flow_alloc(flow, sizeof(*walk));

	walk->account = account;
	walk->next = next;
	add_slots(walk, kinds);
	return walk;
}

static struct str letters_key(struct flow *flow, const struct walk *walk)
{
	return key_dead_letters(flow->arena, walk->slots[walk->at].slot, sid_str(&walk->account));
}

struct count {
	struct walk *walk;
	struct slot_count *slot;
};

static void on_count(struct flow *flow, void *arg, const struct redis_reply *reply)
{
	struct count *count = arg;
	struct walk *walk = count->walk;

	if (!redis_int(reply, &count->slot->letters))
		count->slot->letters = 0;
	if (--walk->uncounted == 0)
		walk->go_on(flow, walk);
}

/* Of more than a hundred slots hardly any holds something: they are asked side by side. */
static void count_letters(struct flow *flow, struct walk *walk,
			  void (*go_on)(struct flow *flow, struct walk *walk))
{
	walk->go_on = go_on;
	walk->uncounted = walk->n - walk->at;
	for (size_t i = walk->at; i < walk->n; i++) {
		struct count *count = flow_alloc(flow, sizeof(*count));
		const struct str argv[] = { STR("XLEN"), key_dead_letters(flow->arena, walk->slots[i].slot,
									  sid_str(&walk->account)) };

		*count = (struct count){ walk, &walk->slots[i] };
		flow_redis(flow, "dead_letters_count", on_count, count, ARRAY_LEN(argv), argv);
	}
}

static bool find_slot(struct walk *walk)
{
	while (walk->at < walk->n && walk->slots[walk->at].letters == 0)
		walk->at++;
	return walk->at < walk->n;
}

/* ---- the list ---- */

static void read_slot(struct flow *flow, struct walk *walk);

static void add_letter(struct flow *flow, struct walk *walk, const struct redis_reply *row)
{
	struct dead_letter *letter = &walk->page->items[walk->page->n];
	const struct redis_reply *fields = redis_at(row, 1);
	struct str place = redis_str_at(row, 0), ms;
	int64_t tries;

	letter->id.slot = walk->slots[walk->at].slot;
	if (!str_copy(place, letter->id.place, sizeof(letter->id.place)) || !str_split(&place, '-', &ms) ||
	    !str_to_u64(ms, &letter->died_ms))
		return;
	letter->subject = arena_copy(flow->arena, redis_field(fields, "subject"));
	letter->entry = arena_copy(flow->arena, redis_field(fields, "m"));
	letter->why = arena_copy(flow->arena, redis_field(fields, "why"));
	letter->tries = str_to_i64(redis_field(fields, "tries"), &tries) ? tries : 0;
	walk->bytes += letter->entry.n;
	walk->page->n++;
}

static void on_range(struct flow *flow, void *arg, const struct redis_reply *reply)
{
	struct walk *walk = arg;
	struct dead_letter_page *page = walk->page;

	for (size_t i = 0; i < redis_count(reply) && !page->more; i++) {
		page->more = page->n == walk->size || walk->bytes > PAGE_BYTES;
		if (!page->more)
			add_letter(flow, walk, redis_at(reply, i));
	}
	walk->after = NULL;
	walk->at++;
	read_slot(flow, walk);
}

static void read_slot(struct flow *flow, struct walk *walk)
{
	char most[24];

	if (walk->page->more || !find_slot(walk)) {
		flow_run(flow, walk->next);
		return;
	}

	const struct str argv[] = {
		STR("XRANGE"),
		letters_key(flow, walk),
		walk->after ? arena_printf(flow->arena, "(%s", walk->after) : STR("-"),
		STR("+"),
		STR("COUNT"),
		redis_num(most, (int64_t)(walk->size - walk->page->n + 1)),
	};

	flow_redis(flow, "dead_letters_list", on_range, walk, ARRAY_LEN(argv), argv);
}

static bool begin_at(struct walk *walk, struct key_slot slot)
{
	for (walk->at = 0; walk->at < walk->n; walk->at++)
		if (walk->slots[walk->at].slot.kind == slot.kind &&
		    walk->slots[walk->at].slot.number == slot.number)
			return true;
	return false;
}

bool dead_letter_id_fits(const struct dead_letter_id *id, struct sid account, enum dead_letter_kinds kinds)
{
	struct walk walk = { .account = account };

	add_slots(&walk, kinds);
	return begin_at(&walk, id->slot);
}

void dead_letters_list(struct flow *flow, struct sid account, enum dead_letter_kinds kinds,
		       const struct dead_letter_id *after, size_t size, struct dead_letter_page *out,
		       struct flow_step next)
{
	struct walk *walk = walk_new(flow, account, kinds, next);

	INVARIANT(size > 0 && size <= DEAD_LETTERS_PAGE_MAX);
	if (after)
		INVARIANT(begin_at(walk, after->slot));
	*out = (struct dead_letter_page){ .items = flow_alloc(flow, size * sizeof(*out->items)) };
	walk->page = out;
	walk->size = size;
	walk->after = after ? after->place : NULL;
	count_letters(flow, walk, read_slot);
}

/* ---- one ---- */

struct one {
	struct flow_step next;
};

static void go_on_if(struct flow *flow, const struct one *one, bool was_there)
{
	if (was_there)
		flow_run(flow, one->next);
	else
		flow_fail(flow, ERR_NOT_FOUND, "");
}

static void on_one_replayed(struct flow *flow, void *arg, const struct redis_reply *reply)
{
	go_on_if(flow, arg, redis_int_at(reply, 0, 0) > 0);
}

static void on_one_deleted(struct flow *flow, void *arg, const struct redis_reply *reply)
{
	int64_t n = 0;

	go_on_if(flow, arg, redis_int(reply, &n) && n > 0);
}

void dead_letter_replay(struct flow *flow, struct sid account, const struct dead_letter_id *id,
			struct flow_step next)
{
	struct one *one = flow_alloc(flow, sizeof(*one));
	const struct str place = str_of(id->place), argv[] = { place, place, STR("1") };

	one->next = next;
	flow_script(flow, "dead_letter_replay", on_one_replayed, one, &scripts[SCRIPT_DEAD_LETTERS_REPLAY],
		    key_dead_letters(flow->arena, id->slot, sid_str(&account)), ARRAY_LEN(argv), argv);
}

void dead_letter_delete(struct flow *flow, struct sid account, const struct dead_letter_id *id,
			struct flow_step next)
{
	struct one *one = flow_alloc(flow, sizeof(*one));
	const struct str argv[] = { STR("XDEL"), key_dead_letters(flow->arena, id->slot, sid_str(&account)),
				    str_of(id->place) };

	one->next = next;
	flow_redis(flow, "dead_letter_delete", on_one_deleted, one, ARRAY_LEN(argv), argv);
}

/* ---- all ---- */

static void replay_slot(struct flow *flow, struct walk *walk);

static void on_replayed(struct flow *flow, void *arg, const struct redis_reply *reply)
{
	struct walk *walk = arg;

	walk->replayed->replayed += redis_int_at(reply, 0, 0);
	walk->replayed->left += redis_int_at(reply, 1, 0);
	walk->at++;
	replay_slot(flow, walk);
}

static void replay_slot(struct flow *flow, struct walk *walk)
{
	const int64_t room = DEAD_LETTERS_REPLAY_MAX - walk->replayed->replayed;
	char most[24];

	if (room > 0 && find_slot(walk)) {
		const struct str argv[] = { STR("-"), STR("+"), redis_num(most, room) };

		flow_script(flow, "dead_letters_replay", on_replayed, walk,
			    &scripts[SCRIPT_DEAD_LETTERS_REPLAY], letters_key(flow, walk), ARRAY_LEN(argv),
			    argv);
		return;
	}
	while (find_slot(walk))
		walk->replayed->left += walk->slots[walk->at++].letters;
	flow_run(flow, walk->next);
}

void dead_letters_replay(struct flow *flow, struct sid account, enum dead_letter_kinds kinds,
			 struct dead_letters_replayed *out, struct flow_step next)
{
	struct walk *walk = walk_new(flow, account, kinds, next);

	*out = (struct dead_letters_replayed){ 0, 0 };
	walk->replayed = out;
	count_letters(flow, walk, replay_slot);
}
