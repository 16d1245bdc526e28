/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/*
 * Makes the manager, the one process that the kernel starts itself, with every handle it holds:
 * the root, the kernel's published pages, what is built into the image, and the boot modules.
 */
void start_manager(void);

/* The manager's process, without which the machine cannot go on. */
struct process;
const struct process *start_manager_process(void);
