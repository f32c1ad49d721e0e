/* routes.c - the API of presence-svc on one screen. */
#include "presence-svc/routes.h"

#include "common/model/auth.h"
#include "common/model/health.h"
#include "presence-svc/endpoints.h"

#define ACCOUNT_V1   "/v1/Accounts/{A}"
#define ACCOUNT_2010 "/2010-04-01/Accounts/{A}"

static const struct route routes[] = {
	/* clients; the channel's token comes in its first message */
	{ HTTP_GET, "/v1/connect", AUTH_NONE, connect_get },
	{ HTTP_POST, ACCOUNT_V1 "/Devices", AUTH_CLIENT, devices_create },
	{ HTTP_PUT, ACCOUNT_V1 "/Devices/{DV}", AUTH_CLIENT, device_change },
	{ HTTP_DELETE, ACCOUNT_V1 "/Devices/{DV}", AUTH_CLIENT, device_delete },

	/* presence */
	{ HTTP_GET, ACCOUNT_V1 "/Presence", AUTH_ANY, presence_list_get },
	{ HTTP_POST, ACCOUNT_V1 "/Presence/Query", AUTH_ANY, presence_query_post },
	{ HTTP_GET, ACCOUNT_V1 "/Presence/{identity}", AUTH_ANY, presence_get },
	{ HTTP_PUT, ACCOUNT_V1 "/Presence/{identity}", AUTH_ANY, presence_put },
	{ HTTP_DELETE, ACCOUNT_V1 "/Presence/{identity}", AUTH_ANY, presence_delete },
	{ HTTP_GET, ACCOUNT_V1 "/PresenceStream", AUTH_ANY, presence_stream_get },
	{ HTTP_GET, ACCOUNT_V1 "/Presence/{identity}/History", AUTH_ANY, presence_history_get },

	/* tokens */
	{ HTTP_POST, ACCOUNT_V1 "/Tokens/Revoke", AUTH_SERVER, tokens_revoke },
	{ HTTP_GET, ACCOUNT_V1 "/Tokens/Revocations", AUTH_SERVER, revocations_get },

	/* webhooks that could not be delivered */
	{ HTTP_GET, ACCOUNT_V1 "/DeadLetters", AUTH_SERVER, dead_letters_list_get },
	{ HTTP_POST, ACCOUNT_V1 "/DeadLetters/Replay", AUTH_SERVER, dead_letters_replay_post },
	{ HTTP_POST, ACCOUNT_V1 "/DeadLetters/{letter}/Replay", AUTH_SERVER, dead_letter_replay_post },
	{ HTTP_DELETE, ACCOUNT_V1 "/DeadLetters/{letter}", AUTH_SERVER, dead_letter_delete_one },

	/* names that stand for several clients */
	{ HTTP_GET, ACCOUNT_V1 "/Aliases", AUTH_SERVER, aliases_list_get },
	{ HTTP_GET, ACCOUNT_V1 "/Aliases/{name}", AUTH_SERVER, alias_get },
	{ HTTP_PUT, ACCOUNT_V1 "/Aliases/{name}", AUTH_SERVER, alias_change },
	{ HTTP_DELETE, ACCOUNT_V1 "/Aliases/{name}", AUTH_SERVER, alias_remove },
	{ HTTP_GET, ACCOUNT_V1 "/Aliases/{name}/Presence", AUTH_ANY, alias_presence_get },

	/* the keys of client tokens, and tokens */
	{ HTTP_POST, ACCOUNT_V1 "/Tokens", AUTH_SERVER, tokens_create },
	{ HTTP_POST, ACCOUNT_V1 "/PublicKeys", AUTH_SERVER, public_keys_create },
	{ HTTP_GET, ACCOUNT_V1 "/PublicKeys", AUTH_SERVER, public_keys_list },
	{ HTTP_GET, ACCOUNT_V1 "/PublicKeys/{SK}", AUTH_SERVER, public_key_get },
	{ HTTP_DELETE, ACCOUNT_V1 "/PublicKeys/{SK}", AUTH_SERVER, public_key_delete },

	/* accounts and keys, as the helper libraries speak */
	{ HTTP_POST, "/2010-04-01/Accounts.json", AUTH_SERVER, accounts_create },
	{ HTTP_GET, "/2010-04-01/Accounts.json", AUTH_SERVER, accounts_list_get },
	{ HTTP_GET, "/2010-04-01/Accounts/{A}.json", AUTH_PARENT, account_get },
	{ HTTP_POST, "/2010-04-01/Accounts/{A}.json", AUTH_PARENT, account_update },
	{ HTTP_POST, "/v1/AuthTokens/Secondary", AUTH_SERVER, auth_token_second_create },
	{ HTTP_DELETE, "/v1/AuthTokens/Secondary", AUTH_SERVER, auth_token_second_delete },
	{ HTTP_POST, "/v1/AuthTokens/Promote", AUTH_SERVER, auth_token_promote },
	{ HTTP_GET, ACCOUNT_V1 "/Settings", AUTH_SERVER, account_settings_get },
	{ HTTP_POST, ACCOUNT_V1 "/Settings", AUTH_SERVER, account_settings_post },
	{ HTTP_POST, ACCOUNT_V1 "/Settings/WebhookSecret", AUTH_SERVER, account_webhook_secret_post },
	{ HTTP_POST, ACCOUNT_2010 "/Keys.json", AUTH_SERVER, keys_create },
	{ HTTP_GET, ACCOUNT_2010 "/Keys.json", AUTH_SERVER, keys_list },
	{ HTTP_GET, ACCOUNT_2010 "/Keys/{SK}.json", AUTH_SERVER, key_get },
	{ HTTP_POST, ACCOUNT_2010 "/Keys/{SK}.json", AUTH_SERVER, key_update },
	{ HTTP_DELETE, ACCOUNT_2010 "/Keys/{SK}.json", AUTH_SERVER, key_delete },

	/* operators; kept off the balancer */
	HEALTH_ROUTES
};

const struct http_app presence_app = { routes, ARRAY_LEN(routes), auth_request };
