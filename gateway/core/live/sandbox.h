/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/core/live/run.h"

/*
 * Sandboxes: each is a clone of a template whose init stays (iso/init/stay.c), for as long as its
 * time limit says. A command in it is a run of the kind RUN_INSIDE, with a connection to the init
 * for itself; what is done with files is one as well. A sandbox is its owner's alone, and ends when
 * the credential of its owner does.
 */
enum {
	SANDBOXES = 16,		      /* the most that have a VM */
	SANDBOXES_OF_ONE = 8,	      /* of one credential */
	SANDBOX_COMMANDS = 48,	      /* the most commands in all sandboxes that have not ended */
	SANDBOX_COMMANDS_OF_ONE = 16, /* of one credential */
	SANDBOX_S = 300,	      /* the default of timeout_s */
	SANDBOX_MAX_S = 3600,
};

/*
 * Begins a sandbox and answers the request when it is there, has failed, or `wait_s` is over. If
 * there are too many, answers the request with a problem at once, takes over nothing, and returns
 * false. `from` is a snapshot, VM@NAME, or NULL: the template's gate.
 */
bool sandbox_begin(struct request *request, const struct run_order *order, const char *from,
		   unsigned wait_s);
/* Returns the asker's own sandbox that the path names, or answers the request and returns NULL. */
struct run *sandbox_of(struct request *request);
/* The same, but of a sandbox in which a command can be begun now. */
struct run *sandbox_ready(struct request *request);
/*
 * Begins a command in a sandbox that is ready. Returns NULL, takes over nothing, and answers the
 * request when there are too many.
 */
struct run *sandbox_run(struct request *request, struct run *box, const struct run_order *order);
json_t *sandbox_json(const struct run *box);
/* Sets the time that a sandbox has from now on, in seconds. */
void sandbox_set_time(struct run *box, double timeout_s);

/*
 * Functions for the table of runs: end a command by its connection; end all commands of a sandbox;
 * what the tick does with a sandbox.
 */
void sandbox_leave(struct run *command);
void sandbox_end_commands(const struct run *box);
void sandbox_look(struct run *box, double now_s);

/*
 * Handlers, in sandbox_pause.c: have a sandbox stand still, and go on.
 */
void sandbox_pause(struct request *request);
void sandbox_resume(struct request *request);
/* Asks again for what found a busy VM; the tick of the runs calls it. */
void sandbox_pause_tick(void);

/*
 * Functions of sandbox_fork.c: makes another sandbox that goes on as this one is, and has so much
 * time; drops the snapshot VM@NAME, and empties the text once Skerry is asked.
 */
void sandbox_fork(struct request *request, const struct run *box, double timeout_s);
void sandbox_drop_snapshot(char *from);
