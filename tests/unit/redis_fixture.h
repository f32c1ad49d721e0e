/* redis_fixture.h - a Redis server of the test's own, and a scene to await events in.
 *
 * The server lives on a free port of 127.0.0.1, writes nothing to disk, dies
 * with the test, and can be killed, stopped and started again on its port.
 * redis_server_do speaks to it on a blocking connection beside the code under
 * test.
 *
 * A scene is a loop and a text of what happened, "ready lost 1=OK": callbacks
 * call scene_note, the test calls scene_await with the text that it expects.
 */
#pragma once

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/buf.h"
#include "common/io/loop.h"

enum { REDIS_SERVER_MAX_OPTIONS = 8, SCENE_PATIENCE_MS = 20000 };

struct redis_server {
	pid_t pid;
	uint16_t port;
	const char *password; /* for redis_server_do */
};

static inline int redis_server_connect(const struct redis_server *server)
{
	const struct sockaddr_in address = { .sin_family = AF_INET,
					     .sin_port = htons(server->port),
					     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (const void *)&address, sizeof(address)), 0);
	return fd;
}

/* Reads one reply as it comes, a bulk string until all of it is there. */
static inline const char *redis_server_reply(int fd)
{
	static char reply[1 << 16];
	size_t n = 0, wanted = 1;

	while (n < wanted) {
		const ssize_t got = read(fd, reply + n, sizeof(reply) - 1 - n);

		assert_true(got > 0);
		n += (size_t)got;
		reply[n] = '\0';
		if (reply[0] == '$')
			wanted = MIN((size_t)MAX(strtol(reply + 1, NULL, 10), 0), sizeof(reply) - 1);
	}
	return reply;
}

/* One inline command; the reply is good until the next. */
static inline const char *redis_server_do(const struct redis_server *server, const char *command)
{
	const int fd = redis_server_connect(server);
	const char *reply;

	if (server->password) {
		assert_true(dprintf(fd, "AUTH %s\r\n", server->password) > 0);
		assert_string_equal(redis_server_reply(fd), "+OK\r\n");
	}
	assert_true(dprintf(fd, "%s\r\n", command) > 0);
	reply = redis_server_reply(fd);
	close(fd);
	return reply;
}

/* The number behind "name" in the text of INFO, and 0 when it is not there. */
static inline long redis_server_count(const struct redis_server *server, const char *section,
				      const char *name)
{
	char command[64];
	const char *at;

	snprintf(command, sizeof(command), "INFO %s", section);
	at = strstr(redis_server_do(server, command), name);
	return at ? strtol(at + strlen(name), NULL, 10) : 0;
}

static inline uint16_t redis_free_port(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (const void *)&address, sizeof(address)), 0);
	assert_int_equal(getsockname(fd, (void *)&address, &len), 0);
	close(fd);
	return ntohs(address.sin_port);
}

static inline void redis_server_exec(uint16_t port, int log_fd, const char *const options[])
{
	char port_text[8];
	const char *argv[16 + REDIS_SERVER_MAX_OPTIONS] = {
		"redis-server", "--port",   port_text, "--bind",    "127.0.0.1",
		"--save",	"",	    "--appendonly",	    "no",
		"--dir",	"/tmp",
	};
	size_t argc = 11;

	for (size_t i = 0; options && options[i] && i < REDIS_SERVER_MAX_OPTIONS; i++)
		argv[argc++] = options[i];
	snprintf(port_text, sizeof(port_text), "%u", (unsigned)port);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(log_fd, STDOUT_FILENO);
	execvp(argv[0], (char *const *)argv);
	_exit(127);
}

/* True once it accepts connections, false when it ended before. */
static inline bool redis_server_await(int log_fd)
{
	char log[16384];
	size_t n = 0;
	ssize_t got;

	while (n < sizeof(log) - 1 && (got = read(log_fd, log + n, sizeof(log) - 1 - n)) > 0) {
		n += (size_t)got;
		log[n] = '\0';
		if (strstr(log, "Ready to accept connections"))
			return true;
	}
	return false;
}

static inline bool redis_server_try(struct redis_server *server, const char *const options[])
{
	int log[2];
	bool ready;

	assert_int_equal(pipe2(log, O_CLOEXEC), 0);
	server->pid = fork();
	if (server->pid == 0)
		redis_server_exec(server->port, log[1], options);
	close(log[1]);
	ready = redis_server_await(log[0]);
	close(log[0]);
	if (!ready)
		waitpid(server->pid, NULL, 0);
	return ready;
}

/* port 0: any; options: NULL or pairs ending with NULL, "--requirepass", "x" */
static inline void redis_server_start(struct redis_server *server, uint16_t port, const char *const options[])
{
	for (int tries = 0; tries < 10; tries++) {
		server->port = port ? port : redis_free_port();
		if (redis_server_try(server, options))
			return;
	}
	fail_msg("redis-server does not start");
}

static inline void redis_server_kill(struct redis_server *server)
{
	if (server->pid <= 0)
		return;
	kill(server->pid, SIGKILL);
	waitpid(server->pid, NULL, 0);
	server->pid = 0;
}

struct scene {
	struct loop *loop;
	struct loop_timer *patience;
	struct buf happened;
	const char *expected; /* awaited */
};

static inline void scene_out_of_patience(void *arg)
{
	struct scene *scene = arg;

	loop_stop(scene->loop);
}

static inline void scene_open(struct scene *scene)
{
	memset(scene, 0, sizeof(*scene));
	signal(SIGPIPE, SIG_IGN);
	scene->loop = loop_new();
	scene->patience = loop_timer_new(scene->loop, scene_out_of_patience, scene);
	buf_init(&scene->happened, 1 << 20);
}

static inline void scene_close(struct scene *scene)
{
	scene->patience = loop_timer_free(scene->patience);
	scene->loop = loop_free(scene->loop);
	buf_fini(&scene->happened);
}

PRINTF_LIKE(2, 3) static inline void scene_note(struct scene *scene, const char *fmt, ...)
{
	va_list ap;

	if (scene->happened.n)
		buf_putc(&scene->happened, ' ');
	va_start(ap, fmt);
	buf_vprintf(&scene->happened, fmt, ap);
	va_end(ap);
	if (scene->expected && strlen(scene->expected) <= scene->happened.n)
		loop_stop(scene->loop);
}

/* Runs until as much has happened as is expected, compares, and forgets it. */
static inline void scene_await(struct scene *scene, const char *expected)
{
	scene->expected = expected;
	if (scene->happened.n < strlen(expected)) {
		loop_timer_start(scene->patience, SCENE_PATIENCE_MS);
		loop_run(scene->loop);
		loop_timer_stop(scene->patience);
	}
	scene->expected = NULL;
	assert_string_equal(buf_cstr(&scene->happened), expected);
	buf_clear(&scene->happened);
}

/* Lets the loop run for a while, for things that must not happen. */
static inline void scene_run_for(struct scene *scene, uint64_t ms)
{
	loop_timer_start(scene->patience, ms);
	loop_run(scene->loop);
	loop_timer_stop(scene->patience);
}
