/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/load/load.h"

/* Whether the file carries a Linux setup header ("HdrS" at 0x202). */
bool bzimage_recognise(const struct load_file *kernel);

/*
 * Loads a Linux kernel by its boot protocol, 2.06 or later: 64-bit entry where the kernel has one
 * (xloadflags), else 32-bit entry.
 */
bool bzimage_load(struct load_job *job);
