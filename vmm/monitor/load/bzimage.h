/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/load/load.h"

/* Returns whether the file carries a Linux setup header ("HdrS" at 0x202). */
bool bzimage_recognise(const struct load_file *kernel);

/*
 * Loads a Linux kernel by its boot protocol, 2.06 or later: it starts at the 64-bit entry if the
 * kernel has one (xloadflags), else at the 32-bit entry.
 */
bool bzimage_load(struct load_job *job);
