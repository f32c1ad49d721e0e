/* watch_cursor.c - see watch_cursor.h. */
#include "presence-svc/watch_cursor.h"

#include <stdio.h>

#include "common/base/clock.h"

enum { EPOCH_DIGITS = 8, MARGIN_US = 5 * 1000 * 1000 };

static const int64_t age_max_us = 6LL * 24 * 3600 * 1000 * 1000;

static bool read_hex(struct str text, uint32_t *out)
{
	*out = 0;
	for (size_t i = 0; i < text.n; i++) {
		const char c = text.p[i];

		if (c >= '0' && c <= '9')
			*out = *out << 4 | (uint32_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			*out = *out << 4 | (uint32_t)(c - 'a' + 10);
		else
			return false;
	}
	return text.n == EPOCH_DIGITS;
}

bool watch_cursor_read(struct str text, uint32_t epoch, struct watch_cursor *out)
{
	const int64_t now_us = (int64_t)clock_wall_ms() * 1000;
	struct str epoch_text;
	uint32_t its_epoch;

	*out = (struct watch_cursor){ .given = !str_is_null(text), .after = -1 };
	if (!out->given)
		return true;
	if (text.n >= WATCH_CURSOR_MAX || !str_split(&text, '-', &epoch_text) ||
	    !read_hex(epoch_text, &its_epoch) || !str_to_i64(text, &out->version) || out->version < 0)
		return false;
	out->stale = its_epoch != epoch || epoch == 0 || now_us - out->version > age_max_us;
	if (!out->stale)
		out->after = MAX(out->version - MARGIN_US, 0);
	return true;
}

struct str watch_cursor_write(char space[WATCH_CURSOR_MAX], uint32_t epoch, int64_t version)
{
	const int n = snprintf(space, WATCH_CURSOR_MAX, "%08x-%lld", epoch, (long long)version);

	return str_n(space, (size_t)n);
}
