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

/* presence_stream.c */
req_handler_fn presence_stream_get;

/* presence_list.c, presence_query.c, presence_override.c, presence_history.c */
req_handler_fn presence_list_get;
req_handler_fn presence_query_post;
req_handler_fn presence_put;
req_handler_fn presence_delete;
req_handler_fn presence_history_get;

/* revocations.c */
req_handler_fn tokens_revoke;
req_handler_fn revocations_get;

/* dead_letters.c */
req_handler_fn dead_letters_list_get;
req_handler_fn dead_letters_replay_post;
req_handler_fn dead_letter_replay_post;
req_handler_fn dead_letter_delete_one;

/* aliases.c */
req_handler_fn aliases_list_get;
req_handler_fn alias_get;
req_handler_fn alias_change;
req_handler_fn alias_remove;
req_handler_fn alias_presence_get;

/* tokens.c */
req_handler_fn tokens_create;

/* public_keys.c */
req_handler_fn public_keys_create;
req_handler_fn public_keys_list;
req_handler_fn public_key_get;
req_handler_fn public_key_delete;

/* accounts.c */
req_handler_fn accounts_create;
req_handler_fn accounts_list_get;
req_handler_fn account_get;
req_handler_fn account_update;

/* auth_tokens.c */
req_handler_fn auth_token_second_create;
req_handler_fn auth_token_second_delete;
req_handler_fn auth_token_promote;

/* account_settings.c */
req_handler_fn account_settings_get;
req_handler_fn account_settings_post;
req_handler_fn account_webhook_secret_post;

/* keys.c */
req_handler_fn keys_create;
req_handler_fn keys_list;
req_handler_fn key_get;
req_handler_fn key_update;
req_handler_fn key_delete;
