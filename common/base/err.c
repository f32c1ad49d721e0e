/* err.c - err.def as a table. */
#include "common/base/err.h"

#include "common/base/str.h"

static const struct row {
	const char *name;
	unsigned http;
	unsigned code;
	const char *text;
} rows[ERR_COUNT] = {
	[ERR_NONE] = { "NONE", 200, 0, "no error" },
#define ERR(name, http, code, text) [ERR_##name] = { #name, http, code, text },
#include "common/base/err.def"
#undef ERR
};

/* A number that is no error at all is a defect of ours: it reads as INTERNAL. */
static const struct row *row_of(enum err err)
{
	return &rows[(unsigned)err < ERR_COUNT ? err : ERR_INTERNAL];
}

const char *err_name(enum err err)
{
	return row_of(err)->name;
}

unsigned err_http(enum err err)
{
	return row_of(err)->http;
}

unsigned err_code(enum err err)
{
	return row_of(err)->code;
}

const char *err_text(enum err err)
{
	return row_of(err)->text;
}

enum err err_from_name(const char *name)
{
	const struct str wanted = str_of(name);

	for (unsigned i = 0; i < ERR_COUNT; i++)
		if (str_eq(str_of(rows[i].name), wanted))
			return (enum err)i;
	return ERR_INTERNAL;
}
