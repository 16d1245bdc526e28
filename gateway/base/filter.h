/* SPDX-License-Identifier: MIT */
#pragma once

#include <seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Lets the filter do `action` at each of these system calls, and returns it. If that fails, frees
 * the filter and returns NULL; so does NULL for the filter.
 */
scmp_filter_ctx filter_add(scmp_filter_ctx filter, uint32_t action, const int *calls, size_t count);
/*
 * Returns a new filter that ends the process at any system call but these, and but mmap and
 * mprotect of pages that are not executable; NULL: that failed.
 */
scmp_filter_ctx filter_allowing(const int *calls, size_t count);
/*
 * Puts the filter in force for the process, for good, and frees it. Returns false if the filter is
 * NULL, or if the kernel refuses it.
 */
bool filter_load(scmp_filter_ctx filter);
