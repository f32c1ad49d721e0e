/* conf.h - settings from the environment, by one table.
 *
 * Each row names the environment variable, where its value goes, its default,
 * its range and one line of help; reading, checking, --help and --print-config
 * all come from the rows.  NAME_FILE gives the name of a file that holds the
 * value (for secrets mounted by the platform); one newline at its end is no
 * part of it.  An empty variable counts as not given.  A bad value names the
 * setting, the value (never that of a secret) and what would be accepted.
 */
#pragma once

#include <stdio.h>

#include "common/base/str.h"

enum conf_type {
	CONF_INT,        /* unsigned; min..max */
	CONF_BOOL,       /* bool: true|false|1|0|yes|no */
	CONF_STRING,     /* char *; min..max bytes, no control characters */
	CONF_WORD,       /* int: index into the space-separated `words` */
};

struct conf_row {
	const char *name;        /* environment variable */
	enum conf_type type;
	size_t offset;           /* of the field in the settings struct */
	const char *preset;      /* default as text; NULL: has to be given */
	uint64_t min, max;
	const char *words;       /* CONF_WORD only */
	bool secret;
	const char *help;
};

/* Fills `settings` from the environment.  On failure prints one line naming
 * the setting to `err_out` and returns false (the caller exits with 2). */
MUST_USE bool conf_load(const struct conf_row *rows, size_t n, void *settings, FILE *err_out);
void conf_free(const struct conf_row *rows, size_t n, void *settings);
void conf_help(const struct conf_row *rows, size_t n, FILE *out);
void conf_print(const struct conf_row *rows, size_t n, const void *settings, FILE *out);   /* secrets as "(set)" */
