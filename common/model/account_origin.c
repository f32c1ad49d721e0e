/* account_origin.c - which web pages may use an account.
 *
 * An origin is compared with what browsers send, byte by byte, so it has to be written as
 * they write it (RFC 6454, 6.2): lower case, and no port where it is the scheme's own.
 */
#include "common/model/account.h"

#include "common/base/json.h"
#include "common/io/url.h"

static bool is_host_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c && strchr(".-:[]", c));
}

bool account_origin_is_valid(struct arena *arena, struct str origin)
{
	const bool is_https = str_starts(origin, STR("https://"));
	const struct str host = str_skip(origin, is_https ? 8 : 7);

	if (!is_https && !str_starts(origin, STR("http://")))
		return false;
	for (size_t i = 0; i < host.n; i++)
		if (!is_host_char(host.p[i]))
			return false;
	return origin.n <= ACCOUNT_ORIGIN_MAX && url_is_http(arena, origin) &&
	       !str_ends(host, is_https ? STR(":443") : STR(":80")) && !str_ends(host, STR(":"));
}

bool account_permits_origin(const struct account *account, struct str origin)
{
	struct str rest = account->origins, one;

	if (origin.n == 0 || rest.n == 0)
		return true;
	while (str_split(&rest, ' ', &one))
		if (str_eq(one, origin))
			return true;
	return false;
}

bool account_origins_read(struct arena *arena, const struct json *from, struct str *origins,
			  struct json_fault *fault)
{
	const struct json *list;
	struct buf text;
	size_t i = 0;

	if (!json_get_array(from, "origins", JSON_OPTIONAL, ACCOUNT_ORIGINS_MAX, &list, fault))
		return false;
	if (!list)
		return true;
	buf_init(&text, ACCOUNT_ORIGINS_MAX * (ACCOUNT_ORIGIN_MAX + 1));
	for (const struct json *one = json_first(list); one; one = json_next(one), i++) {
		const struct str field = arena_printf(arena, "origins[%zu]", i), origin = json_string(one);

		if (!account_origin_is_valid(arena, origin)) {
			buf_fini(&text);
			return json_fault_set(fault, field.p,
					      "has to be as browsers send it, such as https://example.com");
		}
		if (i > 0)
			buf_putc(&text, ' ');
		buf_put(&text, origin);
	}
	*origins = arena_copy(arena, i > 0 ? buf_str(&text) : STR(""));
	buf_fini(&text);
	return true;
}
