/* loop.c - the event loop over libuv.
 *
 * One turn of the loop: timers -> deferred work -> hooks -> sleep in epoll ->
 * watches and posts -> deferred work.  Work that is deferred while deferred work
 * runs gets a few rounds in the same place, then the next turn, and the loop does
 * not sleep before it: so it is prompt and starves nobody.
 *
 * Handles that libuv closes later (timers, watches) live in structs of their
 * own that are freed in the close callback.
 */
#include "common/io/loop.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <string.h>

#include <uv.h>

enum { TICK_MS = 400, DEFER_ROUNDS = 8, HOOKS_MAX = 4, FINISH_TURNS = 64 };

struct job {
	loop_fn *fn;
	void *arg;
};

struct jobs {
	struct job *v;
	size_t n;
	size_t size;
};

struct loop {
	uv_loop_t uv;
	uv_async_t wake; /* posts from other threads */
	uv_prepare_t before;
	uv_check_t after;
	uv_idle_t no_sleep; /* active while deferred work waits */
	uv_timer_t tick;
	uv_mutex_t lock; /* guards posted */
	struct jobs posted;
	struct jobs posted_now; /* being run; kept for its memory */
	struct jobs deferred;
	struct jobs deferred_now;
	struct job hooks[HOOKS_MAX];
	size_t n_hooks;
	_Atomic uint64_t ticks;
};

struct loop_timer {
	uv_timer_t uv;
	loop_fn *fn;
	void *arg;
};

struct loop_watch {
	uv_poll_t uv;
	loop_watch_fn *fn;
	void *arg;
	unsigned events;
};

struct loop_lookup {
	uv_getaddrinfo_t uv;
	loop_resolve_fn *fn; /* NULL once cancelled */
	void *arg;
	struct sockaddr_storage address; /* numeric hosts */
	socklen_t len;
};

static void jobs_add(struct jobs *jobs, loop_fn *fn, void *arg)
{
	if (jobs->n == jobs->size) {
		jobs->size = MAX(jobs->size * 2, 64);
		jobs->v = x_realloc(jobs->v, jobs->size * sizeof(*jobs->v));
	}
	jobs->v[jobs->n++] = (struct job){ fn, arg };
}

static void jobs_run(struct jobs *jobs)
{
	for (size_t i = 0; i < jobs->n; i++)
		jobs->v[i].fn(jobs->v[i].arg);
	jobs->n = 0;
}

static void jobs_swap(struct jobs *a, struct jobs *b)
{
	const struct jobs c = *a;

	*a = *b;
	*b = c;
}

static void run_deferred(struct loop *loop)
{
	for (int round = 0; round < DEFER_ROUNDS && loop->deferred.n; round++) {
		jobs_swap(&loop->deferred, &loop->deferred_now);
		jobs_run(&loop->deferred_now);
	}
}

static void on_wake(uv_async_t *wake)
{
	struct loop *loop = wake->data;

	uv_mutex_lock(&loop->lock);
	jobs_swap(&loop->posted, &loop->posted_now);
	uv_mutex_unlock(&loop->lock);
	jobs_run(&loop->posted_now);
}

static void on_no_sleep(uv_idle_t *idle)
{
	(void)idle; /* being active is all it does */
}

static void on_before(uv_prepare_t *prepare)
{
	struct loop *loop = prepare->data;

	atomic_fetch_add_explicit(&loop->ticks, 1, memory_order_relaxed);
	run_deferred(loop);
	for (size_t i = 0; i < loop->n_hooks; i++)
		loop->hooks[i].fn(loop->hooks[i].arg);
	if (loop->deferred.n)
		uv_idle_start(&loop->no_sleep, on_no_sleep);
	else
		uv_idle_stop(&loop->no_sleep);
}

static void on_after(uv_check_t *check)
{
	run_deferred(check->data);
}

static void on_tick(uv_timer_t *tick)
{
	(void)tick; /* a turn of the loop counts, whatever caused it */
}

struct loop *loop_new(void)
{
	struct loop *loop = x_alloc(sizeof(*loop));
	int rc = uv_loop_init(&loop->uv);

	INVARIANT(rc == 0);
	rc = uv_mutex_init(&loop->lock);
	INVARIANT(rc == 0);
	rc = uv_async_init(&loop->uv, &loop->wake, on_wake);
	INVARIANT(rc == 0);
	uv_prepare_init(&loop->uv, &loop->before);
	uv_check_init(&loop->uv, &loop->after);
	uv_idle_init(&loop->uv, &loop->no_sleep);
	uv_timer_init(&loop->uv, &loop->tick);
	loop->wake.data = loop;
	loop->before.data = loop;
	loop->after.data = loop;
	uv_prepare_start(&loop->before, on_before);
	uv_check_start(&loop->after, on_after);
	uv_timer_start(&loop->tick, on_tick, TICK_MS, TICK_MS);
	return loop;
}

void loop_run(struct loop *loop)
{
	uv_run(&loop->uv, UV_RUN_DEFAULT);
}

void loop_stop(struct loop *loop)
{
	uv_stop(&loop->uv);
}

static bool has_work(struct loop *loop)
{
	bool posted;

	uv_mutex_lock(&loop->lock);
	posted = loop->posted.n != 0;
	uv_mutex_unlock(&loop->lock);
	return posted || loop->deferred.n;
}

void loop_finish(struct loop *loop)
{
	int turns = 0;

	do {
		uv_run(&loop->uv, UV_RUN_NOWAIT);
	} while (has_work(loop) && ++turns < FINISH_TURNS);
}

struct loop *loop_free(struct loop *loop)
{
	int rc;

	if (!loop)
		return NULL;
	loop_finish(loop);
	uv_close((uv_handle_t *)&loop->wake, NULL);
	uv_close((uv_handle_t *)&loop->before, NULL);
	uv_close((uv_handle_t *)&loop->after, NULL);
	uv_close((uv_handle_t *)&loop->no_sleep, NULL);
	uv_close((uv_handle_t *)&loop->tick, NULL);
	uv_run(&loop->uv, UV_RUN_DEFAULT); /* waits for lookups that are already under way */
	rc = uv_loop_close(&loop->uv);
	INVARIANT(rc == 0); /* else somebody kept a timer or a watch */
	uv_mutex_destroy(&loop->lock);
	x_free(loop->posted.v);
	x_free(loop->posted_now.v);
	x_free(loop->deferred.v);
	x_free(loop->deferred_now.v);
	x_free(loop);
	return NULL;
}

void loop_post(struct loop *loop, loop_fn *fn, void *arg)
{
	uv_mutex_lock(&loop->lock);
	jobs_add(&loop->posted, fn, arg);
	uv_mutex_unlock(&loop->lock);
	uv_async_send(&loop->wake);
}

void loop_defer(struct loop *loop, loop_fn *fn, void *arg)
{
	jobs_add(&loop->deferred, fn, arg);
}

void loop_before_wait(struct loop *loop, loop_fn *fn, void *arg)
{
	INVARIANT(loop->n_hooks < HOOKS_MAX);
	loop->hooks[loop->n_hooks++] = (struct job){ fn, arg };
}

void loop_before_wait_end(struct loop *loop, loop_fn *fn, void *arg)
{
	for (size_t i = 0; i < loop->n_hooks; i++) {
		if (loop->hooks[i].fn != fn || loop->hooks[i].arg != arg)
			continue;
		loop->n_hooks--;
		memmove(&loop->hooks[i], &loop->hooks[i + 1], (loop->n_hooks - i) * sizeof(loop->hooks[0]));
		return;
	}
}

uint64_t loop_ticks(const struct loop *loop)
{
	return atomic_load_explicit(&loop->ticks, memory_order_relaxed);
}

/* ---- timers ---- */

static void on_timer(uv_timer_t *uv)
{
	struct loop_timer *timer = uv->data;

	timer->fn(timer->arg);
}

static void on_closed(uv_handle_t *handle)
{
	x_free(handle->data);
}

struct loop_timer *loop_timer_new(struct loop *loop, loop_fn *fn, void *arg)
{
	struct loop_timer *timer = x_alloc(sizeof(*timer));

	uv_timer_init(&loop->uv, &timer->uv);
	timer->uv.data = timer;
	timer->fn = fn;
	timer->arg = arg;
	return timer;
}

void loop_timer_start(struct loop_timer *timer, uint64_t ms)
{
	uv_update_time(timer->uv.loop); /* else a long callback makes the wait shorter */
	uv_timer_start(&timer->uv, on_timer, ms, 0);
}

void loop_timer_stop(struct loop_timer *timer)
{
	uv_timer_stop(&timer->uv);
}

bool loop_timer_is_active(const struct loop_timer *timer)
{
	return uv_is_active((const uv_handle_t *)&timer->uv);
}

struct loop_timer *loop_timer_free(struct loop_timer *timer)
{
	if (timer)
		uv_close((uv_handle_t *)&timer->uv, on_closed);
	return NULL;
}

/* ---- watches ---- */

static void on_poll(uv_poll_t *uv, int status, int ready)
{
	struct loop_watch *watch = uv->data;
	unsigned events = 0;

	if (status < 0) { /* libuv has stopped watching */
		watch->events = 0;
		watch->fn(watch->arg, LOOP_FAILED);
		return;
	}
	if (ready & UV_READABLE)
		events |= LOOP_READ;
	if (ready & UV_WRITABLE)
		events |= LOOP_WRITE;
	if (ready & UV_DISCONNECT)
		events |= LOOP_HANGUP;
	watch->fn(watch->arg, events);
}

struct loop_watch *loop_watch_new(struct loop *loop, int fd, loop_watch_fn *fn, void *arg)
{
	struct loop_watch *watch = x_alloc(sizeof(*watch));
	const int rc = uv_poll_init(&loop->uv, &watch->uv, fd);

	INVARIANT(rc == 0);
	watch->uv.data = watch;
	watch->fn = fn;
	watch->arg = arg;
	return watch;
}

void loop_watch_set(struct loop_watch *watch, unsigned events)
{
	int wanted = 0;

	if (events == watch->events)
		return;
	watch->events = events;
	if (events & LOOP_READ)
		wanted |= UV_READABLE;
	if (events & LOOP_WRITE)
		wanted |= UV_WRITABLE;
	if (events & LOOP_HANGUP)
		wanted |= UV_DISCONNECT;
	if (wanted)
		uv_poll_start(&watch->uv, wanted, on_poll);
	else
		uv_poll_stop(&watch->uv);
}

struct loop_watch *loop_watch_free(struct loop_watch *watch)
{
	if (watch)
		uv_close((uv_handle_t *)&watch->uv, on_closed);
	return NULL;
}

/* ---- names ---- */

static void lookup_end(struct loop_lookup *lookup, enum err err)
{
	if (lookup->fn)
		lookup->fn(lookup->arg, err, err ? NULL : &lookup->address, err ? 0 : lookup->len);
	x_free(lookup);
}

static void on_numeric(void *arg)
{
	struct loop_lookup *lookup = arg;

	lookup_end(lookup, lookup->len ? ERR_NONE : ERR_UNAVAILABLE);
}

static void on_resolved(uv_getaddrinfo_t *uv, int status, struct addrinfo *found)
{
	struct loop_lookup *lookup = uv->data;
	enum err err = ERR_UNAVAILABLE;

	if (status == 0 && found && found->ai_addrlen <= sizeof(lookup->address)) {
		memcpy(&lookup->address, found->ai_addr, found->ai_addrlen);
		lookup->len = found->ai_addrlen;
		err = ERR_NONE;
	}
	uv_freeaddrinfo(found);
	lookup_end(lookup, err);
}

socklen_t loop_numeric_address(const char *host, uint16_t port, struct sockaddr_storage *out)
{
	struct sockaddr_in *v4 = (void *)out;
	struct sockaddr_in6 *v6 = (void *)out;

	*out = (struct sockaddr_storage){ .ss_family = AF_UNSPEC };
	if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		return sizeof(*v4);
	}
	if (inet_pton(AF_INET6, host, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
		return sizeof(*v6);
	}
	return 0;
}

struct loop_lookup *loop_resolve(struct loop *loop, const char *host, loop_resolve_fn *fn, void *arg)
{
	const struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
	struct loop_lookup *lookup = x_alloc(sizeof(*lookup));

	lookup->fn = fn;
	lookup->arg = arg;
	lookup->uv.data = lookup;
	lookup->len = loop_numeric_address(host, 0, &lookup->address);
	if (lookup->len || uv_getaddrinfo(&loop->uv, &lookup->uv, on_resolved, host, NULL, &hints) != 0)
		loop_defer(loop, on_numeric, lookup);
	return lookup;
}

struct loop_lookup *loop_resolve_cancel(struct loop_lookup *lookup)
{
	if (!lookup)
		return NULL;
	lookup->fn = NULL;
	if (lookup->uv.loop) /* fails when a thread is at it: then its result is dropped */
		uv_cancel((uv_req_t *)&lookup->uv);
	return NULL;
}
