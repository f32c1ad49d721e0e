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

uint64_t clock_boot_ms(void)
{
	return now_ms(CLOCK_BOOTTIME);
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

/* -- reading -- */

/* Cuts `width` digits off the front, and the character behind them when it has to be one of `ends`. */
static bool take_digits(struct str *text, size_t width, const char *ends, unsigned *out)
{
	uint64_t value;

	if (text->n <= width || !str_to_u64(str_n(text->p, width), &value) ||
	    (ends && (!text->p[width] || !strchr(ends, text->p[width]))))
		return false;
	*out = (unsigned)value;
	*text = str_skip(*text, width + (ends ? 1 : 0));
	return true;
}

static unsigned days_of_month(unsigned year, unsigned month)
{
	static const unsigned char days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	const bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && is_leap);
}

static uint64_t days_before(unsigned year, unsigned month, unsigned day)
{
	const unsigned past = year - 1;
	const uint64_t until_1970 = 719162;
	uint64_t days = (uint64_t)past * 365 + past / 4 - past / 100 + past / 400 + day - 1;

	for (unsigned m = 1; m < month; m++)
		days += days_of_month(year, m);
	return days - until_1970;
}

static bool take_date(struct str *text, uint64_t *days)
{
	unsigned year, month, day;

	if (!take_digits(text, 4, "-", &year) || !take_digits(text, 2, "-", &month) ||
	    !take_digits(text, 2, "Tt", &day))
		return false;
	if (year < 1970 || month < 1 || month > 12 || day < 1 || day > days_of_month(year, month))
		return false;
	*days = days_before(year, month, day);
	return true;
}

/* Milliseconds, if there is a fraction; more digits are cut. */
static bool take_fraction(struct str *text, unsigned *ms)
{
	size_t n = 0;

	*ms = 0;
	if (!str_starts(*text, STR(".")))
		return true;
	*text = str_skip(*text, 1);
	while (n < text->n && text->p[n] >= '0' && text->p[n] <= '9')
		n++;
	for (size_t i = 0; i < 3; i++)
		*ms = *ms * 10 + (i < n ? (unsigned)(text->p[i] - '0') : 0);
	*text = str_skip(*text, n);
	return n > 0;
}

/* Seconds that the clock there is ahead of UTC. */
static bool read_offset(struct str text, int64_t *out)
{
	const bool is_ahead = str_starts(text, STR("+"));
	unsigned hours;
	uint64_t minutes;

	*out = 0;
	if (str_eq_nocase(text, STR("Z")))
		return true;
	if (text.n != 6 || (!is_ahead && text.p[0] != '-'))
		return false;
	text = str_skip(text, 1);
	if (!take_digits(&text, 2, ":", &hours) || !str_to_u64(text, &minutes) || hours > 23 || minutes > 59)
		return false;
	*out = (is_ahead ? 60 : -60) * (int64_t)(hours * 60 + minutes);
	return true;
}

bool clock_rfc3339_parse(struct str text, uint64_t *wall_ms)
{
	unsigned hour, minute, second, ms;
	uint64_t days;
	int64_t offset, seconds;

	if (!take_date(&text, &days) || !take_digits(&text, 2, ":", &hour) ||
	    !take_digits(&text, 2, ":", &minute) || !take_digits(&text, 2, NULL, &second) ||
	    !take_fraction(&text, &ms) || !read_offset(text, &offset))
		return false;
	if (hour > 23 || minute > 59 || second > 60)
		return false;
	seconds = (int64_t)days * 86400 + hour * 3600 + minute * 60 + second - offset;
	if (seconds < 0)
		return false;
	*wall_ms = (uint64_t)seconds * 1000 + ms;
	return true;
}

bool clock_http_parse(struct str text, uint64_t *wall_s)
{
	static const char
		*const forms[] = { "%a, %d %b %Y %H:%M:%S GMT", "%a, %d-%b-%y %H:%M:%S GMT",
				   "%a, %d-%b-%Y %H:%M:%S GMT" /* to which 26 would be a year, too */ };
	char copy[40];

	if (!str_copy(str_trim(text), copy, sizeof(copy)))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		struct tm tm = { 0 };
		const char *rest = strptime(copy, forms[i], &tm);

		if (rest && *rest == '\0') {
			const time_t seconds = timegm(&tm);

			*wall_s = seconds > 0 ? (uint64_t)seconds : 0;
			return true;
		}
	}
	return false;
}
