/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/* Multiboot2 specification 2.0, 3.6: boot information, a list of tags aligned to 8 bytes. */
#define MULTIBOOT2_TAG_ALIGN 8u

enum multiboot2_tag_type {
	MULTIBOOT2_END = 0,
	MULTIBOOT2_COMMAND_LINE = 1,
	MULTIBOOT2_MODULE = 3,
	MULTIBOOT2_MEMORY_MAP = 6,
	MULTIBOOT2_ACPI_OLD = 14,
	MULTIBOOT2_ACPI_NEW = 15,
};

struct multiboot2_info {
	u32 total_size;
	u32 reserved;
};

struct multiboot2_tag {
	u32 type; /* enum multiboot2_tag_type */
	u32 size; /* the tag's size in bytes, with its header and without the padding */
};

struct multiboot2_module {
	struct multiboot2_tag tag;
	u32 start;
	u32 end; /* physical address of the module's end, exclusive */
		 /* the module's command line follows, terminated by 0 */
};
_Static_assert(sizeof(struct multiboot2_module) == 16, "Multiboot2 3.6.6");

struct multiboot2_memory_map {
	struct multiboot2_tag tag;
	u32 entry_size; /* size of a memory-map entry in bytes, a multiple of 8 */
	u32 entry_version;
};
_Static_assert(sizeof(struct multiboot2_memory_map) == 16, "Multiboot2 3.6.8");

struct multiboot2_memory_entry {
	u64 base;
	u64 length;
	u32 type; /* the region's type as in an E820 map */
	u32 reserved;
};
_Static_assert(sizeof(struct multiboot2_memory_entry) == 24, "Multiboot2 3.6.8");
