/* SPDX-License-Identifier: MIT */
/*
 * Stands in for afl-fuzz in quick tests: `stand_in RUNS bridge PLACE`. It gives the bridge an input
 * that is fine, one that crashes the target and one that hangs it, says what became of each, and
 * then how long RUNS more take. It shares memory with the bridge as afl-fuzz does.
 */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/guest/afl/area.h"

#define LIMIT_MS 3000 /* a run that is fine may take long, too, where the host is busy */
#define HELLO	 (0xc1000001u | (AREA_MAP_BYTES - 1) << 1)

static int to_bridge[2], from_bridge[2];
static u8 *map;
static u32 *input;

static void fail(const char *what)
{
	printf("FAIL %s\n", what);
	exit(1);
}

static void *share(const char *name, size_t bytes)
{
	int number = shmget(IPC_PRIVATE, bytes, IPC_CREAT | IPC_EXCL | 0600);
	char text[16];
	void *at = shmat(number, NULL, 0);

	if (number < 0 || at == (void *)-1)
		fail("shmget");
	shmctl(number, IPC_RMID, NULL);
	snprintf(text, sizeof(text), "%d", number);
	setenv(name, text, 1);
	return at;
}

static u32 take(void)
{
	u32 word;

	if (read(from_bridge[0], &word, sizeof(word)) != sizeof(word))
		fail("the bridge has ended");
	return word;
}

static void give(u32 word)
{
	if (write(to_bridge[1], &word, sizeof(word)) != sizeof(word))
		fail("the bridge has ended");
}

/* Returns the status of the run. */
static int run(const char *bytes, u32 count)
{
	struct pollfd wait = {.fd = from_bridge[0], .events = POLLIN};
	pid_t child;

	memset(map, 0, AREA_MAP_BYTES);
	memcpy(input + 1, bytes, count);
	input[0] = count;
	give(0);
	child = (pid_t)take();
	if (poll(&wait, 1, LIMIT_MS) == 0)
		kill(child, SIGKILL);
	return (int)take();
}

static void show(const char *name, const char *bytes, u32 count)
{
	int status = run(bytes, count);
	u32 edges = 0;

	for (u32 i = 0; i < AREA_MAP_BYTES; i++)
		edges += map[i] != 0;
	printf("RUN %s signal=%d exit=%d edges=%u\n", name, WTERMSIG(status), WEXITSTATUS(status),
	       edges);
}

int main(int argc, char **argv)
{
	struct timespec began, ended;

	if (argc < 3 || pipe(to_bridge) != 0 || pipe(from_bridge) != 0)
		fail("say stand_in RUNS PROGRAM…");
	map = share("__AFL_SHM_ID", AREA_MAP_BYTES);
	input = share("__AFL_SHM_FUZZ_ID", 1 << 20);
	if (fork() == 0) {
		dup2(to_bridge[0], 198);
		dup2(from_bridge[1], 199);
		close(to_bridge[1]);
		close(from_bridge[0]);
		execv(argv[2], argv + 2);
		_exit(127);
	}
	close(from_bridge[1]);
	if (take() != HELLO)
		fail("the bridge says hello in another way");
	give(0x81000001u);
	show("fine", "hello, world", 12);
	show("deeper", "SKRYS hello, world", 18);
	show("crash", "SKRYL\xff\xff\xff\xff\xff\xff\xff\x3f", 13);
	show("after", "hello, world", 12);
	show("hang", "HANG", 4);
	show("last", "hello, world", 12);
	clock_gettime(CLOCK_MONOTONIC, &began);
	for (int i = atoi(argv[1]); i > 0; i--)
		if (run("SKRYS hello, world", 18) != 0)
			fail("a run that is fine");
	clock_gettime(CLOCK_MONOTONIC, &ended);
	printf("RUNS %s MS %lld\n", argv[1],
	       (long long)(ended.tv_sec - began.tv_sec) * 1000 +
		       (ended.tv_nsec - began.tv_nsec) / 1000000);
	return 0;
}
