/* SPDX-License-Identifier: MIT */
/*
 * The way from either loader's 32-bit protected mode to C in 64-bit mode: the loader enters here,
 * and the code calls boot_main. The image still lies where it was loaded and runs there under an
 * identity mapping of the low 4 GiB, W^X for the image itself. It checks only that the CPU has long
 * mode and NX, and stops with a sentence on COM1 otherwise.
 */
#include "boot/layout.h"

#define PHYS(symbol) ((symbol) - anchor + IMAGE_LOAD_BASE + IMAGE_START32_OFFSET)

#define COM1 0x3f8
#define CPUID_EXTENDED_EDX_NX (1 << 20)
#define CPUID_EXTENDED_EDX_LM (1 << 29)
#define MSR_EFER 0xc0000080
#define PTE_P 0x1
#define PTE_W 0x2
#define PTE_PS 0x80
#define PTE_HIGH_NX 0x80000000		/* the NX bit in the upper half of an entry */

	.section .boot, "ax"
	.code32
anchor:
	/* 1. Two entries, one path: EBP = protocol, ESI = address of the loader's information. */
	.global	start_multiboot2, start_pvh
	.hidden	start_multiboot2, start_pvh
start_multiboot2:
	cmp	$MULTIBOOT2_BOOT_MAGIC, %eax
	mov	$PROTOCOL_MULTIBOOT2, %ebp
	je	1f
	mov	$PHYS(text_no_loader), %esi
	jmp	fatal
start_pvh:
	mov	$PROTOCOL_PVH, %ebp
1:	cli
	cld
	mov	$PHYS(boot_stack_end), %esp
	mov	%ebx, %esi

	/* 2. Check that the CPU has long mode and NX, which the next steps need. */
	mov	$0x80000000, %eax
	cpuid
	cmp	$0x80000001, %eax
	jb	no_long_mode
	mov	$0x80000001, %eax
	cpuid
	test	$CPUID_EXTENDED_EDX_LM, %edx
	jz	no_long_mode
	test	$CPUID_EXTENDED_EDX_NX, %edx
	jz	no_nx

	/*
	 * 3. Identity mapping of the low 4 GiB: four page directories of 2-MiB pages, not
	 * executable.
	 */
	mov	$PHYS(boot_pml4), %edi
	xor	%eax, %eax
	mov	$(2 * 4096 / 4), %ecx
	rep stosl
	mov	$PHYS(boot_pml4), %edi
	mov	$PHYS(boot_pdpt), %eax
	or	$(PTE_P | PTE_W), %eax
	mov	%eax, (%edi)
	mov	$PHYS(boot_pdpt), %edi
	mov	$PHYS(boot_pd), %eax
	or	$(PTE_P | PTE_W), %eax
	mov	$4, %ecx
	call	fill_tables
	mov	$PHYS(boot_pd), %edi
	mov	$(PTE_P | PTE_W | PTE_PS), %eax
1:	mov	%eax, (%edi)
	movl	$PTE_HIGH_NX, 4(%edi)
	add	$8, %edi
	add	$0x200000, %eax
	jnc	1b

	/*
	 * 4. Map the image itself in 4-KiB pages: code executable, all up to rodata's end not
	 * writable.
	 */
	mov	$PHYS(boot_pd), %edi
	add	$(IMAGE_LOAD_BASE / 0x200000 * 8), %edi
	mov	$PHYS(boot_pt), %eax
	or	$(PTE_P | PTE_W), %eax
	mov	$IMAGE_TABLES, %ecx
	call	fill_tables
	mov	$PHYS(boot_pt), %edi
	mov	$IMAGE_LOAD_BASE, %eax
	mov	$(IMAGE_TABLES * 512), %ecx
1:	mov	$PTE_P, %ebx
	xor	%edx, %edx
	cmp	$PHYS(__text_end), %eax
	jb	2f
	mov	$PTE_HIGH_NX, %edx
	cmp	$PHYS(__rodata_end), %eax
	jb	2f
	mov	$(PTE_P | PTE_W), %ebx
2:	or	%eax, %ebx
	mov	%ebx, (%edi)
	mov	%edx, 4(%edi)
	add	$8, %edi
	add	$4096, %eax
	loop	1b

	/* 5. Enter long mode, with NX and WP in force. */
	mov	$CR4_LONG_MODE, %eax
	mov	%eax, %cr4
	mov	$PHYS(boot_pml4), %eax
	mov	%eax, %cr3
	mov	$MSR_EFER, %ecx
	rdmsr
	or	$EFER_LONG_MODE, %eax
	wrmsr
	mov	$CR0_LONG_MODE, %eax
	mov	%eax, %cr0
	lgdt	PHYS(gdt_register)
	ljmp	$(gdt_code - gdt), $PHYS(start64)

/* Writes ECX entries at EDI for consecutive tables; EAX holds the first entry. */
fill_tables:
	mov	%eax, (%edi)
	movl	$0, 4(%edi)
	add	$8, %edi
	add	$4096, %eax
	loop	fill_tables
	ret

no_long_mode:
	mov	$PHYS(text_no_long_mode), %esi
	jmp	fatal
no_nx:
	mov	$PHYS(text_no_nx), %esi

/* Prints the text at ESI on COM1, 115200 8n1, and stops. */
fatal:
	mov	$PHYS(uart_setup), %edi
	mov	$((uart_setup_end - uart_setup) / 2), %ecx
1:	movzbl	(%edi), %edx
	add	$COM1, %edx
	mov	1(%edi), %al
	out	%al, %dx
	add	$2, %edi
	loop	1b
2:	mov	$(COM1 + 5), %dx
	mov	$100000, %ecx		/* the UART may be missing: the wait has a bound */
3:	in	%dx, %al
	test	$0x20, %al
	loopz	3b
	lodsb
	test	%al, %al
	jz	4f
	mov	$COM1, %dx
	out	%al, %dx
	jmp	2b
4:	cli
	hlt
	jmp	4b

uart_setup:				/* pairs of a UART register and the value to write to it */
	.byte	1, 0, 3, 0x80, 0, 1, 1, 0, 3, 3, 2, 7, 4, 3
uart_setup_end:
text_no_loader:
	.asciz	"skerry: not started by a Multiboot2 loader\r\n"
text_no_long_mode:
	.asciz	"skerry: this CPU has no 64-bit mode\r\n"
text_no_nx:
	.asciz	"skerry: this CPU cannot make pages non-executable (NX)\r\n"

	.balign	8
/* the descriptors have the accessed bit set, so that the CPU need not write here */
gdt:
	.quad	0
gdt_code:
	.quad	0x00af9b000000ffff
gdt_data:
	.quad	0x00cf93000000ffff
gdt_register:
	.short	gdt_register - gdt - 1
	.long	PHYS(gdt)
	.long	0

	.code64
start64:
	mov	$(gdt_data - gdt), %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	xor	%eax, %eax
	mov	%eax, %fs
	mov	%eax, %gs
	lea	boot_stack_end(%rip), %rsp
	mov	%ebp, %edi
	mov	%esi, %esi		/* clears the upper half, which is undefined */
	xor	%ebp, %ebp
	call	boot_main
	ud2

	/* The stubs of exceptions until boot_jump; the CALL's return address tells the vector. */
	.global	boot_stubs
	.hidden	boot_stubs
	.balign	16
boot_stubs:
	.rept	32
	.balign	16
	call	1f
	.endr
1:	pop	%rdi
	mov	%rsp, %rsi
	call	boot_exception

/*
 * boot_jump(root, stack, entry, argument) runs the last instructions under the identity mapping.
 * The final tables map this page too, until the kernel drops that mapping.
 */
	.global	boot_jump
	.hidden	boot_jump
boot_jump:
	mov	%rdi, %cr3
	mov	%rsi, %rsp
	mov	%rcx, %rdi
	xor	%ebp, %ebp
	push	%rbp			/* a return address, for backtraces to end at */
	jmp	*%rdx

	.section .boot_bss, "aw", @nobits
	.balign	4096
	.global	boot_pdpt, boot_reach, boot_switch
	.hidden	boot_pdpt, boot_reach, boot_switch
boot_pml4:
	.skip	4096
boot_pdpt:
	.skip	4096
boot_pd:
	.skip	4 * 4096
boot_pt:
	.skip	IMAGE_TABLES * 4096
/* page directories by which map_reach in map.c maps up to two GiB */
boot_reach:
	.skip	2 * 4096
/* page tables that map.c fills: three levels to map one page */
boot_switch:
	.skip	3 * 4096

	.section .bss.boot_stack, "aw", @nobits
	.balign	IMAGE_ALIGN
	.global	boot_stack, boot_stack_end
	.hidden	boot_stack, boot_stack_end
boot_stack:
	.skip	BOOT_STACK_BYTES
boot_stack_end:

	.section .note.GNU-stack, "", @progbits
