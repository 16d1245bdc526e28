/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/status.h"
#include "vmm/rt/syscall.h"

/*
 * Allocates a memory object of the process's own group, and maps it at *at for reading and writing;
 * `bytes` must be whole pages.
 */
enum status memory_take(u64 bytes, u32 flags, handle_t *memory, u64 *at) MUST_CHECK;
/*
 * Allocates memory as memory_take does and keeps no handle, so that it stays as long as the
 * process.
 */
enum status memory_map(u64 bytes, u64 *at) MUST_CHECK;
void memory_give_back(handle_t memory, u64 at, u64 bytes);
