/* fuzz_json.c - whatever bytes come in: what is taken can be written, and what
 * is written is taken and says the same.
 *
 *     fuzz_json -max_len=4096 tests/fuzz/corpus/json
 */
#include "common/base/json.h"

enum { TEXT_CAP = 1 << 22 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_value(struct buf *out, const struct json *value)
{
	struct json_writer w;

	buf_init(out, TEXT_CAP);
	json_begin(&w, out);
	json_put(&w, value);
	INVARIANT(buf_ok(out));
}

static void check_text(struct str text)
{
	struct json *doc, *again;
	struct buf first, second;
	size_t at = 0;

	if (json_parse(text, &doc, &at)) {
		INVARIANT(at <= text.n);
		return;
	}
	write_value(&first, doc);
	INVARIANT(json_parse(buf_str(&first), &again, NULL) == ERR_NONE);
	write_value(&second, again);
	INVARIANT(str_eq(buf_str(&first), buf_str(&second)));
	buf_fini(&second);
	buf_fini(&first);
	json_free(again);
	json_free(doc);
}

/* Any bytes can be written as a string; UTF-8 without NUL comes back unchanged. */
static void check_string(struct str bytes)
{
	struct json_writer w;
	struct json *doc;
	struct buf out;

	buf_init(&out, TEXT_CAP);
	json_begin(&w, &out);
	json_put_str(&w, bytes);
	if (json_parse(buf_str(&out), &doc, NULL) == ERR_NONE) {
		INVARIANT(!str_is_utf8(bytes) || str_eq(json_string(doc), bytes));
		json_free(doc);
	} else {
		size_t nul;

		INVARIANT(str_find(bytes, '\0', &nul));
	}
	buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct str bytes = str_n(size ? (const char *)data : "", size);

	check_text(bytes);
	check_string(bytes);
	return 0;
}
