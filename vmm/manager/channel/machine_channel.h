/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/login/login.h"
#include "vmm/manager/text/text.h"

/*
 * The machine channels, that on COM2 and those on ports of VMs: one JSON value a line in both
 * directions. Requests are answered one after the other, or those that say so beside each other;
 * events of VMs, samples, where it is exported there the log, and what guests print come between
 * replies. A slow reader loses log lines and events, the oldest first, and is told how many;
 * replies wait for it. Nothing here waits.
 */
#define MACHINE_CHANNEL_NAME "com2"

/* COM2 is there, and not the console. */
void machine_channel_open(void);
bool machine_channel_is_open(void);
/* Gives COM2 the rights of its section, once the configuration is read; locks it with a password.
 */
void machine_channel_configure(bool locked);

/* Does what can be done with bytes and requests; true when there is more to do at once. */
bool machine_channels_step(void);
/* After those of the log: what guests print, while nothing else is to be sent. */
bool machine_channels_step_streams(void);
/* The TSC at which machine_channels_step has to be called at the latest. */
u64 machine_channels_deadline(void);

/*
 * The log on COM2: whether a line that nobody asked for would be sent soon; if not, its source
 * keeps or loses it.
 */
bool machine_channel_takes_line(void);
/* Sends one there, with its newline, of at most 4 KiB. */
void machine_channel_line(struct text line);

/* Sends all that waits on COM2, with a time limit: the machine is about to stop. */
void machine_channel_flush(void);
