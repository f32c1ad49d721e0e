/* http_transfer.h - one request and its answer as a libcurl easy handle.  Private to the HTTP client.
 *
 * Here is what a request may do at all (protocols, proxies, addresses, sizes),
 * how it is built and how its end is judged.  When it runs is http_client.c's.
 */
#pragma once

#include <curl/curl.h>

#include "common/base/buf.h"
#include "common/io/http_client.h"

struct http_transfer_rules {
	const struct netguard *guard;    /* NULL: trusted, no filter */
	const char *user_agent;
	const char *ca_file;             /* NULL: the system's */
};

struct http_transfer {
	CURL *easy;
	CURLU *url;                      /* without login; libcurl reads it when the transfer starts */
	struct curl_slist *headers;
	struct arena *arena;
	const struct netguard *guard;
	unsigned connect_ms;
	uint64_t heard_ms;               /* when the server last sent something, or the request went out; 0: not connected yet */
	bool was_refused, was_opened;    /* what the guard said to the host's addresses */
	bool is_too_large, head_is_done;
	size_t head_n;
	struct buf body;
	struct http_result result;       /* borrows from the arena and the body */
	char error[CURL_ERROR_SIZE];
};

/* Where t lies must not change until _fini; rules are borrowed until then.  On
 * failure result.err and .detail tell why, and t still needs its _fini. */
MUST_USE bool http_transfer_init(struct http_transfer *t, const struct http_transfer_rules *rules,
                                 const struct http_fetch *fetch);
struct str http_transfer_host(struct http_transfer *t);  /* "host:port" */
void http_transfer_end(struct http_transfer *t, CURLcode code);      /* completes the result */
void http_transfer_fail(struct http_transfer *t, enum err err, const char *fmt, ...) PRINTF_LIKE(3, 4);
void http_transfer_drop(struct http_transfer *t);        /* the handle; the result stays */
void http_transfer_fini(struct http_transfer *t);
