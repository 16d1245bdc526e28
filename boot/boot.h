/* SPDX-License-Identifier: MIT */
#pragma once

#include "arch/x86_64/cpu/uart.h"
#include "boot/boot_info.h"
#include "boot/regions.h"
#include "lib/entropy.h"

/*
 * The steps between the boot loader and the kernel. Their code runs where it was loaded, before its
 * relocations are applied: no static data of boot/ that they use may hold a pointer.
 */

/*
 * The free RAM, as ranges sorted by address, from which the pages of the image and of the page
 * tables are taken.
 */
struct boot_memory {
	struct ram_ranges free;
	struct boot_info *info;
};

/* Records in info->used a range of RAM that stays in use, which the kernel must not hand out. */
static inline void boot_use(struct boot_info *info, hpa_t base, u64 length, u32 owner)
{
	if (info->used_count == BOOT_USED_MAX)
		uart_unfit("the memory map is too fragmented");
	info->used[info->used_count++] =
		(struct boot_used){.base = base, .length = length, .owner = owner};
}

/* Mixes every available source of entropy into the pool and records the sources in info. */
void entropy_gather(struct entropy_pool *pool, struct boot_info *info);

/*
 * Chooses at random, and sets in struct boot_info, image_hpa, image_base, direct_map_base and
 * vmap_base.
 */
void kaslr_choose(struct boot_memory *memory, struct entropy_pool *pool);

/* Builds the kernel's page tables and sets info->root_table. */
void map_build(struct boot_memory *memory);
/*
 * Identity-maps a range, writable, until the kernel is entered; it may touch two 1-GiB regions at
 * most.
 */
void map_reach(hpa_t base, u64 length);

/* Copies the image to info->image_hpa, relocates it and enters it. */
NORETURN void relocate_and_jump(struct boot_info *info, u64 canary);

/* Addresses in the image, which linker.ld defines. */
extern u8 __image_start[], __text_start[], __text_end[], __rodata_end[];
extern u8 __ro_after_init_end[], __image_end[], __boot_end[];

/*
 * Returns the offset in bytes from the image's first byte, which does not depend on where the image
 * lies.
 */
static inline u64 boot_image_offset(const void *address)
{
	return (uintptr_t)address - (uintptr_t)__image_start;
}
