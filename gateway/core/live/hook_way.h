/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/core/live/side_process.h"

/* Begins the queue of web hooks. */
void hook_way_setup(void);
/*
 * The process hook, for core's main loop, which watches it. It is started when there is something
 * to send, and ends when there was nothing for some time.
 */
extern struct side_process hook_process;
