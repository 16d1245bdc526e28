/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/config/config.h"
#include "vmm/manager/config/options.h"

/*
 * Read Skerry's settings: the kernel's command line, and the boot files with the configuration
 * among them. Each mistake goes to the console and the log; all other settings take effect.
 */
void setup_options(void);
/* Opens the UARTs: the operator's, and, if there is another, that of the machine channel. */
void setup_serial(void);
void setup_config_file(void);

/* Applies the section [host]. */
void setup_host(void);
/*
 * Creates and starts the next VM whose section asks for that, in the order of the file: each gets
 * the resources that the earlier ones have left. Returns false when there are no more.
 */
bool setup_start_next(void);
/*
 * Returns whether the VM that setup_start_next started last has set itself up, is gone, or has
 * taken too long.
 */
bool setup_settled(void);
u64 setup_deadline(void);

/* Shows name, version and host. */
void setup_banner(void);
