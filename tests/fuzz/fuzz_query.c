/* fuzz_query.c - the query string of a list of clients, from its bytes to the filter: what is taken is
 * within its bounds, and comes back the same from the address of the next page; what is refused names a field.
 *
 *     fuzz_query -max_len=4096 tests/fuzz/corpus/query
 */
#include "common/model/presence.h"
#include "common/model/presence_filter.h"

enum { ARENA_CAP = 1 << 24, TEXT_CAP = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_bounds(const struct presence_filter *filter)
{
	const unsigned media = MEDIA_VOICE | MEDIA_VIDEO | MEDIA_MESSAGE;

	INVARIANT(presence_prefix_is_valid(filter->prefix) && filter->prefix.n <= IDENTITY_MAX);
	INVARIANT((filter->media & ~media) == 0 && (filter->ringable & ~media) == 0);
	INVARIANT(filter->n_attributes <= FILTER_ATTRIBUTES_MAX);
	for (size_t i = 0; i < filter->n_attributes; i++) {
		const struct form_field *one = &filter->attributes[i];

		INVARIANT(one->name.n > 0 && one->name.n <= ATTRIBUTE_LEN_MAX && str_is_utf8(one->name));
		INVARIANT(one->value.n <= ATTRIBUTE_LEN_MAX && str_is_utf8(one->value));
	}
}

static void check_same(const struct presence_filter *a, const struct presence_filter *b)
{
	INVARIANT(str_eq(a->prefix, b->prefix) && str_eq(a->status, b->status));
	INVARIANT(a->media == b->media && a->ringable == b->ringable && a->n_attributes == b->n_attributes);
	for (size_t i = 0; i < a->n_attributes; i++) {
		INVARIANT(str_eq(a->attributes[i].name, b->attributes[i].name));
		INVARIANT(str_eq(a->attributes[i].value, b->attributes[i].value));
	}
}

static void check_again(struct arena *arena, const struct presence_filter *filter)
{
	struct json_fault fault = { .missing = false };
	struct presence_filter again;
	struct form form;
	struct buf text;

	buf_init(&text, TEXT_CAP);
	presence_filter_write(&text, filter);
	INVARIANT(buf_ok(&text) && form_parse(arena, buf_str(&text), &form) == ERR_NONE);
	INVARIANT(presence_filter_read(&form, &again, &fault));
	check_same(filter, &again);
	buf_fini(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new(ARENA_CAP);
	struct json_fault fault = { .missing = false };
	struct presence_filter filter;
	struct form form;

	if (form_parse(arena, str_n((const char *)data, size), &form) == ERR_NONE) {
		if (presence_filter_read(&form, &filter, &fault)) {
			check_bounds(&filter);
			check_again(arena, &filter);
		} else {
			INVARIANT(fault.field[0] && fault.why[0] && !fault.missing);
		}
	}
	arena_free(arena);
	return 0;
}
