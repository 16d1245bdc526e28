/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/log.h"
#include "lib/status.h"
#include "vmm/manager/text/text.h"

/* Maps the kernel's rings, one for each CPU, and its table of format strings. */
enum status log_kernel_init(void) MUST_CHECK;

/*
 * Takes the oldest entry of all rings; returns false if there is none. *lost grows by the number of
 * entries that were overwritten before they could be read.
 */
bool log_kernel_take(struct log_entry *entry, u64 *lost);

/* Returns the format string that the entry names, or "?" if there is none. */
struct text log_kernel_format(const struct log_entry *entry);
