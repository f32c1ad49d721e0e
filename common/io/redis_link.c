/* redis_link.c - resolve, connect, greet, read, write, lose, wait, again.
 *
 * One timer serves two things that never overlap: the wait before an attempt
 * and the end of an attempt.  Another, of no time at all, gathers the commands
 * of one turn of the loop into one write.
 */
#include "common/io/redis_link.h"

#include <errno.h>
#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "common/base/crypto.h"
#include "common/base/log.h"
#include "common/base/metrics.h"
#include "common/io/loop.h"

enum {
	WAIT_MIN_MS = 50,
	WAIT_MAX_MS = 600, /* who is revoked meanwhile has to be gone a second after the store is back */
	UNSENT_MAX = 64 << 20,
	ARG_OVERHEAD = 16, /* what the protocol adds to an argument, roughly */
	SEND_MAX_ARGS = REDIS_MAX_ARGS + 4,
};

enum link_state { LINK_WAITING, LINK_CONNECTING, LINK_GREETING, LINK_UP };

struct redis_link {
	struct loop *loop;
	const struct redis_link_hooks *hooks;
	void *owner;
	char *host, *username, *password, *client_name;
	uint16_t port;
	unsigned timeout_ms; /* of one attempt */

	enum link_state state;
	struct loop_lookup *lookup;
	redisContext *context; /* NULL while waiting */
	struct loop_watch *watch;
	struct loop_timer *timer;
	struct loop_timer *flush;
	bool flush_due;
	bool write_blocked; /* the socket is full; watched for room */
	size_t unsent;	    /* bytes since everything was written, at least */
	unsigned greetings; /* answers still to come */
	unsigned wait_ms;
	bool was_up;

	unsigned busy; /* frames on the stack that come back to the link */
	bool freed;
};

static void leave(struct redis_link *link)
{
	if (--link->busy == 0 && link->freed)
		x_free(link);
}

/* --- the end of a connection -------------------------------------------- */

static unsigned jittered(unsigned ms)
{
	uint32_t random;

	crypto_random(&random, sizeof(random));
	return ms / 2 + random % (ms / 2 + 1);
}

static void wait_for_next_attempt(struct redis_link *link)
{
	link->state = LINK_WAITING;
	loop_timer_start(link->timer, jittered(link->wait_ms));
	link->wait_ms = MIN(link->wait_ms * 2, (unsigned)WAIT_MAX_MS);
}

static void close_context(struct redis_link *link)
{
	link->watch = loop_watch_free(link->watch);
	if (link->context)
		redisFree(link->context);
	link->context = NULL;
	loop_timer_stop(link->flush);
	link->flush_due = false;
	link->write_blocked = false;
	link->unsent = 0;
}

static void attempt_failed(struct redis_link *link, const char *reason)
{
	log_warn("redis_connect_failed", "client=%s host=%s reason=%s", link->client_name, link->host,
		 log_str(str_of(reason)));
	close_context(link);
	wait_for_next_attempt(link);
}

void redis_link_drop(struct redis_link *link, enum err err, const char *reason)
{
	if (!link->context)
		return;
	if (link->state != LINK_UP) {
		attempt_failed(link, reason);
		return;
	}

	log_warn("redis_lost", "client=%s host=%s reason=%s", link->client_name, link->host,
		 log_str(str_of(reason)));
	metric_add(METRIC_redis_connected, -1);
	close_context(link);
	wait_for_next_attempt(link);
	link->hooks->on_down(link->owner, err); /* the link may be gone now */
}

/* --- writing ------------------------------------------------------------ */

static void flush(struct redis_link *link)
{
	int done = 0;

	if (redisBufferWrite(link->context, &done) != REDIS_OK) {
		redis_link_drop(link, ERR_STORE_DOWN, link->context->errstr);
		return;
	}
	if (done)
		link->unsent = 0;
	if (link->write_blocked != !done) {
		link->write_blocked = !done;
		loop_watch_set(link->watch, done ? LOOP_READ : LOOP_READ | LOOP_WRITE);
	}
}

static void on_flush(void *arg)
{
	struct redis_link *link = arg;

	link->flush_due = false;
	if (!link->write_blocked)
		flush(link);
}

bool redis_link_is_full(const struct redis_link *link)
{
	return link->unsent > UNSENT_MAX;
}

void redis_link_send(struct redis_link *link, size_t argc, const struct str argv[])
{
	const char *args[SEND_MAX_ARGS];
	size_t lens[SEND_MAX_ARGS];
	int rc;

	INVARIANT(link->context && argc > 0 && argc <= SEND_MAX_ARGS);
	for (size_t i = 0; i < argc; i++) {
		args[i] = argv[i].p ? argv[i].p : "";
		lens[i] = argv[i].n;
		link->unsent += argv[i].n + ARG_OVERHEAD;
	}
	rc = redisAppendCommandArgv(link->context, (int)argc, args, lens);
	INVARIANT(rc == REDIS_OK);

	if (link->state == LINK_GREETING)
		link->greetings++;
	if (!link->flush_due) {
		link->flush_due = true;
		loop_timer_start(link->flush, 0);
	}
}

/* --- reading ------------------------------------------------------------ */

static void come_up(struct redis_link *link)
{
	loop_timer_stop(link->timer);
	link->state = LINK_UP;
	link->wait_ms = WAIT_MIN_MS;
	metric_add(METRIC_redis_connected, 1);
	if (link->was_up)
		metric_add(METRIC_redis_reconnects_total, 1);
	link->was_up = true;
	log_info("redis_connected", "client=%s host=%s", link->client_name, link->host);
	link->hooks->on_up(link->owner);
}

static void on_greeting_reply(struct redis_link *link, const struct redis_reply *reply)
{
	if (redis_is_error(reply))
		attempt_failed(link, redis_error_text(reply).p);
	else if (--link->greetings == 0)
		come_up(link);
}

static void read_replies(struct redis_link *link)
{
	void *reply;

	if (redisBufferRead(link->context) != REDIS_OK) {
		redis_link_drop(link, ERR_STORE_DOWN, link->context->errstr);
		return;
	}

	while (link->context) { /* a hook may drop or free the link */
		if (redisGetReplyFromReader(link->context, &reply) != REDIS_OK) {
			redis_link_drop(link, ERR_STORE_DOWN, link->context->errstr);
			return;
		}
		if (!reply)
			return;
		if (link->state == LINK_GREETING)
			on_greeting_reply(link, reply);
		else
			link->hooks->on_reply(link->owner, reply);
		freeReplyObject(reply);
	}
}

/* --- an attempt --------------------------------------------------------- */

static void greet(struct redis_link *link)
{
	const struct str user = str_of(link->username);
	const struct str password = str_of(link->password);

	link->state = LINK_GREETING;
	link->greetings = 0;
	loop_watch_set(link->watch, LOOP_READ);

	if (password.n && user.n)
		redis_link_send(link, 3, (struct str[]){ STR("AUTH"), user, password });
	else if (password.n)
		redis_link_send(link, 2, (struct str[]){ STR("AUTH"), password });
	redis_link_send(link, 3, (struct str[]){ STR("CLIENT"), STR("SETNAME"), str_of(link->client_name) });
	if (link->hooks->on_greet)
		link->hooks->on_greet(link->owner);
}

static void on_connect(struct redis_link *link)
{
	int failure = 0;
	socklen_t len = sizeof(failure);

	if (getsockopt(link->context->fd, SOL_SOCKET, SO_ERROR, &failure, &len) < 0)
		failure = errno;
	if (failure)
		attempt_failed(link, strerror(failure));
	else
		greet(link);
}

static void on_socket(void *arg, unsigned events)
{
	struct redis_link *link = arg;

	link->busy++;
	if (link->state == LINK_CONNECTING) {
		on_connect(link);
	} else {
		if (events & LOOP_WRITE)
			flush(link);
		if (link->context && (events & ~(unsigned)LOOP_WRITE))
			read_replies(link);
	}
	if (link->context && (events & LOOP_FAILED))
		redis_link_drop(link, ERR_STORE_DOWN, "the socket failed");
	leave(link);
}

static void tune(redisContext *context)
{
	const int on = 1;

	/* hiredis sets these at different moments in different releases; none is worth a failure */
	(void)setsockopt(context->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	(void)fcntl(context->fd, F_SETFD, FD_CLOEXEC);
	(void)redisEnableKeepAlive(context);
}

static void connect_to(struct redis_link *link, const char *address)
{
	link->context = redisConnectNonBlock(address, link->port);
	INVARIANT(link->context);
	if (link->context->err) {
		attempt_failed(link, link->context->errstr);
		return;
	}

	tune(link->context);
	link->state = LINK_CONNECTING;
	link->watch = loop_watch_new(link->loop, link->context->fd, on_socket, link);
	loop_watch_set(link->watch, LOOP_WRITE);
	loop_timer_start(link->timer, link->timeout_ms);
}

static void on_address(void *arg, enum err err, const struct sockaddr_storage *address, socklen_t len)
{
	struct redis_link *link = arg;
	char text[INET6_ADDRSTRLEN + IF_NAMESIZE];

	link->lookup = NULL;
	if (err || getnameinfo((const void *)address, len, text, sizeof(text), NULL, 0, NI_NUMERICHOST))
		attempt_failed(link, "the host has no address");
	else
		connect_to(link, text);
}

static void on_timer(void *arg)
{
	struct redis_link *link = arg;

	if (link->state == LINK_WAITING)
		link->lookup = loop_resolve(link->loop, link->host, on_address, link);
	else
		attempt_failed(link, "no answer in time");
}

/* --- life --------------------------------------------------------------- */

static char *copy(const char *text)
{
	const size_t n = text ? strlen(text) : 0;
	char *p = x_alloc(n + 1);

	if (n)
		memcpy(p, text, n);
	return p;
}

struct redis_link *redis_link_new(struct loop *loop, const struct redis_conf *conf,
				  const struct redis_link_hooks *hooks, void *owner)
{
	struct redis_link *link = x_alloc(sizeof(*link));

	link->loop = loop;
	link->hooks = hooks;
	link->owner = owner;
	link->host = copy(conf->host);
	link->username = copy(conf->username);
	link->password = copy(conf->password);
	link->client_name = copy(conf->client_name);
	link->port = conf->port;
	link->timeout_ms = conf->timeout_ms;
	link->wait_ms = WAIT_MIN_MS;
	link->timer = loop_timer_new(loop, on_timer, link);
	link->flush = loop_timer_new(loop, on_flush, link);
	loop_timer_start(link->timer, 0);
	return link;
}

struct redis_link *redis_link_free(struct redis_link *link)
{
	if (!link)
		return NULL;

	if (link->state == LINK_UP)
		metric_add(METRIC_redis_connected, -1);
	close_context(link);
	link->lookup = loop_resolve_cancel(link->lookup);
	link->timer = loop_timer_free(link->timer);
	link->flush = loop_timer_free(link->flush);
	crypto_wipe(link->password, strlen(link->password));
	x_free(link->host);
	x_free(link->username);
	x_free(link->password);
	x_free(link->client_name);
	link->freed = true;
	link->busy++;
	leave(link);
	return NULL;
}

bool redis_link_is_up(const struct redis_link *link)
{
	return link->state == LINK_UP;
}
