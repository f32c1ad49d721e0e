/* fuzz_public_key.c - what customers register: a request's body, or a PEM text.
 *
 * Input that starts with "-" is PEM; anything else is the body. What is taken
 * is written so that it is taken again as the same key.
 */
#include "common/model/public_key.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_key(enum crypto_pair pair, struct str pem)
{
	enum crypto_pair again;
	struct buf text;

	buf_init(&text, CRYPTO_PUBLIC_TEXT_MAX);
	INVARIANT(!crypto_public_from_pem(pem, &again, &text));
	INVARIANT(again == pair && str_eq(buf_str(&text), pem));
	INVARIANT(!crypto_verify(pair, pem, STR("data"), STR("no signature")));
	buf_fini(&text);
}

static void read_pem(struct str text)
{
	enum crypto_pair pair;
	struct buf pem;

	buf_init(&pem, CRYPTO_PUBLIC_TEXT_MAX);
	if (!crypto_public_from_pem(text, &pair, &pem))
		check_key(pair, buf_str(&pem));
	buf_fini(&pem);
}

static void read_body(struct str text)
{
	struct arena *arena = arena_new(1 << 20);
	struct public_key keys[PUBLIC_KEYS_MAX];
	struct json_fault fault = { .missing = false };
	struct json *body;
	size_t n;

	if (json_parse(text, &body, NULL) == ERR_NONE) {
		if (public_keys_read(arena, body, keys, &n, &fault)) {
			INVARIANT(n > 0 && n <= PUBLIC_KEYS_MAX);
			for (size_t i = 0; i < n; i++)
				check_key(keys[i].pair, keys[i].pem);
		} else {
			INVARIANT(fault.field[0] && fault.why[0]);
		}
		json_free(body);
	}
	arena_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = str_n((const char *)data, size);

	if (str_starts(text, STR("-")))
		read_pem(text);
	else
		read_body(text);
	return 0;
}
