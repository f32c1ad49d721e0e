/* routes.h - the table of presence-svc's endpoints. */
#pragma once

#include "common/io/http_route.h"

extern const struct http_app presence_app;
