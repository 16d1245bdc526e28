/* SPDX-License-Identifier: MIT */
/*
 * Looks after the one command of a clone: its input and output over the host's connection, what the
 * host sends meanwhile, and how it ended. The init calls it when it is through the gate.
 */
#include <linux/errno.h>
#include <fcntl.h>
#include <linux/poll.h>
#include <linux/resource.h>
#include <linux/signal.h>
#include <linux/wait.h>

#include "iso/init/gate.h"

enum { RUN_STATISTICS_BYTES = 16384 };

enum { RUN_INPUT, RUN_OUT, RUN_ERROR, RUN_STREAMS };

struct run {
	struct gate *gate;
	struct words *words;
	int stream[RUN_STREAMS]; /* the init's ends; -1: closed */
	int signals;
	long child;
	uint8_t input[GATE_WINDOW];
	uint32_t input_count;
	bool input_ended;
	int status; /* of the process that was reaped last: when the command has ended, its own */
	struct rusage usage;
};

static bool run_open_pipes(int ours[RUN_STREAMS], int theirs[RUN_STREAMS])
{
	for (int i = 0; i < RUN_STREAMS; i++) {
		int ends[2];

		if (CALL(pipe2, ends, O_CLOEXEC) != 0)
			return false;
		theirs[i] = ends[i != RUN_INPUT];
		ours[i] = ends[i == RUN_INPUT];
		CALL(fcntl, ours[i], F_SETFL, O_NONBLOCK);
	}
	return true;
}

static bool run_start(struct run *run)
{
	bool terminal = run->words->rows > 0;
	int theirs[RUN_STREAMS];
	uint64_t signals = 1ul << (SIGCHLD - 1);

	CALL(rt_sigprocmask, SIG_BLOCK, &signals, NULL, sizeof(signals));
	run->signals = (int)CALL(signalfd4, -1, &signals, sizeof(signals), O_CLOEXEC | O_NONBLOCK);
	if (terminal ? !child_open_terminal(run->words, run->stream, theirs)
		     : !run_open_pipes(run->stream, theirs))
		return false;
	run->child = CALL(fork);
	if (run->child == 0)
		child_run(run->words, theirs);
	/* The init keeps a terminal open: the command may leave it and come back. */
	for (int i = 0; i < RUN_STREAMS && !terminal; i++)
		CALL(close, theirs[i]);
	return run->child > 0;
}

static void run_close(struct run *run, int stream)
{
	CALL(close, run->stream[stream]);
	run->stream[stream] = -1;
}

/* Hands on what the command has written. Returns false when there is nothing now. */
static bool run_output(struct run *run, int stream)
{
	static uint8_t bytes[GATE_OUTPUT];
	long count = CALL(read, run->stream[stream], bytes, sizeof(bytes));

	if (count <= 0) {
		if (count != -EAGAIN)
			run_close(run, stream);
		return false;
	}
	gate_tell(run->gate, stream == RUN_OUT ? GATE_OUT : GATE_ERROR, bytes, (uint32_t)count);
	return true;
}

/* Ends the input: a terminal has no end, but a key that says so, twice behind half a line. */
static void run_end_input(struct run *run)
{
	if (run->words->rows == 0 || CALL(write, run->stream[RUN_INPUT], "\4\4", 2) != -EAGAIN)
		run_close(run, RUN_INPUT);
}

/* Gives the command as much of its input as it takes. */
static void run_input(struct run *run)
{
	long done = CALL(write, run->stream[RUN_INPUT], run->input, run->input_count);
	uint32_t taken = done > 0 ? (uint32_t)done : 0;

	if (done < 0 && done != -EAGAIN) {
		run_close(run, RUN_INPUT);
		taken = run->input_count; /* it reads no more: the rest is dropped */
	}
	run->input_count -= taken;
	for (uint32_t i = 0; i < run->input_count; i++)
		run->input[i] = run->input[taken + i];
	if (taken > 0)
		gate_tell(run->gate, GATE_TAKEN, &taken, sizeof(taken));
	if (run->input_ended && run->input_count == 0)
		run_end_input(run);
}

static void run_frame(struct run *run)
{
	uint8_t *bytes = run->gate->bytes + 4, done;
	uint32_t count;
	int kind = gate_read(run->gate, &count);

	if (kind < 0 || (kind == GATE_INPUT && count > GATE_WINDOW - run->input_count)) {
		CALL(kill, -run->child, SIGKILL); /* a guest that stays goes on without it */
		gate_power_off();
	}
	if (kind == GATE_INPUT) {
		run->input_ended = run->input_ended || count == 0;
		memcpy(run->input + run->input_count, bytes, count);
		run->input_count += count;
		run_input(run);
	} else if (kind == GATE_SIGNAL && count == 1) {
		/* A process that is about to begin has no group of its own yet. */
		if (CALL(kill, -run->child, bytes[0]) != 0)
			CALL(kill, run->child, bytes[0]);
	} else if (kind == GATE_RESIZE && count == 4) {
		child_resize_terminal(run->stream[RUN_OUT], gate_number(bytes, 2),
				      gate_number(bytes + 2, 2));
	} else if (kind == GATE_PUT && count > 4) {
		done = (uint8_t)file_put((char *)bytes + 4, count - 4, gate_number(bytes, 4));
		gate_tell(run->gate, GATE_PUT_DONE, &done, 1);
	}
}

/* Reaps all who have lost their parents. Returns true when the command has ended. */
static bool run_reap(struct run *run)
{
	uint8_t drained[1024];
	long child;

	CALL(read, run->signals, drained, sizeof(drained));
	do
		child = CALL(wait4, -1, &run->status, WNOHANG, &run->usage);
	while (child > 0 && child != run->child);
	return child == run->child;
}

/* Whether the kernel has killed a process since it had no memory left. */
static bool run_out_of_memory(void)
{
	static char text[RUN_STATISTICS_BYTES + 1];

	file_read("/proc/vmstat", text, RUN_STATISTICS_BYTES);
	for (char *at = text; *at != '\0'; at++)
		if (text_begins(at, "\noom_kill "))
			return at[sizeof("\noom_kill ") - 1] != '0';
	return false;
}

static void run_end(struct run *run)
{
	const struct rusage *used = &run->usage;
	uint8_t signal = run->status & 0x7f;
	struct gate_end end = {
		.by_signal = signal != 0,
		.code = signal != 0 ? signal : (uint8_t)(run->status >> 8),
		.out_of_memory = run_out_of_memory(),
		.memory_kib = (uint32_t)used->ru_maxrss,
		.user_us = (uint64_t)(used->ru_utime.tv_sec * 1000000 + used->ru_utime.tv_usec),
		.system_us = (uint64_t)(used->ru_stime.tv_sec * 1000000 + used->ru_stime.tv_usec),
	};

	for (int stream = RUN_OUT; stream <= RUN_ERROR; stream++)
		for (int i = 0; i < 64 && run_output(run, stream); i++) /* a pipe holds less */
			;
	file_send_wanted(run->gate, run->words);
	volume_end(run->words);
	gate_tell(run->gate, GATE_END, &end, sizeof(end));
}

void run_command(struct gate *gate, struct words *words)
{
	static struct run run;

	run.gate = gate;
	run.words = words;
	if (!run_start(&run))
		gate_refuse(gate, "no process");
	for (;;) {
		bool gives = run.input_count > 0 || run.input_ended;
		struct pollfd wait[] = {
			{gate->connection, POLLIN, 0},
			{run.signals, POLLIN, 0},
			{gives ? run.stream[RUN_INPUT] : -1, POLLOUT, 0},
			{run.stream[RUN_OUT], POLLIN, 0},
			{run.stream[RUN_ERROR], POLLIN, 0},
		};

		CALL(poll, wait, sizeof(wait) / sizeof(*wait), -1);
		if (wait[0].revents != 0)
			run_frame(&run);
		if (wait[2].revents != 0)
			run_input(&run);
		for (int stream = RUN_OUT; stream <= RUN_ERROR; stream++)
			if (wait[2 + stream].revents != 0)
				run_output(&run, stream);
		if (wait[1].revents != 0 && run_reap(&run))
			break;
	}
	run_end(&run);
}
