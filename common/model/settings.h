/* settings.h - every setting of both services, by one table (settings.def). */
#pragma once

#include <stdio.h>

#include "common/base/conf.h"

struct settings {
#define SETTING_INT(field, name, preset, min, max, help) uint64_t field;
#define SETTING_BOOL(field, name, preset, help) bool field;
#define SETTING_TEXT(field, name, preset, max, help) char *field;
#define SETTING_SECRET(field, name, preset, min, max, help) char *field;
#define SETTING_WORD(field, name, preset, words, help) int field;
#include "common/model/settings.def"
#undef SETTING_INT
#undef SETTING_BOOL
#undef SETTING_TEXT
#undef SETTING_SECRET
#undef SETTING_WORD
};

/* What presence-svc is to do instead of serving; neither elsewhere. */
struct settings_errand {
	const char *seed_file;           /* NULL: none */
	bool reseals;
};

/* Reads the environment; handles --help, --version and --print-config, and
 * exits for them (0) and for a bad value or argument (2). */
void settings_load(struct settings *out, const char *service, int argc, char **argv, struct settings_errand *errand);
void settings_free(struct settings *settings);
