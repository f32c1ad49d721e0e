/* fuzz_form.c - whatever bytes come in: the fields that are taken are UTF-8
 * without NUL, and come back the same when they are encoded and read again.
 *
 *     fuzz_form -max_len=4096 tests/fuzz/corpus/form
 */
#include "common/base/urlenc.h"

#include "common/base/buf.h"

enum { ARENA_CAP = 1 << 24, TEXT_CAP = 1 << 22 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void encode(struct buf *out, const struct form *form)
{
	for (size_t i = 0; i < form->n; i++) {
		buf_put_urlencoded(out, form->fields[i].name);
		buf_putc(out, '=');
		buf_put_urlencoded(out, form->fields[i].value);
		buf_putc(out, '&');
	}
	INVARIANT(buf_ok(out));
}

static void check_same(const struct form *a, const struct form *b)
{
	INVARIANT(a->n == b->n && a->n <= FORM_MAX_FIELDS);
	for (size_t i = 0; i < a->n; i++) {
		INVARIANT(str_is_utf8(a->fields[i].name) && str_is_utf8(a->fields[i].value));
		INVARIANT(str_eq(a->fields[i].name, b->fields[i].name));
		INVARIANT(str_eq(a->fields[i].value, b->fields[i].value));
		INVARIANT(form_has(b, a->fields[i].name.p, a->fields[i].value));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new(ARENA_CAP);
	struct form form, again;
	struct buf text;

	buf_init(&text, TEXT_CAP);
	if (form_parse(arena, str_n((const char *)data, size), &form) == ERR_NONE) {
		encode(&text, &form);
		INVARIANT(form_parse(arena, buf_str(&text), &again) == ERR_NONE);
		check_same(&form, &again);
	}
	buf_fini(&text);
	arena_free(arena);
	return 0;
}
