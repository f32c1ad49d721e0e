/* fuzz_cookies.c - a URL and Set-Cookie lines from any server: the jar stays within its bounds, what comes out of it
 * can stand in a header, and no other host ever hears of it.
 *
 *     fuzz_cookies -max_len=4096 tests/fuzz/corpus/cookies
 */
#include "routing-svc/cookies.h"
#include "routing-svc/fetch_options.h"

enum { ARENA_CAP = 1 << 26, NOW_S = 1795328248 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_header(struct str cookies)
{
	INVARIANT(!str_has_ctl(cookies) && cookies.n <= 2 * COOKIES_BYTES);
	for (size_t i = 0; i < cookies.n; i++)
		INVARIANT((unsigned char)cookies.p[i] < 0x7f);
}

static void check_jar(struct arena *arena, struct str jar, const struct url_parts *from)
{
	struct url_parts other = *from;
	size_t lines = 0;

	for (size_t i = 0; i < jar.n; i++)
		lines += jar.p[i] == '\n';
	INVARIANT(jar.n <= COOKIES_BYTES && lines <= COOKIES_MAX);
	check_header(cookies_for(arena, jar, from, NOW_S));
	other.host = arena_printf(arena, "x" STR_FMT, STR_ARG(from->host));
	INVARIANT(cookies_for(arena, jar, &other, NOW_S).n == 0);
	INVARIANT(cookies_for(arena, jar, from, UINT64_MAX).n <= cookies_for(arena, jar, from, NOW_S).n);
}

static void check_options(struct str fragment)
{
	const struct settings settings = { .fetch_connect_ms = 5000, .fetch_total_ms = 15000 };
	struct fetch_options options;

	fetch_options_read(fragment, &settings, &options);
	INVARIANT(options.connect_ms >= 100 && options.connect_ms <= 10000);
	INVARIANT(options.read_ms <= 15000 && options.total_ms >= 100 && options.total_ms <= 15000);
	INVARIANT(options.repeats <= 5 && options.repeat_after > 0 && options.repeat_after < 16);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new(ARENA_CAP);
	struct str rest = str_n((const char *)data, size), jar = STR(""), url, line;
	struct url_parts from = { .host = STR("a.example"), .path = STR("/") };

	(void)cookies_for(arena, rest, &from, NOW_S); /* a jar that is none */
	if (str_split(&rest, '\n', &url) && url_split(arena, url, &from)) {
		check_options(url_fragment(url));
		for (unsigned i = 0; i < 100 && str_split(&rest, '\n', &line); i++) {
			jar = cookies_take(arena, jar, &from, NOW_S, line);
			check_jar(arena, jar, &from);
		}
	}
	arena_free(arena);
	return 0;
}
