/* SPDX-License-Identifier: MIT */
#pragma once

/* Begins the queue of web hooks, and sets up the process that sends them. */
void hook_way_setup(void);
