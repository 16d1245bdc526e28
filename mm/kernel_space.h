/* SPDX-License-Identifier: MIT */
#pragma once

#include "arch/x86_64/cpu/percpu.h"
#include "lib/status.h"
#include "mm/table.h"

#define KERNEL_SLOT_FIRST 256u      /* of the top-level table: the kernel's half */
#define KERNEL_SLOT_DIRECT_END 320u /* the direct map lies in slots 256 to 319 */

struct boot_info;

/* The kernel's own tables: what runs when no process does. */
extern struct table kernel_table;

/*
 * Takes over the tables that the boot code has made, drops its identity mapping and prepares the
 * mapping area. All later changes lie below the top level, so processes can copy it.
 */
enum status kernel_space_init(const struct boot_info *info) MUST_CHECK;

/* Makes .data.ro_after_init read-only, in the direct map too. */
void kernel_space_seal(const struct boot_info *info);

/* Device memory, uncached, for good. `hpa` and `bytes` need no alignment. NULL: no memory. */
void *kernel_map_device(hpa_t hpa, u64 bytes);
/* Memory that is mapped elsewhere, to be read at an address that tells nothing of that one. */
const void *kernel_map_constant(hpa_t hpa, u64 bytes);

/*
 * A stack of KERNEL_STACK_BYTES, aligned to its size, with an unmapped page below it. The page
 * above shows `stub`, executable, when that is not 0, and is unmapped otherwise. Returns its
 * lowest address, NULL when there is no memory. For good, like all mappings of the kernel.
 */
void *kernel_stack_alloc(hpa_t stub);

/* Zeroed pages outside the direct map, for good. NULL: no memory. */
void *kernel_pages_alloc(u64 page_count);

/* Copies the kernel's half into the tops of a process's tables. */
void kernel_space_share(struct table *table);
