/* channel_watch.c - watch, unwatch, and the frames that come of it.
 *
 *     watch{identities}           -> ok, then snapshot, presence, presence ...
 *     watch{prefix} -> on_counted -> ok, then snapshot, presence, presence ...
 *     unwatch                     -> ok
 */
#include "presence-svc/channel_watch.h"

#include <stdio.h>

#include "common/model/presence_filter.h"
#include "common/model/settings.h"
#include "presence-svc/app.h"
#include "presence-svc/channel.h"
#include "presence-svc/watch.h"

enum { CLOSE_POLICY = 1008 };

struct channel_watch {
	struct watcher *watcher; /* NULL: it watches nobody */
	size_t n;
	char patterns[]; /* of the token, one a line */
};

struct asked {
	struct str *identities;
	size_t n;
	struct str prefix; /* STR_NULL: identities are named */
	struct str since;
	size_t n_matching;
};

static void on_counted(struct flow *flow);

/* ---- permission ---- */

void channel_watch_admit(struct session *session, const struct client_token *token)
{
	struct watcher *watcher = session->watch ? session->watch->watcher : NULL;
	size_t n = 0;

	for (size_t i = 0; i < token->n_watch; i++)
		n += token->watch[i].n + 1;
	x_free(session->watch);
	session->watch = NULL;
	if (n == 0 && !watcher)
		return;
	session->watch = x_alloc(sizeof(*session->watch) + n);
	session->watch->watcher = watcher;
	for (size_t i = 0; i < token->n_watch; i++) {
		char *at = session->watch->patterns + session->watch->n;

		memcpy(at, token->watch[i].p, token->watch[i].n);
		at[token->watch[i].n] = '\n';
		session->watch->n += token->watch[i].n + 1;
	}
}

void channel_watch_end(struct session *session)
{
	if (session->watch)
		watcher_free(session->watch->watcher);
	x_free(session->watch);
	session->watch = NULL;
}

static bool any_pattern(const struct session *session, struct str name,
			bool (*permits)(struct str pattern, struct str name))
{
	struct str patterns, pattern;

	if (!session->watch)
		return false;
	patterns = str_n(session->watch->patterns, session->watch->n);
	while (str_split(&patterns, '\n', &pattern)) {
		if (pattern.n > 0 && permits(pattern, name))
			return true;
	}
	return false;
}

static bool may_watch(void *arg, struct str identity)
{
	const struct session *session = arg;

	return str_eq(identity, str_of(session->identity)) ||
	       any_pattern(session, identity, client_token_pattern_permits);
}

/* ---- frames ---- */

static void send_frame(struct session *session, const char *type, const struct watch_frame *clients)
{
	struct frame frame;

	frame_begin(&frame, type);
	watch_frame_put(&frame.w, clients);
	frame_send(&frame, session->ws);
}

static void on_snapshot(void *arg, const struct watch_frame *frame)
{
	send_frame(arg, "snapshot", frame);
}

static void on_presence(void *arg, const struct watch_frame *frame)
{
	send_frame(arg, "presence", frame);
}

static void on_resync(void *arg, const char *reason)
{
	struct session *session = arg;
	struct frame frame;

	frame_begin(&frame, "resync");
	json_str(&frame.w, "reason", str_of(reason));
	frame_send(&frame, session->ws);
}

/* Who does not read what he watches does not hear his calls either. */
static void on_cut(void *arg, enum err err, const char *why)
{
	struct session *session = arg;

	session->watch->watcher = watcher_free(session->watch->watcher);
	frame_error(session->ws, (struct frame_re){ .given = false }, err, why, NULL);
	if (err == ERR_WATCH_TOO_SLOW)
		session_close(session, CLOSE_POLICY, "reads too slowly");
}

static size_t queued(void *arg)
{
	const struct session *session = arg;

	return session->ws ? ws_queued(session->ws) : 0;
}

static const struct watch_ops watch_ops = { on_snapshot, on_presence, on_resync, on_cut, queued, may_watch };

static struct watcher *watcher_of(struct session *session)
{
	const struct watcher_conf conf = {
		.account = session->account,
		.ops = &watch_ops,
		.arg = session,
		.max_queue = worker_common(session->worker)->settings->max_queue,
	};

	if (!session->watch)
		session->watch = x_alloc(sizeof(*session->watch));
	if (!session->watch->watcher)
		session->watch->watcher = watcher_new(session->worker, &conf);
	return session->watch->watcher;
}

/* ---- what is asked for ---- */

static void refuse(struct message *message, const char *field, const char *why)
{
	struct json_fault fault = { .missing = false };

	(void)!json_fault_set(&fault, field, "%s", why);
	channel_fail_field(message, &fault);
}

static bool read_identities(struct message *message, const struct json *array, struct asked *asked)
{
	char field[32];

	asked->identities = flow_alloc(&message->flow, json_count(array) * sizeof(*asked->identities));
	for (const struct json *one = json_first(array); one; one = json_next(one)) {
		const struct str identity = json_string(one);

		if (!identity_is_valid(identity)) {
			snprintf(field, sizeof(field), "identities[%zu]", asked->n);
			refuse(message, field, "is not the name of a client");
			return false;
		}
		asked->identities[asked->n++] = identity;
	}
	return true;
}

/* Identities or a prefix; neither, where that is permitted, leaves both empty. */
static bool read_whom(struct message *message, struct asked *asked, bool one_is_needed)
{
	struct json_fault fault = { .missing = false };
	const struct json *identities;

	if (!json_get_array(message->doc, "identities", JSON_OPTIONAL, WATCHED_MAX, &identities, &fault) ||
	    !json_get_str(message->doc, "prefix", JSON_OPTIONAL, IDENTITY_MAX, &asked->prefix, &fault)) {
		channel_fail_field(message, &fault);
		return false;
	}
	if (identities && !str_is_null(asked->prefix)) {
		refuse(message, "prefix", "does not go together with identities");
		return false;
	}
	if (!str_is_null(asked->prefix) && !presence_prefix_is_valid(asked->prefix)) {
		refuse(message, "prefix", "has to be the start of a client's name");
		return false;
	}
	if (!identities && str_is_null(asked->prefix) && one_is_needed) {
		(void)!json_fault_set(&fault, "identities", "or prefix is needed");
		fault.missing = true;
		channel_fail_field(message, &fault);
		return false;
	}
	return !identities || read_identities(message, identities, asked);
}

static void forbid(struct message *message, const char *field)
{
	message->field = field;
	flow_fail(&message->flow, ERR_FORBIDDEN, "%s: the token does not permit to watch this", field);
}

static bool is_permitted(struct message *message, const struct asked *asked)
{
	struct session *session = message->session;

	if (!str_is_null(asked->prefix)) {
		if (any_pattern(session, asked->prefix, client_token_pattern_covers))
			return true;
		forbid(message, "prefix");
		return false;
	}
	for (size_t i = 0; i < asked->n; i++) {
		if (may_watch(session, asked->identities[i]))
			continue;
		forbid(message, arena_printf(message->flow.arena, "identities[%zu]", i).p);
		return false;
	}
	return true;
}

/* ---- watch ---- */

static void watching(struct message *message, enum err err)
{
	if (err == ERR_BAD_FIELD) {
		refuse(message, "since", "has to be the cursor of an earlier frame");
	} else if (err) {
		message->field =
			str_is_null(((struct asked *)message->flow.state)->prefix) ? "identities" : "prefix";
		flow_fail(&message->flow, err, "");
	} else {
		channel_ok(message, NULL);
	}
}

void channel_watch(struct message *message)
{
	struct flow *flow = &message->flow;
	struct asked *asked = flow_state(flow, sizeof(*asked));
	struct json_fault fault = { .missing = false };

	if (message->session->expired) {
		flow_fail(flow, ERR_TOKEN_EXPIRED, "");
		return;
	}
	if (!read_whom(message, asked, true))
		return;
	if (!json_get_str(message->doc, "since", JSON_OPTIONAL, WATCH_CURSOR_MAX, &asked->since, &fault)) {
		channel_fail_field(message, &fault);
		return;
	}
	if (!is_permitted(message, asked))
		return;
	message->field = "prefix"; /* should it be too many */
	if (!str_is_null(asked->prefix))
		watch_count(flow, message->session->account, asked->prefix, &asked->n_matching,
			    STEP(on_counted));
	else
		watching(message, watcher_add(watcher_of(message->session), asked->identities, asked->n,
					      asked->since));
}

static void on_counted(struct flow *flow)
{
	struct message *message = message_of(flow);
	const struct asked *asked = flow->state;

	if (message->session->expired)
		flow_fail(flow, ERR_TOKEN_EXPIRED, "");
	else
		watching(message,
			 watcher_add_prefix(watcher_of(message->session), asked->prefix, asked->since));
}

/* ---- unwatch ---- */

void channel_unwatch(struct message *message)
{
	struct asked *asked = flow_state(&message->flow, sizeof(*asked));
	struct channel_watch *watch = message->session->watch;

	if (!read_whom(message, asked, false))
		return;
	if (watch && watch->watcher) {
		if (!str_is_null(asked->prefix))
			watcher_remove_prefix(watch->watcher, asked->prefix);
		else if (asked->identities)
			watcher_remove(watch->watcher, asked->identities, asked->n);
		else
			watch->watcher = watcher_free(watch->watcher);
		if (watch->watcher && !watcher_is_watching(watch->watcher))
			watch->watcher = watcher_free(watch->watcher);
	}
	channel_ok(message, NULL);
}
