/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/*
 * The x86/HVM direct boot ABI (PVH): the structures to which the loader lets EBX point, in 32-bit
 * protected mode with paging off.
 */
#define PVH_START_MAGIC 0x336ec578u
/* ELF note "Xen" whose value is the address at which the loader enters */
#define PVH_NOTE_PHYS32_ENTRY 18u

struct pvh_start_info {
	u32 magic;
	u32 version; /* version of this struct: 1 and later have the memory map */
	u32 flags;
	u32 module_count;
	u64 modules;	  /* address of struct pvh_module[] */
	u64 command_line; /* address of a NUL-terminated string; 0: none */
	u64 rsdp;	  /* the RSDP's address; 0: none */
	u64 memory_map;	  /* address of struct pvh_memory_entry[] */
	u32 memory_map_count;
	u32 reserved;
};
_Static_assert(sizeof(struct pvh_start_info) == 56, "PVH start info, version 1");

struct pvh_module {
	u64 base;
	u64 length;
	u64 command_line; /* address of a NUL-terminated string; 0: none */
	u64 reserved;
};
_Static_assert(sizeof(struct pvh_module) == 32, "PVH module list");

struct pvh_memory_entry {
	u64 base;
	u64 length;
	u32 type; /* the region's type as in an E820 map */
	u32 reserved;
};
_Static_assert(sizeof(struct pvh_memory_entry) == 24, "PVH memory map");
