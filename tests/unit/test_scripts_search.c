/* test_scripts_search.c - lists and queries of a partition's clients, and the audit of their records: what the scripts
 * look at, what they leave out, what they mend. */
#include "tests/unit/presence_records.h"

#define ALL	"i:{p0}:" AC ":all"
#define INDEX	"i:{p0}:" AC ":"
#define KEY(of) "c:{p0}:" AC ":" of

/* terms: up to two, or "" */
static void put(struct store *store, const char *name, const char *dv, const char *status, const char *media,
		const char *term, const char *other)
{
	const char *key = text_of(store, "c:{p0}:" AC ":%s", name);
	const char *words[] = { key,
				dv,
				"new",
				"",
				ND1 ".0",
				status,
				media,
				text_of(store, "{\"of\":\"%s\"}", name),
				"",
				"",
				"",
				*term ? term : NULL,
				*other ? other : NULL,
				NULL };

	(void)store_run(store, SCRIPT_DEVICE_PUT, words);
}

/* A list without terms: "[goes on behind,name,name]". */
struct asked {
	const char *prefix, *after, *status, *media, *ringable, *most, *look, *term, *other;
};

static const char *list(struct store *store, struct asked asked)
{
	const char *words[] = { ALL,
				asked.prefix ? asked.prefix : "",
				asked.after ? asked.after : "",
				asked.status ? asked.status : "",
				asked.media ? asked.media : "0",
				asked.ringable ? asked.ringable : "0",
				asked.most ? asked.most : "100",
				asked.look ? asked.look : "100",
				asked.term,
				asked.term ? asked.other : NULL,
				NULL };
	const struct answer answer = store_run(store, SCRIPT_PRESENCE_LIST, words);
	struct buf out;
	const char *line;

	buf_init(&out, 1 << 16);
	buf_printf(&out, "[%s", text(item(answer, 0)));
	for (size_t i = 1; i < answer.n; i += 2)
		buf_printf(&out, ",%s", text(item(answer, i)));
	buf_putc(&out, ']');
	line = arena_cstr(store->arena, buf_str(&out));
	buf_fini(&out);
	return line;
}

static void some_clients(struct store *store)
{
	put(store, "anna", DV1, "available", VOICE, "skill=billing", "");
	put(store, "bert", DV1, "away", VOICE, "skill=billing", "level=2");
	put(store, "carl", DV1, "available", "3", "skill=french", "level=2");
	put(store, "carl/x", DV1, "busy", MESSAGE, "", "");
	put(store, "dora", DV1, "available", VIDEO, "skill=french", "");
	put(store, "dora", DV2, "away", VOICE, "skill=billing", "");
}

static void lists_who_fits_by_name(void **state)
{
	struct store *store = *state;

	some_clients(store);
	assert_string_equal(list(store, (struct asked){ 0 }), "[,anna,bert,carl,carl/x,dora]");
	assert_string_equal(list(store, (struct asked){ .prefix = "carl" }), "[,carl,carl/x]");
	assert_string_equal(list(store, (struct asked){ .status = "available" }), "[,anna,carl,dora]");
	assert_string_equal(list(store, (struct asked){ .media = "3" }), "[,carl,dora]");
	assert_string_equal(list(store, (struct asked){ .ringable = "2" }), "[,carl,dora]");
	assert_string_equal(list(store, (struct asked){ .ringable = "3" }), "[,carl]");
	assert_string_equal(list(store, (struct asked){ .term = "skill=billing" }), "[,anna,bert,dora]");
	assert_string_equal(list(store, (struct asked){ .term = "skill=billing", .other = "level=2" }),
			    "[,bert]");
	assert_string_equal(list(store, (struct asked){ .term = "skill=billing", .other = "skill=french" }),
			    "[,dora]");
	assert_string_equal(list(store, (struct asked){ .term = "skill=none" }), "[]");
	assert_string_equal(list(store, (struct asked){ .status = "dnd", .prefix = "a" }), "[]");
}

static void goes_on_behind_a_name_that_may_be_gone(void **state)
{
	struct store *store = *state;

	some_clients(store);
	assert_string_equal(list(store, (struct asked){ .most = "2" }), "[bert,anna,bert]");
	assert_string_equal(list(store, (struct asked){ .most = "2", .after = "bert" }),
			    "[carl/x,carl,carl/x]");
	assert_string_equal(list(store, (struct asked){ .most = "2", .after = "carl/x" }), "[,dora]");
	assert_string_equal(list(store, (struct asked){ .most = "2", .after = "bo" }),
			    "[carl/x,carl,carl/x]");
	assert_string_equal(list(store, (struct asked){ .most = "2", .prefix = "carl", .after = "carl" }),
			    "[,carl/x]");
	assert_string_equal(list(store, (struct asked){ .after = "dora" }), "[]");
}

/* A thousand clients, three of whom have the skill: ten candidates are enough to know all about it. */
static void looks_at_the_smallest_index_and_no_more_than_told(void **state)
{
	struct store *store = *state;

	for (int i = 0; i < 1000; i++)
		put(store, text_of(store, "n%03d", i), DV1, i % 2 ? "available" : "busy", VOICE,
		    i % 400 == 1 ? "skill=rare" : "", "");
	assert_string_equal(list(store,
				 (struct asked){ .ringable = "1", .term = "skill=rare", .look = "10" }),
			    "[,n001,n401,n801]");
	assert_string_equal(list(store, (struct asked){ .media = "4", .look = "10" }), "[n009]");
	assert_string_equal(
		list(store, (struct asked){ .prefix = "n4", .media = "4", .after = "n498", .look = "10" }),
		"[]");
}

static void an_index_names_candidates_and_the_record_decides(void **state)
{
	struct store *store = *state;

	some_clients(store);
	DO(store, "ZADD", INDEX "a:skill=french", "0", "anna", "0", "ghost");
	DO(store, "ZADD", ALL, "0", "ghost");
	DO(store, "ZADD", INDEX "r:1", "0", "bert");
	DO(store, "ZADD", INDEX "s:dnd", "0", "anna");
	assert_string_equal(list(store, (struct asked){ .term = "skill=french" }), "[,carl,dora]");
	assert_string_equal(list(store, (struct asked){ .prefix = "g" }), "[]");
	assert_string_equal(list(store, (struct asked){ .ringable = "1" }), "[,anna,carl]");
	assert_string_equal(list(store, (struct asked){ .status = "dnd" }), "[]");
}

static void an_attribute_that_is_gone_finds_nobody(void **state)
{
	struct store *store = *state;

	some_clients(store);
	put(store, "dora", DV2, "away", VOICE, "skill=singing", "");
	assert_string_equal(list(store, (struct asked){ .term = "skill=billing" }), "[,anna,bert]");
	assert_string_equal(list(store, (struct asked){ .term = "skill=french" }), "[,carl,dora]");
	(void)RUN(store, DEVICE_REMOVE, KEY("carl"), DV1, "", ND1 ".0", "now");
	assert_string_equal(list(store, (struct asked){ .term = "skill=french" }), "[,dora]");
	assert_string_equal(list(store, (struct asked){ .status = "offline" }), "[,carl]");
}

/* What a client may have at most: 1,000 terms of 129 bytes, on five devices. */
static void put_large(struct store *store, const char *name)
{
	const char *words[11 + 200 + 1] = { text_of(store, "c:{p0}:" AC ":%s", name),
					    "",
					    "new",
					    "",
					    ND1 ".0",
					    "available",
					    VOICE,
					    "{}",
					    "",
					    "",
					    "" };

	words[11] = "skill=billing";
	for (int i = 1; i < 200; i++)
		words[11 + i] = text_of(store, "%064d=%064d", i, i);
	for (int i = 1; i <= 5; i++) {
		words[1] = text_of(store, "DV%032d", i);
		(void)store_run(store, SCRIPT_DEVICE_PUT, words);
	}
}

static void a_step_ends_early_where_clients_have_much_to_look_at(void **state)
{
	struct store *store = *state;

	for (int i = 1; i <= 5; i++)
		put_large(store, text_of(store, "n%d", i));
	assert_string_equal(list(store, (struct asked){ .term = "skill=billing" }), "[n3,n1,n2,n3]");
	assert_string_equal(list(store, (struct asked){ .term = "skill=billing", .after = "n3" }),
			    "[,n4,n5]");
	assert_string_equal(list(store, (struct asked){ .term = "skill=billing", .other = "skill=x" }), "[]");
	assert_answer(store, RUN(store, PARTITION_AUDIT, ALL, "", "50", ""), "[n2,2,0,0," ND1 "]");
	assert_answer(store, RUN(store, PARTITION_AUDIT, ALL, "n4", "50", ""), "[,1,0,0," ND1 "]");
}

static void a_query_answers_in_the_order_asked(void **state)
{
	struct store *store = *state;
	struct answer answer;

	some_clients(store);
	answer = RUN(store, PRESENCE_QUERY, KEY("dora"), "dora", "nobody", "anna", "dora");
	assert_int_equal(answer.n, 4);
	assert_string_equal(text(item(answer, 0)), field(store, KEY("dora"), "m"));
	assert_true(item(answer, 1).nil);
	assert_string_equal(text(item(answer, 2)), field(store, KEY("anna"), "m"));
	assert_string_equal(text(item(answer, 3)), text(item(answer, 0)));
}

/* alice's device registers with so many terms, 200 at most. */
static const char *put_terms(struct store *store, const char *dv, size_t n)
{
	const char *words[11 + 200 + 1] = { CLIENT, dv,	  "new", "", ND1 ".0", "available",
					    VOICE,  "{}", "",	 "", "" };

	assert_true(n <= 200);
	for (size_t i = 0; i < n; i++)
		words[11 + i] = text_of(store, "%.4s%zu=x", dv + strlen(dv) - 4, i);
	return line_of(store, item(store_run(store, SCRIPT_DEVICE_PUT, words), 1));
}

static void a_client_has_no_more_than_a_thousand_terms(void **state)
{
	struct store *store = *state;

	for (int i = 1; i <= 5; i++)
		put_terms(store, text_of(store, "DV%032d", i), 200);
	assert_string_equal(field(store, CLIENT, "n"), "1000");
	assert_string_equal(put_terms(store, "DV00000000000000000000000000000006", 1), "TOO_MANY_ATTRIBUTES");
	assert_answer(store, DO(store, "HEXISTS", CLIENT, "dDV00000000000000000000000000000006"), "0");
	put_terms(store, DV1, 200); /* as many as it had */
	put_terms(store, DV1, 150);
	put_terms(store, "DV00000000000000000000000000000006", 50);
	assert_string_equal(field(store, CLIENT, "n"), "1000");
	remove_held(store, DV2, ND1);
	assert_string_equal(field(store, CLIENT, "n"), "800");
	assert_answer(store, DO(store, "EXISTS", INDEX "a:00020=x"), "0");
	assert_answer(store, DO(store, "ZRANGE", INDEX "a:00030=x", "0", "-1"), "[alice]");
}

/* ---- the audit ---- */

static struct answer audit(struct store *store, const char *index, const char *after, const char *many)
{
	return RUN(store, PARTITION_AUDIT, index, after, many, "");
}

static void an_audit_walks_in_steps_and_finds_nothing(void **state)
{
	struct store *store = *state;

	some_clients(store);
	assert_answer(store, audit(store, ALL, "", "2"), "[bert,2,0,0," ND1 "]");
	assert_answer(store, audit(store, ALL, "bert", "2"), "[carl/x,2,0,0," ND1 "]");
	assert_answer(store, audit(store, ALL, "carl/x", "2"), "[,1,0,0," ND1 "]");
	assert_answer(store, audit(store, ALL, "dora", "2"), "[,0,0,0]");
}

/* Calls, leases, graces, overrides, rules: whatever happens, the records stay in order. */
static void an_audit_finds_nothing_after_random_changes(void **state)
{
	static const char *const statuses[] = { "available", "away", "busy", "dnd" };
	static const char *const dvs[] = { DV1, DV2, DV3 };
	struct store *store = *state;
	uint64_t seed = 7;

	for (int step = 0; step < 3000; step++) {
		const char *dv = dvs[random_below(&seed, 3)];
		const char *status = statuses[random_below(&seed, 4)];

		switch (random_below(&seed, 9)) {
		case 0:
		case 1:
			put(store, "alice", dv, status, text_of(store, "%u", 1 + random_below(&seed, 7)),
			    text_of(store, "skill=%u", random_below(&seed, 3)), "");
			break;
		case 2:
			(void)put_by_lease(store, dv, random_below(&seed, 2) ? "0" : LONG);
			break;
		case 3:
			(void)remove_held(store, dv, ND1);
			break;
		case 4:
			(void)claim(store, random_below(&seed, 2) ? CA1 : CA2,
				    random_below(&seed, 2) ? "0" : LONG);
			break;
		case 5:
			(void)settle(store, random_below(&seed, 2) ? CA1 : CA2, "1", "1",
				     random_below(&seed, 2)   ? "e"
				     : random_below(&seed, 4) ? "r"
							      : "s",
				     dv);
			break;
		case 6:
			(void)RUN(store, OVERRIDE_PUT, CLIENT, random_below(&seed, 2) ? "set" : "clear",
				  status, random_below(&seed, 2) ? "0" : "1", "note",
				  text_of(store, "%d|%u|0|", step, random_below(&seed, 4)));
			break;
		case 7:
			(void)sweep(store);
			break;
		default:
			assert_int_equal(number(item(audit(store, ALL, "", "50"), 2)), 0);
		}
	}
	assert_int_equal(number(item(audit(store, ALL, "", "50"), 2)), 0);
}

static void an_audit_mends_what_was_spoilt(void **state)
{
	struct store *store = *state;
	const char *line;

	some_clients(store);
	line = field(store, KEY("anna"), "m");
	DO(store, "HSET", KEY("anna"), "m", "7|offline|7|0|9|1|1|dnd|hello");
	DO(store, "ZREM", INDEX "s:busy", "carl/x");
	DO(store, "ZADD", INDEX "r:4", "0", "bert");
	DO(store, "ZADD", ALL, "0", "nobody");
	DO(store, "SREM", "n:{p0}:" ND1, AC "|carl|" DV1);
	assert_answer(store, audit(store, ALL, "", "50"), "[,6,5,0," ND1 "]");
	assert_answer(store, audit(store, ALL, "", "50"), "[,5,0,0," ND1 "]");
	assert_string_equal(line_of(store, DO(store, "ZRANGE", ALL, "0", "-1")),
			    "[anna,bert,carl,carl/x,dora]");
	assert_string_equal(list(store, (struct asked){ .status = "available" }), "[,anna,carl,dora]");
	assert_true(strcmp(line, field(store, KEY("anna"), "m")) < 0);
}

static void an_audit_sees_to_what_nobody_would_look_at_again(void **state)
{
	struct store *store = *state;

	some_clients(store);
	DO(store, "HDEL", KEY("dora"), "n"); /* an instance of before does not count */
	(void)remove_device(store, DV1, text(item(put_by_lease(store, DV1, LONG), 0)));
	DO(store, "ZREM", DUE, "f|" ALICE);
	assert_answer(store, audit(store, ALL, "", "50"), "[,6,0,0," ND1 "]");
	assert_string_equal(field(store, KEY("dora"), "n"), "2");
	assert_true(number(DO(store, "ZSCORE", DUE, "f|" ALICE)) > 0);
}

static void an_audit_tells_when_the_indexes_differ_in_number(void **state)
{
	struct store *store = *state;

	some_clients(store);
	DO(store, "ZREM", ALL, "bert");
	assert_answer(store, audit(store, ALL, "", "50"), "[,4,0,1," ND1 "]");
	assert_answer(store, audit(store, INDEX "s:away", "", "50"), "[,1,1,0," ND1 "]");
	assert_string_equal(list(store, (struct asked){ .prefix = "b" }), "[,bert]");
}

static void an_audit_follows_changed_rules_without_a_mismatch(void **state)
{
	struct store *store = *state;

	some_clients(store);
	assert_string_equal(list(store, (struct asked){ .ringable = "1" }), "[,anna,carl]");
	assert_answer(store, RUN(store, PARTITION_AUDIT, ALL, "", "50", "5|2|0|"), "[,5,0,0," ND1 "]");
	assert_string_equal(list(store, (struct asked){ .ringable = "1" }), "[,anna,bert,carl,dora]");
	assert_answer(store, RUN(store, PARTITION_AUDIT, ALL, "", "50", "4|0|0|"), "[,5,0,0," ND1 "]");
	assert_string_equal(list(store, (struct asked){ .ringable = "1" }), "[,anna,bert,carl,dora]");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(lists_who_fits_by_name),
		STORE_TEST(goes_on_behind_a_name_that_may_be_gone),
		STORE_TEST(looks_at_the_smallest_index_and_no_more_than_told),
		STORE_TEST(an_index_names_candidates_and_the_record_decides),
		STORE_TEST(an_attribute_that_is_gone_finds_nobody),
		STORE_TEST(a_step_ends_early_where_clients_have_much_to_look_at),
		STORE_TEST(a_query_answers_in_the_order_asked),
		STORE_TEST(a_client_has_no_more_than_a_thousand_terms),
		STORE_TEST(an_audit_walks_in_steps_and_finds_nothing),
		STORE_TEST(an_audit_finds_nothing_after_random_changes),
		STORE_TEST(an_audit_mends_what_was_spoilt),
		STORE_TEST(an_audit_sees_to_what_nobody_would_look_at_again),
		STORE_TEST(an_audit_tells_when_the_indexes_differ_in_number),
		STORE_TEST(an_audit_follows_changed_rules_without_a_mismatch),
	};

	return cmocka_run_group_tests(tests, store_group_set_up, store_group_tear_down);
}
