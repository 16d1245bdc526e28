/* SPDX-License-Identifier: MIT */
/*
 * What loaders look for in the image: the PVH note and the Multiboot2 header. A 32-bit absolute
 * address cannot be relocated in a PIE, so each is written as its distance from a label whose load
 * address layout.h fixes.
 */
#include "boot/layout.h"

	/* PVH: XEN_ELFNOTE_PHYS32_ENTRY. QEMU reads the entry address as 64 bits. */
	.section .note.pvh, "a", @note
note:
	.long	4			/* length of the note's name in bytes */
	.long	8			/* length of the note's value in bytes */
	.long	18
	.asciz	"Xen"
	.long	start_pvh - note + IMAGE_LOAD_BASE + IMAGE_NOTE_OFFSET
	.long	0

	/*
	 * The Multiboot2 header (specification, 3.1.1 to 3.1.6): the address tag makes GRUB load
	 * the file as one piece.
	 */
	.section .boot.header, "a"
header:
#define LOAD_ADDRESS(symbol) (symbol) - header + IMAGE_LOAD_BASE + IMAGE_HEADER_OFFSET
#define HEADER_MAGIC 0xe85250d6
#define HEADER_BYTES (header_end - header)
	.long	HEADER_MAGIC
	.long	0			/* i386, protected mode */
	.long	HEADER_BYTES
	.long	-(HEADER_MAGIC + HEADER_BYTES)

	.short	2, 0			/* the address tag */
	.long	24
	.long	LOAD_ADDRESS(header)
	.long	IMAGE_LOAD_BASE
	.long	LOAD_ADDRESS(__file_end)
	.long	LOAD_ADDRESS(__boot_end)

	.short	3, 0			/* the entry tag */
	.long	12
	.long	LOAD_ADDRESS(start_multiboot2)
	.long	0			/* padding: tags are aligned to 8 bytes */

	.short	0, 0			/* the end tag */
	.long	8
header_end:
	.if	header_end - header != IMAGE_START32_OFFSET - IMAGE_HEADER_OFFSET
	.error	"IMAGE_START32_OFFSET does not fit the header"
	.endif

	.section .note.GNU-stack, "", @progbits
