/* test_call_record.c - a call's record and struct call say the same: made, read, changed by a commit, read again.
 *
 * Calls are made up at random, every member of them; a member that is not stored, or is
 * stored under a name that another has, does not come back.
 */
#include "tests/unit/call_records.h"
#include "tests/unit/call_samples.h"

#include "common/base/log.h"
#include "common/model/app.h"

enum { ROUNDS = 120 };

struct desk {
	struct store store;
	struct worker worker;
	struct app_common app;
	struct flow flow;
	uint64_t seed;
};

/* ---- one operation ---- */

static void on_done(struct flow *flow)
{
	struct desk *desk = flow->owner;

	scene_note(&desk->store.scene, "ok");
	flow_done(flow);
}

static void on_fail(struct flow *flow, enum err err, const char *detail)
{
	struct desk *desk = flow->owner;

	(void)detail;
	scene_note(&desk->store.scene, "%s", err_name(err));
}

static void on_end(struct flow *flow)
{
	struct desk *desk = flow->owner;

	scene_note(&desk->store.scene, "end");
}

static struct flow *begin(struct desk *desk)
{
	static const struct flow_kind kind = { "test", on_fail, on_end };

	flow_init(&desk->flow, &kind, &desk->worker, desk->store.arena, desk);
	return &desk->flow;
}

static struct call read_back(struct desk *desk, struct sid id)
{
	struct call call;

	call_read(begin(desk), id, &call, STEP(on_done));
	scene_await(&desk->store.scene, "ok end");
	return call;
}

static struct str commit_changes(struct desk *desk, const struct call *before, const struct call *after)
{
	struct store *store = &desk->store;
	const char *words[REDIS_MAX_ARGS];
	struct call_changes changes;
	struct answer answer;
	size_t n = 0;

	call_diff(store->arena, before, after, &changes);
	words[n++] = key_call(store->arena, after->id).p;
	words[n++] = text_of(store, "%lld", (long long)before->fence);
	words[n++] = text_of(store, "%lld", (long long)before->revision);
	words[n++] = "5000";
	words[n++] = "";
	words[n++] = text_of(store, "%zu", changes.n);
	for (size_t i = 0; i < 2 * changes.n; i++)
		words[n++] = arena_cstr(store->arena, changes.pair[i]);
	words[n++] = "0";
	words[n] = NULL;
	answer = store_run(store, SCRIPT_CALL_COMMIT, words);
	assert_string_equal(text(item(answer, 0)), "ok");
	return item(answer, 2).text;
}

static struct maker maker_of(struct desk *desk)
{
	return (struct maker){ desk->store.arena, &desk->seed };
}

/* ---- tests ---- */

static void test_a_new_call_is_read_as_it_was_made(void **state)
{
	struct desk *desk = *state;

	for (int i = 0; i < ROUNDS; i++) {
		struct maker maker = maker_of(desk);
		struct call made = new_call(&maker);
		struct call call;

		call_create(begin(desk), &made, (struct address){ OWNER }, STR(LINE), STEP(on_done));
		scene_await(&desk->store.scene, "ok end");
		call = read_back(desk, sid_leg(made.id, random_below(&desk->seed, 3)));
		assert_same(&call, &made);
		assert_str_equal(call.owner, OWNER);
		assert_true(call.fence == 1 && call.revision == 1);
		assert_true(call.created_ms > 0 && call.now_ms >= call.created_ms);
		store_forget(&desk->store);
	}
}

static void test_a_commit_of_the_differences_makes_them_equal(void **state)
{
	struct desk *desk = *state;
	struct maker maker = maker_of(desk);
	struct call made = new_call(&maker);

	call_create(begin(desk), &made, (struct address){ OWNER }, STR(LINE), STEP(on_done));
	scene_await(&desk->store.scene, "ok end");
	for (int i = 0; i < ROUNDS; i++) {
		const struct call before = read_back(desk, made.id);
		struct call after = call_copy(desk->store.arena, &before);
		struct call call;

		maker = maker_of(desk);
		if (i % 3)
			vary_parties(&maker, &after);
		if (i % 4)
			vary_instructions(&maker, &after);
		if (i % 5)
			vary_state(&maker, &after);
		vary_progress(&maker, &after);
		commit_changes(desk, &before, &after);
		call = read_back(desk, made.id);
		assert_same(&call, &after);
		assert_int_equal(call.revision, before.revision + 1);
		store_forget(&desk->store);
	}
}

static void test_what_is_equal_makes_no_change(void **state)
{
	struct desk *desk = *state;
	struct maker maker = maker_of(desk);
	struct call call = new_call(&maker);
	struct call_changes changes;
	struct call copy;

	call.legs = arena_alloc(desk->store.arena, CALL_LEGS_SPARE * sizeof(*call.legs));
	vary_progress(&maker, &call);
	copy = call_copy(desk->store.arena, &call);
	call_diff(desk->store.arena, &call, &copy, &changes);
	assert_int_equal(changes.n, 0);
	assert_ptr_not_equal(copy.legs, call.legs);
}

/* A plan does not know the store's now: it says "now", or "so long from now". */
static void test_times_from_now_are_the_stores(void **state)
{
	struct desk *desk = *state;
	struct maker maker = maker_of(desk);
	struct call made = new_call(&maker);
	struct call before, after, call;
	int64_t now_ms;

	call_create(begin(desk), &made, (struct address){ OWNER }, STR(LINE), STEP(on_done));
	scene_await(&desk->store.scene, "ok end");
	before = read_back(desk, made.id);
	after = call_copy(desk->store.arena, &before);
	after.up_ms = CALL_NOW;
	after.until_ms = CALL_NOW - 86400000;
	assert_true(str_to_i64(commit_changes(desk, &before, &after), &now_ms));
	call = read_back(desk, made.id);
	assert_int_equal(call.up_ms, now_ms);
	assert_int_equal(call.until_ms, now_ms + 86400000);
	call_fix_times(&after, now_ms);
	assert_same(&call, &after);
	assert_int_equal(after.now_ms, now_ms);
}

static void test_a_call_that_is_not_there(void **state)
{
	struct desk *desk = *state;
	struct call call;

	call_read(begin(desk), sid_new_call(), &call, STEP(on_done));
	scene_await(&desk->store.scene, "NOT_FOUND end");
}

/* ---- set-up ---- */

static int set_up_desk(void **state)
{
	struct desk *desk = x_alloc(sizeof(*desk));

	log_setup(LOG_ERROR, LOG_LOGFMT, "test");
	store_open(&desk->store);
	desk->seed = 7;
	desk->worker = (struct worker){
		.count = 1,
		.all = &desk->worker,
		.loop = desk->store.scene.loop,
		.redis = desk->store.redis,
		.app = &desk->app,
	};
	*state = desk;
	return 0;
}

static int tear_down_desk(void **state)
{
	struct desk *desk = *state;

	store_close(&desk->store);
	x_free(desk);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_new_call_is_read_as_it_was_made),
		cmocka_unit_test(test_a_commit_of_the_differences_makes_them_equal),
		cmocka_unit_test(test_what_is_equal_makes_no_change),
		cmocka_unit_test(test_times_from_now_are_the_stores),
		cmocka_unit_test(test_a_call_that_is_not_there),
	};

	return cmocka_run_group_tests(tests, set_up_desk, tear_down_desk);
}
