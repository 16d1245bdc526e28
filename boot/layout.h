/* SPDX-License-Identifier: MIT */
#pragma once

/* Where the image is linked and loaded: for C, assembly and linker.ld, hence plain numbers. */
#define IMAGE_LINK_BASE 0xffffffff80200000
#define IMAGE_LOAD_BASE 0x200000

/* From the image's first byte: the PVH note, the Multiboot2 header, the 32-bit code. */
#define IMAGE_NOTE_OFFSET 0x400
#define IMAGE_HEADER_OFFSET 0x440
#define IMAGE_START32_OFFSET 0x480

/* The image's virtual base is a multiple of this, so that what bss aligns to it stays aligned. */
#define IMAGE_ALIGN 0x4000

/* One page table holds 2 MiB of the image while it lies at the load address. */
#define IMAGE_TABLES 4

#define BOOT_STACK_BYTES 0x4000

/* Whose start information it is: what start32.S tells boot_main. */
#define PROTOCOL_MULTIBOOT2 1
#define PROTOCOL_PVH 2

/* What Multiboot2 passes in EAX (3.5). */
#define MULTIBOOT2_BOOT_MAGIC 0x36d76289

/*
 * Pages that application processors start in: real-mode code, then their first page table's top.
 * Not given out by the page allocator.
 */
#define TRAMPOLINE_BASE 0x8000
#define TRAMPOLINE_PAGES 2
