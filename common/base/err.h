/* err.h - one enum for every failure, its row in err.def. */
#pragma once

#include "common/base/base.h"

enum err {
	ERR_NONE = 0,
#define ERR(name, http, code, text) ERR_##name,
#include "common/base/err.def"
#undef ERR
	ERR_COUNT
};

const char *err_name(enum err err);      /* "TOKEN_EXPIRED": log and metric label */
unsigned err_http(enum err err);         /* HTTP status */
unsigned err_code(enum err err);         /* public code */
const char *err_text(enum err err);
enum err err_from_name(const char *name);   /* ERR_INTERNAL when unknown; for scripts that answer with a name */
