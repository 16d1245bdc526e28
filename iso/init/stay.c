/* SPDX-License-Identifier: MIT */
/*
 * A guest that stays when a command has ended: a process serves each connection that the host
 * makes, and ends with it. The first process calls it behind the gate, and does nothing else from
 * then on; it gives what it was told to each of these processes as it is.
 */
#include <linux/signal.h>

#include "iso/init/gate.h"

/* As the kernel has it, not as a C library does. */
struct stay_action {
	void *handler;
	unsigned long flags;
	void *restorer;
	uint64_t mask;
};

/* Sets what becomes of processes that have ended: ignored, the kernel reaps them by itself. */
static void stay_set_children(void *handler)
{
	struct stay_action action = {.handler = handler};

	CALL(rt_sigaction, SIGCHLD, &action, NULL, sizeof(action.mask));
}

/* Serves one connection, in a process of its own. */
_Noreturn static void stay_serve_one(struct gate *gate, struct words *words)
{
	static struct gate run; /* the words stay in the other one */
	bool told;

	gate_is_one_of_many = true;
	CALL(close, gate->listener);
	stay_set_children(SIG_DFL);
	gate->asked_to_stay = false;
	told = gate_serve(gate, words);
	if (!told || gate->asked_to_stay)
		gate_leave(gate);
	run.connection = gate->connection;
	run_command(&run, words);
	gate_leave(&run);
}

_Noreturn void stay_serve(struct gate *first, struct words *words)
{
	static struct gate gate; /* the words stay in the first one */

	gate.listener = first->listener;
	gate.stays = true;
	stay_set_children(SIG_IGN);
	for (;;) {
		if (!gate_accept(&gate))
			continue;
		if (CALL(fork) == 0)
			stay_serve_one(&gate, words);
		CALL(close, gate.connection);
	}
}
