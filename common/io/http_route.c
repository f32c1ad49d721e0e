/* http_route.c - finding the route of a raw path.  Pure.
 *
 * Path and pattern are walked side by side, segment by segment.  A pattern's
 * segment is literal, or {name} with a literal end: "{CA}.json".  The first
 * row of the table that matches path and method wins.
 */
#include "common/io/http_route.h"

/* Matches one segment; a value found goes to the end of out's lists. */
static bool match_segment(struct str pattern, struct str segment, struct route_match *out)
{
	struct str name, suffix;
	size_t close;

	if (!str_starts(pattern, STR("{")) || !str_find(pattern, '}', &close))
		return str_eq(pattern, segment);

	name = str_n(pattern.p + 1, close - 1);
	suffix = str_skip(pattern, close + 1);
	if (segment.n <= suffix.n || !str_ends(segment, suffix))
		return false;
	INVARIANT(out->n < ROUTE_MAX_PARAMS);
	out->names[out->n] = name;
	out->values[out->n] = str_n(segment.p, segment.n - suffix.n);
	out->n++;
	return true;
}

static bool match_path(struct str pattern, struct str path, struct route_match *out)
{
	struct str expected, segment;

	out->n = 0;
	while (str_split(&pattern, '/', &expected))
		if (!str_split(&path, '/', &segment) || !match_segment(expected, segment, out))
			return false;
	return !str_split(&path, '/', &segment);
}

enum route_result route_find(const struct http_app *app, enum http_method method, struct str raw_path,
			     struct route_match *out)
{
	*out = (struct route_match){ .route = NULL };
	for (size_t i = 0; i < app->n_routes; i++) {
		const struct route *route = &app->routes[i];

		if (!match_path(str_of(route->pattern), raw_path, out))
			continue;
		out->allowed |= 1u << route->method;
		if (route->method == method) {
			out->route = route;
			return ROUTE_FOUND;
		}
	}
	out->n = 0;
	return out->allowed ? ROUTE_BAD_METHOD : ROUTE_NOT_FOUND;
}
