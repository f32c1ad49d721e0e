/* session_drain.c - the channels of an instance that stops are let go one after the other.
 *
 * Each stays in use until its moment comes, is told to come again soon, and is closed: so
 * the other instances get no herd, and a client is away for less than its account's grace.
 */
#include "presence-svc/session_private.h"

#include "common/base/crypto.h"
#include "common/model/settings.h"
#include "presence-svc/frame.h"

enum { TICK_MS = 20, COME_AGAIN_MS = 500 };

static void let_go(struct session *session)
{
	const uint64_t spread = worker_common(session->worker)->settings->reconnect_spread_ms;
	struct frame frame;
	uint32_t random;

	crypto_random(&random, sizeof(random));
	frame_begin(&frame, "drain");
	json_int(&frame.w, "reconnect_after_ms",
		 (int64_t)(random % (MIN(spread, (uint64_t)COME_AGAIN_MS) + 1)));
	frame_send(&frame, session->ws);
	ws_close(session->ws, CLOSE_RESTART, "this instance is shutting down");
}

void sessions_drain_tick(void *arg)
{
	struct sessions *sessions = arg;

	for (size_t i = 0; i < sessions->drain_per_tick && sessions->drain_next; i++) {
		struct session *session = sessions->drain_next;

		sessions->drain_next = session->next;
		let_go(session);
	}
	if (sessions->drain_next)
		loop_timer_start(sessions->drain_timer, TICK_MS);
}

/* Not faster than others let them in, but within the spread, and with time left to end. */
void sessions_drain(struct sessions *sessions)
{
	const struct settings *settings = worker_common(sessions->worker)->settings;
	const uint64_t paced_ms = settings->admit_per_s ? sessions->count * 1000 / settings->admit_per_s : 0;
	const uint64_t total_ms =
		MIN(paced_ms, MIN(settings->reconnect_spread_ms, settings->drain_max_ms / 2));

	sessions->drain_per_tick = sessions->count / (total_ms / TICK_MS + 1) + 1;
	sessions->drain_next = sessions->all;
	sessions_drain_tick(sessions);
}
