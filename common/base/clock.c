/* clock.c - the two clocks, and their time in words.
 *
 * Years are four digits; a time beyond 9999 reads as its last millisecond.
 */
#include "common/base/clock.h"

#include <time.h>

#include "common/base/arena.h"

#define LAST_WALL_MS UINT64_C(253402300799999) /* 9999-12-31T23:59:59.999Z */

static uint64_t now_ms(clockid_t clock)
{
	struct timespec now;

	INVARIANT(clock_gettime(clock, &now) == 0);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

uint64_t clock_mono_ms(void)
{
	return now_ms(CLOCK_MONOTONIC);
}

uint64_t clock_wall_ms(void)
{
	return now_ms(CLOCK_REALTIME);
}

uint64_t clock_wall_s(void)
{
	return clock_wall_ms() / 1000;
}

static struct tm utc(uint64_t wall_ms)
{
	const time_t seconds = (time_t)(wall_ms / 1000);
	struct tm tm;

	INVARIANT(gmtime_r(&seconds, &tm));
	return tm;
}

/* Writes `value` with leading zeros and the mark behind it; returns what follows. */
static char *put_digits(char *out, unsigned value, unsigned width, char mark)
{
	for (unsigned i = width; i-- > 0; value /= 10)
		out[i] = (char)('0' + value % 10);
	out[width] = mark;
	return out + width + 1;
}

void clock_rfc3339_put(char out[CLOCK_RFC3339_SIZE], uint64_t wall_ms)
{
	const uint64_t ms = MIN(wall_ms, LAST_WALL_MS);
	const struct tm tm = utc(ms);

	out = put_digits(out, (unsigned)tm.tm_year + 1900, 4, '-');
	out = put_digits(out, (unsigned)tm.tm_mon + 1, 2, '-');
	out = put_digits(out, (unsigned)tm.tm_mday, 2, 'T');
	out = put_digits(out, (unsigned)tm.tm_hour, 2, ':');
	out = put_digits(out, (unsigned)tm.tm_min, 2, ':');
	out = put_digits(out, (unsigned)tm.tm_sec, 2, '.');
	out = put_digits(out, (unsigned)(ms % 1000), 3, 'Z');
	*out = '\0';
}

struct str clock_rfc3339(struct arena *arena, uint64_t wall_ms)
{
	char text[CLOCK_RFC3339_SIZE];

	clock_rfc3339_put(text, wall_ms);
	return arena_copy(arena, str_of(text));
}

/* The names are ours, not strftime's: they may not follow a locale. */
struct str clock_rfc2822(struct arena *arena, uint64_t wall_ms)
{
	static const char *const days[] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
	static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
					      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	const struct tm tm = utc(MIN(wall_ms, LAST_WALL_MS));

	return arena_printf(arena, "%s, %02d %s %04d %02d:%02d:%02d +0000", days[tm.tm_wday], tm.tm_mday,
			    months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}
