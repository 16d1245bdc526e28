/* SPDX-License-Identifier: MIT */
/*
 * A target of afl-fuzz that is a process of a Linux guest: `target HARNESS`, with the harness's
 * place. The whole guest goes back to where this process waits for its next input, which the bridge
 * puts into the window (area.h). What it reads there is the harness's, and read once.
 */
#include <signal.h>
#include <sys/time.h>

#include "lib/read_once.h"
#include "tests/guest/afl/parser.h"
#include "tests/guest/afl/window_map.h"

#define LOOK_US 20000 /* how often a run looks whether it has to end */

static volatile u32 *registers;
static struct area *area;
static u32 number; /* of the input of this run; 0: it waits for one */
static u8 input[AREA_INPUT_BYTES];

void __sanitizer_cov_trace_pc(void)
{
	parser_passed(area->map, AREA_MAP_BYTES, (uintptr_t)__builtin_return_address(0));
}

static u32 call(u32 what, u32 value)
{
	registers[WINDOW_VALUE / 4] = value;
	registers[WINDOW_CALL / 4] = what;
	while (registers[WINDOW_STATUS / 4] == WINDOW_BUSY)
		;
	return registers[WINDOW_STATUS / 4];
}

static void on_fault(int signal_number)
{
	(void)signal_number;
	call(WINDOW_CALL_PANIC, number);
	_exit(1);
}

static void on_look(int signal_number)
{
	(void)signal_number;
	if (__atomic_exchange_n(&area->stop, 0, __ATOMIC_SEQ_CST) != 0)
		call(WINDOW_CALL_PANIC, number);
}

/* Returns only if the VM does not go back: a status. */
static u32 run(void)
{
	u32 bytes;

	while ((number = READ_ONCE(area->asked)) == 0) {
		(void)registers[WINDOW_RUNG / 4];
		if (READ_ONCE(area->asked) == 0)
			registers[WINDOW_WAIT / 4] = 0;
	}
	area->asked = 0;
	bytes = MIN(READ_ONCE(area->bytes), AREA_INPUT_BYTES);
	for (u32 i = 0; i < bytes; i++)
		input[i] = READ_ONCE(area->input[i]);
	(void)parser_sum(input, bytes);
	return call(WINDOW_CALL_DONE, number);
}

int main(int argc, char **argv)
{
	struct itimerval look = {{0, LOOK_US}, {0, LOOK_US}};
	u32 harness = argc == 2 ? (u32)atoi(argv[1]) : WINDOW_PLACES;
	u64 bytes = 0;
	u8 *window = window_map(WINDOW_DEVICE "resource2", &bytes);
	u32 status;
	u32 place;

	registers = window_map(WINDOW_DEVICE "resource0", &(u64){0});
	place = registers != NULL ? registers[WINDOW_PLACE / 4] : WINDOW_PLACES;
	if (harness >= WINDOW_PLACES || window == NULL || area_at(place + 1) > bytes) {
		fprintf(stderr, "say as root which place of a window of 128K the harness has: "
				"target PLACE\n");
		return 1;
	}
	area = (struct area *)(window + area_at(place));
	signal(SIGSEGV, on_fault);
	signal(SIGBUS, on_fault);
	signal(SIGALRM, on_look);
	setitimer(ITIMER_REAL, &look, NULL);
	do {
		status = call(WINDOW_CALL_SNAPSHOT, harness << 16 | place % WINDOW_VECTORS);
		if (status == WINDOW_DONE)
			status = run();
	} while (status == WINDOW_GONE); /* someone has dropped the snapshot */
	fprintf(stderr, "target: a call was refused, see vm log: status %u\n", status);
	return 1;
}
