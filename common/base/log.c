/* log.c - one line per event.
 *
 *     message -> pairs (next_pair) -> line (put_pair, the format's form) -> write(2)
 *
 * Values that come quoted are JSON strings already, made by log_str; all others
 * are escaped as the line is put together.  So a caller that forgets log_str
 * gets an odd pair, never a broken line.
 */
#include "common/base/log.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "common/base/clock.h"

enum {
	LOG_LINE_MAX = 4096,
	LINE_END = 24, /* kept free for cut=true and the line's end */
	RING_TEXTS = 8,
	RING_TEXT_MAX = 256,
	CONTEXT_MAX = 8,
	CONTEXT_VALUE_MAX = 64,
};

static struct {
	enum log_level min;
	enum log_format format;
	const char *service;
} setup = { LOG_INFO, LOG_LOGFMT, "" };

static _Thread_local struct {
	struct {
		const char *key;
		char value[CONTEXT_VALUE_MAX];
	} pairs[CONTEXT_MAX];
	unsigned depth; /* may be more than what is kept */
} context;

struct line {
	char text[LOG_LINE_MAX];
	size_t n;
	size_t limit;
	bool cut;
};

struct pair {
	struct str key, value;
	bool quoted; /* value is a JSON string with its quotes */
};

void log_setup(enum log_level min, enum log_format format, const char *service)
{
	setup.min = min;
	setup.format = format;
	setup.service = service ? service : "";
}

bool log_enabled(enum log_level level)
{
	return level >= setup.min;
}

void log_push(const char *key, struct str value)
{
	if (context.depth < CONTEXT_MAX) {
		context.pairs[context.depth].key = key;
		if (!str_copy(str_n(value.p, MIN(value.n, (size_t)CONTEXT_VALUE_MAX - 1)),
			      context.pairs[context.depth].value, CONTEXT_VALUE_MAX))
			context.pairs[context.depth].value[0] = '\0';
	}
	context.depth++;
}

void log_pop(void)
{
	INVARIANT(context.depth > 0);
	context.depth--;
}

/* --- escaping ----------------------------------------------------------- */

/* One character of s as it stands inside a JSON string; sets *used to the bytes it took. */
static size_t escape_char(struct str s, char out[7], size_t *used)
{
	const unsigned char c = (unsigned char)s.p[0];

	*used = 1;
	if (c == '"' || c == '\\')
		return (size_t)snprintf(out, 7, "\\%c", c);
	if (c == '\n' || c == '\r' || c == '\t')
		return (size_t)snprintf(out, 7, "\\%c", c == '\n' ? 'n' : c == '\r' ? 'r' : 't');
	if (c < 0x20 || c == 0x7f)
		return (size_t)snprintf(out, 7, "\\u%04x", c);

	*used = str_utf8_char(s);
	if (*used == 0) {
		*used = 1;
		return (size_t)snprintf(out, 7, "\\ufffd");
	}
	memcpy(out, s.p, *used);
	return *used;
}

static bool is_bare(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == ' ' || s.p[i] == '"' || s.p[i] == '=' || s.p[i] == '\\')
			return false;
	return s.n > 0 && !str_has_ctl(s) && str_is_utf8(s);
}

/* Writes s as a JSON string of at most cap - 1 bytes and a NUL; what is too
 * long is cut between two characters and ends with "...". */
static size_t quote(struct str s, char *out, size_t cap)
{
	const size_t limit = cap - sizeof("...\"");
	size_t n = 0;

	out[n++] = '"';
	while (s.n) {
		char escaped[7];
		size_t used;
		const size_t len = escape_char(s, escaped, &used);

		if (n + len > limit) {
			memcpy(out + n, "...", 3);
			n += 3;
			break;
		}
		memcpy(out + n, escaped, len);
		n += len;
		s = str_skip(s, used);
	}
	out[n++] = '"';
	out[n] = '\0';
	return n;
}

const char *log_str(struct str s)
{
	static _Thread_local char ring[RING_TEXTS][RING_TEXT_MAX];
	static _Thread_local unsigned turn;
	char *text = ring[turn++ % RING_TEXTS];

	if (!is_bare(s) || !str_copy(s, text, RING_TEXT_MAX))
		quote(s, text, RING_TEXT_MAX);
	return text;
}

/* --- the line ----------------------------------------------------------- */

static void put(struct line *line, struct str s)
{
	if (line->cut || s.n > line->limit - line->n) {
		line->cut = true;
		return;
	}
	memcpy(line->text + line->n, s.p, s.n);
	line->n += s.n;
}

static void put_quoted(struct line *line, struct str s)
{
	char quoted[LOG_LINE_MAX];

	put(line, str_n(quoted, quote(s, quoted, sizeof(quoted))));
}

/* A pair is written whole or not at all. */
static void put_pair(struct line *line, const struct pair *pair)
{
	const size_t before = line->n;
	const bool json = setup.format == LOG_JSON;

	if (json)
		put(line, before ? STR(",") : STR("{"));
	else if (before)
		put(line, STR(" "));
	if (json)
		put_quoted(line, pair->key);
	else
		put(line, pair->key);
	put(line, json ? STR(":") : STR("="));

	if (pair->quoted || (!json && is_bare(pair->value)))
		put(line, pair->value);
	else
		put_quoted(line, pair->value);
	if (line->cut)
		line->n = before;
}

static void put_text(struct line *line, const char *key, const char *value)
{
	put_pair(line, &(struct pair){ str_of(key), str_of(value), false });
}

/* --- reading the message again ------------------------------------------ */

/* Length of "key=" at the front of s, 0 when there is none. */
static size_t key_len(struct str s)
{
	size_t n = 0;

	while (n < s.n && ((s.p[n] >= 'a' && s.p[n] <= 'z') || (s.p[n] >= 'A' && s.p[n] <= 'Z') ||
			   (s.p[n] >= '0' && s.p[n] <= '9') || s.p[n] == '_' || s.p[n] == '.'))
		n++;
	return n && n < s.n && s.p[n] == '=' ? n + 1 : 0;
}

/* Bytes of the escape at the front of s; 0 when quote() writes none like it. */
static size_t escape_len(struct str s)
{
	if (s.n >= 2 && strchr("\"\\nrt", s.p[1]))
		return 2;
	if (s.n < 6 || s.p[1] != 'u')
		return 0;
	for (size_t i = 2; i < 6; i++)
		if (!isxdigit((unsigned char)s.p[i]))
			return 0;
	return 6;
}

/* Bytes of the JSON string at the front of s with its quotes; 0 when there is
 * none that a space or the end follows. */
static size_t quoted_len(struct str s)
{
	size_t n = 1;

	if (!str_starts(s, STR("\"")))
		return 0;
	while (n < s.n && s.p[n] != '"') {
		const size_t len = s.p[n] == '\\' ? escape_len(str_skip(s, n)) : 1;

		if (!len)
			return 0;
		n += len;
	}
	n++;
	if (n > s.n || (n < s.n && s.p[n] != ' '))
		return 0;
	return str_has_ctl(str_n(s.p, n)) || !str_is_utf8(str_n(s.p, n)) ? 0 : n;
}

/* A bare value goes on until " key=": words that belong to no key (an error's
 * text, say) stay with the value before them. */
static size_t bare_len(struct str s)
{
	for (size_t n = 0; n < s.n; n++)
		if (s.p[n] == ' ' && key_len(str_skip(s, n + 1)))
			return n;
	return s.n;
}

static bool next_pair(struct str *message, struct pair *pair)
{
	*message = str_trim(*message);
	if (message->n == 0)
		return false;

	const size_t key = key_len(*message);

	pair->key = key ? str_n(message->p, key - 1) : STR("msg");
	*message = str_skip(*message, key);

	const size_t quoted = quoted_len(*message);

	pair->quoted = quoted > 0;
	pair->value = str_n(message->p, quoted ? quoted : bare_len(*message));
	*message = str_skip(*message, pair->value.n);
	return true;
}

/* --- one event ---------------------------------------------------------- */

static void put_head(struct line *line, enum log_level level, const char *event)
{
	static const char *const names[] = { "debug", "info", "warn", "error" };
	char ts[CLOCK_RFC3339_SIZE];

	clock_rfc3339_put(ts, clock_wall_ms());
	put_text(line, "ts", ts);
	put_text(line, "level", names[level]);
	put_text(line, "event", event);
	if (setup.service[0])
		put_text(line, "service", setup.service);
	for (unsigned i = 0; i < MIN(context.depth, (unsigned)CONTEXT_MAX); i++)
		put_text(line, context.pairs[i].key, context.pairs[i].value);
}

static void end_line(struct line *line, bool cut)
{
	line->limit = LOG_LINE_MAX;
	line->cut = false;
	if (cut)
		put_text(line, "cut", "true");
	put(line, setup.format == LOG_JSON ? STR("}\n") : STR("\n"));
}

/* Nobody can be told when the log itself cannot be written. */
static void write_line(struct line *line)
{
	ssize_t written;

	do
		written = write(STDERR_FILENO, line->text, line->n);
	while (written < 0 && errno == EINTR);
}

void log_line(enum log_level level, const char *event, const char *fmt, ...)
{
	char text[LOG_LINE_MAX];
	struct line line = { .limit = LOG_LINE_MAX - LINE_END };
	struct pair pair;
	va_list ap;

	if (!log_enabled(level))
		return;

	va_start(ap, fmt);
	const int formatted = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);

	put_head(&line, level, event);

	const size_t len = formatted > 0 ? (size_t)formatted : 0;
	struct str message = str_n(text, MIN(len, sizeof(text) - 1));

	while (next_pair(&message, &pair))
		put_pair(&line, &pair);
	end_line(&line, line.cut || len >= sizeof(text));
	write_line(&line);
}
