/* routes.c - the API of routing-svc on one screen. */
#include "routing-svc/routes.h"

#include "common/model/auth.h"
#include "common/model/health.h"
#include "routing-svc/endpoints.h"

#define ACCOUNT_V1   "/v1/Accounts/{A}"
#define ACCOUNT_2010 "/2010-04-01/Accounts/{A}"

static const struct route routes[] = {
	/* communications */
	{ HTTP_POST, ACCOUNT_V1 "/Communications", AUTH_SERVER, communications_create },
	{ HTTP_POST, ACCOUNT_V1 "/Communications/{CA}", AUTH_SERVER, communication_continue },
	{ HTTP_POST, "/v1/Communications/Answer", AUTH_NONE, communication_answer },
	{ HTTP_GET, ACCOUNT_V1 "/Calls/{CA}/Trace", AUTH_SERVER, call_trace_get },

	/* calls, as the helper libraries speak */
	{ HTTP_POST, ACCOUNT_2010 "/Calls.json", AUTH_SERVER, calls_create },
	{ HTTP_GET, ACCOUNT_2010 "/Calls.json", AUTH_SERVER, calls_list_get },
	{ HTTP_GET, ACCOUNT_2010 "/Calls/{CA}.json", AUTH_SERVER, call_get },
	{ HTTP_POST, ACCOUNT_2010 "/Calls/{CA}.json", AUTH_SERVER, call_update },

	/* which URL speaks for whom */
	{ HTTP_POST, ACCOUNT_2010 "/Applications.json", AUTH_SERVER, applications_create },
	{ HTTP_GET, ACCOUNT_2010 "/Applications.json", AUTH_SERVER, applications_list_get },
	{ HTTP_GET, ACCOUNT_2010 "/Applications/{AP}.json", AUTH_SERVER, application_get },
	{ HTTP_POST, ACCOUNT_2010 "/Applications/{AP}.json", AUTH_SERVER, application_update },
	{ HTTP_DELETE, ACCOUNT_2010 "/Applications/{AP}.json", AUTH_SERVER, application_remove },
	{ HTTP_POST, ACCOUNT_2010 "/IncomingPhoneNumbers.json", AUTH_SERVER, phone_numbers_create },
	{ HTTP_GET, ACCOUNT_2010 "/IncomingPhoneNumbers.json", AUTH_SERVER, phone_numbers_list_get },
	{ HTTP_GET, ACCOUNT_2010 "/IncomingPhoneNumbers/{PN}.json", AUTH_SERVER, phone_number_get },
	{ HTTP_POST, ACCOUNT_2010 "/IncomingPhoneNumbers/{PN}.json", AUTH_SERVER, phone_number_update },
	{ HTTP_DELETE, ACCOUNT_2010 "/IncomingPhoneNumbers/{PN}.json", AUTH_SERVER, phone_number_remove },

	/* operators; kept off the balancer */
	HEALTH_ROUTES
};

const struct http_app routing_app = { routes, ARRAY_LEN(routes), auth_request };
