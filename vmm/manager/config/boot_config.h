/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/config/config.h"
#include "vmm/manager/config/options.h"

/*
 * What Skerry was started with: the kernel's command line, and the configuration among the boot
 * files. setup.c reads both.
 */
struct options *boot_config_options(void);
struct config *boot_config(void);
/* Returns the name of the configuration file in force, or "" if there is none. */
const char *boot_config_name(void);
void boot_config_name_set(const char *name);

/* Notes that a VM has left the list: its section, if it has one, is no longer in force. */
void boot_config_destroyed(const char *name);
