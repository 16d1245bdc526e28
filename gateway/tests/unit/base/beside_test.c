/* SPDX-License-Identifier: MIT */
/* What a process beside core is like once it has begun. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateway/base/beside.c"

/* The faults of a process that has begun, a bit each. */
enum {
	SHOWS_MEMORY = 1,
	OUTLIVES_CORE = 2,
	OTHER_NAME = 4,
	ENDS_BY_A_PIPE = 8,
	ENDS_BY_CTRL_C = 16
};

static int faults_once_begun(void)
{
	char name[16] = "";
	int death = 0;
	int faults = 0;

	beside_begin("skerryd-any");
	prctl(PR_GET_PDEATHSIG, &death);
	prctl(PR_GET_NAME, name);
	faults |= prctl(PR_GET_DUMPABLE) != 0 ? SHOWS_MEMORY : 0;
	faults |= death != SIGKILL ? OUTLIVES_CORE : 0;
	faults |= strcmp(name, "skerryd-any") != 0 ? OTHER_NAME : 0;
	faults |= signal(SIGPIPE, SIG_DFL) != SIG_IGN ? ENDS_BY_A_PIPE : 0;
	faults |= signal(SIGINT, SIG_DFL) != SIG_IGN ? ENDS_BY_CTRL_C : 0;
	return faults;
}

static void test_begun(void **state)
{
	pid_t child = fork();
	int status = -1;

	(void)state;
	if (child == 0)
		_exit(faults_once_begun());
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_begun)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
