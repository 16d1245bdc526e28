/* SPDX-License-Identifier: MIT */
/*
 * Says in words how a process ended. Called by vm/, driver/ and disk_restore.c. Asks the kernel;
 * holds no state.
 */
#include "vmm/manager/process/process_end.h"

#include "kernel/abi/syscall.h"
#include "lib/bits.h"
#include "vmm/manager/text/text.h"
#include "vmm/rt/format.h"
#include "vmm/rt/syscall.h"

static void process_killed(u64 code, char text[PROCESS_END_BYTES])
{
	static const char *const reasons[] = {
		[KILL_EXCEPTION] = "exception",
		[KILL_PAGE_FAULT] = "a page fault",
		[KILL_NO_MEMORY] = "no page left to it",
		[KILL_FPU] = "an instruction of the FPU",
		[KILL_MACHINE_CHECK] = "a page of its memory that is lost",
	};
	u64 reason = code & PROCESS_KILL_REASON;

	if (reason == KILL_EXCEPTION)
		format(text, PROCESS_END_BYTES, " of exception %u",
		       (u32)(code >> PROCESS_VECTOR_SHIFT & 0xff));
	else if (reason < ARRAY_COUNT(reasons) && reasons[reason] != NULL)
		format(text, PROCESS_END_BYTES, " of %s", reasons[reason]);
}

/* Writes the word that the process gave to rt_fail, which had encoded it in the exit code. */
static void process_ended_itself(u64 code, char text[PROCESS_END_BYTES])
{
	char shown[sizeof(code) + 1];
	char word[sizeof(code)];

	memcpy(word, &code, sizeof(word));
	text_show(shown, sizeof(shown), (struct text){word, strnlen(word, sizeof(word))});
	format(text, PROCESS_END_BYTES, ": %s", shown);
}

const char *process_end_text(handle_t process, char text[PROCESS_END_BYTES])
{
	u64 code = 0;

	text[0] = '\0';
	if (sys_process_status(process, &code) != STATUS_OK)
		return text;
	if ((code & PROCESS_KILLED) != 0)
		process_killed(code, text);
	else if (code != 0)
		process_ended_itself(code, text);
	return text;
}

const char *process_died_text(handle_t process, const char *what, char text[PROCESS_DIED_BYTES])
{
	char how[PROCESS_END_BYTES];

	format(text, PROCESS_DIED_BYTES, "%s died%s, `log show -c process` says why", what,
	       process_end_text(process, how));
	return text;
}
