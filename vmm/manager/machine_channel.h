/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/login.h"

#define REQUEST_BYTES 8192u /* of one line at most */

/*
 * The machine channel on COM2: one JSON value a line in both directions. Requests are answered one
 * after the other; events of VMs and, where it is exported there, the log come between replies. A
 * slow reader loses log lines and events, the oldest first, and is told how many; replies wait for
 * it. Nothing here waits.
 */
void machine_channel_open(void);
/* The door to it: shut, it answers no command and sends neither events nor log. */
extern struct login machine_channel_login;
bool machine_channel_is_open(void);

/* Does what can be done with bytes and requests; true when there is more to do at once. */
bool machine_channel_step(void);
/* The TSC at which machine_channel_step has to be called at the latest. */
u64 machine_channel_deadline(void);

/* Whether a line that nobody asked for would be sent soon; if not, its source keeps or loses it. */
bool machine_channel_takes_line(void);
/* Sends one, with its newline, of at most 4 KiB. */
void machine_channel_line(struct text line);

/* Sends all that waits, with a time limit: the machine is about to stop. */
void machine_channel_flush(void);
