/* worker.c - the threads, and the signals that end them.
 *
 * SIGTERM and SIGINT are blocked everywhere and read from a signalfd by the
 * calling thread, so no handler ever runs.  Workers tell it their news (failed,
 * drained) by counters and an eventfd; it tells them by loop_post.
 */
#include "common/io/worker.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/metrics.h"

struct crew {
	const struct worker_conf *conf;
	pthread_t *threads;
	pthread_barrier_t everybody;
	_Atomic unsigned failed;
	_Atomic unsigned drained;
	int news_fd;
	int signal_fd;
	sigset_t old_mask;
	struct sigaction old_pipe;
	struct worker workers[]; /* worker->all: so a worker finds its crew */
};

static struct crew *crew_of(struct worker *worker)
{
	return container_of(worker->all, struct crew, workers);
}

static void tell_news(struct crew *crew)
{
	const uint64_t one = 1;
	const ssize_t n = write(crew->news_fd, &one, sizeof(one));

	INVARIANT(n == sizeof(one));
}

bool worker_is_last(struct worker *worker)
{
	struct crew *crew = crew_of(worker);

	return !worker->drained && atomic_load(&crew->drained) + 1 == crew->conf->count;
}

void worker_drained(struct worker *worker)
{
	struct crew *crew = crew_of(worker);

	if (!worker->draining || worker->drained)
		return;
	worker->drained = true;
	atomic_fetch_add(&crew->drained, 1);
	tell_news(crew);
}

/* ---- on the worker's thread ---- */

static void on_drain(void *arg)
{
	struct worker *worker = arg;
	const struct worker_conf *conf = crew_of(worker)->conf;

	if (!worker->started)
		return;
	worker->draining = true;
	if (conf->drain)
		conf->drain(worker);
	else
		worker_drained(worker);
}

static void on_stop(void *arg)
{
	struct worker *worker = arg;

	loop_stop(worker->loop);
}

static void *thread_main(void *arg)
{
	struct worker *worker = arg;
	struct crew *crew = crew_of(worker);
	enum err err;

	metrics_attach();
	err = crew->conf->start(worker);
	worker->started = err == ERR_NONE;
	if (err) {
		log_error("worker_start_failed", "worker=%u err=%s", worker->index, err_name(err));
		atomic_fetch_add(&crew->failed, 1);
		tell_news(crew);
	}
	loop_run(worker->loop);
	if (worker->started && crew->conf->stop)
		crew->conf->stop(worker);

	/* Nobody posts once all have finished; no loop goes before that. */
	pthread_barrier_wait(&crew->everybody);
	loop_finish(worker->loop);
	pthread_barrier_wait(&crew->everybody);
	worker->loop = loop_free(worker->loop);
	return NULL;
}

/* ---- on the calling thread ---- */

static void take_signals(struct crew *crew)
{
	const struct sigaction ignore = { .sa_handler = SIG_IGN };
	sigset_t mask;

	sigaction(SIGPIPE, &ignore, &crew->old_pipe);
	sigemptyset(&mask);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGINT);
	pthread_sigmask(SIG_BLOCK, &mask, &crew->old_mask);
	crew->signal_fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	crew->news_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	INVARIANT(crew->signal_fd >= 0 && crew->news_fd >= 0);
}

/* The number of a signal that came, or 0. */
static unsigned read_signal(struct crew *crew)
{
	struct signalfd_siginfo info;

	if (read(crew->signal_fd, &info, sizeof(info)) != sizeof(info))
		return 0;
	return info.ssi_signo;
}

static void give_signals_back(struct crew *crew)
{
	while (read_signal(crew))
		; /* an impatient third one would kill on unblocking */
	close(crew->signal_fd);
	close(crew->news_fd);
	pthread_sigmask(SIG_SETMASK, &crew->old_mask, NULL);
	sigaction(SIGPIPE, &crew->old_pipe, NULL);
}

/* Sleeps until a signal or a worker's news, or until the time (mono ms; UINT64_MAX: none). */
static void wait_for_news(struct crew *crew, uint64_t until_ms)
{
	struct pollfd fds[] = { { .fd = crew->signal_fd, .events = POLLIN },
				{ .fd = crew->news_fd, .events = POLLIN } };
	const uint64_t now_ms = clock_mono_ms();
	int timeout = -1;
	uint64_t news;

	if (until_ms != UINT64_MAX)
		timeout = until_ms > now_ms ? (int)MIN(until_ms - now_ms, 3600000u) : 0;
	if (poll(fds, ARRAY_LEN(fds), timeout) > 0 && (fds[1].revents & POLLIN)) {
		const ssize_t n = read(crew->news_fd, &news, sizeof(news));

		INVARIANT(n == sizeof(news));
	}
}

static void tell_all(struct crew *crew, loop_fn *fn)
{
	for (unsigned i = 0; i < crew->conf->count; i++)
		loop_post(crew->workers[i].loop, fn, &crew->workers[i]);
}

static void drain_all(struct crew *crew)
{
	const uint64_t until_ms = clock_mono_ms() + crew->conf->drain_max_ms;
	const char *outcome = NULL;

	tell_all(crew, on_drain);
	while (!outcome) {
		wait_for_news(crew, until_ms);
		if (atomic_load(&crew->drained) == crew->conf->count)
			outcome = "done";
		else if (read_signal(crew))
			outcome = "second signal";
		else if (clock_mono_ms() >= until_ms)
			outcome = "longest wait passed";
	}
	log_info("drain_end", "outcome=%s", log_str(str_of(outcome)));
}

static void supervise(struct crew *crew)
{
	unsigned signo = 0;

	while (!signo && !atomic_load(&crew->failed)) {
		wait_for_news(crew, UINT64_MAX);
		signo = read_signal(crew);
	}
	if (!atomic_load(&crew->failed)) {
		log_info("drain_start", "signal=%u", signo);
		drain_all(crew);
	}
	tell_all(crew, on_stop);
}

int workers_run(const struct worker_conf *conf)
{
	const size_t size = sizeof(struct crew) + conf->count * sizeof(struct worker);
	struct crew *crew = x_alloc(size);
	int exit_code;
	int rc;

	crew->conf = conf;
	crew->threads = x_alloc(conf->count * sizeof(*crew->threads));
	rc = pthread_barrier_init(&crew->everybody, NULL, conf->count);
	INVARIANT(rc == 0);
	take_signals(crew);
	for (unsigned i = 0; i < conf->count; i++)
		crew->workers[i] = (struct worker){
			.index = i,
			.count = conf->count,
			.all = crew->workers,
			.loop = loop_new(),
			.app = conf->app,
		};
	for (unsigned i = 0; i < conf->count; i++) {
		rc = pthread_create(&crew->threads[i], NULL, thread_main, &crew->workers[i]);
		INVARIANT(rc == 0);
	}
	supervise(crew);
	for (unsigned i = 0; i < conf->count; i++)
		pthread_join(crew->threads[i], NULL);
	exit_code = atomic_load(&crew->failed) ? 1 : 0;
	give_signals_back(crew);
	pthread_barrier_destroy(&crew->everybody);
	x_free(crew->threads);
	x_free(crew);
	return exit_code;
}
