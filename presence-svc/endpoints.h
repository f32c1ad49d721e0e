/* endpoints.h - the handlers that routes.c names, each in the file of its noun. */
#pragma once

#include "common/io/http.h"

/* connect.c */
req_handler_fn connect_get;

/* devices.c */
req_handler_fn devices_create;
req_handler_fn device_change;
req_handler_fn device_delete;

/* presence_get.c */
req_handler_fn presence_get;

/* accounts.c */
req_handler_fn account_get;

/* keys.c */
req_handler_fn keys_create;
req_handler_fn keys_list;
req_handler_fn key_get;
req_handler_fn key_update;
req_handler_fn key_delete;
