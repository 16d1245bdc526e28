/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/log.h"
#include "lib/status.h"
#include "vmm/manager/text/text.h"

/* The reader of the kernel's rings, one for each CPU. */
enum status log_kernel_init(void) MUST_CHECK;

/*
 * Takes the oldest entry of all rings; false when there is none. *lost grows by the entries that
 * were overwritten before.
 */
bool log_kernel_take(struct log_entry *entry, u64 *lost);

/* The format that the entry names; "?" when there is none. */
struct text log_kernel_format(const struct log_entry *entry);
