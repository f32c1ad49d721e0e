/* http_conn.c - the few things that every stage of a request does to its connection. */
#include <microhttpd.h>
#include <string.h>
#include <sys/epoll.h>

#include "common/io/http_private.h"

void http_kick(struct http_server *server)
{
	server->dirty = true;
}

void http_suspend(struct req *req)
{
	req->suspended = true;
	MHD_suspend_connection(req->mhd);
}

void http_wake(struct req *req)
{
	if (!req->suspended)
		return;
	req->suspended = false;
	MHD_resume_connection(req->mhd);
	http_kick(req->conn->server);
}

void http_forget_hangups(struct conn *conn)
{
	if (conn->fd < 0)
		return;
	epoll_ctl(conn->server->hangup_fd, EPOLL_CTL_DEL, conn->fd, NULL);
	conn->fd = -1;
}

struct str req_header(const struct req *req, const char *name)
{
	const char *value = NULL;
	size_t n = 0;

	if (!req->mhd || MHD_lookup_connection_value_n(req->mhd, MHD_HEADER_KIND, name, strlen(name), &value,
						       &n) != MHD_YES)
		return STR_NULL;
	return str_n(value ? value : "", n);
}
