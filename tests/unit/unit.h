/* unit.h - what every unit test needs of cmocka, and a few helpers. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/str.h"

#define assert_str_equal(actual, expected) unit_assert_str((actual), str_of(expected), __FILE__, __LINE__)

static inline void unit_assert_str(struct str actual, struct str expected, const char *file, int line)
{
	if (str_eq(actual, expected) && str_is_null(actual) == str_is_null(expected))
		return;
	print_error("\"" STR_FMT "\" is not \"" STR_FMT "\"\n", STR_ARG(actual), STR_ARG(expected));
	_fail(file, line);
}

/* Does fn(arg) end its process by abort()? */
static inline bool unit_aborts(void (*fn)(void *arg), void *arg)
{
	const pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0) {
		const int quiet = open("/dev/null", O_WRONLY);

		dup2(quiet, STDERR_FILENO);
		signal(SIGABRT, SIG_DFL);
		fn(arg);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}
