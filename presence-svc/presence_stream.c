/* presence_stream.c - GET /v1/Accounts/{A}/PresenceStream: presence as server-sent events.
 *
 *     presence_stream_get (-> watch_count, for a prefix) -> open_stream -> 200, and then events:
 *       snapshot, presence, resync as the watcher tells them; token_will_expire; last drain or error
 *
 * An event's id is the watcher's cursor, so a client that comes again with
 * Last-Event-ID hears what it has missed.  From the 200 on the request's memory
 * lives until on_close.
 */
#include "presence-svc/endpoints.h"

#include "common/base/clock.h"
#include "common/base/crypto.h"
#include "common/model/presence_filter.h"
#include "presence-svc/app.h"
#include "presence-svc/event.h"
#include "presence-svc/listeners.h"
#include "presence-svc/watch.h"

enum { NAMES_MAX = 100, WARN_BEFORE_S = 10 };

struct presence_stream {
	struct req *req;
	struct listener listener;
	struct watcher *watcher; /* NULL: it is over */
	struct http_stream *http;
	struct loop_timer *clock; /* of a client's token */
	bool warned;

	/* what is asked */
	struct str *names;
	size_t n_names;
	struct str prefix; /* without names */
	struct str since;
	size_t n_matching;
};

static void open_stream(struct flow *flow);

static struct presence_stream *stream_of(struct listener *listener)
{
	return container_of(listener, struct presence_stream, listener);
}

/* ---- its end ---- */

static void stop_watching(struct presence_stream *stream)
{
	stream->watcher = watcher_free(stream->watcher);
	stream->clock = loop_timer_free(stream->clock);
	listener_close(&stream->listener);
}

static void on_close(void *arg, enum http_stream_fate fate)
{
	(void)fate;
	stop_watching(arg);
}

static void end_with_error(struct presence_stream *stream, enum err err, const char *why)
{
	struct event event;

	event_begin(&event, "error", STR_NULL);
	json_int(&event.w, "code", err_code(err));
	json_str(&event.w, "message", str_of(why));
	json_int(&event.w, "status", err_http(err));
	event_send(&event, stream->http);
	http_stream_end(stream->http);
	stop_watching(stream);
}

/* Each gets a moment of its own to come back, so that they do not come as one herd. */
static uint64_t come_back_ms(const struct presence_stream *stream)
{
	const uint64_t spread = worker_common(req_worker(stream->req))->settings->reconnect_spread_ms;
	uint32_t random;

	crypto_random(&random, sizeof(random));
	return random % (spread + 1);
}

static void end_with_drain(struct presence_stream *stream)
{
	const uint64_t after_ms = come_back_ms(stream);
	struct event event;

	event_retry(stream->http, after_ms);
	event_begin(&event, "drain", STR_NULL);
	json_int(&event.w, "reconnect_after_ms", (int64_t)after_ms);
	event_send(&event, stream->http);
	http_stream_end(stream->http);
	stop_watching(stream);
}

static void on_end(struct listener *listener, enum err err)
{
	struct presence_stream *stream = stream_of(listener);

	if (err == ERR_DRAINING)
		end_with_drain(stream);
	else
		end_with_error(stream, err, err_text(err));
}

/* ---- the token's clock ---- */

static uint64_t token_expires_s(const struct presence_stream *stream)
{
	return stream->listener.caller->token->expires_at_s;
}

static void start_clock(struct presence_stream *stream)
{
	const uint64_t now_s = clock_wall_s();
	const uint64_t at_s = token_expires_s(stream) - (stream->warned ? 0 : WARN_BEFORE_S);

	loop_timer_start(stream->clock, at_s > now_s ? (at_s - now_s) * 1000 : 0);
}

static void warn(struct presence_stream *stream)
{
	const uint64_t now_s = clock_wall_s(), expires_s = token_expires_s(stream);
	struct event event;

	stream->warned = true;
	event_begin(&event, "token_will_expire", STR_NULL);
	json_int(&event.w, "seconds", expires_s > now_s ? (int64_t)(expires_s - now_s) : 0);
	event_send(&event, stream->http);
}

static void on_clock(void *arg)
{
	struct presence_stream *stream = arg;

	if (clock_wall_s() >= token_expires_s(stream)) {
		end_with_error(stream, ERR_TOKEN_EXPIRED, err_text(ERR_TOKEN_EXPIRED));
		return;
	}
	if (!stream->warned && clock_wall_s() + WARN_BEFORE_S >= token_expires_s(stream))
		warn(stream);
	start_clock(stream);
}

/* ---- what the watcher tells ---- */

static void send_frame(struct presence_stream *stream, const char *name, const struct watch_frame *frame)
{
	struct event event;

	/* Within a snapshot there is no place to go on from. */
	event_begin(&event, name, frame->more ? STR_NULL : frame->cursor);
	watch_frame_put(&event.w, frame);
	event_send(&event, stream->http);
}

static void on_snapshot(void *arg, const struct watch_frame *frame)
{
	send_frame(arg, "snapshot", frame);
}

static void on_changes(void *arg, const struct watch_frame *frame)
{
	send_frame(arg, "presence", frame);
}

static void on_resync(void *arg, const char *reason)
{
	struct presence_stream *stream = arg;
	struct event event;

	event_begin(&event, "resync", STR_NULL);
	json_str(&event.w, "reason", str_of(reason));
	event_send(&event, stream->http);
}

static void on_cut(void *arg, enum err err, const char *why)
{
	end_with_error(arg, err, why);
}

static size_t queued(void *arg)
{
	const struct presence_stream *stream = arg;

	return http_stream_queued(stream->http);
}

static bool may(void *arg, struct str identity)
{
	const struct presence_stream *stream = arg;
	const struct caller *caller = stream->listener.caller;

	return caller->is_server || client_token_may_watch(caller->token, identity);
}

static const struct watch_ops watch_ops = { on_snapshot, on_changes, on_resync, on_cut, queued, may };

/* ---- the request ---- */

static bool read_names(struct presence_stream *stream, const struct form *query, struct json_fault *fault)
{
	stream->names = arena_alloc(req_arena(stream->req), (query->n + 1) * sizeof(*stream->names));
	for (size_t i = 0; i < query->n; i++) {
		if (!str_eq(query->fields[i].name, STR("Identity")))
			continue;
		if (!identity_is_valid(query->fields[i].value))
			return json_fault_set(fault, "Identity", "is not the name of a client");
		if (stream->n_names == NAMES_MAX)
			return json_fault_set(fault, "Identity", "may be given %d times", NAMES_MAX);
		stream->names[stream->n_names++] = query->fields[i].value;
	}
	return true;
}

static bool read_prefix(struct presence_stream *stream, struct json_fault *fault)
{
	const struct str prefix = req_query(stream->req, "Prefix");

	if (!str_is_null(prefix) && stream->n_names)
		return json_fault_set(fault, "Prefix", "cannot be given together with Identity");
	if (!presence_prefix_is_valid(prefix))
		return json_fault_set(fault, "Prefix", "cannot start the name of a client");
	stream->prefix = str_is_null(prefix) ? STR("") : prefix;
	return true;
}

static bool read_or_reply(struct presence_stream *stream)
{
	struct json_fault fault = { .missing = false };
	const struct form *query;

	if (!req_query_form_or_reply(stream->req, &query))
		return false;
	if (read_names(stream, query, &fault) && read_prefix(stream, &fault))
		return true;
	reply_fault(stream->req, &fault);
	return false;
}

static bool may_or_reply(const struct presence_stream *stream)
{
	const struct caller *caller = req_caller(stream->req);
	bool all = caller->is_server || stream->n_names ||
		   client_token_may_watch_prefix(caller->token, stream->prefix);

	for (size_t i = 0; i < stream->n_names && all; i++)
		all = caller->is_server || client_token_may_watch(caller->token, stream->names[i]);
	if (!all)
		reply_error(stream->req, ERR_FORBIDDEN, "the token does not permit to watch these clients");
	return all;
}

static struct str last_event_id(struct req *req)
{
	const struct str id = str_trim(req_header(req, "Last-Event-ID"));

	return id.n ? id : STR_NULL; /* as who has heard nothing yet may say it */
}

void presence_stream_get(struct req *req)
{
	struct presence_stream *stream = req_state(req, sizeof(*stream));

	stream->req = req;
	if (!read_or_reply(stream) || !may_or_reply(stream))
		return;
	stream->since = last_event_id(req);
	if (stream->n_names) {
		open_stream(req_flow(req));
		return;
	}
	req_blame(req, "Prefix"); /* should it be too many */
	watch_count(req_flow(req), req_caller(req)->account, stream->prefix, &stream->n_matching,
		    STEP(open_stream));
}

/* ---- open ---- */

static enum err watch(struct presence_stream *stream)
{
	struct worker *worker = req_worker(stream->req);
	const struct watcher_conf conf = {
		.account = stream->listener.caller->account,
		.ops = &watch_ops,
		.arg = stream,
		.max_queue = worker_common(worker)->settings->max_queue,
	};

	stream->watcher = watcher_new(worker, &conf);
	if (stream->n_names)
		return watcher_add(stream->watcher, stream->names, stream->n_names, stream->since);
	return watcher_add_prefix(stream->watcher, stream->prefix, stream->since);
}

static void refuse(struct presence_stream *stream, enum err err)
{
	struct json_fault fault = { .missing = false };

	stop_watching(stream);
	if (err != ERR_BAD_FIELD) {
		reply_error(stream->req, err, "%s", err_text(err));
		return;
	}
	(void)!json_fault_set(&fault, "Last-Event-ID", "is not the id of an event of this stream");
	reply_fault(stream->req, &fault);
}

static void begin(struct presence_stream *stream)
{
	struct worker *worker = req_worker(stream->req);
	const struct settings *settings = worker_common(worker)->settings;
	const struct http_stream_conf conf = {
		.content_type = "text/event-stream",
		.ping = ": ping\n\n",
		.ping_ms = (unsigned)settings->ping_ms,
		.dead_ms = (unsigned)settings->dead_ms,
		.max_queue = settings->max_queue,
	};

	/* Some proxies gather what comes, unless told. */
	reply_header(stream->req, "X-Accel-Buffering", STR("no"));
	stream->http = reply_stream(stream->req, &conf, on_close, stream);
	event_retry(stream->http, come_back_ms(stream));
	if (stream->listener.caller->token) {
		stream->clock = loop_timer_new(worker->loop, on_clock, stream);
		start_clock(stream);
	}
}

static void open_stream(struct flow *flow)
{
	struct presence_stream *stream = flow->state;
	enum err err;

	if (!listener_open_or_reply(&stream->listener, stream->req, on_end))
		return;
	err = watch(stream);
	if (err)
		refuse(stream, err);
	else
		begin(stream);
}
