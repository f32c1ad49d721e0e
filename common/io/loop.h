/* loop.h - one event loop: watched descriptors, timers, posts, names.  (libuv inside)
 *
 * A loop belongs to one thread; only loop_post may be called from another.
 * Callbacks never run inside the call that asked for them.  Freeing a timer or
 * a watch is immediate for the caller: its callback does not run any more (the
 * memory is given back when the library allows).
 */
#pragma once

#include <sys/socket.h>

#include "common/base/err.h"

struct loop;
struct loop_timer;
struct loop_watch;
struct loop_lookup;

typedef void loop_fn(void *arg);
typedef void loop_watch_fn(void *arg, unsigned events);
typedef void loop_resolve_fn(void *arg, enum err err, const struct sockaddr_storage *address, socklen_t len);

/* LOOP_FAILED (the descriptor has an error pending) comes alone, and nothing is
 * watched any more then. */
enum { LOOP_READ = 1, LOOP_WRITE = 2, LOOP_HANGUP = 4, LOOP_FAILED = 8 };

struct loop *loop_new(void);
struct loop *loop_free(struct loop *loop);               /* after loop_run; timers and watches are gone before; NULL */
void loop_run(struct loop *loop);                        /* until loop_stop */
void loop_stop(struct loop *loop);                       /* from its own thread */
void loop_finish(struct loop *loop);                     /* after loop_run: what is posted, deferred or due, without sleeping */

void loop_post(struct loop *loop, loop_fn *fn, void *arg);     /* any thread; runs in order of arrival */
void loop_defer(struct loop *loop, loop_fn *fn, void *arg);    /* own thread; once the current callback is done */
void loop_before_wait(struct loop *loop, loop_fn *fn, void *arg);       /* a hook, each time before the loop sleeps; 4 at most */
void loop_before_wait_end(struct loop *loop, loop_fn *fn, void *arg);   /* takes that hook away */
uint64_t loop_ticks(const struct loop *loop);            /* grows at least once a second while the loop lives; any thread */

struct loop_timer *loop_timer_new(struct loop *loop, loop_fn *fn, void *arg);
void loop_timer_start(struct loop_timer *timer, uint64_t ms);   /* one shot; starting again moves it */
void loop_timer_stop(struct loop_timer *timer);
bool loop_timer_is_active(const struct loop_timer *timer);
struct loop_timer *loop_timer_free(struct loop_timer *timer);   /* NULL is fine; returns NULL */

struct loop_watch *loop_watch_new(struct loop *loop, int fd, loop_watch_fn *fn, void *arg);
void loop_watch_set(struct loop_watch *watch, unsigned events);  /* 0: keep, but do not watch */
struct loop_watch *loop_watch_free(struct loop_watch *watch);    /* before close(fd); NULL is fine; returns NULL */

/* A numeric IPv4 or IPv6 host as an address; 0 when it is none. */
socklen_t loop_numeric_address(const char *host, uint16_t port, struct sockaddr_storage *out) MUST_USE;

/* The first address of a name or of a numeric host, port 0; off the loop.
 * ERR_UNAVAILABLE when there is none.  The lookup is gone once fn runs;
 * loop_resolve_cancel before that: fn does not run any more. */
struct loop_lookup *loop_resolve(struct loop *loop, const char *host, loop_resolve_fn *fn, void *arg);
struct loop_lookup *loop_resolve_cancel(struct loop_lookup *lookup);    /* NULL is fine; returns NULL */
