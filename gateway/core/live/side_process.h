/* SPDX-License-Identifier: MIT */
#pragma once

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "gateway/base/message.h"

/*
 * A process beside core that does one thing without core's authority, such as hook: it is started
 * when there is something for it to do, and ends by itself. Core does not believe what it says.
 */
struct side_process {
	const char *name; /* as sentences on stderr call it */
	/* Runs in the child, and never returns: starts the program with the socket `fd`. */
	void (*run)(int fd);
	/*
	 * Handles a message of `count` bytes, behind which stands a 0. Returns false when the
	 * process says what it must not: then it is ended.
	 */
	bool (*take)(const struct message_head *head, const char *bytes, size_t count);
	void (*gone)(void);	      /* the process is gone, and all that was under way with it */
	struct message_socket socket; /* its descriptor is -1 while there is none */
	pid_t pid;		      /* 0: it does not run */
	double ended_s;		      /* when it ended, by clock_now_s() */
};

/* Sends the process a message. Returns false if it cannot be started now. */
bool side_process_send(struct side_process *process, struct message_head head, const void *bytes,
		       size_t count);
struct pollfd side_process_wait(const struct side_process *process);
void side_process_ready(struct side_process *process);
/* Ends the process, which is started anew when there is something to send. */
void side_process_drop(struct side_process *process);
/* Notes if the process has ended. */
void side_process_reap(struct side_process *process);
/* Has the process end with core. */
void side_process_end(const struct side_process *process);
/*
 * For run(), and for web and door: has the child take signals again, and returns the socket's
 * number as a word.
 */
char *side_process_child(int fd);
