/* SPDX-License-Identifier: MIT */
/*
 * Runs the one command of a clone: its user, environment and directory, its input and output over
 * the host's connection, the signals that come for it, and how it ended. The init calls it when it
 * is through the gate.
 */
#include <linux/errno.h>
#include <fcntl.h>
#include <linux/poll.h>
#include <linux/resource.h>
#include <linux/signal.h>
#include <linux/wait.h>

#include "iso/init/gate.h"

enum { RUN_PATH_BYTES = 4096, RUN_STATISTICS_BYTES = 16384 };

enum { RUN_INPUT, RUN_OUT, RUN_ERROR, RUN_STREAMS };

struct run {
	struct gate *gate;
	int pipe[RUN_STREAMS]; /* the init's ends; -1: closed */
	int signals;
	long child;
	uint8_t input[GATE_WINDOW];
	uint32_t input_count;
	bool input_ended;
	int status;
	struct rusage usage;
};

_Noreturn static void run_fail(const char *word, const char *why, int code)
{
	print(word);
	print(why);
	CALL(exit_group, code);
	__builtin_unreachable();
}

/* Each folder of PATH in turn; returns when nothing of that name can be executed. */
static long run_search(const struct words *words)
{
	static char path[RUN_PATH_BYTES];
	const char *folders = words_environment(words, "PATH=");
	const char *name = words->argument[0];
	long found = -ENOENT, status;

	for (const char *at = name; *at != '\0'; at++)
		if (*at == '/')
			return CALL(execve, name, words->argument, words->environment);
	while (folders != NULL && *folders != '\0') {
		size_t count = 0;

		while (folders[count] != '\0' && folders[count] != ':')
			count++;
		if (count + text_length(name) + 2 <= sizeof(path)) {
			char *to = path;

			for (size_t i = 0; i < count; i++)
				*to++ = folders[i];
			*to++ = '/';
			for (const char *from = name; (*to++ = *from++) != '\0';)
				;
			status = CALL(execve, path, words->argument, words->environment);
			found = status != -ENOENT && status != -ENOTDIR ? status : found;
		}
		folders += count + (folders[count] == ':');
	}
	return found;
}

_Noreturn static void run_child(const struct words *words, const int theirs[RUN_STREAMS])
{
	struct rlimit64 none = {0, 0};
	uint64_t signals = 0;

	for (int i = 0; i < RUN_STREAMS; i++)
		CALL(dup2, theirs[i], i);
	CALL(rt_sigprocmask, SIG_SETMASK, &signals, NULL, sizeof(signals));
	CALL(setsid, 0);
	CALL(prlimit64, 0, RLIMIT_CORE, &none, NULL);
	if (CALL(setgroups, 0, NULL) != 0 ||
	    CALL(setresgid, words->group, words->group, words->group) != 0 ||
	    CALL(setresuid, words->user, words->user, words->user) != 0)
		run_fail("", "init: that user and group cannot be set\n", 126);
	if (CALL(chdir, words->directory) != 0)
		run_fail(words->directory, ": there is no such directory\n", 126);
	if (run_search(words) == -ENOENT)
		run_fail(words->argument[0], ": there is no such program\n", 127);
	run_fail(words->argument[0], ": it cannot be executed\n", 126);
}

static bool run_start(struct run *run, const struct words *words)
{
	int theirs[RUN_STREAMS];
	uint64_t signals = 1ul << (SIGCHLD - 1);

	CALL(rt_sigprocmask, SIG_BLOCK, &signals, NULL, sizeof(signals));
	run->signals = (int)CALL(signalfd4, -1, &signals, sizeof(signals), O_CLOEXEC | O_NONBLOCK);
	for (int i = 0; i < RUN_STREAMS; i++) {
		int ends[2];

		if (CALL(pipe2, ends, O_CLOEXEC) != 0)
			return false;
		theirs[i] = ends[i != RUN_INPUT];
		run->pipe[i] = ends[i == RUN_INPUT];
		CALL(fcntl, run->pipe[i], F_SETFL, O_NONBLOCK);
	}
	run->child = CALL(fork);
	if (run->child == 0)
		run_child(words, theirs);
	for (int i = 0; i < RUN_STREAMS; i++)
		CALL(close, theirs[i]);
	return run->child > 0;
}

static void run_close(struct run *run, int stream)
{
	if (run->pipe[stream] >= 0)
		CALL(close, run->pipe[stream]);
	run->pipe[stream] = -1;
}

/* Hands on what the command has written. Returns false when there is nothing now. */
static bool run_output(struct run *run, int stream)
{
	static uint8_t bytes[GATE_OUTPUT];
	long count =
		run->pipe[stream] < 0 ? 0 : CALL(read, run->pipe[stream], bytes, sizeof(bytes));

	if (count == 0)
		run_close(run, stream);
	if (count <= 0)
		return false;
	if (!gate_send(run->gate, stream == RUN_OUT ? GATE_OUT : GATE_ERROR, bytes,
		       (uint32_t)count))
		gate_power_off();
	return true;
}

/* Gives the command as much of its input as it takes. */
static void run_input(struct run *run)
{
	uint32_t taken = 0;

	if (run->input_count > 0 && run->pipe[RUN_INPUT] >= 0) {
		long done = CALL(write, run->pipe[RUN_INPUT], run->input, run->input_count);

		if (done == -EPIPE)
			run_close(run, RUN_INPUT);
		taken = done > 0 ? (uint32_t)done : 0;
	}
	if (run->pipe[RUN_INPUT] < 0)
		taken = run->input_count; /* it reads no more: the rest is dropped */
	run->input_count -= taken;
	for (uint32_t i = 0; i < run->input_count; i++)
		run->input[i] = run->input[taken + i];
	if (taken > 0 && !gate_send(run->gate, GATE_TAKEN, &taken, sizeof(taken)))
		gate_power_off();
	if (run->input_ended && run->input_count == 0)
		run_close(run, RUN_INPUT);
}

static void run_frame(struct run *run)
{
	const uint8_t *bytes = run->gate->bytes + 4;
	uint32_t count;
	int kind = gate_read(run->gate, &count);

	if (kind < 0 || (kind == GATE_INPUT && count > GATE_WINDOW - run->input_count))
		gate_power_off();
	if (kind == GATE_INPUT) {
		run->input_ended = run->input_ended || count == 0;
		for (uint32_t i = 0; i < count; i++)
			run->input[run->input_count++] = bytes[i];
		run_input(run);
	} else if (kind == GATE_SIGNAL && count == 1) {
		CALL(kill, -run->child, bytes[0]);
	}
}

/* Whoever has lost its parent is the init's child: all are reaped. Returns true when the command
 * has ended. */
static bool run_reap(struct run *run)
{
	uint8_t drained[1024];
	struct rusage usage;
	bool ended = false;
	int status;
	long child;

	while (CALL(read, run->signals, drained, sizeof(drained)) > 0)
		;
	while ((child = CALL(wait4, -1, &status, WNOHANG, &usage)) > 0) {
		if (child != run->child)
			continue;
		run->status = status;
		run->usage = usage;
		ended = true;
	}
	return ended;
}

/* Whether the kernel has killed a process since it had no memory left. */
static bool run_out_of_memory(void)
{
	static char text[RUN_STATISTICS_BYTES + 1];
	long file = CALL(open, "/proc/vmstat", O_RDONLY | O_CLOEXEC), done;
	size_t count = 0;

	while (count < RUN_STATISTICS_BYTES &&
	       (done = CALL(read, file, text + count, RUN_STATISTICS_BYTES - count)) > 0)
		count += (size_t)done;
	CALL(close, file);
	text[count] = '\0';
	for (char *at = text; *at != '\0'; at++)
		if (text_begins(at, "\noom_kill "))
			return at[sizeof("\noom_kill ") - 1] != '0';
	return false;
}

static void run_end(struct run *run, const struct words *words)
{
	struct gate_end end = {
		.by_signal = (run->status & 0x7f) != 0,
		.code = (uint8_t)((run->status & 0x7f) != 0 ? run->status & 0x7f
							    : run->status >> 8),
		.out_of_memory = run_out_of_memory(),
		.memory_kib = (uint32_t)run->usage.ru_maxrss,
		.user_us = (uint64_t)(run->usage.ru_utime.tv_sec * 1000000 +
				      run->usage.ru_utime.tv_usec),
		.system_us = (uint64_t)(run->usage.ru_stime.tv_sec * 1000000 +
					run->usage.ru_stime.tv_usec),
	};

	for (int stream = RUN_OUT; stream <= RUN_ERROR; stream++)
		for (int i = 0; i < 64 && run_output(run, stream); i++) /* a pipe holds less */
			;
	wanted_files(run->gate, words);
	gate_send(run->gate, GATE_END, &end, sizeof(end));
}

void run_command(struct gate *gate, const struct words *words)
{
	static struct run run;

	run.gate = gate;
	if (!run_start(&run, words)) {
		gate_send(gate, GATE_REFUSED, "no process", 10);
		return;
	}
	for (;;) {
		struct pollfd wait[] = {
			{gate->connection, POLLIN, 0},
			{run.signals, POLLIN, 0},
			{run.input_count > 0 ? run.pipe[RUN_INPUT] : -1, POLLOUT, 0},
			{run.pipe[RUN_OUT], POLLIN, 0},
			{run.pipe[RUN_ERROR], POLLIN, 0},
		};

		CALL(poll, wait, sizeof(wait) / sizeof(*wait), -1);
		if (wait[0].revents != 0)
			run_frame(&run);
		if (wait[2].revents != 0)
			run_input(&run);
		if (wait[3].revents != 0)
			run_output(&run, RUN_OUT);
		if (wait[4].revents != 0)
			run_output(&run, RUN_ERROR);
		if (wait[1].revents != 0 && run_reap(&run))
			break;
	}
	run_end(&run, words);
}
