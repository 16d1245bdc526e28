/* SPDX-License-Identifier: MIT */
/* Where the other CPUs of smp.c start: copied below 1 MiB, from real mode to 64-bit mode. */
#define LAPIC_ID_AT 0xfee00020
#define STACK_BYTES 4096

	.text
	.code16
	.globl ap_start, ap_end
ap_start:
	cli
	cld
	mov %cs, %ax
	mov %ax, %ds
	mov %ax, ap_started_in - ap_start
	lgdtl ap_gdt_pointer - ap_start
	mov $0x00000033, %eax /* NE, ET, MP, PE */
	mov %eax, %cr0
	ljmpl $0x18, $ap_32
	.balign 4
ap_gdt_pointer:
	.word 0x4f
	.long gdt
	.globl ap_started_in
ap_started_in: /* the CS of the CPU that started last */
	.word 0
ap_end:

	.code32
ap_32:
	mov $0x10, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %ss
	mov $0x20, %eax /* CR4.PAE */
	mov %eax, %cr4
	mov $boot_pml4, %eax
	mov %eax, %cr3
	mov $0xc0000080, %ecx
	rdmsr
	or $0x900, %eax /* EFER.LME and EFER.NXE */
	wrmsr
	mov $0x80010033, %eax /* PG, WP, NE, ET, MP, PE */
	mov %eax, %cr0
	ljmp $0x08, $ap_64

	.code64
ap_64:
	xor %eax, %eax
	mov %eax, %fs
	mov %eax, %gs
	lidt ap_idt
	mov $LAPIC_ID_AT, %eax
	mov (%rax), %edi
	shr $24, %edi
	mov %edi, %eax
	imul $STACK_BYTES, %rax, %rax
	lea ap_stacks(%rax), %rsp
	xor %ebp, %ebp
	call ap_main
1:	cli
	hlt
	jmp 1b

	.bss
	.balign 16
	.skip STACK_BYTES /* the stack of APIC ID 0 would end here */
ap_stacks:
	.skip 15 * STACK_BYTES
	.globl ap_idt
ap_idt:
	.skip 10

	.section .note.GNU-stack, "", @progbits
