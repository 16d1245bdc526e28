/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/config/config.h"
#include "vmm/manager/config/options.h"

/*
 * What the machine was started with: the kernel's command line, the boot files and the
 * configuration among them. Each mistake goes to the console and the log; the rest counts.
 */
void setup_options(void);
/* Opens the UARTs: the operator's, and the machine channel where there is another. */
void setup_serial(void);
void setup_config_file(void);

/* Applies what [host] says. */
void setup_host(void);
/*
 * Creates and starts the VMs that ask for it, in the order of the file: each takes of the machine
 * what those before have left. To be called until there are no more; false then.
 */
bool setup_start_next(void);
/* Whether the last one has set itself up, or is gone, or takes too long. */
bool setup_settled(void);
u64 setup_deadline(void);

/* Shows name, version and machine. */
void setup_banner(void);
