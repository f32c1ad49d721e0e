/* etag.c - the ETag of a body is a digest of it: the same answer has the same one on every instance. */
#include "presence-svc/etag.h"

#include "common/base/crypto.h"

enum { ETAG_BYTES = 16 };

/* A list of tags, or "*"; a weak one stands for the same body. */
static bool is_named(struct str list, struct str etag)
{
	struct str one;

	while (str_split(&list, ',', &one)) {
		one = str_trim(one);
		if (str_starts(one, STR("W/")))
			one = str_skip(one, 2);
		if (str_eq(one, etag) || str_eq(one, STR("*")))
			return true;
	}
	return false;
}

void reply_json_etag(struct req *req, struct buf *body)
{
	uint8_t digest[CRYPTO_MAC_MAX];
	char hex[2 * ETAG_BYTES + 1];
	struct str etag;

	(void)crypto_digest(CRYPTO_SHA256, buf_str(body), digest);
	crypto_hex(str_n((const char *)digest, ETAG_BYTES), hex);
	etag = arena_printf(req_arena(req), "\"%s\"", hex);
	reply_header(req, "ETag", etag);
	if (is_named(req_header(req, "If-None-Match"), etag)) {
		buf_fini(body);
		reply_empty(req, 304);
		return;
	}
	reply_json(req, 200, body);
}
