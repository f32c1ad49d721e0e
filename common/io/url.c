/* url.c - a thin layer over curl_url(). */
#include "common/io/url.h"

#include <curl/curl.h>

struct str url_no_fragment(struct str url)
{
	size_t at;

	return str_find(url, '#', &at) ? str_n(url.p, at) : url;
}

static bool is_acceptable_text(struct str url)
{
	return url.n <= URL_MAX && !str_has_ctl(url);
}

/* Relative to what the handle holds already. */
static bool set(CURLU *handle, struct arena *arena, struct str url)
{
	return curl_url_set(handle, CURLUPART_URL, arena_cstr(arena, url), 0) == CURLUE_OK;
}

static bool get(CURLU *handle, CURLUPart part, struct arena *arena, struct str *out)
{
	char *text = NULL;

	if (curl_url_get(handle, part, &text, 0) != CURLUE_OK)
		return false;
	*out = arena_copy(arena, str_of(text));
	curl_free(text);
	return true;
}

static bool is_http(CURLU *handle, struct arena *arena)
{
	struct str scheme, host;

	return get(handle, CURLUPART_SCHEME, arena, &scheme) && get(handle, CURLUPART_HOST, arena, &host) &&
	       host.n && (str_eq(scheme, STR("http")) || str_eq(scheme, STR("https")));
}

static CURLU *handle_new(void)
{
	CURLU *handle = curl_url();

	INVARIANT(handle);
	return handle;
}

bool url_is_http(struct arena *arena, struct str url)
{
	CURLU *handle = handle_new();
	const bool ok = url.n && is_acceptable_text(url) && set(handle, arena, url) && is_http(handle, arena);

	curl_url_cleanup(handle);
	return ok;
}

bool url_resolve(struct arena *arena, struct str base, struct str ref, struct str *out)
{
	CURLU *handle = handle_new();
	struct str absolute;
	bool ok;

	base = url_no_fragment(base);
	ref = url_no_fragment(str_trim(ref));
	ok = (base.n || ref.n) && is_acceptable_text(base) && is_acceptable_text(ref) &&
	     (base.n == 0 || set(handle, arena, base)) && (ref.n == 0 || set(handle, arena, ref)) &&
	     is_http(handle, arena) && get(handle, CURLUPART_URL, arena, &absolute) && absolute.n <= URL_MAX;
	curl_url_cleanup(handle);
	if (ok)
		*out = absolute;
	return ok;
}

struct str url_fragment(struct str url)
{
	size_t at;

	return str_find(url, '#', &at) ? str_skip(url, at + 1) : STR_NULL;
}

static struct str lower_case(struct arena *arena, struct str text)
{
	char *copy = arena_cstr(arena, text);

	for (size_t i = 0; i < text.n; i++)
		copy[i] = (char)(copy[i] >= 'A' && copy[i] <= 'Z' ? copy[i] + ('a' - 'A') : copy[i]);
	return str_n(copy, text.n);
}

bool url_split(struct arena *arena, struct str url, struct url_parts *out)
{
	CURLU *handle = handle_new();
	struct str scheme, host;
	const bool ok = is_acceptable_text(url_no_fragment(url)) && set(handle, arena, url) &&
			get(handle, CURLUPART_SCHEME, arena, &scheme) &&
			get(handle, CURLUPART_HOST, arena, &host) &&
			get(handle, CURLUPART_PATH, arena, &out->path);

	curl_url_cleanup(handle);
	if (!ok)
		return false;
	out->is_secure = str_eq(scheme, STR("https"));
	out->host = lower_case(arena, host);
	return true;
}

struct str url_public(struct arena *arena, struct str url)
{
	CURLU *handle = handle_new();
	struct str open = url;
	size_t at;

	if (str_find(url, '@', &at) && !(is_acceptable_text(url) && set(handle, arena, url) &&
					 curl_url_set(handle, CURLUPART_USER, NULL, 0) == CURLUE_OK &&
					 curl_url_set(handle, CURLUPART_PASSWORD, NULL, 0) == CURLUE_OK &&
					 get(handle, CURLUPART_URL, arena, &open)))
		open = STR(""); /* unreadable, and perhaps with a password */
	curl_url_cleanup(handle);
	return open;
}
