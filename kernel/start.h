/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/*
 * Makes the manager, the one process that the kernel starts itself, with every handle it holds:
 * the root, the kernel's published pages, what is built into the image, and the boot modules.
 */
void start_manager(void);

/* Whether the process is the manager, without which the machine cannot go on. */
struct process;
bool start_is_manager(const struct process *process);
/* Whether the space is the manager's. */
struct space;
bool start_is_managers(const struct space *space);
