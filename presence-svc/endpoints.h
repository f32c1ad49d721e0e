/* endpoints.h - the handlers that routes.c names, each in the file of its noun. */
#pragma once

#include "common/io/http.h"

/* accounts.c */
req_handler_fn account_get;

/* keys.c */
req_handler_fn keys_create;
req_handler_fn keys_list;
req_handler_fn key_get;
req_handler_fn key_update;
req_handler_fn key_delete;
