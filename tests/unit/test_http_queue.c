/* test_http_queue.c - whose request may start. */
#include "common/io/http_queue.h"
#include "tests/unit/unit.h"

static void limits_all_and_each_host(void **state)
{
	struct http_queue *queue = http_queue_new(3, 2, 100);
	struct http_ticket a[3], b[3];

	(void)state;
	for (size_t i = 0; i < 3; i++)
		assert_true(http_queue_enter(queue, &a[i], STR("a:80")));
	assert_ptr_equal(http_queue_next(queue), &a[0]);
	assert_ptr_equal(http_queue_next(queue), &a[1]);
	assert_null(http_queue_next(queue)); /* two to one host */
	for (size_t i = 0; i < 3; i++)
		assert_true(http_queue_enter(queue, &b[i], STR("b:80")));
	assert_ptr_equal(http_queue_next(queue), &b[0]);
	assert_null(http_queue_next(queue)); /* three in all */

	http_queue_leave(queue, &a[0]);
	http_queue_leave(queue, &b[0]);
	assert_ptr_equal(http_queue_next(queue), &b[1]); /* ready first */
	assert_ptr_equal(http_queue_next(queue), &a[2]);
	assert_null(http_queue_next(queue));
	http_queue_leave(queue, &b[2]); /* from the waiting line */
	http_queue_leave(queue, &b[1]);
	http_queue_leave(queue, &a[1]);
	http_queue_leave(queue, &a[2]);
	assert_null(http_queue_free(queue));
}

static void hosts_take_turns(void **state)
{
	struct http_queue *queue = http_queue_new(1, 1, 100);
	struct http_ticket first, a[2], b[2];

	(void)state;
	assert_true(http_queue_enter(queue, &first, STR("x:80")));
	assert_ptr_equal(http_queue_next(queue), &first);
	assert_true(http_queue_enter(queue, &a[0], STR("a:80")));
	assert_true(http_queue_enter(queue, &a[1], STR("a:80")));
	assert_true(http_queue_enter(queue, &b[0], STR("b:80")));
	assert_true(http_queue_enter(queue, &b[1], STR("b:80")));

	struct http_ticket *const turns[] = { &first, &a[0], &b[0], &a[1], &b[1] };

	for (size_t i = 0; i + 1 < ARRAY_LEN(turns); i++) {
		assert_null(http_queue_next(queue));
		http_queue_leave(queue, turns[i]);
		assert_ptr_equal(http_queue_next(queue), turns[i + 1]);
	}
	http_queue_leave(queue, &b[1]);
	http_queue_free(queue);
}

static void a_host_that_hangs_stops_only_itself(void **state)
{
	struct http_queue *queue = http_queue_new(10, 1, 8);
	struct http_ticket hung[4], other[3];

	(void)state;
	assert_true(http_queue_enter(queue, &hung[0], STR("hung:80")));
	assert_ptr_equal(http_queue_next(queue), &hung[0]);
	assert_true(http_queue_enter(queue, &hung[1], STR("hung:80")));
	assert_true(http_queue_enter(queue, &hung[2], STR("hung:80")));
	assert_false(http_queue_enter(queue, &hung[3], STR("hung:80"))); /* a quarter of the waiting room */

	assert_true(http_queue_enter(queue, &other[0], STR("other:80")));
	assert_ptr_equal(http_queue_next(queue), &other[0]);
	assert_true(http_queue_enter(queue, &other[1], STR("other:80")));
	assert_null(http_queue_next(queue));
	http_queue_leave(queue, &other[0]);
	assert_ptr_equal(http_queue_next(queue), &other[1]);

	http_queue_leave(queue, &other[1]);
	http_queue_leave(queue, &hung[2]);
	http_queue_leave(queue, &hung[1]);
	http_queue_leave(queue, &hung[0]);
	http_queue_free(queue);
}

static void the_waiting_room_is_bounded(void **state)
{
	static const char *const hosts[] = { "a:1", "b:1", "c:1", "d:1", "e:1" };
	struct http_queue *queue = http_queue_new(1, 1, 4);
	struct http_ticket first, waiting[5];

	(void)state;
	assert_true(http_queue_enter(queue, &first, STR("x:80")));
	assert_ptr_equal(http_queue_next(queue), &first);
	for (size_t i = 0; i < 4; i++)
		assert_true(http_queue_enter(queue, &waiting[i], str_of(hosts[i])));
	assert_false(http_queue_enter(queue, &waiting[4], str_of(hosts[4])));
	http_queue_leave(queue, &waiting[2]);
	assert_true(http_queue_enter(queue, &waiting[4], str_of(hosts[4])));

	http_queue_leave(queue, &waiting[0]);
	http_queue_leave(queue, &waiting[1]);
	http_queue_leave(queue, &waiting[3]);
	http_queue_leave(queue, &waiting[4]);
	http_queue_leave(queue, &first);
	http_queue_free(queue);
}

static void who_can_start_needs_no_waiting_room(void **state)
{
	struct http_queue *queue = http_queue_new(2, 1, 0);
	struct http_ticket a, b, c;

	(void)state;
	assert_true(http_queue_enter(queue, &a, STR("a:80")));
	assert_ptr_equal(http_queue_next(queue), &a);
	assert_false(http_queue_enter(queue, &b, STR("a:80")));
	assert_true(http_queue_enter(queue, &c, STR("c:80")));
	assert_ptr_equal(http_queue_next(queue), &c);
	http_queue_leave(queue, &a);
	http_queue_leave(queue, &c);
	http_queue_free(queue);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(limits_all_and_each_host),
		cmocka_unit_test(hosts_take_turns),
		cmocka_unit_test(a_host_that_hangs_stops_only_itself),
		cmocka_unit_test(the_waiting_room_is_bounded),
		cmocka_unit_test(who_can_start_needs_no_waiting_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
