/* instructions_fields.c - checks a value against its row of the tables, and stores it if it is of use here. */
#include "common/model/instructions_build.h"

/* The number of a word in a list, from 0; -1: not in it. */
static int index_of(const char *words, struct str word)
{
	struct str rest = str_of(words), one;

	for (int i = 0; str_split(&rest, ' ', &one); i++) {
		if (str_eq(one, word))
			return i;
	}
	return -1;
}

/* Where a value goes; NULL: nowhere, which is told if somebody may count on it. */
static void *slot_for(struct build *b, const struct place *place, const struct field *field, const char *name,
		      struct str value, void *thing)
{
	if (field->use == USE_KEPT)
		return (char *)thing + field->offset;
	if (field->use == USE_CHECKED || value.n == 0 || (field->quiet && index_of(field->quiet, value) >= 0))
		return NULL;
	if (field->use == USE_NO_MEDIA)
		build_warn_once(b, place, ERR_DOC_NO_MEDIA, "%s needs a media engine, there is none", name);
	else
		build_warn_once(b, place, ERR_DOC_IGNORED, "%s has no effect here", name);
	return NULL;
}

bool consists_of(struct str text, const char *chars)
{
	for (size_t i = 0; i < text.n; i++) {
		if (!text.p[i] || !strchr(chars, text.p[i]))
			return false;
	}
	return true;
}

static bool has_ctl_but_space(struct str text)
{
	for (size_t i = 0; i < text.n; i++) {
		const struct str one = str_n(text.p + i, 1);

		if (str_has_ctl(one) && !consists_of(one, "\t\r\n"))
			return true;
	}
	return false;
}

static bool check_text(struct build *b, const struct place *place, const struct field *field,
		       const char *name, struct str text)
{
	const bool fits = text.n >= field->min && text.n <= field->max;

	switch (field->type) {
	case FIELD_URL:
	case FIELD_TEXT:
		return (fits && !str_has_ctl(text)) ||
		       build_fail(b, place, field->err, "%s has to be one line of %u to %u bytes", name,
				  field->min, field->max);
	case FIELD_PROSE:
		return (fits && !has_ctl_but_space(text)) ||
		       build_fail(b, place, field->err, "%s has to be a text of %u to %u bytes", name,
				  field->min, field->max);
	case FIELD_CHARS:
		return (fits && consists_of(text, field->words)) ||
		       build_fail(b, place, field->err, "%s has to be at most %u of %s", name, field->max,
				  field->words);
	case FIELD_WORD:
	case FIELD_STRATEGY:
		return index_of(field->words, text) >= 0 ||
		       build_fail(b, place, field->err, "%s has to be one of: %s", name, field->words);
	case FIELD_START:
	case FIELD_METHOD:
	case FIELD_WORDS:
	case FIELD_NUMBER:
	case FIELD_FLAG:
	case FIELD_REQUIRE:
		break;
	}
	return true;
}

static bool set_method(struct build *b, const struct place *place, const struct field *field,
		       const char *name, struct str text, void *thing)
{
	const bool is_get = str_eq_nocase(text, STR("GET"));
	bool *slot;

	if (!is_get && !str_eq_nocase(text, STR("POST")))
		return build_fail(b, place, field->err, "%s has to be GET or POST", name);
	slot = slot_for(b, place, field, name, is_get ? STR("GET") : STR("POST"), thing);
	if (slot)
		*slot = is_get;
	return true;
}

bool set_text(struct build *b, const struct place *place, const struct field *field, const char *name,
	      struct str text, void *thing)
{
	void *slot;

	if (field->use == USE_REFUSED)
		return build_fail(b, place, field->err, "%s is TaskRouter's, which is not here", name);
	if (field->type == FIELD_METHOD)
		return set_method(b, place, field, name, text, thing);
	if (!check_text(b, place, field, name, text))
		return false;
	slot = slot_for(b, place, field, name, text, thing);
	if (!slot)
		return true;
	if (field->type == FIELD_STRATEGY)
		*(enum dial_strategy *)slot = STRATEGY_ALL + (unsigned)index_of(field->words, text);
	else if (field->type == FIELD_START && text.n > field->max)
		*(struct str *)slot =
			arena_copy(b->arena, str_n(text.p, str_utf8_prefix(str_n(text.p, field->max))));
	else
		*(struct str *)slot = text.n ? arena_copy(b->arena, text) : STR("");
	return true;
}

bool set_number(struct build *b, const struct place *place, const struct field *field, const char *name,
		int64_t number, void *thing)
{
	unsigned *slot;

	if (number < (int64_t)field->min || number > (int64_t)field->max)
		return build_fail(b, place, field->err, "%s has to be a whole number, %u to %u", name,
				  field->min, field->max);
	slot = slot_for(b, place, field, name, STR("number"), thing);
	if (slot)
		*slot = (unsigned)number;
	return true;
}

void set_flag(struct build *b, const struct place *place, const struct field *field, const char *name,
	      bool flag, void *thing)
{
	bool *slot = slot_for(b, place, field, name, flag ? STR("true") : STR("false"), thing);

	if (slot)
		*slot = flag;
}

bool add_word(struct build *b, const struct place *place, const struct field *field, const char *name,
	      struct str word, void *thing)
{
	const int i = index_of(field->words, word);
	unsigned *slot;

	if (i < 0)
		return build_fail(b, place, field->err, "%s takes: %s", name, field->words);
	slot = slot_for(b, place, field, name, word, thing);
	if (slot)
		*slot |= 1u << i;
	return true;
}

bool add_require(struct build *b, const struct place *place, struct str key, struct str value)
{
	enum { LEN_MAX = 64 }; /* as long as an attribute of a device */

	if (key.n == 0 || key.n > LEN_MAX || value.n == 0 || value.n > LEN_MAX || str_has_ctl(key) ||
	    str_has_ctl(value))
		return build_fail(b, place, ERR_DOC_DIAL,
				  "require has to name attributes and their values, each of 1 to %d bytes",
				  LEN_MAX);
	if (b->n_require == INSTRUCTIONS_MAX_REQUIRE)
		return build_fail(b, place, ERR_DOC_DIAL, "require names more than %d attributes",
				  INSTRUCTIONS_MAX_REQUIRE);
	b->require[b->n_require++] = (struct parameter){
		arena_copy(b->arena, key),
		arena_copy(b->arena, value),
	};
	return true;
}
