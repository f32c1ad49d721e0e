/* nudges.c - one table: what a message asks for, and who does it. */
#include "routing-svc/nudges.h"

#include "common/base/json.h"
#include "common/base/log.h"
#include "common/model/gateway.h"
#include "common/model/outbox.h"
#include "routing-svc/app.h"
#include "routing-svc/bridge.h"
#include "routing-svc/outcome.h"
#include "routing-svc/waiters.h"

typedef void nudge_fn(struct app *app, struct sid call, const struct json *message);

static void look(struct app *app, struct sid call, const struct json *message)
{
	(void)message;
	bridge_look(app->bridge, call);
}

static void adopt(struct app *app, struct sid call, const struct json *message)
{
	(void)message;
	bridge_take(app->bridge, call, 0);
}

static void outcome(struct app *app, struct sid call, const struct json *message)
{
	struct json_writer w;
	struct buf text;

	buf_init(&text, OUTCOME_MAX);
	json_begin(&w, &text);
	json_put(&w, json_get(message, "msg"));
	waiters_tell(app->waiters, call, buf_str(&text));
	buf_fini(&text);
}

/* The sid is the leg's. */
static void gateway(struct app *app, struct sid leg, const struct json *message)
{
	struct arena *arena = arena_new(256);

	(void)message;
	outbox_kick(app->gateway, gateway_subject(arena, leg));
	arena_free(arena);
}

static const struct {
	struct str word;
	nudge_fn *fn;
} nudges[] = {
	{ { "look", 4 }, look },
	{ { "adopt", 5 }, adopt },
	{ { "outcome", 7 }, outcome },
	{ { "gateway", 7 }, gateway },
};

void nudges_on_message(void *arg, struct str text)
{
	struct app *app = app_of(arg);
	struct json *message;
	struct sid call;

	if (json_parse(text, &message, NULL) != ERR_NONE) {
		log_error("inbox_unreadable", "bytes=%zu", text.n);
		return;
	}
	if (sid_parse(json_string(json_get(message, "to")), "CA", &call)) {
		for (size_t i = 0; i < ARRAY_LEN(nudges); i++) {
			if (str_eq(json_string(json_get(message, "do")), nudges[i].word))
				nudges[i].fn(app, call, message);
		}
	}
	json_free(message);
}
