/* routes.h - the table of routing-svc's endpoints. */
#pragma once

#include "common/io/http_route.h"

extern const struct http_app routing_app;
