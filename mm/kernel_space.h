/* SPDX-License-Identifier: MIT */
#pragma once

#include "arch/x86_64/cpu/percpu.h"
#include "mm/address.h"
#include "mm/table.h"

#define KERNEL_SLOT_FIRST 256u      /* of the top-level table: the kernel's half */
#define KERNEL_SLOT_DIRECT_END 320u /* the direct map lies in slots 256 to 319 */

/* The kernel's own tables, which a CPU runs on when no process is loaded. */
extern struct table kernel_table;
/* The kernel's half of the user views: what an entry needs before it changes to the other view. */
extern struct table kernel_entry_table;

/*
 * Unmaps the code and the constants of boot/, and makes .data.ro_after_init read-only, in the
 * direct map too.
 */
void kernel_space_seal(void);

/* Maps device memory, uncached, for good. `hpa`, `bytes`: need not be aligned. NULL: no memory. */
void *kernel_map_device(hpa_t hpa, u64 bytes);
/* Copies the kernel's half into the top-level table or tables of a process. */
void kernel_space_share(struct table *table);

/* For boot/init. The area for stacks and devices: where the next mapping may begin, and the end. */
extern struct kernel_vmap {
	u64 next;
	u64 end;
} kernel_vmap;
extern u64 kernel_image_alias; /* from the image to its alias in the direct map */

/* Addresses for `bytes`, whole pages, after an unmapped gap of random length. 0: none left. */
u64 kernel_vmap_reserve(u64 bytes, u64 alignment);
void *kernel_map_existing(hpa_t hpa, u64 bytes, u32 rights, enum pt_type type);

static inline u64 *kernel_top_entry(hpa_t root, unsigned int slot)
{
	return (u64 *)hpa_to_pointer(root) + slot;
}
