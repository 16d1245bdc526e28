/* SPDX-License-Identifier: MIT */
/*
 * Lets afl-fuzz in a Linux guest drive another VM by the window that both share (area.h), with its
 * protocol of fork servers: `afl-fuzz … -- bridge PLACE`. A run is the target's, which goes back
 * to its snapshot behind it. What the window holds may be anything: it is read once, and masked.
 */
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/times.h>
#include <sys/wait.h>

#include "tests/guest/afl/window_map.h"

/* AFL++'s include/types.h and config.h */
#define FROM_AFL 198
#define TO_AFL	 199
#define HELLO	 (0xc1000001u | (AREA_MAP_BYTES - 1) << 1)

#define STOP_TIME 500 /* hundredths of a second, as times() counts them */
#define LATE_TIME 2   /* after so long a run afl-fuzz may have killed the child too late */

static volatile u32 *registers;
static volatile struct window_head *head;
static volatile struct area *area;
static u32 place;   /* the target's */
static u32 asked;   /* the number of the last input */
static pid_t child; /* does nothing; afl-fuzz kills it when a run takes too long */
static volatile sig_atomic_t killed;

static void fail(const char *what)
{
	fprintf(stderr, "bridge: %s\n", what);
	exit(1);
}

static void on_child(int number)
{
	killed = number;
}

static void *attach(const char *name)
{
	const char *number = getenv(name);
	void *at = number != NULL ? shmat(atoi(number), NULL, 0) : (void *)-1;

	if (at == (void *)-1)
		fail("start it by afl-fuzz, which shares memory for coverage and inputs");
	return at;
}

/* Whether the run after the first `runs` ends by then; 0: that of the input, while the child lives.
 */
static bool ring(u32 bell, u32 runs, clock_t until)
{
	registers[WINDOW_RING / 4] = place << 16 | bell;
	while (head->runs == runs || (until == 0 && head->value != asked)) {
		if (until != 0 ? times(NULL) >= until : killed)
			return false;
		(void)registers[WINDOW_RUNG / 4]; /* another bridge waits until the next tick */
		if (head->runs == runs)
			registers[WINDOW_WAIT / 4] = 0;
		sched_yield(); /* to another bridge on this CPU */
	}
	return true;
}

static void stop(u32 runs)
{
	area->asked = 0;
	__atomic_store_n(&area->stop, 1, __ATOMIC_SEQ_CST);
	if (!ring(AREA_BELL_STOP, runs, times(NULL) + STOP_TIME))
		fail("the target does not go back: see vm list, vm snapshot list and vm log");
}

static void take_coverage(volatile u64 *from, u64 *to)
{
	for (u32 i = 0; i < AREA_MAP_BYTES / sizeof(u64); i++) {
		u64 counts = from[i];

		if (counts != 0)
			from[i] = 0;
		to[i] = counts;
	}
}

static void renew_child(void)
{
	if (child != 0 && kill(child, SIGKILL) == 0)
		waitpid(child, NULL, 0);
	killed = 0;
	child = fork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(TO_AFL);
		for (;;)
			pause();
	}
}

/* Returns the status of a process that ends as the run does. `input` is a length and bytes. */
static int run(const u32 *input, u64 *map)
{
	u32 bytes = MIN(input[0], AREA_INPUT_BYTES);
	u32 runs = head->runs;

	memcpy((void *)area->input, input + 1, bytes);
	area->bytes = bytes;
	area->stop = 0;
	__atomic_store_n(&area->asked, ++asked, __ATOMIC_SEQ_CST);
	if (!ring(AREA_BELL_INPUT, runs, 0))
		stop(runs);
	take_coverage((volatile u64 *)area->map, map);
	return killed ? SIGKILL : head->status == WINDOW_PANIC ? SIGSEGV : 0;
}

int main(int argc, char **argv)
{
	u32 word = HELLO;
	u64 bytes = 0;
	u8 *window = window_map(WINDOW_DEVICE "resource2", &bytes);
	const u32 *input = attach("__AFL_SHM_FUZZ_ID");
	u64 *map = attach("__AFL_SHM_ID");

	registers = window_map(WINDOW_DEVICE "resource0", &(u64){0});
	place = argc == 2 ? (u32)atoi(argv[1]) : WINDOW_PLACES;
	if (place >= WINDOW_PLACES || window == NULL || registers == NULL ||
	    area_at(place + 1) > bytes || registers[WINDOW_IDENTITY / 4] != WINDOW_MAGIC)
		fail("say as root which place of a window of 128K the target has: bridge PLACE");
	head = (volatile struct window_head *)window + place;
	area = (volatile struct area *)(window + area_at(place));
	signal(SIGCHLD, on_child);
	stop(head->runs);
	take_coverage((volatile u64 *)area->map, map);
	renew_child();
	if (write(TO_AFL, &word, 4) != 4 || read(FROM_AFL, &word, 4) != 4)
		fail("start it by afl-fuzz, which has pipes to it");
	while (read(FROM_AFL, &word, 4) == 4 && write(TO_AFL, &child, 4) == 4) {
		clock_t began = times(NULL);
		int status = run(input, map);

		if (killed || times(NULL) - began >= LATE_TIME)
			renew_child();
		if (write(TO_AFL, &status, 4) != 4)
			return 1;
	}
	return 0;
}
