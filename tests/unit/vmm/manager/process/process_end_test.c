/* SPDX-License-Identifier: MIT */
/* How a process has ended is put into words for each kind of end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "lib/string.h"
#include "vmm/manager/process/process_end.c"
#include "vmm/manager/text/text.h"
#include "vmm/rt/format.h"

static enum status status;
static u64 code;

enum status sys_process_status(handle_t process, u64 *value)
{
	assert_int_equal(process, 5);
	*value = code;
	return status;
}

static void says(u64 ended, const char *wanted)
{
	char text[PROCESS_END_BYTES];

	code = ended;
	assert_string_equal(process_end_text(5, text), wanted);
}

static void test_killed(void **state)
{
	(void)state;
	status = STATUS_OK;
	says(PROCESS_KILLED | 14u << PROCESS_VECTOR_SHIFT | KILL_PAGE_FAULT, " of a page fault");
	says(PROCESS_KILLED | 13u << PROCESS_VECTOR_SHIFT | KILL_EXCEPTION, " of exception 13");
	says(PROCESS_KILLED | KILL_NO_MEMORY, " of no page left to it");
	says(PROCESS_KILLED | KILL_MACHINE_CHECK, " of a page of its memory that is lost");
	says(PROCESS_KILLED, "");
	says(PROCESS_KILLED | 0xff, "");
}

static void test_ended_itself(void **state)
{
	(void)state;
	status = STATUS_OK;
	says(0, "");
	says(0x6575657571 /* "queue", the text that rt_fail prints */, ": queue");
	says(0x7878787878787878, ": xxxxxxxx");
	says(0x0180808080808080, ": ????????");
}

static void test_not_known(void **state)
{
	(void)state;
	status = STATUS_BAD_STATE;
	says(PROCESS_KILLED | KILL_FPU, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_killed),
		cmocka_unit_test(test_ended_itself),
		cmocka_unit_test(test_not_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
