/* SPDX-License-Identifier: MIT */
/* Processes of skerry-proxy that end with the one that has started them, however early it ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

static bool late;

/* Does fork(), but where `late` is set, returns in the new process once its parent has ended. */
static pid_t slow_fork(void)
{
	pid_t parent = getpid(), pid = fork();

	while (pid == 0 && late && getppid() == parent)
		usleep(1000);
	return pid;
}

#define fork slow_fork
#include "gateway/proxy/child.c"
#undef fork

enum { LIMIT_MS = 20000 };

/* Starts a process that starts another and ends. Returns whether the other one has ended, too. */
static bool ends(void)
{
	int pair[2];
	struct pollfd wait;
	pid_t parent;
	bool gone;
	char byte;

	assert_int_equal(pipe(pair), 0);
	parent = fork();
	if (parent == 0) {
		char ready = 1;

		if (child_fork() == 0) {
			alarm(2 * LIMIT_MS / 1000);
			close(pair[0]);
			(void)!write(pair[1], &ready, 1);
			for (;;)
				pause();
		}
		/* Ends after the other one has begun, or before. */
		_exit(!late && read(pair[0], &ready, 1) != 1);
	}
	close(pair[1]);
	assert_int_equal(waitpid(parent, NULL, 0), parent);
	wait = (struct pollfd){pair[0], POLLIN, 0};
	gone = poll(&wait, 1, LIMIT_MS) == 1 && read(pair[0], &byte, 1) == 0;
	close(pair[0]);
	return gone;
}

static void test_ends(void **state)
{
	(void)state;
	late = false;
	assert_true(ends());
	late = true;
	assert_true(ends());
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_ends)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
