/* SPDX-License-Identifier: MIT */
/*
 * The programs that are built into the image and handed to ring 3: the manager, the monitor, the
 * built-in guest and the drivers, each in whole pages, zero-filled at their ends.
 * boot/init/manager.c gives the manager handles to them; the kernel itself runs none of them.
 */

.macro blob name, file
	.balign	4096
	.global	blob_\name\()_start, blob_\name\()_end
	.hidden	blob_\name\()_start, blob_\name\()_end
blob_\name\()_start:
	.incbin	"\file"
blob_\name\()_end:
	.balign	4096
.endm

	.section .blob, "a"
	blob	manager, "manager.bin"
	blob	monitor, "monitor.image"
	blob	demo, "demo.bin"
	blob	programs, "programs.image"

	.section .note.GNU-stack, "", @progbits
