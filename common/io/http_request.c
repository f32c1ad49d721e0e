/* http_request.c - what handlers read of a request.            (libmicrohttpd inside)
 *
 * Headers come from the library; path and query are read from the raw address
 * by ourselves, because the library decodes before it splits, cuts at a NUL and
 * compares names of arguments without case.
 */
#include "common/io/http_private.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <microhttpd.h>

enum { FORWARDED_MAX = 4096 };

struct flow *req_flow(struct req *req)
{
	return &req->flow;
}

struct req *flow_req(struct flow *flow)
{
	return flow->owner;
}

struct arena *req_arena(struct req *req)
{
	return req->arena;
}

struct worker *req_worker(struct req *req)
{
	return req->worker;
}

const struct route *req_route(const struct req *req)
{
	return req->match.route;
}

const char *req_id(const struct req *req)
{
	return req->id;
}

struct str req_path(const struct req *req)
{
	return req->path;
}

struct str req_body(const struct req *req)
{
	return buf_str(&req->body);
}

void req_set_user(struct req *req, void *user)
{
	req->user = user;
}

void req_blame(struct req *req, const char *field)
{
	req->blamed = field;
}

void *req_user(const struct req *req)
{
	return req->user;
}

void *req_state(struct req *req, size_t size)
{
	return flow_state(&req->flow, size);
}

struct str req_param(const struct req *req, const char *name)
{
	for (size_t i = 0; i < req->match.n; i++)
		if (str_eq(req->match.names[i], str_of(name)))
			return req->params[i];
	return STR_NULL;
}

struct str req_query(const struct req *req, const char *name)
{
	return form_get(&req->query, name);
}

/* ---- the client's address ---- */

static struct str address_text(struct arena *arena, const struct sockaddr *address)
{
	const struct sockaddr_in6 *v6 = (const void *)address;
	const struct sockaddr_in *v4 = (const void *)address;
	char text[INET6_ADDRSTRLEN] = "";

	if (address->sa_family == AF_INET)
		inet_ntop(AF_INET, &v4->sin_addr, text, sizeof(text));
	else if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
		inet_ntop(AF_INET, v6->sin6_addr.s6_addr + 12, text, sizeof(text));
	else
		inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof(text));
	return arena_copy(arena, str_of(text));
}

static enum MHD_Result on_forwarded(void *cls, enum MHD_ValueKind kind, const char *key, const char *value)
{
	(void)kind;
	if (str_eq_nocase(str_of(key), STR("X-Forwarded-For")) && value)
		buf_printf(cls, ",%s", value);
	return MHD_YES;
}

/* Each proxy appends whom it heard from, so the list is read from its end for as
 * long as the one who wrote is trusted; what stands before is anybody's claim. */
static struct str forwarded_address(const struct req *req, struct str list)
{
	struct str found = STR_NULL;

	while (list.n) {
		char host[INET6_ADDRSTRLEN];
		struct sockaddr_storage address;
		struct str entry;
		size_t from = list.n;

		while (from > 0 && list.p[from - 1] != ',')
			from--;
		entry = str_trim(str_skip(list, from));
		list.n = from ? from - 1 : 0;
		if (!str_copy(entry, host, sizeof(host)) || !loop_numeric_address(host, 0, &address))
			break;
		found = address_text(req->arena, (struct sockaddr *)&address);
		if (!netguard_lists(&req->conn->server->trusted, (struct sockaddr *)&address))
			break;
	}
	return found;
}

struct str req_client_address(const struct req *req)
{
	const union MHD_ConnectionInfo *peer;
	struct str found = STR_NULL;
	struct buf list;

	if (!req->conn)
		return STR_NULL;
	if (req->conn->is_trusted) {
		buf_init(&list, FORWARDED_MAX);
		MHD_get_connection_values(req->mhd, MHD_HEADER_KIND, on_forwarded, &list);
		if (buf_ok(&list))
			found = forwarded_address(req, buf_str(&list));
		buf_fini(&list);
	}
	if (!str_is_null(found))
		return found;
	peer = MHD_get_connection_info(req->mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	return address_text(req->arena, peer->client_addr);
}

/* ---- bodies ---- */

static bool has_type(const struct req *req, struct str type)
{
	struct str rest = req_header(req, "Content-Type");
	struct str given;

	return str_split(&rest, ';', &given) && str_eq_nocase(str_trim(given), type);
}

bool req_json_or_reply(struct req *req, const struct json **object)
{
	size_t at = 0;

	if (!has_type(req, STR("application/json"))) {
		reply_error(req, ERR_BAD_CONTENT_TYPE, "the body has to be application/json");
		return false;
	}
	if (!req->json && json_parse(req_body(req), &req->json, &at) != ERR_NONE) {
		reply_error(req, ERR_BAD_JSON, "the body is not valid JSON (at byte %zu)", at);
		return false;
	}
	if (!json_is_object(req->json)) {
		reply_error(req, ERR_BAD_JSON, "the body has to be a JSON object");
		return false;
	}
	*object = req->json;
	return true;
}

bool req_form_or_reply(struct req *req, const struct form **form)
{
	const bool is_absent = req->body.n == 0 && str_is_null(req_header(req, "Content-Type"));

	if (!is_absent && !has_type(req, STR("application/x-www-form-urlencoded"))) {
		reply_error(req, ERR_BAD_CONTENT_TYPE,
			    "the body has to be application/x-www-form-urlencoded");
		return false;
	}
	if (req->body.n && !req->form.n && form_parse(req->arena, req_body(req), &req->form) != ERR_NONE) {
		reply_error(req, ERR_BAD_REQUEST, "the form is not valid");
		return false;
	}
	*form = &req->form;
	return true;
}

bool req_query_form_or_reply(struct req *req, const struct form **form)
{
	*form = &req->query; /* a broken query was refused before the handler */
	return true;
}
