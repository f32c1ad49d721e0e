/* endpoints.h - the handlers that routes.c names, each in the file of its noun. */
#pragma once

#include "common/io/http.h"

/* communications.c */
req_handler_fn communications_create;
req_handler_fn communication_continue;

/* answer.c */
req_handler_fn communication_answer;

/* calls.c */
req_handler_fn calls_create;
req_handler_fn call_get;
req_handler_fn call_update;

/* calls_list.c */
req_handler_fn calls_list_get;

/* trace.c */
req_handler_fn call_trace_get;

/* applications.c */
req_handler_fn applications_create;
req_handler_fn applications_list_get;
req_handler_fn application_get;
req_handler_fn application_update;
req_handler_fn application_remove;

/* phone_numbers.c */
req_handler_fn phone_numbers_create;
req_handler_fn phone_numbers_list_get;
req_handler_fn phone_number_get;
req_handler_fn phone_number_update;
req_handler_fn phone_number_remove;
