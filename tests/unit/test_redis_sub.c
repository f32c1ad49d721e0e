/* test_redis_sub.c - the subscriber and the stream reader against a real server. */
#include "redis_fixture.h"

#include "common/io/redis_stream.h"
#include "common/io/redis_sub.h"

enum { TIMEOUT_MS = 150 };

struct world {
	struct redis_server server;
	struct scene scene;
	struct redis_conf conf;
	struct redis_sub *sub;
	struct redis_stream *stream;
	const char *free_at; /* the message at which the reader is freed */
	unsigned messages;
	unsigned wanted; /* this message is noted */
};

static void world_open(struct world *world)
{
	memset(world, 0, sizeof(*world));
	scene_open(&world->scene);
	redis_server_start(&world->server, 0, NULL);
	world->conf = (struct redis_conf){
		.host = "127.0.0.1",
		.port = world->server.port,
		.client_name = "test",
		.timeout_ms = TIMEOUT_MS,
		.max_pending = 100,
	};
}

static void world_close(struct world *world)
{
	world->sub = redis_sub_free(world->sub);
	world->stream = redis_stream_free(world->stream);
	scene_close(&world->scene);
	redis_server_kill(&world->server);
}

/* --- subscriber --------------------------------------------------------- */

static void on_gap(void *arg)
{
	struct world *world = arg;

	scene_note(&world->scene, "gap");
}

static void on_publish(void *arg, struct str channel, struct str payload)
{
	struct world *world = arg;

	scene_note(&world->scene, STR_FMT ":" STR_FMT, STR_ARG(channel), STR_ARG(payload));
	if (world->free_at && str_eq(payload, str_of(world->free_at)))
		world->sub = redis_sub_free(world->sub);
}

static void subscribe(struct world *world)
{
	world->sub = redis_sub_new(world->scene.loop, &world->conf, STR("news"), on_publish, on_gap, world);
	assert_false(redis_sub_is_ready(world->sub));
	scene_await(&world->scene, "gap");
	assert_true(redis_sub_is_ready(world->sub));
}

static void messages_arrive_and_a_loss_is_a_gap(void **state)
{
	struct world world;

	(void)state;
	world_open(&world);
	subscribe(&world);
	redis_server_do(&world.server, "PUBLISH news 1");
	redis_server_do(&world.server, "PUBLISH other x");
	redis_server_do(&world.server, "PUBLISH news ''");
	scene_await(&world.scene, "news:1 news:");

	redis_server_do(&world.server, "CLIENT KILL TYPE pubsub");
	scene_await(&world.scene, "gap");
	redis_server_do(&world.server, "PUBLISH news 2");
	scene_await(&world.scene, "news:2");
	world_close(&world);
}

static void a_quiet_channel_is_no_loss(void **state)
{
	struct world world;

	(void)state;
	world_open(&world);
	subscribe(&world);
	scene_run_for(&world.scene, 5 * TIMEOUT_MS);
	assert_int_equal(world.scene.happened.n, 0);
	assert_true(redis_sub_is_ready(world.sub));
	assert_true(redis_server_count(&world.server, "commandstats", "cmdstat_ping:calls=") >= 3);
	redis_server_do(&world.server, "PUBLISH news 1");
	scene_await(&world.scene, "news:1");
	world_close(&world);
}

static void a_stall_of_our_own_is_no_gap(void **state)
{
	struct world world;

	(void)state;
	world_open(&world);
	subscribe(&world);
	redis_server_do(&world.server, "CLIENT PAUSE 300");
	scene_run_for(&world.scene, TIMEOUT_MS + 50); /* a PING is out, its answer is not */
	usleep(2 * TIMEOUT_MS * 1000);		      /* the stall itself: nothing to await */
	redis_server_do(&world.server, "PUBLISH news 1");
	scene_await(&world.scene, "news:1");
	scene_run_for(&world.scene, 20);
	assert_int_equal(world.scene.happened.n, 0);
	world_close(&world);
}

static void a_frozen_server_is_noticed(void **state)
{
	struct world world;

	(void)state;
	world_open(&world);
	subscribe(&world);
	kill(world.server.pid, SIGSTOP);
	while (redis_sub_is_ready(world.sub))
		scene_run_for(&world.scene, 10);
	kill(world.server.pid, SIGCONT);
	scene_await(&world.scene, "gap");
	world_close(&world);
}

static void a_subscriber_that_may_not_is_never_ready(void **state)
{
	struct world world;

	(void)state;
	world_open(&world);
	redis_server_do(&world.server, "ACL SETUSER default resetchannels");
	world.sub = redis_sub_new(world.scene.loop, &world.conf, STR("news"), on_publish, on_gap, &world);
	while (redis_server_count(&world.server, "stats", "total_error_replies:") < 2)
		scene_run_for(&world.scene, 10);
	assert_int_equal(world.scene.happened.n, 0);
	world_close(&world);
}

static void a_subscriber_may_be_freed_by_its_message(void **state)
{
	struct world world;

	(void)state;
	world_open(&world);
	world.free_at = "1";
	subscribe(&world);
	redis_server_do(&world.server,
			"EVAL \"redis.call('PUBLISH','news','1') redis.call('PUBLISH','news','2')\" 0");
	scene_await(&world.scene, "news:1");
	scene_run_for(&world.scene, 20);
	assert_int_equal(world.scene.happened.n, 0);
	world_close(&world);
}

/* --- many channels ------------------------------------------------------ */

enum { MANY = 1200 };

struct feed { /* one added channel */
	struct world *world;
	struct redis_channel *channel;
	unsigned ready, messages;
	bool leaves; /* at its next message */
};

static void on_feed(void *arg, struct str channel, struct str payload)
{
	struct feed *feed = arg;

	feed->messages++;
	scene_note(&feed->world->scene, STR_FMT ":" STR_FMT, STR_ARG(channel), STR_ARG(payload));
	if (feed->leaves)
		feed->channel = redis_sub_remove(feed->channel);
}

static void on_feed_ready(void *arg)
{
	struct feed *feed = arg;

	feed->ready++;
}

static void feed_open(struct feed *feed, struct world *world, const char *name)
{
	*feed = (struct feed){ .world = world };
	feed->channel = redis_sub_add(world->sub, str_of(name), on_feed, on_feed_ready, feed);
	assert_non_null(feed->channel);
	assert_int_equal(feed->ready, 0); /* never inside the call */
}

static void await_ready(struct feed *feed, unsigned times)
{
	while (feed->ready < times)
		scene_run_for(&feed->world->scene, 5);
	assert_int_equal(feed->ready, times);
	assert_true(redis_channel_is_ready(feed->channel));
}

static void a_channel_can_be_added_and_removed(void **state)
{
	struct world world;
	struct feed feed;

	(void)state;
	world_open(&world);
	subscribe(&world);
	feed_open(&feed, &world, "sport");
	await_ready(&feed, 1);
	redis_server_do(&world.server, "PUBLISH sport 1");
	redis_server_do(&world.server, "PUBLISH news 2");
	scene_await(&world.scene, "sport:1 news:2");

	redis_sub_remove(feed.channel);
	while (strcmp(redis_server_do(&world.server, "PUBLISH sport 3"), ":0\r\n") != 0)
		scene_run_for(&world.scene, 5);
	redis_server_do(&world.server, "PUBLISH news 4");
	scene_await(&world.scene, "news:4"); /* and nothing of sport */
	assert_int_equal(feed.messages, 1);
	world_close(&world);
}

static void a_channel_added_before_the_connection_is_there(void **state)
{
	struct world world;
	struct feed feed;

	(void)state;
	world_open(&world);
	world.sub = redis_sub_new(world.scene.loop, &world.conf, STR("news"), on_publish, on_gap, &world);
	feed_open(&feed, &world, "sport");
	await_ready(&feed, 1);
	world_close(&world);
}

/* The answer to the first asking must not pass for that of the second. */
static void removed_while_pending_and_added_again(void **state)
{
	struct world world;
	struct feed first, second;

	(void)state;
	world_open(&world);
	subscribe(&world);
	feed_open(&first, &world, "sport");
	redis_sub_remove(first.channel);
	feed_open(&second, &world, "sport");
	await_ready(&second, 1);
	assert_int_equal(first.ready, 0);
	redis_server_do(&world.server, "PUBLISH sport 1");
	scene_await(&world.scene, "sport:1");
	assert_int_equal(first.messages, 0);
	assert_int_equal(second.messages, 1);
	assert_true(redis_sub_is_ready(world.sub));
	world_close(&world);
}

static void a_loss_is_a_gap_of_every_channel(void **state)
{
	static struct feed feeds[MANY];
	struct world world;
	char name[16];

	(void)state;
	world_open(&world);
	subscribe(&world);
	for (unsigned i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "feed%u", i);
		feed_open(&feeds[i], &world, name);
	}
	for (unsigned i = 0; i < MANY; i++)
		await_ready(&feeds[i], 1);

	redis_server_do(&world.server, "CLIENT KILL TYPE pubsub");
	while (redis_channel_is_ready(feeds[0].channel))
		scene_run_for(&world.scene, 5);
	assert_false(redis_channel_is_ready(feeds[MANY - 1].channel));
	scene_await(&world.scene, "gap");
	for (unsigned i = 0; i < MANY; i++)
		await_ready(&feeds[i], 2);
	redis_server_do(&world.server, "PUBLISH feed777 again");
	scene_await(&world.scene, "feed777:again");
	world_close(&world);
}

static void a_channel_may_be_removed_by_its_message(void **state)
{
	struct world world;
	struct feed feed;

	(void)state;
	world_open(&world);
	subscribe(&world);
	feed_open(&feed, &world, "sport");
	await_ready(&feed, 1);
	feed.leaves = true;
	redis_server_do(&world.server,
			"EVAL \"redis.call('PUBLISH','sport','1') redis.call('PUBLISH','sport','2') "
			"redis.call('PUBLISH','news','3')\" 0");
	scene_await(&world.scene, "sport:1 news:3");
	assert_int_equal(feed.messages, 1);
	world_close(&world);
}

static void there_is_a_limit_of_channels(void **state)
{
	struct world world;
	struct feed feed = { .world = &world };
	char name[16];

	(void)state;
	world_open(&world);
	subscribe(&world);
	for (unsigned i = 1; i < REDIS_SUB_MAX; i++) {
		snprintf(name, sizeof(name), "f%u", i);
		assert_non_null(redis_sub_add(world.sub, str_of(name), on_feed, on_feed_ready, &feed));
	}
	assert_null(redis_sub_add(world.sub, STR("one more"), on_feed, on_feed_ready, &feed));
	world_close(&world);
}

/* --- stream ------------------------------------------------------------- */

static void on_message(void *arg, struct str message)
{
	struct world *world = arg;
	uint64_t number;

	assert_true(str_to_u64(message, &number));
	assert_int_equal(number, ++world->messages); /* in order, none twice, none missing */
	if (number == world->wanted)
		scene_note(&world->scene, "%u", world->wanted);
	if (world->free_at && str_eq(message, str_of(world->free_at)))
		world->stream = redis_stream_free(world->stream);
}

static void read_stream(struct world *world)
{
	world->stream = redis_stream_new(world->scene.loop, &world->conf, STR("in"), on_message, world);
}

static void add(const struct world *world, unsigned from, unsigned to)
{
	char command[160];

	snprintf(command, sizeof(command),
		 "EVAL \"for i = %u, %u do redis.call('XADD', 'in', '*', 'm', i) end return 1\" 0", from, to);
	assert_string_equal(redis_server_do(&world->server, command), ":1\r\n");
}

static void await_message(struct world *world, unsigned number)
{
	char text[16];

	world->wanted = number;
	snprintf(text, sizeof(text), "%u", number);
	if (world->messages < number)
		scene_await(&world->scene, text);
}

static void await_empty(struct world *world)
{
	while (strcmp(redis_server_do(&world->server, "XLEN in"), ":0\r\n") != 0)
		scene_run_for(&world->scene, 10);
}

static void entries_come_in_order_and_are_deleted(void **state)
{
	struct world world;

	(void)state;
	world_open(&world);
	add(&world, 1, 250); /* there before the reader */
	read_stream(&world);
	await_message(&world, 250);
	await_empty(&world);
	add(&world, 251, 251); /* while it waits */
	await_message(&world, 251);
	await_empty(&world);
	world_close(&world);
}

static void a_reconnect_goes_on_where_it_was(void **state)
{
	struct world world;

	(void)state;
	world_open(&world);
	read_stream(&world);
	for (unsigned i = 0; i < 10; i++) {
		add(&world, i * 300 + 1, i * 300 + 300);
		await_message(&world, i * 300 + 150); /* in the middle of its batches */
		redis_server_do(&world.server, "CLIENT KILL TYPE normal");
	}
	await_message(&world, 3000);
	await_empty(&world);
	world_close(&world);
}

static void an_idle_stream_is_read_for_ever(void **state)
{
	struct world world;

	(void)state;
	world_open(&world);
	read_stream(&world);
	while (redis_server_count(&world.server, "commandstats", "cmdstat_xread:calls=") < 2)
		scene_run_for(&world.scene, 50);
	add(&world, 1, 1);
	await_message(&world, 1);
	assert_int_equal(redis_server_count(&world.server, "stats", "total_error_replies:"), 0);
	world_close(&world);
}

static void a_key_of_another_type_is_tried_again(void **state)
{
	struct world world;

	(void)state;
	world_open(&world);
	redis_server_do(&world.server, "SET in x");
	read_stream(&world);
	while (redis_server_count(&world.server, "stats", "total_error_replies:") < 1)
		scene_run_for(&world.scene, 10);
	redis_server_do(&world.server, "DEL in");
	add(&world, 1, 2);
	await_message(&world, 2);
	world_close(&world);
}

static void a_reader_may_be_freed_by_its_message(void **state)
{
	struct world world;

	(void)state;
	world_open(&world);
	add(&world, 1, 3);
	world.free_at = "2";
	read_stream(&world);
	await_message(&world, 2);
	scene_run_for(&world.scene, 20);
	assert_int_equal(world.messages, 2);
	world_close(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_arrive_and_a_loss_is_a_gap),
		cmocka_unit_test(a_quiet_channel_is_no_loss),
		cmocka_unit_test(a_stall_of_our_own_is_no_gap),
		cmocka_unit_test(a_frozen_server_is_noticed),
		cmocka_unit_test(a_subscriber_that_may_not_is_never_ready),
		cmocka_unit_test(a_subscriber_may_be_freed_by_its_message),
		cmocka_unit_test(a_channel_can_be_added_and_removed),
		cmocka_unit_test(a_channel_added_before_the_connection_is_there),
		cmocka_unit_test(removed_while_pending_and_added_again),
		cmocka_unit_test(a_loss_is_a_gap_of_every_channel),
		cmocka_unit_test(a_channel_may_be_removed_by_its_message),
		cmocka_unit_test(there_is_a_limit_of_channels),
		cmocka_unit_test(entries_come_in_order_and_are_deleted),
		cmocka_unit_test(a_reconnect_goes_on_where_it_was),
		cmocka_unit_test(an_idle_stream_is_read_for_ever),
		cmocka_unit_test(a_key_of_another_type_is_tried_again),
		cmocka_unit_test(a_reader_may_be_freed_by_its_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
