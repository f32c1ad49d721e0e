/* conf.c - settings from the environment, by one table.
 *
 *     each row: given text (NAME, the file NAME_FILE names, or the preset) -> parse by type -> field
 *
 * Runs before any thread, so getenv is safe; it is used nowhere else.
 */
#include "common/base/conf.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "common/base/buf.h"
#include "common/base/log.h"

enum { NAME_MAX_LEN = 80, FILE_MAX = 64 * 1024 };

static uint64_t *int_field(const struct conf_row *row, void *settings)
{
	return (void *)((char *)settings + row->offset);
}

static bool *bool_field(const struct conf_row *row, void *settings)
{
	return (void *)((char *)settings + row->offset);
}

static char **string_field(const struct conf_row *row, void *settings)
{
	return (void *)((char *)settings + row->offset);
}

static int *word_field(const struct conf_row *row, void *settings)
{
	return (void *)((char *)settings + row->offset);
}

/* --- parsing ------------------------------------------------------------ */

static bool parse_bool(struct str text, bool *out)
{
	static const struct {
		const char *word;
		bool value;
	} words[] = { { "true", true },	  { "1", true },  { "yes", true },
		      { "false", false }, { "0", false }, { "no", false } };

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (str_eq_nocase(text, str_of(words[i].word))) {
			*out = words[i].value;
			return true;
		}
	}
	return false;
}

static bool parse_word(struct str words, struct str text, int *out)
{
	struct str word;

	for (int i = 0; str_split(&words, ' ', &word); i++) {
		if (str_eq(word, text)) {
			*out = i;
			return true;
		}
	}
	return false;
}

static bool parse_int(const struct conf_row *row, struct str text, uint64_t *out)
{
	uint64_t value;

	if (!str_to_u64(text, &value) || value < row->min || value > row->max)
		return false;
	*out = value;
	return true;
}

static bool parse_string(const struct conf_row *row, struct str text, char **out)
{
	if (text.n < row->min || text.n > row->max || str_has_ctl(text))
		return false;
	*out = x_alloc(text.n + 1);
	return str_copy(text, *out, text.n + 1);
}

static bool parse(const struct conf_row *row, struct str text, void *settings)
{
	switch (row->type) {
	case CONF_INT:
		return parse_int(row, text, int_field(row, settings));
	case CONF_BOOL:
		return parse_bool(text, bool_field(row, settings));
	case CONF_STRING:
		return parse_string(row, text, string_field(row, settings));
	case CONF_WORD:
		return parse_word(str_of(row->words), text, word_field(row, settings));
	}
	return false;
}

static void print_accepted(const struct conf_row *row, FILE *out)
{
	switch (row->type) {
	case CONF_INT:
		fprintf(out, "a number from %" PRIu64 " to %" PRIu64, row->min, row->max);
		break;
	case CONF_BOOL:
		fprintf(out, "true or false");
		break;
	case CONF_STRING:
		if (row->min)
			fprintf(out, "%" PRIu64 " to ", row->min);
		else
			fprintf(out, "at most ");
		fprintf(out, "%" PRIu64 " bytes without control characters", row->max);
		break;
	case CONF_WORD:
		fprintf(out, "one of: %s", row->words);
		break;
	}
}

/* --- loading ------------------------------------------------------------ */

static struct str environment(const char *name)
{
	const struct str value = str_of(getenv(name));

	return value.n ? value : STR_NULL;
}

static bool read_file(struct str path, struct buf *out)
{
	FILE *file = fopen(path.p, "re");
	char *room = buf_reserve(out, FILE_MAX);

	if (!file)
		return false;
	out->n = fread(room, 1, FILE_MAX, file);

	const bool read = !ferror(file);

	fclose(file);
	return read;
}

static struct str without_newline(struct str s)
{
	if (str_ends(s, STR("\n")))
		s.n--;
	if (str_ends(s, STR("\r")))
		s.n--;
	return s;
}

/* Finds the row's text: borrowed from the environment, the preset or `file`. */
static bool find_text(const struct conf_row *row, struct buf *file, struct str *text, FILE *err_out)
{
	char file_name[NAME_MAX_LEN];

	snprintf(file_name, sizeof(file_name), "%s_FILE", row->name);

	const struct str path = environment(file_name);

	*text = environment(row->name);
	if (!str_is_null(path) && !str_is_null(*text)) {
		fprintf(err_out, "%s and %s: only one of them may be given\n", row->name, file_name);
		return false;
	}
	if (!str_is_null(path)) {
		if (!read_file(path, file)) {
			fprintf(err_out, "%s: cannot read %s: %s\n", file_name, log_str(path),
				strerror(errno));
			return false;
		}
		*text = without_newline(buf_str(file));
	}
	if (str_is_null(*text))
		*text = str_of(row->preset);
	if (str_is_null(*text)) {
		fprintf(err_out, "%s: has to be given (%s): ", row->name, row->help);
		print_accepted(row, err_out);
		fprintf(err_out, "\n");
		return false;
	}
	return true;
}

static bool load_row(const struct conf_row *row, void *settings, FILE *err_out)
{
	struct buf file;
	struct str text;
	bool ok;

	buf_init(&file, FILE_MAX);
	ok = find_text(row, &file, &text, err_out);
	if (ok && !parse(row, text, settings)) {
		fprintf(err_out, "%s: %s is not acceptable, it has to be ", row->name,
			row->secret ? "the value (not shown)" : log_str(text));
		print_accepted(row, err_out);
		fprintf(err_out, "\n");
		ok = false;
	}
	buf_fini(&file);
	return ok;
}

bool conf_load(const struct conf_row *rows, size_t n, void *settings, FILE *err_out)
{
	for (size_t i = 0; i < n; i++)
		if (rows[i].type == CONF_STRING)
			*string_field(&rows[i], settings) = NULL;

	for (size_t i = 0; i < n; i++) {
		if (!load_row(&rows[i], settings, err_out)) {
			conf_free(rows, n, settings);
			return false;
		}
	}
	return true;
}

void conf_free(const struct conf_row *rows, size_t n, void *settings)
{
	for (size_t i = 0; i < n; i++) {
		if (rows[i].type != CONF_STRING)
			continue;
		x_free(*string_field(&rows[i], settings));
		*string_field(&rows[i], settings) = NULL;
	}
}

/* --- showing ------------------------------------------------------------ */

void conf_help(const struct conf_row *rows, size_t n, FILE *out)
{
	for (size_t i = 0; i < n; i++) {
		fprintf(out, "  %s\n      %s\n      ", rows[i].name, rows[i].help);
		print_accepted(&rows[i], out);
		if (!rows[i].preset)
			fprintf(out, "; has to be given\n");
		else if (rows[i].preset[0])
			fprintf(out, "; default %s\n", rows[i].preset);
		else
			fprintf(out, "\n");
	}
}

static struct str word_at(struct str words, int index)
{
	struct str word = STR_NULL;

	for (int i = 0; i <= index; i++)
		if (!str_split(&words, ' ', &word))
			return STR_NULL;
	return word;
}

static void print_value(const struct conf_row *row, void *settings, FILE *out)
{
	const char *text;

	switch (row->type) {
	case CONF_INT:
		fprintf(out, "%" PRIu64, *int_field(row, settings));
		break;
	case CONF_BOOL:
		fprintf(out, "%s", *bool_field(row, settings) ? "true" : "false");
		break;
	case CONF_STRING:
		text = *string_field(row, settings);
		fprintf(out, "%s", row->secret && text[0] ? "(set)" : text);
		break;
	case CONF_WORD:
		fprintf(out, STR_FMT, STR_ARG(word_at(str_of(row->words), *word_field(row, settings))));
		break;
	}
}

void conf_print(const struct conf_row *rows, size_t n, const void *settings, FILE *out)
{
	void *fields = (void *)(uintptr_t)settings; /* only read */

	for (size_t i = 0; i < n; i++) {
		fprintf(out, "%s=", rows[i].name);
		print_value(&rows[i], fields, out);
		fprintf(out, "\n");
	}
}
