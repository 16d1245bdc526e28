/* SPDX-License-Identifier: MIT */
/* What is built into the image and handed to ring 3: whole pages, zero-filled at their ends. */

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
