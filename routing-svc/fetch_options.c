/* fetch_options.c - see fetch_options.h. */
#include "routing-svc/fetch_options.h"

enum { SHORTEST_MS = 100, CONNECT_MAX_MS = 10000, READ_MAX_MS = 15000, REPEATS_MAX = 5 };

static bool read_number(struct str text, unsigned least, unsigned most, unsigned *out)
{
	uint64_t n;

	if (!str_to_u64(text, &n))
		return false;
	*out = (unsigned)MAX(MIN(n, (uint64_t)most), (uint64_t)least);
	return true;
}

static unsigned failure_named(struct str name)
{
	static const struct {
		const char *name;
		unsigned bits;
	} table[] = {
		{ "4xx", REPEAT_4XX },
		{ "5xx", REPEAT_5XX },
		{ "ct", REPEAT_CT },
		{ "rt", REPEAT_RT },
		{ "all", REPEAT_4XX | REPEAT_5XX | REPEAT_CT | REPEAT_RT },
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		if (str_eq(name, str_of(table[i].name)))
			return table[i].bits;
	}
	return 0;
}

static bool read_policy(struct str text, unsigned *out)
{
	unsigned bits = 0;
	struct str name;

	while (str_split(&text, ',', &name)) {
		const unsigned bit = failure_named(name);

		if (!bit)
			return false;
		bits |= bit;
	}
	*out = bits ? bits : *out;
	return bits != 0;
}

/* False when the name is ours and the value is not. */
static bool read_pair(struct str name, struct str value, const struct settings *settings,
		      struct fetch_options *out)
{
	const unsigned longest_ms = (unsigned)settings->fetch_total_ms;

	if (str_eq(name, STR("ct")))
		return read_number(value, SHORTEST_MS, CONNECT_MAX_MS, &out->connect_ms);
	if (str_eq(name, STR("rt")))
		return read_number(value, SHORTEST_MS, READ_MAX_MS, &out->read_ms);
	if (str_eq(name, STR("tt")))
		return read_number(value, SHORTEST_MS, longest_ms, &out->total_ms);
	if (str_eq(name, STR("rc")))
		return read_number(value, 0, REPEATS_MAX, &out->repeats);
	if (str_eq(name, STR("rp")))
		return read_policy(value, &out->repeat_after);
	return true;
}

void fetch_options_read(struct str fragment, const struct settings *settings, struct fetch_options *out)
{
	struct str pair, name;

	*out = (struct fetch_options){ .connect_ms = (unsigned)settings->fetch_connect_ms,
				       .total_ms = (unsigned)settings->fetch_total_ms,
				       .repeats = 1,
				       .repeat_after = REPEAT_CT,
				       .misread = STR_NULL };
	while (str_split(&fragment, '&', &pair)) {
		struct str value = pair;

		if (str_split(&value, '=', &name) && !str_is_null(value) &&
		    !read_pair(name, value, settings, out) && str_is_null(out->misread))
			out->misread = pair;
	}
}
