/* signature.c - one sorted pass over the parameters, then HMAC-SHA1. */
#include "common/model/signature.h"

#include <stdlib.h>

#include "common/base/crypto.h"

static int compare(const void *a, const void *b)
{
	const struct form_field *left = *(const struct form_field *const *)a;
	const struct form_field *right = *(const struct form_field *const *)b;
	int order = str_cmp(left->name, right->name);

	return order ? order : str_cmp(left->value, right->value);
}

/* the parameters in order, without those that repeat both name and value */
static void put_sorted(struct buf *out, const struct form_field *fields, size_t n)
{
	const struct form_field **sorted = x_alloc(n * sizeof(const struct form_field *));

	for (size_t i = 0; i < n; i++)
		sorted[i] = &fields[i];
	qsort(sorted, n, sizeof(*sorted), compare);
	for (size_t i = 0; i < n; i++) {
		if (i > 0 && compare(&sorted[i - 1], &sorted[i]) == 0)
			continue;
		buf_put(out, sorted[i]->name);
		buf_put(out, sorted[i]->value);
	}
	x_free(sorted);
}

void signature_twilio(struct str auth_token, struct str url, const struct form_field *fields, size_t n,
		      char out[SIGNATURE_MAX])
{
	uint8_t mac[CRYPTO_MAC_MAX];
	struct buf text, base64;
	size_t len = url.n;

	for (size_t i = 0; i < n; i++)
		len += fields[i].name.n + fields[i].value.n;
	buf_init(&text, len);
	buf_put(&text, url);
	if (n > 0)
		put_sorted(&text, fields, n);
	len = crypto_hmac(CRYPTO_SHA1, auth_token, buf_str(&text), mac);

	buf_init(&base64, SIGNATURE_MAX - 1);
	crypto_base64(&base64, str_n((const char *)mac, len));
	INVARIANT(buf_ok(&text) && str_copy(buf_str(&base64), out, SIGNATURE_MAX));
	buf_fini(&base64);
	buf_fini(&text);
}
