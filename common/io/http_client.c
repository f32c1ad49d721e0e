/* http_client.c - libcurl's multi interface driven by the loop.
 *
 *     http_fetch -> prepare -> (queue) -> (breaker) -> start -> libcurl ... -> conclude -> deliver
 *
 * libcurl tells what to watch (on_watch) and when to wake it (on_wake_wish); the
 * loop calls back into it (drive), and finished transfers are taken from
 * curl_multi_info_read only.  libcurl's callbacks never touch the multi and never
 * run a caller's code: a result, also a failure found at once, is delivered through
 * the loop.  So callers may start and cancel fetches, or free the client, in theirs.
 *
 * The deadline is a timer of our own, from http_fetch on: it also bounds the
 * wait in the queue, where libcurl's clock does not run.  libcurl's own time-out is
 * then always that of the connection.
 */
#include "common/io/http_client.h"

#include <pthread.h>
#include <unistd.h>

#include <utlist.h>

#include "common/base/clock.h"
#include "common/base/metrics.h"
#include "common/io/http_breaker.h"
#include "common/io/http_queue.h"
#include "common/io/http_transfer.h"

enum { SOCK_BUCKETS = 256, CONF_ARENA_MAX = 16 * 1024, FAILING_MAX = 4096 };

struct sock { /* a descriptor that libcurl wants watched */
	struct sock *next;
	struct http_client *client;
	struct loop_watch *watch;
	curl_socket_t fd;
};

struct http_client {
	struct loop *loop;
	struct arena *arena; /* of the rules' strings */
	struct netguard guard;
	struct http_transfer_rules rules;
	CURLM *multi;
	struct loop_timer *timer;
	struct http_queue *queue;
	struct http_breaker *breaker;
	struct http_fetch_op *open;
	struct sock *socks[SOCK_BUCKETS];
};

struct http_fetch_op {
	struct http_fetch_op *prev, *next; /* in client->open */
	struct http_client *client;	   /* NULL once concluded */
	struct loop *loop;
	http_fetch_fn *fn; /* NULL: cancelled */
	void *arg;
	struct http_ticket ticket;
	struct str circuit; /* tenant and host; in the transfer's arena */
	bool is_queued, is_started;
	struct loop_timer *deadline, *silence;
	unsigned total_ms, read_ms;
	struct http_transfer transfer;
};

static void on_finished(struct http_fetch_op *op, CURLcode code);

/* ---- descriptors and time, as libcurl wishes ---- */

static struct sock **sock_link(struct http_client *client, curl_socket_t fd)
{
	struct sock **link = &client->socks[(unsigned)fd % SOCK_BUCKETS];

	while (*link && (*link)->fd != fd)
		link = &(*link)->next;
	return link;
}

static void sock_drop(struct http_client *client, curl_socket_t fd)
{
	struct sock **link = sock_link(client, fd), *sock = *link;

	if (!sock)
		return;
	*link = sock->next;
	loop_watch_free(sock->watch);
	x_free(sock);
}

static void take_finished(struct http_client *client)
{
	CURLMsg *msg;
	int left;

	while ((msg = curl_multi_info_read(client->multi, &left))) {
		struct http_fetch_op *op = NULL;
		const CURLcode code = msg->data.result; /* msg dies with the handle's removal */

		curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &op);
		on_finished(op, code);
	}
}

static void drive(struct http_client *client, curl_socket_t fd, int events)
{
	int running;

	curl_multi_socket_action(client->multi, fd, events, &running);
	take_finished(client);
}

static void on_ready(void *arg, unsigned events)
{
	const struct sock *sock = arg; /* may be gone after drive */
	const int in = events & (LOOP_READ | LOOP_HANGUP) ? CURL_CSELECT_IN : 0;
	const int out = events & LOOP_WRITE ? CURL_CSELECT_OUT : 0;
	const int bad = events & LOOP_FAILED ? CURL_CSELECT_ERR : 0;

	drive(sock->client, sock->fd, in | out | bad);
}

static void on_wake(void *arg)
{
	drive(arg, CURL_SOCKET_TIMEOUT, 0);
}

static int on_watch(CURL *easy, curl_socket_t fd, int what, void *arg, void *unused)
{
	struct http_client *client = arg;
	struct sock **link = sock_link(client, fd), *sock = *link;

	(void)easy;
	(void)unused;
	if (what == CURL_POLL_REMOVE) {
		sock_drop(client, fd);
		return 0;
	}
	if (!sock) {
		sock = x_alloc(sizeof(*sock));
		sock->client = client;
		sock->fd = fd;
		sock->watch = loop_watch_new(client->loop, fd, on_ready, sock);
		*link = sock;
	}
	loop_watch_set(sock->watch,
		       (what & CURL_POLL_IN ? LOOP_READ : 0) | (what & CURL_POLL_OUT ? LOOP_WRITE : 0));
	return 0;
}

static int on_wake_wish(CURLM *multi, long ms, void *arg)
{
	struct http_client *client = arg;

	(void)multi;
	if (ms < 0)
		loop_timer_stop(client->timer);
	else
		loop_timer_start(client->timer, (uint64_t)ms);
	return 0;
}

/* libcurl may close before it says that nothing is to be watched any more. */
static int on_close_socket(void *arg, curl_socket_t fd)
{
	sock_drop(arg, fd);
	return close(fd);
}

/* ---- the life of a fetch ---- */

static void deliver(void *arg)
{
	struct http_fetch_op *op = arg;
	const struct http_result *result = &op->transfer.result;

	if (op->fn) {
		if (result->err != ERR_NONE)
			metric_add(METRIC_fetch_failures_total, 1);
		if (result->err == ERR_FETCH_BLOCKED)
			metric_add(METRIC_fetch_blocked_total, 1);
		if (op->is_started)
			metric_observe_us(METRIC_fetch_seconds, result->elapsed_us);
		op->fn(op->arg, result);
	}
	http_transfer_fini(&op->transfer);
	x_free(op);
}

/* The result is made: the fetch leaves the client and goes on to its owner. */
static void conclude(struct http_fetch_op *op)
{
	struct http_client *client = op->client;

	DL_DELETE(client->open, op);
	op->client = NULL;
	op->deadline = loop_timer_free(op->deadline);
	op->silence = loop_timer_free(op->silence);
	if (op->is_started)
		curl_multi_remove_handle(client->multi, op->transfer.easy);
	http_transfer_drop(&op->transfer);
	if (op->is_queued)
		http_queue_leave(client->queue, &op->ticket);
	loop_defer(op->loop, deliver, op);
}

static void refuse_broken(struct http_fetch_op *op)
{
	metric_add(METRIC_fetch_circuit_open_total, 1);
	http_transfer_fail(&op->transfer, ERR_FETCH_CONNECT, "circuit open: its host failed again and again");
	op->transfer.result.was_refused = true;
	conclude(op);
}

static void start_next(struct http_client *client)
{
	struct http_ticket *ticket;

	while ((ticket = http_queue_next(client->queue))) {
		struct http_fetch_op *op = container_of(ticket, struct http_fetch_op, ticket);

		if (!http_breaker_admits(client->breaker, op->circuit, clock_mono_ms())) {
			refuse_broken(op);
			continue;
		}

		const CURLMcode rc = curl_multi_add_handle(client->multi, op->transfer.easy);

		INVARIANT(rc == CURLM_OK);
		op->is_started = true;
	}
}

/* Whatever was answered, and even a bad certificate, came from a host that is there. */
static void report(const struct http_fetch_op *op, bool is_there)
{
	http_breaker_report(op->client->breaker, op->circuit, clock_mono_ms(), is_there);
}

static void on_finished(struct http_fetch_op *op, CURLcode code)
{
	struct http_client *client = op->client;
	enum err err;

	http_transfer_end(&op->transfer, code);
	err = op->transfer.result.err;
	report(op, err != ERR_FETCH_CONNECT && err != ERR_FETCH_HOST);
	conclude(op);
	start_next(client);
}

static void give_up(struct http_fetch_op *op)
{
	struct http_client *client = op->client;

	if (op->is_started)
		report(op, false);
	conclude(op);
	start_next(client);
}

static void on_deadline(void *arg)
{
	struct http_fetch_op *op = arg;

	http_transfer_fail(&op->transfer, ERR_FETCH_FAILED, "no answer within %u ms", op->total_ms);
	op->transfer.result.elapsed_us = (uint64_t)op->total_ms * 1000;
	give_up(op);
}

static void on_silence(void *arg)
{
	struct http_fetch_op *op = arg;
	const uint64_t now = clock_mono_ms(), heard = op->transfer.heard_ms;
	const uint64_t due = (heard ? heard : now) + op->read_ms;

	if (due > now) {
		loop_timer_start(op->silence, due - now);
		return;
	}
	http_transfer_fail(&op->transfer, ERR_FETCH_FAILED, "nothing was heard for %u ms", op->read_ms);
	op->transfer.result.elapsed_us = (uint64_t)op->read_ms * 1000;
	give_up(op);
}

static void start_clocks(struct http_fetch_op *op, const struct http_fetch *fetch)
{
	op->total_ms = fetch->total_ms;
	op->deadline = loop_timer_new(op->loop, on_deadline, op);
	loop_timer_start(op->deadline, op->total_ms);
	if (fetch->read_ms == 0 || fetch->read_ms >= fetch->total_ms)
		return;
	op->read_ms = fetch->read_ms;
	op->silence = loop_timer_new(op->loop, on_silence, op);
	loop_timer_start(op->silence, op->read_ms);
}

static struct http_fetch_op *op_new(struct http_client *client, http_fetch_fn *fn, void *arg)
{
	struct http_fetch_op *op = x_alloc(sizeof(*op));

	op->client = client;
	op->loop = client->loop;
	op->fn = fn;
	op->arg = arg;
	DL_APPEND(client->open, op);
	return op;
}

static void attach(struct http_fetch_op *op)
{
	CURL *easy = op->transfer.easy;
	int rc = 0;

	rc |= curl_easy_setopt(easy, CURLOPT_PRIVATE, op);
	rc |= curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_close_socket);
	rc |= curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, op->client); /* connections outlive a fetch */
	INVARIANT(rc == CURLE_OK);
}

struct http_fetch_op *http_fetch(struct http_client *client, const struct http_fetch *fetch,
				 http_fetch_fn *fn, void *arg)
{
	struct http_fetch_op *op = op_new(client, fn, arg);
	struct http_transfer *transfer = &op->transfer;

	metric_add(METRIC_fetches_total, 1);
	if (!http_transfer_init(transfer, &client->rules, fetch)) {
		conclude(op);
		return op;
	}

	const struct str host = http_transfer_host(transfer);

	op->circuit =
		arena_printf(transfer->arena, STR_FMT " " STR_FMT, STR_ARG(fetch->tenant), STR_ARG(host));
	if (http_breaker_is_open(client->breaker, op->circuit, clock_mono_ms())) {
		refuse_broken(op);
		return op;
	}
	op->is_queued = http_queue_enter(client->queue, &op->ticket, fetch->tenant, host);
	if (!op->is_queued) {
		http_transfer_fail(transfer, ERR_OVERLOAD, "%s", err_text(ERR_OVERLOAD));
		conclude(op);
		return op;
	}

	attach(op);
	start_clocks(op, fetch);
	start_next(client);
	return op;
}

void http_fetch_cancel(struct http_fetch_op *op)
{
	struct http_client *client = op->client;

	op->fn = NULL;
	if (!client) /* on its way to its owner */
		return;
	conclude(op);
	start_next(client);
}

/* ---- the client ---- */

static void global_init(void)
{
	const CURLcode rc = curl_global_init(CURL_GLOBAL_DEFAULT);

	INVARIANT(rc == CURLE_OK);
}

static void multi_setup(struct http_client *client, const struct http_client_conf *conf)
{
	int rc = 0;

	client->multi = curl_multi_init();
	INVARIANT(client->multi);
	rc |= curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, on_watch);
	rc |= curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client);
	rc |= curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, on_wake_wish);
	rc |= curl_multi_setopt(client->multi, CURLMOPT_TIMERDATA, client);
	rc |= curl_multi_setopt(client->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
	rc |= curl_multi_setopt(client->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)conf->max_total);
	rc |= curl_multi_setopt(client->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)conf->max_per_host);
	rc |= curl_multi_setopt(client->multi, CURLMOPT_MAXCONNECTS, (long)conf->max_total);
	INVARIANT(rc == CURLM_OK);
}

struct http_client *http_client_new(struct loop *loop, const struct http_client_conf *conf)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct http_client *client = x_alloc(sizeof(*client));
	struct str ca_file = str_of(conf->ca_file);

	pthread_once(&once, global_init);
	client->loop = loop;
	client->arena = arena_new(CONF_ARENA_MAX);
	client->rules.user_agent = arena_cstr(client->arena, str_of(conf->user_agent));
	client->rules.ca_file = ca_file.n ? arena_cstr(client->arena, ca_file) : NULL;
	if (conf->guard) {
		client->guard = *conf->guard;
		client->rules.guard = &client->guard;
	}
	client->queue = http_queue_new(&(struct http_queue_limits){
		.max_active = conf->max_total,
		.max_per_tenant = conf->max_per_tenant ? conf->max_per_tenant : conf->max_total,
		.max_per_host = conf->max_per_host,
		.max_waiting = conf->max_waiting,
	});
	client->breaker = http_breaker_new(conf->break_after, conf->break_ms, FAILING_MAX);
	client->timer = loop_timer_new(loop, on_wake, client);
	multi_setup(client, conf);
	return client;
}

struct http_client *http_client_free(struct http_client *client)
{
	struct http_fetch_op *op, *next;

	if (!client)
		return NULL;
	DL_FOREACH_SAFE(client->open, op, next)
	{
		http_transfer_fail(&op->transfer, ERR_CLOSED, "%s", err_text(ERR_CLOSED));
		conclude(op);
	}
	curl_multi_cleanup(client->multi); /* may still call on_watch, on_wake_wish and on_close_socket */

	for (size_t i = 0; i < SOCK_BUCKETS; i++)
		while (client->socks[i])
			sock_drop(client, client->socks[i]->fd);
	client->timer = loop_timer_free(client->timer);
	client->queue = http_queue_free(client->queue);
	client->breaker = http_breaker_free(client->breaker);
	client->arena = arena_free(client->arena);
	x_free(client);
	return NULL;
}

/* ---- for a flow ---- */

struct flow_wait {
	struct flow *flow;
	struct http_result *out;
	struct flow_step next;
};

static void keep(struct arena *arena, struct http_result *out, const struct http_result *result)
{
	*out = *result;
	out->body = arena_copy(arena, result->body);
	out->content_type = arena_copy(arena, result->content_type);
	out->content_encoding = arena_copy(arena, result->content_encoding);
	out->location = arena_copy(arena, result->location);
	for (size_t i = 0; i < result->n_set_cookie; i++)
		out->set_cookie[i] = arena_copy(arena, result->set_cookie[i]);
}

static void on_flow_result(void *arg, const struct http_result *result)
{
	const struct flow_wait *wait = arg;

	if (flow_is_live(wait->flow))
		keep(wait->flow->arena, wait->out, result);
	flow_resume(wait->flow, wait->next);
}

struct http_fetch_op *flow_fetch(struct flow *flow, const struct http_fetch *fetch, struct http_result *out,
				 struct flow_step next)
{
	struct http_fetch cut = *fetch;
	struct flow_wait *wait = flow_alloc(flow, sizeof(*wait));

	*wait = (struct flow_wait){ flow, out, next };
	cut.total_ms = (unsigned)MIN(fetch->total_ms, flow_left_ms(flow));
	INVARIANT(flow->worker->untrusted);
	flow_hold(flow, next.name);
	return http_fetch(flow->worker->untrusted, &cut, on_flow_result, wait);
}

void flow_fetch_cancel(struct flow *flow, struct http_fetch_op *op)
{
	http_fetch_cancel(op);
	(void)!flow_settle(flow);
}
