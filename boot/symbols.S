/* SPDX-License-Identifier: MIT */
/*
 * The kernel's symbol table (lib/symbols.h), made by boot/symbols.py from the link before this one.
 * Panics read it, and the manager gets a handle to it.
 */

	.section .blob.symbols, "a"
	.balign	4096
	.global	blob_symbols_start, blob_symbols_end
	.hidden	blob_symbols_start, blob_symbols_end
blob_symbols_start:
	.incbin	"symbols.bin"
blob_symbols_end:

	.section .note.GNU-stack, "", @progbits
