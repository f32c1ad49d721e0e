/* fetch.c - see fetch.h. */
#include "routing-svc/fetch.h"

#include "common/base/clock.h"
#include "common/io/url.h"
#include "routing-svc/cookies.h"
#include "routing-svc/params.h"

/* The token's parameters and the caller's, each character as three, and what is added. */
enum { PARAMS_MAX = 160 * 1024, FIRST_PAUSE_MS = 50 };

/* ---- before ---- */

static struct str document_url(const struct call *call)
{
	return call->document_url.n > 0 ? call->document_url : STR_NULL;
}

static void note(struct fetch_course *course, struct plan_note what)
{
	if (course->n_notes < ARRAY_LEN(course->notes))
		course->notes[course->n_notes++] = what;
}

static struct str parameters_of(struct arena *arena, const struct call *call)
{
	struct buf text;
	struct str out;

	buf_init(&text, PARAMS_MAX);
	params_fetch(call, &text);
	out = arena_copy(arena, buf_str(&text));
	buf_fini(&text);
	return out;
}

enum err fetch_begin(struct fetch_course *course, struct arena *arena, const struct call *call,
		     const struct account *account, const struct settings *settings, uint64_t now_ms)
{
	*course = (struct fetch_course){ .arena = arena,
					 .call = call,
					 .account = account,
					 .settings = settings,
					 .cookies = call->cookies,
					 .get = call->fetch_get };
	if (!url_resolve(arena, document_url(call), call->fetch_url, &course->url))
		return ERR_URL_FORMAT;
	course->body = parameters_of(arena, call);
	fetch_options_read(url_fragment(call->fetch_url), settings, &course->options);
	course->budget_ms = course->options.total_ms;
	course->ends_ms = now_ms + course->budget_ms;
	if (!str_is_null(course->options.misread))
		note(course,
		     (struct plan_note){ "override_ignored", course->url, course->options.misread, 0 });
	return ERR_NONE;
}

void fetch_request(const struct fetch_course *course, uint64_t now_ms, struct http_fetch *out)
{
	const struct call *call = course->call;
	const unsigned left_ms = now_ms < course->ends_ms ? (unsigned)(course->ends_ms - now_ms) : 1;
	const struct webhook_request request = {
		.url = course->url,
		.kind = course->get ? WEBHOOK_QUERY : WEBHOOK_FORM,
		.body = course->body,
		.id = arena_printf(course->arena, "%s-%u", call->id.s, call->fetch_number),
		.now_s = clock_wall_s(),
		.max_answer = INSTRUCTIONS_MAX,
	};
	struct url_parts to;

	webhook_prepare(course->arena, &request, course->account, course->settings, out);
	out->connect_ms = MIN(course->options.connect_ms, left_ms);
	out->read_ms = course->options.read_ms;
	out->total_ms = left_ms;
	if (!url_split(course->arena, course->url, &to))
		return;
	webhook_header(out, STR("Cookie"),
		       cookies_for(course->arena, course->cookies, &to, (uint64_t)call->now_ms / 1000));
}

/* ---- after ---- */

static void keep_cookies(struct fetch_course *course, const struct http_result *result)
{
	struct url_parts from;

	if (!url_split(course->arena, course->url, &from))
		return;
	for (size_t i = 0; i < result->n_set_cookie; i++)
		course->cookies = cookies_take(course->arena, course->cookies, &from,
					       (uint64_t)course->call->now_ms / 1000, result->set_cookie[i]);
}

static enum fetch_move done(const struct fetch_course *course, enum err err, struct str text,
			    struct plan_input *out)
{
	*out = (struct plan_input){ .kind = INPUT_FETCHED,
				    .fetch_number = course->call->fetch_number,
				    .err = err,
				    .body = text,
				    .url = course->url,
				    .cookies = course->cookies,
				    .notes = course->notes,
				    .n_notes = course->n_notes };
	return FETCH_DONE;
}

void fetch_refuse(const struct call *call, enum err err, struct plan_input *out)
{
	*out = (struct plan_input){ .kind = INPUT_FETCHED,
				    .fetch_number = call->fetch_number,
				    .err = err,
				    .body = str_of(err_text(err)),
				    .cookies = call->cookies };
}

static bool is_redirect(const struct http_result *result)
{
	const unsigned status = result->status;

	return !result->err && ((status >= 301 && status <= 303) || status == 307 || status == 308);
}

/* Twilio's client asks by GET and without parameters after all but 307 and 308. */
static enum fetch_move follow(struct fetch_course *course, const struct http_result *result,
			      struct plan_input *out)
{
	struct url_parts from, to;
	struct str url;

	if (result->location.n == 0)
		return done(course, ERR_FETCH_FAILED, STR("redirected to nowhere"), out);
	if (!url_resolve(course->arena, course->url, result->location, &url) ||
	    !url_split(course->arena, course->url, &from) || !url_split(course->arena, url, &to))
		return done(course, ERR_URL_FORMAT, STR("redirected to what is no http or https URL"), out);
	if (from.is_secure && !to.is_secure)
		return done(course, ERR_FETCH_FAILED, STR("redirected from https to http"), out);
	if (++course->redirects > FETCH_REDIRECTS_MAX)
		return done(course, ERR_FETCH_REDIRECTS, str_of(err_text(ERR_FETCH_REDIRECTS)), out);
	note(course,
	     (struct plan_note){ "redirected", url,
				 arena_printf(course->arena, "the server answered %u", result->status), 0 });
	if (course->get || result->status < 307) {
		course->get = true;
		course->body = STR("");
	}
	course->url = url;
	return FETCH_AGAIN;
}

static bool may_repeat(const struct fetch_course *course, const struct http_result *result)
{
	unsigned kind = 0;

	if (result->err == ERR_FETCH_CONNECT || result->err == ERR_FETCH_HOST)
		kind = result->was_refused ? 0 : REPEAT_CT;
	else if (result->err == ERR_FETCH_FAILED)
		kind = REPEAT_RT;
	else if (!result->err)
		kind = result->status >= 500 ? REPEAT_5XX : result->status >= 400 ? REPEAT_4XX : 0;
	return (kind & course->options.repeat_after) && course->repeats < course->options.repeats;
}

static enum fetch_move failed(struct fetch_course *course, const struct http_result *result, uint64_t now_ms,
			      uint64_t *pause_ms, struct plan_input *out)
{
	const enum err err = result->err ? result->err : ERR_FETCH_FAILED;
	const struct str text =
		result->err ? arena_copy(course->arena, str_of(result->detail))
			    : arena_printf(course->arena, "the server answered %u", result->status);

	*pause_ms = (uint64_t)FIRST_PAUSE_MS << course->repeats;
	if (!may_repeat(course, result) || now_ms + *pause_ms >= course->ends_ms)
		return done(course, err, text, out);
	course->repeats++;
	note(course, (struct plan_note){ "fetch_repeated", course->url, text, err_code(err) });
	return FETCH_AGAIN;
}

static bool is_type(struct str content_type, struct str family)
{
	return content_type.n >= family.n && str_eq_nocase(str_n(content_type.p, family.n), family);
}

static enum fetch_move accept_answer(struct fetch_course *course, const struct http_result *result,
				     struct plan_input *out)
{
	const struct str coding = result->content_encoding;

	if (coding.n > 0 && !str_eq_nocase(coding, STR("identity")))
		return done(course, ERR_DOC_CONTENT_TYPE,
			    STR("the answer is compressed, which was not asked for"), out);
	if (is_type(result->content_type, STR("text/plain")) || is_type(result->content_type, STR("audio/")))
		return done(course, ERR_DOC_CONTENT_TYPE,
			    STR("text and audio are not said or played: there is no media engine"), out);
	(void)done(course, ERR_NONE, result->body, out);
	out->content_type = result->content_type;
	return FETCH_DONE;
}

enum fetch_move fetch_take(struct fetch_course *course, const struct http_result *result, uint64_t now_ms,
			   uint64_t *pause_ms, struct plan_input *out)
{
	*pause_ms = 0;
	if (!result->err)
		keep_cookies(course, result);
	if (is_redirect(result))
		return follow(course, result, out);
	if (result->err || result->status < 200 || result->status > 299)
		return failed(course, result, now_ms, pause_ms, out);
	return accept_answer(course, result, out);
}
