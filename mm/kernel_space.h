/* SPDX-License-Identifier: MIT */
#pragma once

#include "arch/x86_64/cpu/percpu.h"
#include "mm/address.h"
#include "mm/table.h"

#define KERNEL_SLOT_FIRST      256u /* first slot of the kernel's half of a top-level table */
#define KERNEL_SLOT_DIRECT_END 320u /* the direct map fills the slots 256 to 319 */

/* The kernel's own tables, which a CPU runs on when no process is loaded. */
extern struct table kernel_table;
/*
 * The kernel's half of the tables that ring 3 runs on if the CPU is open to Meltdown: it maps only
 * what an entry to ring 0 needs until the entry stub loads the kernel's own view.
 */
extern struct table kernel_entry_table;

/*
 * Ends boot: unmaps the code and constants of boot/, and makes .data.ro_after_init read-only, in
 * the direct map too.
 */
void kernel_space_seal(void);

/*
 * Maps device memory, uncached and for good, and returns a pointer to `hpa`; neither `hpa` nor
 * `bytes` need be aligned. Returns NULL if there is no memory for page tables or no kernel address
 * left.
 */
void *kernel_map_device(hpa_t hpa, u64 bytes);
/* Copies the kernel's half into the top-level table or tables of a process. */
void kernel_space_share(struct table *table);

/*
 * The area of kernel addresses for stacks and devices: where the next mapping may begin, and where
 * the area ends. Only mm/kernel_space.c and boot/init use it.
 */
extern struct kernel_vmap {
	u64 next;
	u64 end;
} kernel_vmap;
extern u64 kernel_image_alias; /* distance from an image address to its alias in the direct map */

/*
 * Reserves addresses for `bytes` (whole pages) in the area for stacks and devices, after an
 * unmapped gap of random length. Returns 0 if the area is full.
 */
u64 kernel_vmap_reserve(u64 bytes, u64 alignment);
/*
 * Maps memory that belongs to another owner, such as a stack's pages, as kernel_map_device does,
 * but with these rights and this memory type.
 */
void *kernel_map_existing(hpa_t hpa, u64 bytes, u32 rights, enum pt_type type);

/* Returns the entry `slot` of the top-level table at `root`. */
static inline u64 *kernel_top_entry(hpa_t root, unsigned int slot)
{
	return (u64 *)hpa_to_pointer(root) + slot;
}
