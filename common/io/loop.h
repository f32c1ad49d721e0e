/* loop.h - one event loop: watched descriptors, timers, posts.     (libuv inside)
 *
 * A loop belongs to one thread; only loop_post may be called from another.
 * Callbacks never run inside the call that asked for them.  Freeing a timer or
 * a watch is immediate for the caller: its callback does not run any more (the
 * memory is given back when the library allows).
 */
#pragma once

#include "common/base/base.h"

struct loop;
struct loop_timer;
struct loop_watch;

typedef void loop_fn(void *arg);
typedef void loop_watch_fn(void *arg, unsigned events);

enum { LOOP_READ = 1, LOOP_WRITE = 2, LOOP_HANGUP = 4, LOOP_FAILED = 8 };

struct loop *loop_new(void);
struct loop *loop_free(struct loop *loop);               /* after loop_run has returned; NULL */
void loop_run(struct loop *loop);                        /* until loop_stop */
void loop_stop(struct loop *loop);                       /* from its own thread */

void loop_post(struct loop *loop, loop_fn *fn, void *arg);     /* any thread; runs in order of arrival */
void loop_defer(struct loop *loop, loop_fn *fn, void *arg);    /* own thread; once the current callback is done */
void loop_before_wait(struct loop *loop, loop_fn *fn, void *arg);   /* one hook, each time before the loop sleeps */
uint64_t loop_ticks(const struct loop *loop);            /* grows at least once a second while the loop lives; any thread */

struct loop_timer *loop_timer_new(struct loop *loop, loop_fn *fn, void *arg);
void loop_timer_start(struct loop_timer *timer, uint64_t ms);   /* one shot; starting again moves it */
void loop_timer_stop(struct loop_timer *timer);
bool loop_timer_is_active(const struct loop_timer *timer);
struct loop_timer *loop_timer_free(struct loop_timer *timer);   /* NULL is fine; returns NULL */

struct loop_watch *loop_watch_new(struct loop *loop, int fd, loop_watch_fn *fn, void *arg);
void loop_watch_set(struct loop_watch *watch, unsigned events);  /* 0: keep, but do not watch */
struct loop_watch *loop_watch_free(struct loop_watch *watch);    /* before close(fd); NULL is fine; returns NULL */
