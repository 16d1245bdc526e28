/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/login/login.h"
#include "vmm/manager/text/text.h"

/*
 * The machine channels, on COM2 and on ports of VMs: one JSON value a line in both directions.
 * Requests are answered in order, or beside each other if they allow it; events of VMs, samples,
 * the log (where it is exported there) and guests' output come between replies. A slow reader loses
 * the oldest log lines and events, and is told how many; replies wait for it. Nothing here waits.
 */
#define MACHINE_CHANNEL_NAME "com2"

/* Opens the channel on COM2, which exists and is not the console. */
void machine_channel_open(void);
bool machine_channel_is_open(void);
/*
 * Gives COM2 the rights of its section, once the configuration is read, and locks it if there is a
 * password.
 */
void machine_channel_configure(bool locked);

/*
 * Handles bytes and requests of all machine channels; returns whether there is more to do at once.
 */
bool machine_channels_step(void);
/* Sends guests' output, when nothing else is to be sent; to be called after the log's step. */
bool machine_channels_step_streams(void);
/* Returns the TSC by which machine_channels_step has to be called. */
u64 machine_channels_deadline(void);

/*
 * Returns whether the channel on COM2 has nothing to send, and nothing to do until more bytes of a
 * line come in.
 */
bool machine_channel_awaits_rest(void);

/* Returns whether a log line on COM2 would be sent soon; if not, the log keeps or loses it. */
bool machine_channel_takes_line(void);
/* Sends a line of at most 4 KiB, with its newline, on COM2. */
void machine_channel_line(struct text line);

/*
 *  Sends all that waits on COM2, or as much as goes within a time limit: called when the host is
 *  about to stop.
 */
void machine_channel_flush(void);
