/* SPDX-License-Identifier: MIT */
#pragma once

#include <seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Makes the filter do `action` at each of these system calls, and returns the filter. Frees it and
 * returns NULL if that fails; returns NULL if `filter` is NULL.
 */
scmp_filter_ctx filter_add(scmp_filter_ctx filter, uint32_t action, const int *calls, size_t count);
/*
 * Returns a new filter that allows these system calls, and mmap and mprotect of pages that are not
 * executable; any other call ends the process. Returns NULL if the filter cannot be made.
 */
scmp_filter_ctx filter_allowing(const int *calls, size_t count);
/*
 * Puts the filter in force for the process, for good, and frees it. Returns false if the filter is
 * NULL, or if the kernel refuses it.
 */
bool filter_load(scmp_filter_ctx filter);
