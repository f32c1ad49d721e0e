/* http_route.h - the table that is a service's API.
 *
 *     { HTTP_GET, "/v1/Accounts/{A}/Presence/{identity}", AUTH_ANY, presence_get },
 *
 * A {name} matches one segment of the raw path, decoded afterwards: so a
 * segment may hold an encoded slash.  It may have a literal end: "{CA}.json".
 * Of several rows that match, the first wins.  Unknown paths are 404, known paths
 * with another method 405 with Allow; OPTIONS without a row of its own is answered
 * by the server.  HEAD is served as GET without a body by the library.
 */
#pragma once

#include "common/io/http.h"

struct route {
	enum http_method method;
	const char *pattern;
	unsigned auth;                   /* meaning belongs to the authorize hook */
	req_handler_fn *handler;
};

struct http_app {
	const struct route *routes;
	size_t n_routes;
	/* Called for every routed request before its handler; answers itself or ends in route->handler(req). */
	void (*authorize)(struct req *req, const struct route *route);
};

enum route_result { ROUTE_FOUND, ROUTE_NOT_FOUND, ROUTE_BAD_METHOD };

enum { ROUTE_MAX_PARAMS = 4 };

struct route_match {
	const struct route *route;
	struct str names[ROUTE_MAX_PARAMS];      /* "A", "identity" */
	struct str values[ROUTE_MAX_PARAMS];     /* raw */
	size_t n;
	unsigned allowed;                        /* bit set of methods, for Allow */
};

enum route_result route_find(const struct http_app *app, enum http_method method, struct str raw_path, struct route_match *out);
