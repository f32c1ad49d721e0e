/* http_fixture.h - a customer's server with every bad habit, and names that resolve as a test likes.
 *
 * The server answers by path, one thread per connection; what it does is the
 * table at its end.  getaddrinfo is replaced for the whole test program: names
 * never leave the machine, and "slow.test" is looked up until name_release.
 */
#pragma once

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/str.h"

/* ---- names ---- */

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool is_released;
	unsigned lookups; /* of slow.test, under way */
} names = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, 0 };

static inline void name_wait(void)
{
	pthread_mutex_lock(&names.lock);
	names.lookups++;
	while (!names.is_released)
		pthread_cond_wait(&names.changed, &names.lock);
	names.lookups--;
	pthread_cond_broadcast(&names.changed);
	pthread_mutex_unlock(&names.lock);
}

static inline unsigned name_lookups(void)
{
	pthread_mutex_lock(&names.lock);
	const unsigned n = names.lookups;

	pthread_mutex_unlock(&names.lock);
	return n;
}

static inline void name_release(void)
{
	pthread_mutex_lock(&names.lock);
	names.is_released = true;
	pthread_cond_broadcast(&names.changed);
	while (names.lookups)
		pthread_cond_wait(&names.changed, &names.lock);
	pthread_mutex_unlock(&names.lock);
}

struct name_entry {
	struct addrinfo info;
	struct sockaddr_storage address;
};

static inline struct addrinfo *name_entry(const char *address, const char *service, struct addrinfo *next)
{
	struct name_entry *entry = calloc(1, sizeof(*entry));
	struct sockaddr_in *in = (void *)&entry->address;
	struct sockaddr_in6 *in6 = (void *)&entry->address;
	const in_port_t port = htons((uint16_t)(service ? strtoul(service, NULL, 10) : 0));

	entry->info = (struct addrinfo){ .ai_socktype = SOCK_STREAM,
					 .ai_protocol = IPPROTO_TCP,
					 .ai_addr = (void *)&entry->address,
					 .ai_next = next };
	if (inet_pton(AF_INET, address, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
		in->sin_port = port;
		entry->info.ai_addrlen = sizeof(*in);
	} else if (inet_pton(AF_INET6, address, &in6->sin6_addr) == 1) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = port;
		entry->info.ai_addrlen = sizeof(*in6);
	} else {
		free(entry);
		return NULL;
	}
	entry->info.ai_family = entry->address.ss_family;
	return &entry->info;
}

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **out);
void freeaddrinfo(struct addrinfo *list);

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **out)
{
	(void)hints;
	if (strcmp(name, "slow.test") == 0)
		name_wait();
	if (strcmp(name, "inside.test") == 0 || strcmp(name, "slow.test") == 0)
		*out = name_entry("127.0.0.1", service, NULL);
	else if (strcmp(name, "mixed.test") == 0)
		*out = name_entry("10.1.2.3", service, name_entry("127.0.0.1", service, NULL));
	else if (strcmp(name, "private.test") == 0)
		*out = name_entry("10.1.2.3", service, name_entry("::1", service, NULL));
	else
		*out = name_entry(name, service, NULL);
	return *out ? 0 : EAI_NONAME;
}

void freeaddrinfo(struct addrinfo *list)
{
	while (list) {
		struct addrinfo *next = list->ai_next;

		free(container_of(list, struct name_entry, info));
		list = next;
	}
}

/* ---- the server ---- */

struct customer {
	int fd;
	uint16_t port;
	pthread_t thread;
	atomic_uint connections; /* open now */
	atomic_uint accepted;	 /* ever */
	atomic_uint working, working_peak;
};

struct customer_conn {
	struct customer *customer;
	int fd;
	char request[8192];
	size_t request_n;
};

static inline bool customer_send(int fd, const char *text, size_t n)
{
	return send(fd, text, n, MSG_NOSIGNAL) == (ssize_t)n;
}

static inline bool customer_say(int fd, const char *text)
{
	return customer_send(fd, text, strlen(text));
}

static inline void customer_pause(long ms)
{
	nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000 }, NULL);
}

#define CUSTOMER_OK                                                                                          \
	"HTTP/1.1 200 OK\r\nContent-Type: text/xml; charset=utf-8\r\nContent-Length: 5\r\n\r\nhello"

/* Each handler: true to keep the connection for another request. */
static inline bool customer_ok(struct customer_conn *conn)
{
	return customer_say(conn->fd, CUSTOMER_OK);
}

static inline bool customer_echo(struct customer_conn *conn)
{
	dprintf(conn->fd, "HTTP/1.1 201 Created\r\nContent-Length: %zu\r\n\r\n", conn->request_n);
	return customer_send(conn->fd, conn->request, conn->request_n);
}

static inline bool customer_hang(struct customer_conn *conn)
{
	char byte;

	while (recv(conn->fd, &byte, 1, 0) > 0)
		continue;
	return false;
}

static inline bool customer_drip(struct customer_conn *conn)
{
	customer_say(conn->fd, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
	while (customer_say(conn->fd, "."))
		customer_pause(10);
	return false;
}

static inline bool customer_drip_head(struct customer_conn *conn)
{
	customer_say(conn->fd, "HTTP/1.1 200 OK\r\nX: ");
	while (customer_say(conn->fd, "."))
		customer_pause(10);
	return false;
}

static inline bool customer_endless(struct customer_conn *conn)
{
	customer_say(conn->fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
	while (customer_say(conn->fd, "10\r\n0123456789abcdef\r\n"))
		continue;
	return false;
}

static inline bool customer_big_head(struct customer_conn *conn)
{
	customer_say(conn->fd, "HTTP/1.1 200 OK\r\n");
	while (customer_say(conn->fd, "X-Filler: 0123456789abcdef0123456789abcdef0123456789abcdef\r\n"))
		continue;
	return false;
}

static inline bool customer_close(struct customer_conn *conn)
{
	(void)conn;
	return false;
}

static inline bool customer_cut(struct customer_conn *conn)
{
	customer_say(conn->fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this");
	return false;
}

static inline bool customer_redirect(struct customer_conn *conn)
{
	return customer_say(conn->fd,
			    "HTTP/1.1 302 Found\r\nLocation: /ok?next=1\r\nSet-Cookie: a=1; Path=/\r\n"
			    "set-cookie: b=2\r\nContent-Length: 0\r\n\r\n");
}

static inline bool customer_interim(struct customer_conn *conn)
{
	return customer_say(conn->fd,
			    "HTTP/1.1 103 Early Hints\r\nLocation: /early\r\nSet-Cookie: early=1\r\n\r\n"
			    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: Location\r\n\r\n"
			    "5\r\nhello\r\n0\r\nLocation: /late\r\n\r\n");
}

static inline bool customer_gzip(struct customer_conn *conn)
{
	return customer_say(
		conn->fd,
		"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\n\x1f\x8b\x08zz");
}

static inline bool customer_garbage(struct customer_conn *conn)
{
	customer_say(conn->fd, "SSH-2.0-nothing\x1b[31m\r\n");
	return false;
}

static inline bool customer_work(struct customer_conn *conn)
{
	struct customer *customer = conn->customer;
	const unsigned now = atomic_fetch_add(&customer->working, 1) + 1;
	unsigned peak = atomic_load(&customer->working_peak);

	while (peak < now && !atomic_compare_exchange_weak(&customer->working_peak, &peak, now))
		continue;
	customer_pause(30);
	atomic_fetch_sub(&customer->working, 1);
	return customer_say(conn->fd, CUSTOMER_OK);
}

static const struct {
	const char *path;
	bool (*handler)(struct customer_conn *conn);
} customer_habits[] = {
	{ "/ok", customer_ok },
	{ "/echo", customer_echo },
	{ "/hang", customer_hang },
	{ "/drip", customer_drip },
	{ "/drip-head", customer_drip_head },
	{ "/endless", customer_endless },
	{ "/big-head", customer_big_head },
	{ "/close", customer_close },
	{ "/cut", customer_cut },
	{ "/redirect", customer_redirect },
	{ "/interim", customer_interim },
	{ "/gzip", customer_gzip },
	{ "/garbage", customer_garbage },
	{ "/work", customer_work },
};

/* One request with its body; conn->request keeps as much as it holds. */
static inline bool customer_read(struct customer_conn *conn)
{
	const size_t room = sizeof(conn->request) - 1;
	char rest[4096];
	size_t need = SIZE_MAX, got = 0;

	while (got < need) {
		const bool keep = got < room;
		const ssize_t n = recv(conn->fd, keep ? conn->request + got : rest,
				       keep ? room - got : sizeof(rest), 0);
		const char *end, *length;

		if (n <= 0)
			return false;
		if (conn->request[0] == 0x16) /* a TLS handshake: none spoken here */
			return customer_garbage(conn);
		got += (size_t)n;
		conn->request_n = MIN(got, room);
		conn->request[conn->request_n] = '\0';
		end = strstr(conn->request, "\r\n\r\n");
		length = strstr(conn->request, "Content-Length: ");
		if (end)
			need = (size_t)(end + 4 - conn->request) +
			       (length ? strtoul(length + 16, NULL, 10) : 0);
	}
	return true;
}

static inline bool customer_answer(struct customer_conn *conn)
{
	const char *path = strchr(conn->request, ' ');
	const size_t n = path ? strcspn(path + 1, " ?") : 0;

	for (size_t i = 0; i < ARRAY_LEN(customer_habits); i++)
		if (str_eq(str_n(path + 1, n), str_of(customer_habits[i].path)))
			return customer_habits[i].handler(conn);
	return customer_say(conn->fd, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
}

static inline void *customer_serve(void *arg)
{
	struct customer_conn *conn = arg;

	while (customer_read(conn) && customer_answer(conn))
		continue;
	close(conn->fd);
	atomic_fetch_sub(&conn->customer->connections, 1);
	free(conn);
	return NULL;
}

static inline void *customer_accept(void *arg)
{
	struct customer *customer = arg;
	int fd;

	while ((fd = accept(customer->fd, NULL, NULL)) >= 0) {
		struct customer_conn *conn = calloc(1, sizeof(*conn));
		pthread_attr_t detached;
		pthread_t thread;

		conn->customer = customer;
		conn->fd = fd;
		atomic_fetch_add(&customer->connections, 1);
		atomic_fetch_add(&customer->accepted, 1);
		pthread_attr_init(&detached);
		pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
		pthread_create(&thread, &detached, customer_serve, conn);
		pthread_attr_destroy(&detached);
	}
	return NULL;
}

static inline struct customer *customer_start(void)
{
	struct customer *customer = calloc(1, sizeof(*customer));
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);

	customer->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(customer->fd, (const void *)&address, sizeof(address)), 0);
	assert_int_equal(listen(customer->fd, 64), 0);
	assert_int_equal(getsockname(customer->fd, (void *)&address, &len), 0);
	customer->port = ntohs(address.sin_port);
	assert_int_equal(pthread_create(&customer->thread, NULL, customer_accept, customer), 0);
	return customer;
}

/* All clients have closed before. */
static inline void customer_stop(struct customer *customer)
{
	shutdown(customer->fd, SHUT_RDWR);
	pthread_join(customer->thread, NULL);
	close(customer->fd);
	while (atomic_load(&customer->connections))
		customer_pause(1);
	free(customer);
}
