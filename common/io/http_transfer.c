/* http_transfer.c - what a request may do, how it is built, and how its end is judged.
 *
 * The callbacks run inside libcurl: they only collect and count, and return.
 */
#include "common/io/http_transfer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/io/url.h"

enum {
	REQUEST_HEAD_MAX = 32 * 1024,
	ANSWER_HEAD_MAX = 32 * 1024,
	ARENA_MAX = 256 * 1024, /* both heads and the URL in a few forms */
	CONNECTION_IDLE_S = 60,
	CONNECTION_LIFE_S = 300,
};

/* ---- the guard ---- */

static void log_refusal(const struct http_transfer *t, const struct sockaddr *address)
{
	char text[INET6_ADDRSTRLEN] = "", *host = NULL;
	struct sockaddr_in6 in6;
	struct sockaddr_in in;

	if (address->sa_family == AF_INET) {
		memcpy(&in, address, sizeof(in));
		inet_ntop(AF_INET, &in.sin_addr, text, sizeof(text));
	} else if (address->sa_family == AF_INET6) {
		memcpy(&in6, address, sizeof(in6));
		inet_ntop(AF_INET6, &in6.sin6_addr, text, sizeof(text));
	}
	curl_url_get(t->url, CURLUPART_HOST, &host, 0);
	log_info("fetch_refused", "host=%s address=%s", log_str(str_of(host)), text);
	curl_free(host);
}

static curl_socket_t on_open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct http_transfer *t = arg;

	(void)purpose;
	if (t->guard && !netguard_permits(t->guard, &address->addr)) {
		t->was_refused = true;
		log_refusal(t, &address->addr);
		return CURL_SOCKET_BAD;
	}
	t->was_opened = true;
	return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* ---- the answer as it comes ---- */

/* From here on it is the server that we wait for. */
static int on_connected(void *arg, char *to, char *from, int to_port, int from_port)
{
	struct http_transfer *t = arg;

	(void)to;
	(void)from;
	(void)to_port;
	(void)from_port;
	t->heard_ms = clock_mono_ms();
	return CURL_PREREQFUNC_OK;
}

static void keep_header(struct http_transfer *t, struct str line)
{
	struct http_result *result = &t->result;
	struct str name;

	if (!str_split(&line, ':', &name) || str_is_null(line))
		return;

	const struct str value = arena_copy(t->arena, str_trim(line));

	if (str_eq_nocase(name, STR("Content-Type")) && str_is_null(result->content_type))
		result->content_type = value;
	else if (str_eq_nocase(name, STR("Content-Encoding")) && str_is_null(result->content_encoding))
		result->content_encoding = value;
	else if (str_eq_nocase(name, STR("Location")) && str_is_null(result->location))
		result->location = value;
	else if (str_eq_nocase(name, STR("Set-Cookie")) &&
		 result->n_set_cookie < ARRAY_LEN(result->set_cookie))
		result->set_cookie[result->n_set_cookie++] = value;
}

/* One line; also those of interim answers (100, 103), which do not count, and of trailers. */
static size_t on_header(char *data, size_t size, size_t n, void *arg)
{
	struct http_transfer *t = arg;
	const struct str line = str_trim(str_n(data, n));

	(void)size;
	t->heard_ms = clock_mono_ms();
	t->head_n += n;
	if (t->head_n > ANSWER_HEAD_MAX) {
		t->is_too_large = true;
		return 0;
	}

	if (str_starts(line, STR("HTTP/"))) {
		t->result = (struct http_result){ .err = ERR_NONE };
		t->head_is_done = false;
	} else if (line.n == 0) {
		t->head_is_done = true;
	} else if (!t->head_is_done) {
		keep_header(t, line);
	}
	return n;
}

static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
	struct http_transfer *t = arg;

	(void)size;
	t->heard_ms = clock_mono_ms();
	buf_put(&t->body, str_n(data, n));
	if (buf_ok(&t->body))
		return n;
	t->is_too_large = true;
	return 0;
}

/* ---- building a request ---- */

/* user:password leaves the URL before anything can log or repeat it. */
static bool take_login(struct http_transfer *t)
{
	char *user = NULL, *password = NULL;
	const CURLUcode has_user = curl_url_get(t->url, CURLUPART_USER, &user, CURLU_URLDECODE);
	const CURLUcode has_password = curl_url_get(t->url, CURLUPART_PASSWORD, &password, CURLU_URLDECODE);
	const bool ok = (has_user == CURLUE_OK || has_user == CURLUE_NO_USER) &&
			(has_password == CURLUE_OK || has_password == CURLUE_NO_PASSWORD);

	if (ok && (user || password)) {
		curl_easy_setopt(t->easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
		curl_easy_setopt(t->easy, CURLOPT_USERNAME, user ? user : "");
		curl_easy_setopt(t->easy, CURLOPT_PASSWORD, password ? password : "");
		curl_url_set(t->url, CURLUPART_USER, NULL, 0);
		curl_url_set(t->url, CURLUPART_PASSWORD, NULL, 0);
	}
	curl_free(user);
	curl_free(password);
	return ok;
}

static bool set_url(struct http_transfer *t, struct str url)
{
	if (!url_is_http(t->arena, url))
		return false;
	if (curl_url_set(t->url, CURLUPART_URL, arena_cstr(t->arena, url), 0) != CURLUE_OK || !take_login(t))
		return false;
	return curl_easy_setopt(t->easy, CURLOPT_CURLU, t->url) == CURLE_OK;
}

static void add_header(struct http_transfer *t, const char *line)
{
	struct curl_slist *longer = curl_slist_append(t->headers, line);

	INVARIANT(longer);
	t->headers = longer;
}

static bool is_header(struct str name, struct str value)
{
	size_t at;

	return name.n && !str_has_ctl(name) && !str_has_ctl(value) && !str_find(name, ':', &at) &&
	       !str_find(name, ' ', &at) && !str_find(name, ';', &at);
}

/* "Name:" alone would make libcurl leave the header out, "Name;" sends it empty. */
static void put_header(struct http_transfer *t, struct str name, struct str value)
{
	const struct str line =
		value.n ? arena_printf(t->arena, STR_FMT ": " STR_FMT, STR_ARG(name), STR_ARG(value))
			: arena_printf(t->arena, STR_FMT ";", STR_ARG(name));

	add_header(t, line.p);
}

static bool set_headers(struct http_transfer *t, const struct http_fetch *fetch)
{
	size_t total = fetch->content_type.n;

	INVARIANT(fetch->n_headers <= HTTP_FETCH_MAX_HEADERS);
	for (size_t i = 0; i < fetch->n_headers; i++) {
		total += fetch->headers[i].name.n + fetch->headers[i].value.n;
		if (!is_header(fetch->headers[i].name, fetch->headers[i].value))
			return false;
	}
	if (total > REQUEST_HEAD_MAX || str_has_ctl(fetch->content_type))
		return false;

	for (size_t i = 0; i < fetch->n_headers; i++)
		put_header(t, fetch->headers[i].name, fetch->headers[i].value);
	if (fetch->post && fetch->content_type.n)
		put_header(t, STR("Content-Type"), fetch->content_type);
	else if (fetch->post)
		add_header(t, "Content-Type:");
	add_header(t, "Expect:");
	return curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->headers) == CURLE_OK;
}

static void set_body(struct http_transfer *t, const struct http_fetch *fetch)
{
	int rc = 0;

	if (!fetch->post)
		return;
	rc |= curl_easy_setopt(t->easy, CURLOPT_POST, 1L);
	rc |= curl_easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)fetch->body.n);
	rc |= curl_easy_setopt(t->easy, CURLOPT_COPYPOSTFIELDS, fetch->body.n ? fetch->body.p : "");
	INVARIANT(rc == CURLE_OK);
}

/* What no request may do, whatever its URL or the environment say. */
static void set_policy(struct http_transfer *t, const struct http_transfer_rules *rules)
{
	CURL *easy = t->easy;
	int rc = 0;

	rc |= curl_easy_setopt(easy, CURLOPT_PROXY, "");
	rc |= curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	rc |= curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
	rc |= curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	rc |= curl_easy_setopt(easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
	rc |= curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	rc |= curl_easy_setopt(easy, CURLOPT_HTTP_CONTENT_DECODING, 0L);
	rc |= curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	rc |= curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
	rc |= curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
	if (rules->ca_file)
		rc |= curl_easy_setopt(easy, CURLOPT_CAINFO, rules->ca_file);
	rc |= curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	/* Else giving up while a name is looked up would wait for the resolver's thread. */
	rc |= curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
	rc |= curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, (long)CONNECTION_IDLE_S);
	rc |= curl_easy_setopt(easy, CURLOPT_MAXLIFETIME_CONN, (long)CONNECTION_LIFE_S);
	rc |= curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)MAX(t->connect_ms, 1));
	rc |= curl_easy_setopt(easy, CURLOPT_USERAGENT, rules->user_agent);
	INVARIANT(rc == CURLE_OK);
}

static void set_callbacks(struct http_transfer *t)
{
	CURL *easy = t->easy;
	int rc = 0;

	rc |= curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, t->error);
	rc |= curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_connected);
	rc |= curl_easy_setopt(easy, CURLOPT_PREREQDATA, t);
	rc |= curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	rc |= curl_easy_setopt(easy, CURLOPT_HEADERDATA, t);
	rc |= curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	rc |= curl_easy_setopt(easy, CURLOPT_WRITEDATA, t);
	rc |= curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
	rc |= curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, t);
	INVARIANT(rc == CURLE_OK);
}

bool http_transfer_init(struct http_transfer *t, const struct http_transfer_rules *rules,
			const struct http_fetch *fetch)
{
	*t = (struct http_transfer){
		.easy = curl_easy_init(),
		.url = curl_url(),
		.arena = arena_new(ARENA_MAX),
		.guard = rules->guard,
		.connect_ms = fetch->connect_ms,
	};
	INVARIANT(t->easy && t->url);
	buf_init(&t->body, fetch->max_body);

	set_policy(t, rules);
	set_callbacks(t);
	set_body(t, fetch);
	if (!set_url(t, fetch->url)) {
		http_transfer_fail(t, ERR_URL_FORMAT, "%s", err_text(ERR_URL_FORMAT));
		return false;
	}
	if (!set_headers(t, fetch)) {
		http_transfer_fail(t, ERR_FETCH_FAILED, "a header of the request is not valid");
		return false;
	}
	return true;
}

struct str http_transfer_host(struct http_transfer *t)
{
	char *host = NULL, *port = NULL;

	curl_url_get(t->url, CURLUPART_HOST, &host, 0);
	curl_url_get(t->url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT);
	const struct str name = arena_printf(t->arena, "%s:%s", host ? host : "", port ? port : "");

	curl_free(host);
	curl_free(port);
	return name;
}

/* ---- the end ---- */

void http_transfer_fail(struct http_transfer *t, enum err err, const char *fmt, ...)
{
	va_list ap;

	t->result = (struct http_result){ .err = err };
	va_start(ap, fmt);
	(void)vsnprintf(t->result.detail, sizeof(t->result.detail), fmt, ap);
	va_end(ap);
	for (char *c = t->result.detail; *c; c++) /* a server may have had a hand in the text */
		if ((unsigned char)*c < 0x20 || (unsigned char)*c >= 0x7f)
			*c = '?';
}

static enum err err_of(CURLcode code)
{
	static const struct {
		CURLcode code;
		enum err err;
	} table[] = {
		{ CURLE_URL_MALFORMAT, ERR_URL_FORMAT },
		{ CURLE_COULDNT_RESOLVE_HOST, ERR_FETCH_HOST },
		{ CURLE_COULDNT_CONNECT, ERR_FETCH_CONNECT },
		{ CURLE_SSL_CONNECT_ERROR, ERR_FETCH_TLS },
		{ CURLE_SSL_CERTPROBLEM, ERR_FETCH_TLS },
		{ CURLE_SSL_CIPHER, ERR_FETCH_TLS },
		{ CURLE_PEER_FAILED_VERIFICATION, ERR_FETCH_TLS },
		{ CURLE_SSL_CACERT_BADFILE, ERR_FETCH_TLS },
		{ CURLE_SSL_ISSUER_ERROR, ERR_FETCH_TLS },
		{ CURLE_SSL_INVALIDCERTSTATUS, ERR_FETCH_TLS },
		{ CURLE_SSL_ENGINE_INITFAILED, ERR_FETCH_TLS },
		{ CURLE_USE_SSL_FAILED, ERR_FETCH_TLS },
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (table[i].code == code)
			return table[i].err;
	return ERR_FETCH_FAILED;
}

void http_transfer_end(struct http_transfer *t, CURLcode code)
{
	curl_off_t elapsed_us = 0;
	long status = 0;

	curl_easy_getinfo(t->easy, CURLINFO_TOTAL_TIME_T, &elapsed_us);
	if (t->is_too_large) {
		http_transfer_fail(t, ERR_FETCH_TOO_LARGE, "the answer is larger than %zu bytes",
				   t->body.cap);
	} else if (t->was_refused && !t->was_opened) {
		http_transfer_fail(t, ERR_FETCH_BLOCKED, "%s", err_text(ERR_FETCH_BLOCKED));
	} else if (code == CURLE_OPERATION_TIMEDOUT) {
		http_transfer_fail(t, ERR_FETCH_CONNECT, "no connection within %u ms", t->connect_ms);
	} else if (code != CURLE_OK) {
		http_transfer_fail(t, err_of(code), "%s", t->error[0] ? t->error : curl_easy_strerror(code));
	} else {
		curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
		t->result.status = (unsigned)status;
		t->result.body = buf_str(&t->body);
	}
	t->result.elapsed_us = (uint64_t)elapsed_us;
}

void http_transfer_drop(struct http_transfer *t)
{
	if (t->easy)
		curl_easy_cleanup(t->easy);
	t->easy = NULL;
}

void http_transfer_fini(struct http_transfer *t)
{
	http_transfer_drop(t);
	curl_url_cleanup(t->url);
	curl_slist_free_all(t->headers);
	buf_fini(&t->body);
	arena_free(t->arena);
}
