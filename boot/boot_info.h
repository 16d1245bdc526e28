/* SPDX-License-Identifier: MIT */
#pragma once

#include "boot/layout.h"
#include "lib/entropy.h"

#define BOOT_REGION_MAX		256u
#define BOOT_MODULE_MAX		64u
#define BOOT_USED_MAX		(BOOT_MODULE_MAX + 32u)
#define BOOT_NAME_BYTES		64u
#define BOOT_COMMAND_LINE_BYTES 1024u

/* E820 types (ACPI 6.4, table 15.6); every other number counts as reserved. */
enum boot_region_type {
	BOOT_REGION_RAM = 1,
	BOOT_REGION_RESERVED = 2,
	BOOT_REGION_ACPI = 3, /* ACPI tables, reclaimable */
	BOOT_REGION_NVS = 4,
	BOOT_REGION_BAD = 5,
};

struct boot_region {
	u64 base;
	u64 length;
	u32 type; /* enum boot_region_type */
};

struct boot_module {
	hpa_t base;
	u64 length;
	/* first word of the module's command line; empty if there is none */
	char name[BOOT_NAME_BYTES];
};

/* A range of RAM that stays in use, such as the image, a module or a page table. */
struct boot_used {
	hpa_t base;
	u64 length;
	u32 owner; /* enum page_owner */
};

/*
 * All facts that the kernel gets from the loader, and the places of the image and the page tables,
 * which boot/ has chosen. It lies in the image's bss; the loader's own structures are not needed
 * any more. RAM that is not in `used` is free.
 */
struct boot_info {
	char command_line[BOOT_COMMAND_LINE_BYTES];

	u32 region_count;
	u32 module_count;
	u32 used_count;
	u32 entropy_sources; /* enum entropy_source */

	struct entropy_pool pool; /* the entropy pool, which stays the kernel's source */

	hpa_t rsdp;	/* address of the RSDP; 0: not known, or known as a copy only */
	u32 rsdp_bytes; /* length of rsdp_copy; 0: there is no copy */
	u8 rsdp_copy[36];

	hpa_t image_hpa;
	/*
	 * the address at which the image runs; KASLR's slide is the difference to IMAGE_LINK_BASE
	 */
	hva_t image_base;
	u64 image_bytes; /* size of the image in bytes, whole pages, bss included */
	/* the address at which the direct map shows host physical address 0 */
	hva_t direct_map_base;
	hva_t vmap_base;
	/*
	 * the kernel's top-level table; its slot 0 maps only the code that loads this table into
	 * CR3
	 */
	hpa_t root_table;

	/* the memory map: regions sorted by address, merged, without overlap */
	struct boot_region region[BOOT_REGION_MAX];
	struct boot_module module[BOOT_MODULE_MAX];
	struct boot_used used[BOOT_USED_MAX];
};

/*
 * The kernel's C entry, in the relocated image: on the 16-KiB boot stack, interrupts off, without
 * an IDT.
 */
void kernel_main(struct boot_info *info) NORETURN;

/*
 * Returns the value of an option such as "cpus=" in a command line, 1 for a plain word such as
 * "nokaslr", 0 if the option is absent. A word may be quoted, as GRUB does. A malformed word has no
 * effect here; vmm/manager/config/options.c, which follows the same rules, reports it.
 */
u32 boot_option(const char *line, const char *name);
