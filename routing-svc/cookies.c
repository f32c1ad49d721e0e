/* cookies.c - see cookies.h.  The parts of RFC 6265 that a call's requests need. */
#include "routing-svc/cookies.h"

#include "common/base/buf.h"
#include "common/base/clock.h"

enum { COOKIE_MAX = 4096 };

struct cookie {
	uint64_t until_s; /* 0: as long as the call */
	bool is_secure, is_over;
	struct str host, path, name, value;
};

/* ---- the jar's lines ---- */

static bool line_read(struct str line, struct cookie *out)
{
	struct str until, secure;

	*out = (struct cookie){ .is_over = false };
	if (!str_split(&line, ' ', &until) || !str_to_u64(until, &out->until_s) ||
	    !str_split(&line, ' ', &secure) || !str_split(&line, ' ', &out->host) ||
	    !str_split(&line, ' ', &out->path) || !str_split(&line, '=', &out->name))
		return false;
	out->is_secure = str_eq(secure, STR("s"));
	out->value = str_is_null(line) ? STR("") : line;
	return true;
}

static void line_put(struct buf *out, const struct cookie *cookie)
{
	buf_printf(out, "%llu %c " STR_FMT " " STR_FMT " " STR_FMT "=" STR_FMT "\n",
		   (unsigned long long)cookie->until_s, cookie->is_secure ? 's' : '-', STR_ARG(cookie->host),
		   STR_ARG(cookie->path), STR_ARG(cookie->name), STR_ARG(cookie->value));
}

static bool is_same(const struct cookie *a, const struct cookie *b)
{
	return str_eq(a->host, b->host) && str_eq(a->path, b->path) && str_eq(a->name, b->name);
}

/* ---- Set-Cookie ---- */

/* It becomes part of a header and of a line: visible ASCII and inner spaces only. */
static bool is_plain(struct str text, bool may_have_spaces)
{
	for (size_t i = 0; i < text.n; i++) {
		const unsigned char c = (unsigned char)text.p[i];

		if (c < 0x20 || c >= 0x7f || (c == ' ' && !may_have_spaces))
			return false;
	}
	return true;
}

/* The directory of the URL that set it. */
static struct str default_path(struct str path)
{
	size_t n = path.n;

	while (n > 0 && path.p[n - 1] != '/')
		n--;
	return n > 1 ? str_n(path.p, n - 1) : STR("/");
}

static void read_attribute(struct str name, struct str value, uint64_t now_s, struct cookie *cookie,
			   bool *has_age)
{
	int64_t age;

	if (str_eq_nocase(name, STR("Secure"))) {
		cookie->is_secure = true;
	} else if (str_eq_nocase(name, STR("Path"))) {
		if (str_starts(value, STR("/")) && is_plain(value, false))
			cookie->path = value;
	} else if (str_eq_nocase(name, STR("Max-Age")) && str_to_i64(value, &age)) {
		*has_age = true;
		cookie->is_over = age <= 0;
		cookie->until_s = now_s + (uint64_t)MAX(MIN(age, INT64_C(1) << 32), INT64_C(0));
	} else if (str_eq_nocase(name, STR("Expires")) && !*has_age) {
		uint64_t until_s;

		if (!clock_http_parse(value, &until_s))
			return;
		cookie->is_over = until_s <= now_s;
		cookie->until_s = until_s;
	}
}

static bool cookie_read(struct str text, const struct url_parts *from, uint64_t now_s, struct cookie *out)
{
	bool has_age = false;
	struct str part, name;

	*out = (struct cookie){ .host = from->host, .path = default_path(from->path) };
	if (text.n > COOKIE_MAX || !str_split(&text, ';', &part) || !str_split(&part, '=', &name) ||
	    str_is_null(part))
		return false;
	out->name = str_trim(name);
	out->value = str_trim(part);
	if (out->name.n == 0 || !is_plain(out->name, false) || !is_plain(out->value, true))
		return false;
	while (str_split(&text, ';', &part)) {
		struct str value = part;

		(void)str_split(&value, '=', &name);
		read_attribute(str_trim(name), str_trim(value), now_s, out, &has_age);
	}
	/* Else who listens on an open connection could replace what the secure one set. */
	return is_plain(out->path, false) && (!out->is_secure || from->is_secure);
}

static size_t lines_of(struct str jar)
{
	size_t n = 0;

	for (size_t i = 0; i < jar.n; i++)
		n += jar.p[i] == '\n';
	return n;
}

static struct str without_first(struct str jar)
{
	struct str first;

	(void)str_split(&jar, '\n', &first);
	return str_is_null(jar) ? STR("") : jar;
}

struct str cookies_take(struct arena *arena, struct str jar, const struct url_parts *from, uint64_t now_s,
			struct str set_cookie)
{
	struct str line, rest = jar, out;
	struct cookie cookie, other;
	struct buf text;

	if (!cookie_read(set_cookie, from, now_s, &cookie))
		return jar;
	buf_init(&text, 3 * COOKIES_BYTES);
	while (str_split(&rest, '\n', &line)) {
		if (line_read(line, &other) && !is_same(&other, &cookie) &&
		    (other.until_s == 0 || other.until_s > now_s))
			line_put(&text, &other);
	}
	if (!cookie.is_over)
		line_put(&text, &cookie);
	out = buf_ok(&text) ? buf_str(&text) : jar;
	while (out.n > COOKIES_BYTES || lines_of(out) > COOKIES_MAX)
		out = without_first(out);
	out = arena_copy(arena, out.n ? out : STR(""));
	buf_fini(&text);
	return out;
}

/* ---- Cookie ---- */

static bool is_below(struct str path, struct str directory)
{
	return str_starts(path, directory) &&
	       (path.n == directory.n || str_ends(directory, STR("/")) || path.p[directory.n] == '/');
}

static bool goes_to(const struct cookie *cookie, const struct url_parts *to, uint64_t now_s)
{
	return str_eq(cookie->host, to->host) && is_below(to->path, cookie->path) &&
	       (to->is_secure || !cookie->is_secure) && (cookie->until_s == 0 || cookie->until_s > now_s);
}

struct str cookies_for(struct arena *arena, struct str jar, const struct url_parts *to, uint64_t now_s)
{
	struct cookie cookie;
	struct str line, out;
	struct buf text;

	buf_init(&text, 2 * COOKIES_BYTES);
	while (str_split(&jar, '\n', &line)) {
		if (line_read(line, &cookie) && goes_to(&cookie, to, now_s))
			buf_printf(&text, "%s" STR_FMT "=" STR_FMT, text.n ? "; " : "", STR_ARG(cookie.name),
				   STR_ARG(cookie.value));
	}
	out = buf_ok(&text) ? arena_copy(arena, buf_str(&text)) : STR("");
	buf_fini(&text);
	return out;
}
