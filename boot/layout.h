/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The addresses for which the image is linked and at which it is loaded: plain numbers, for C,
 * assembly and linker.ld.
 */
#define IMAGE_LINK_BASE 0xffffffff80200000
#define IMAGE_LOAD_BASE 0x200000

/*
 * Offsets from the image's first byte of the PVH note, the Multiboot2 header and the 32-bit code.
 */
#define IMAGE_NOTE_OFFSET    0x400
#define IMAGE_HEADER_OFFSET  0x440
#define IMAGE_START32_OFFSET 0x480

/*
 * The image's virtual base is a multiple of this number, so that objects aligned to it stay
 * aligned.
 */
#define IMAGE_ALIGN 0x4000

/* The number of page tables that map the image at its load address; each maps 2 MiB. */
#define IMAGE_TABLES 4

#define BOOT_STACK_BYTES 0x4000

/* The boot protocol, as start32.S passes it to boot_main. */
#define PROTOCOL_MULTIBOOT2 1
#define PROTOCOL_PVH	    2

/* The register values that take a CPU from 32-bit or 16-bit to 64-bit mode (long mode). */
#define CR0_LONG_MODE  0x80010033 /* PG, WP, NE, ET, MP, PE */
#define CR4_LONG_MODE  0x20	  /* the bits of CR4 for long mode: PAE */
#define EFER_LONG_MODE 0x900	  /* the bits of EFER for long mode: NXE and LME */

/* The value that a Multiboot2 loader passes in EAX (Multiboot2 specification, 3.5). */
#define MULTIBOOT2_BOOT_MAGIC 0x36d76289

/*
 * The pages in which application processors start: real-mode code, then the PML4 of their first
 * tables. The page allocator never hands them out.
 */
#define TRAMPOLINE_BASE	 0x8000
#define TRAMPOLINE_PAGES 2
