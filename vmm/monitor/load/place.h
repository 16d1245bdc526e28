/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Places kernel, initrd, modules and command line in guest RAM for the loaders. Functions that
 * return bool return false with the reason in job->error, unless their comment says otherwise.
 */
#include "vmm/monitor/load/load.h"

/* Writes a sentence into job->error and returns false. */
bool load_fail(struct load_job *job, const char *pattern, ...) PRINTF_LIKE(2, 3);

/*
 * Reports that the kernel would fit if the VM's RAM reached to `end` and beyond that by the size of
 * the initrd.
 */
bool load_fail_memory(struct load_job *job, u64 end);
/*
 * Returns whether a kernel of `length` bytes at guest address `at` does not fit only because the
 * VM's RAM ends too early.
 */
bool place_needs_memory(const struct load_job *job, u64 at, u64 length);

/*
 * Copies `length` bytes to guest address `at` and clears the `clear` bytes behind them, if the
 * whole range is RAM that kernels may occupy; `what` names the bytes in an error. Raises
 * job->kernel_end.
 */
bool place_kernel(struct load_job *job, u64 at, const u8 *bytes, u64 length, u64 clear,
		  const char *what);

/*
 * Puts the initrd as high as possible below `limit`, above the kernel, at a page boundary; sets *at
 * to its guest address, or to 0 without an initrd.
 */
bool place_initrd(struct load_job *job, u64 limit, u64 *at);

/*
 * Puts the initrd at the first page boundary after the kernel, not below 1 MiB: Multiboot kernels
 * assume that all memory behind their modules is free. Sets *at to its guest address, or to 0
 * without an initrd.
 */
bool place_module(struct load_job *job, u64 *at);

/*
 * Puts `prefix` and then the command line at LAYOUT_COMMAND; together they may be `limit` bytes
 * long without the final 0.
 */
bool place_command_line(struct load_job *job, const char *prefix, u64 limit);
