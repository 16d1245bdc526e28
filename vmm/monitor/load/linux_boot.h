/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/bits.h"

/*
 * The "zero page", struct boot_params, by byte offset (Linux Documentation/arch/x86/zero-page.rst);
 * from 0x1f1 on it holds the setup header at the offset it has in the file (boot.rst, "Details of
 * Header Fields").
 */
enum linux_boot {
	LINUX_ACPI_RSDP = 0x070, /* u64 */
	LINUX_EXT_RAMDISK_IMAGE = 0x0c0,
	LINUX_EXT_RAMDISK_SIZE = 0x0c4,
	LINUX_E820_ENTRIES = 0x1e8, /* u8 */
	LINUX_SETUP_HEADER = 0x1f1,
	LINUX_SETUP_SECTS = 0x1f1,    /* u8 */
	LINUX_SYSSIZE = 0x1f4,	      /* u32: the size of the kernel proper, in units of 16 bytes */
	LINUX_BOOT_FLAG = 0x1fe,      /* u16 */
	LINUX_JUMP_OFFSET = 0x201,    /* u8: the setup header ends at 0x202 plus this value */
	LINUX_HEADER_MAGIC = 0x202,   /* "HdrS" */
	LINUX_VERSION = 0x206,	      /* u16 */
	LINUX_TYPE_OF_LOADER = 0x210, /* u8 */
	LINUX_LOADFLAGS = 0x211,      /* u8 */
	LINUX_CODE32_START = 0x214,   /* u32 */
	LINUX_RAMDISK_IMAGE = 0x218,  /* u32 */
	LINUX_RAMDISK_SIZE = 0x21c,   /* u32 */
	LINUX_CMD_LINE_PTR = 0x228,   /* u32 */
	LINUX_INITRD_ADDR_MAX = 0x22c,	/* u32 */
	LINUX_KERNEL_ALIGNMENT = 0x230, /* u32 */
	LINUX_RELOCATABLE = 0x234,	/* u8 */
	LINUX_XLOADFLAGS = 0x236,	/* u16, since protocol 2.12 */
	LINUX_CMDLINE_SIZE = 0x238,	/* u32 */
	LINUX_SETUP_DATA = 0x250,	/* u64, since protocol 2.09 */
	LINUX_PREF_ADDRESS = 0x258,	/* u64, since protocol 2.10 */
	LINUX_INIT_SIZE = 0x260,	/* u32, since protocol 2.10 */
	LINUX_HEADER_END = 0x264,	/* the end of the header's part that Skerry reads */
	LINUX_HEADER_END_MAX = 0x290,
	LINUX_E820_TABLE = 0x2d0, /* entries of 20 bytes, at most 128 */
};

#define LINUX_BOOT_FLAG_VALUE  0xaa55u
#define LINUX_LOADED_HIGH      BIT(0) /* bit of loadflags: load the kernel at 1 MiB */
#define LINUX_KERNEL_64	       BIT(0) /* bit of xloadflags: there is a 64-bit entry at +0x200 */
#define LINUX_ENTRY_64	       0x200u
#define LINUX_LOADER_UNDEFINED 0xffu
#define LINUX_E820_BYTES       20u
