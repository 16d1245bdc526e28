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

/* Moves bytes and requests on; true when there is more to do at once. */
bool machine_channel_step(void);
/* When machine_channel_step has to be called at the latest. */
u64 machine_channel_deadline(void);

/* Whether a line that nobody asked for would be sent soon; its reader is the one to lose others. */
bool machine_channel_takes_line(void);
/* Sends one, with its newline, of at most 4 KiB. */
void machine_channel_line(struct text line);

/* Sends all that waits, for a while at most: the machine is about to stop. */
void machine_channel_flush(void);
