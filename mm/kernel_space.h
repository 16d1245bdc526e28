/* SPDX-License-Identifier: MIT */
#pragma once

#include "arch/x86_64/cpu/percpu.h"
#include "lib/status.h"
#include "mm/table.h"

#define KERNEL_SLOT_FIRST 256u      /* of the top-level table: the kernel's half */
#define KERNEL_SLOT_DIRECT_END 320u /* the direct map lies in slots 256 to 319 */

struct boot_info;

/* The kernel's own tables, which a CPU runs on when no process is loaded. */
extern struct table kernel_table;

/*
 * Takes over the tables that the boot code made, drops their identity mapping and prepares the area
 * for mappings. All later changes lie below the top level, so that processes can copy that level.
 */
enum status kernel_space_init(const struct boot_info *info) MUST_CHECK;

/* Makes .data.ro_after_init read-only, in the direct map too. */
void kernel_space_seal(const struct boot_info *info);

/* Maps device memory, uncached, for good. `hpa`, `bytes`: need not be aligned. NULL: no memory. */
void *kernel_map_device(hpa_t hpa, u64 bytes);
/*
 * Maps memory again, read-only, at an address that does not reveal the other; `hpa` is aligned. The
 * user views of the tables have what is mapped by this and the next two functions, too: of a stack
 * the highest page and the stub alone. NULL: no memory.
 */
const void *kernel_map_constant(hpa_t hpa, u64 bytes);

/*
 * A stack of KERNEL_STACK_BYTES, aligned to its size, with an unmapped page below it. The page at
 * `stub` is mapped above it, executable; if `stub` is 0, nothing is. Returns the stack's lowest
 * address, or NULL if there is no memory. Permanent, like all mappings of the kernel.
 */
void *kernel_stack_alloc(hpa_t stub);

/* Zeroed pages outside the direct map, for good. NULL: no memory. */
void *kernel_pages_alloc(u64 page_count);

/* Copies the kernel's half into the top-level table or tables of a process. */
void kernel_space_share(struct table *table);
