/* test_http_queue.c - whose request may start. */
#include "tests/unit/unit.h"

#include "common/io/http_queue.h"

#define TENANT STR("AC1")

static struct http_queue *queue_of(unsigned active, unsigned per_tenant, unsigned per_host, unsigned waiting)
{
	return http_queue_new(&(struct http_queue_limits){ .max_active = active,
							   .max_per_tenant = per_tenant,
							   .max_per_host = per_host,
							   .max_waiting = waiting });
}

static bool enter(struct http_queue *queue, struct http_ticket *ticket, const char *host)
{
	return http_queue_enter(queue, ticket, TENANT, str_of(host));
}

static bool enter_as(struct http_queue *queue, struct http_ticket *ticket, const char *tenant,
		     const char *host)
{
	return http_queue_enter(queue, ticket, str_of(tenant), str_of(host));
}

static void assert_starts(struct http_queue *queue, const struct http_ticket *ticket)
{
	assert_ptr_equal(http_queue_next(queue), ticket);
}

static void test_limits_in_all_per_tenant_and_per_host(void **state)
{
	struct http_queue *queue = queue_of(4, 3, 2, 100);
	struct http_ticket a[3], b[2], other[2];

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_true(enter(queue, &a[i], "a:80"));
	assert_starts(queue, &a[0]);
	assert_starts(queue, &a[1]);
	assert_null(http_queue_next(queue)); /* two to one host */
	for (int i = 0; i < 2; i++)
		assert_true(enter(queue, &b[i], "b:80"));
	assert_starts(queue, &b[0]);
	assert_null(http_queue_next(queue)); /* three of one tenant */
	for (int i = 0; i < 2; i++)
		assert_true(enter_as(queue, &other[i], "AC2", "c:80"));
	assert_starts(queue, &other[0]);
	assert_null(http_queue_next(queue)); /* four in all */

	http_queue_leave(queue, &a[0]);
	assert_starts(queue, &other[1]); /* whose tenant did not have its turn last */
	http_queue_leave(queue, &b[0]);
	assert_starts(queue, &b[1]);
	http_queue_leave(queue, &other[0]);
	assert_starts(queue, &a[2]);
	assert_null(http_queue_next(queue));
	http_queue_leave(queue, &a[1]);
	http_queue_leave(queue, &a[2]);
	http_queue_leave(queue, &b[1]);
	http_queue_leave(queue, &other[1]);
	assert_null(http_queue_free(queue));
}

static void test_hosts_take_turns(void **state)
{
	struct http_queue *queue = queue_of(1, 1, 1, 100);
	struct http_ticket first, a[2], b[2];

	(void)state;
	assert_true(enter(queue, &first, "x:80"));
	assert_starts(queue, &first);
	for (int i = 0; i < 2; i++)
		assert_true(enter(queue, &a[i], "a:80"));
	for (int i = 0; i < 2; i++)
		assert_true(enter(queue, &b[i], "b:80"));

	struct http_ticket *const turns[] = { &first, &a[0], &b[0], &a[1], &b[1] };

	for (size_t i = 0; i + 1 < ARRAY_LEN(turns); i++) {
		assert_null(http_queue_next(queue));
		http_queue_leave(queue, turns[i]);
		assert_starts(queue, turns[i + 1]);
	}
	http_queue_leave(queue, &b[1]);
	http_queue_free(queue);
}

/* Turns are the tenants', however many hosts one of them has. */
static void test_tenants_take_turns(void **state)
{
	static const char *const hosts[] = { "a:80", "b:80", "c:80" };
	struct http_queue *queue = queue_of(1, 1, 1, 100);
	struct http_ticket first, many[3], few[2];

	(void)state;
	assert_true(enter_as(queue, &first, "AC0", "x:80"));
	assert_starts(queue, &first);
	for (int i = 0; i < 3; i++)
		assert_true(enter_as(queue, &many[i], "AC1", hosts[i]));
	for (int i = 0; i < 2; i++)
		assert_true(enter_as(queue, &few[i], "AC2", "z:80"));

	struct http_ticket *const turns[] = { &first, &many[0], &few[0], &many[1], &few[1], &many[2] };

	for (size_t i = 0; i + 1 < ARRAY_LEN(turns); i++) {
		assert_null(http_queue_next(queue));
		http_queue_leave(queue, turns[i]);
		assert_starts(queue, turns[i + 1]);
	}
	http_queue_leave(queue, &many[2]);
	http_queue_free(queue);
}

/* At a host that both use, too. */
static void test_tenants_take_turns_at_a_full_host(void **state)
{
	struct http_queue *queue = queue_of(10, 10, 1, 100);
	struct http_ticket a[3], b[2];

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_true(enter_as(queue, &a[i], "AC1", "shared:80"));
	assert_starts(queue, &a[0]);
	for (int i = 0; i < 2; i++)
		assert_true(enter_as(queue, &b[i], "AC2", "shared:80"));

	struct http_ticket *const turns[] = { &a[0], &a[1], &b[0], &a[2], &b[1] };

	for (size_t i = 0; i + 1 < ARRAY_LEN(turns); i++) {
		assert_null(http_queue_next(queue));
		http_queue_leave(queue, turns[i]);
		assert_starts(queue, turns[i + 1]);
	}
	http_queue_leave(queue, &b[1]);
	http_queue_free(queue);
}

static void test_a_hanging_host_holds_up_only_itself(void **state)
{
	struct http_queue *queue = queue_of(10, 10, 1, 16);
	struct http_ticket hung[4], other[2];

	(void)state;
	assert_true(enter(queue, &hung[0], "hung:80"));
	assert_starts(queue, &hung[0]);
	assert_true(enter(queue, &hung[1], "hung:80"));
	assert_true(enter(queue, &hung[2], "hung:80"));
	assert_false(enter(queue, &hung[3], "hung:80")); /* half of its tenant's quarter of the room */

	assert_true(enter(queue, &other[0], "other:80"));
	assert_starts(queue, &other[0]);
	assert_true(enter(queue, &other[1], "other:80"));
	assert_null(http_queue_next(queue));
	http_queue_leave(queue, &other[0]);
	assert_starts(queue, &other[1]);

	http_queue_leave(queue, &other[1]);
	http_queue_leave(queue, &hung[2]);
	http_queue_leave(queue, &hung[1]);
	http_queue_leave(queue, &hung[0]);
	http_queue_free(queue);
}

/* As many host names as it likes: the others' requests start at once. */
static void test_a_tenant_with_many_hanging_hosts_holds_up_only_itself(void **state)
{
	enum { HOSTS = 60, ACTIVE = 16, SHARE = 2, WAITING = 40 };
	struct http_queue *queue = queue_of(ACTIVE, SHARE, 4, WAITING);
	struct http_ticket hung[HOSTS], others[ACTIVE - SHARE];
	unsigned entered = 0;
	char host[16];

	(void)state;
	for (unsigned i = 0; i < HOSTS; i++) {
		snprintf(host, sizeof(host), "hung%u:80", i);
		if (!enter_as(queue, &hung[entered], "AC1", host))
			continue;
		entered++;
		(void)http_queue_next(queue);
	}
	assert_int_equal(entered, SHARE + WAITING / 4);
	assert_null(http_queue_next(queue));
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		snprintf(host, sizeof(host), "other%zu:80", i / 4);
		assert_true(enter_as(queue, &others[i], "AC2", host) == (i < SHARE + WAITING / 4));
		if (i < SHARE)
			assert_starts(queue, &others[i]);
	}
	assert_null(http_queue_next(queue));
	while (entered > 0)
		http_queue_leave(queue, &hung[--entered]);
	for (size_t i = 0; i < SHARE + WAITING / 4; i++)
		http_queue_leave(queue, &others[i]);
	http_queue_free(queue);
}

static void test_the_waiting_room_is_bounded(void **state)
{
	static const char *const tenants[] = { "AC1", "AC2", "AC3", "AC4", "AC5" };
	struct http_queue *queue = queue_of(1, 1, 1, 4);
	struct http_ticket first, waiting[5];

	(void)state;
	assert_true(enter_as(queue, &first, "AC0", "x:80"));
	assert_starts(queue, &first);
	for (size_t i = 0; i < 4; i++)
		assert_true(enter_as(queue, &waiting[i], tenants[i], "a:80"));
	assert_false(enter_as(queue, &waiting[4], tenants[4], "a:80"));
	http_queue_leave(queue, &waiting[2]);
	assert_true(enter_as(queue, &waiting[4], tenants[4], "a:80"));

	http_queue_leave(queue, &waiting[0]);
	http_queue_leave(queue, &waiting[1]);
	http_queue_leave(queue, &waiting[3]);
	http_queue_leave(queue, &waiting[4]);
	http_queue_leave(queue, &first);
	http_queue_free(queue);
}

static void test_without_a_waiting_room_whoever_can_start_does(void **state)
{
	struct http_queue *queue = queue_of(2, 2, 1, 0);
	struct http_ticket a, b, c;

	(void)state;
	assert_true(enter(queue, &a, "a:80"));
	assert_starts(queue, &a);
	assert_false(enter(queue, &b, "a:80"));
	assert_true(enter(queue, &c, "c:80"));
	assert_starts(queue, &c);
	http_queue_leave(queue, &a);
	http_queue_leave(queue, &c);
	http_queue_free(queue);
}

/* Whatever comes and goes: limits hold, nobody is forgotten, nothing is left behind. */
static void test_limits_hold_whatever_comes_and_goes(void **state)
{
	enum { TICKETS = 200, TENANTS = 5, HOSTS = 6, STEPS = 20000 };
	struct ticket {
		struct http_ticket ticket;
		unsigned tenant, host;
		enum { OUT, WAITS, RUNS } is;
	};
	static struct ticket all[TICKETS];
	struct http_queue *queue = queue_of(12, 4, 3, 100);
	unsigned per_tenant[TENANTS] = { 0 }, per_host[HOSTS] = { 0 }, active = 0, waiting = 0;
	uint32_t seed = 7;

	(void)state;
	for (unsigned step = 0; step < STEPS || active + waiting > 0; step++) {
		seed = seed * 1664525 + 1013904223;

		struct ticket *one = &all[(seed >> 8) % TICKETS];

		if (one->is == OUT && step < STEPS) {
			char tenant[8], host[8];

			one->tenant = (seed >> 16) % TENANTS;
			one->host = (seed >> 20) % HOSTS;
			snprintf(tenant, sizeof(tenant), "AC%u", one->tenant);
			snprintf(host, sizeof(host), "h%u", one->host);
			if (enter_as(queue, &one->ticket, tenant, host)) {
				one->is = WAITS;
				waiting++;
			}
		} else if (one->is != OUT) {
			http_queue_leave(queue, &one->ticket);
			if (one->is == WAITS) {
				waiting--;
			} else {
				active--;
				per_tenant[one->tenant]--;
				per_host[one->host]--;
			}
			one->is = OUT;
		}
		for (struct http_ticket *next; (next = http_queue_next(queue));) {
			struct ticket *started = container_of(next, struct ticket, ticket);

			assert_int_equal(started->is, WAITS);
			started->is = RUNS;
			waiting--;
			assert_true(++active <= 12);
			assert_true(++per_tenant[started->tenant] <= 4);
			assert_true(++per_host[started->host] <= 3);
		}
		for (unsigned i = 0; i < TICKETS; i++) /* who waits, waits for a reason */
			assert_true(all[i].is != WAITS || active == 12 || per_tenant[all[i].tenant] == 4 ||
				    per_host[all[i].host] == 3);
	}
	http_queue_free(queue);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_limits_in_all_per_tenant_and_per_host),
		cmocka_unit_test(test_hosts_take_turns),
		cmocka_unit_test(test_tenants_take_turns),
		cmocka_unit_test(test_tenants_take_turns_at_a_full_host),
		cmocka_unit_test(test_a_hanging_host_holds_up_only_itself),
		cmocka_unit_test(test_a_tenant_with_many_hanging_hosts_holds_up_only_itself),
		cmocka_unit_test(test_the_waiting_room_is_bounded),
		cmocka_unit_test(test_without_a_waiting_room_whoever_can_start_does),
		cmocka_unit_test(test_limits_hold_whatever_comes_and_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
