/* SPDX-License-Identifier: MIT */
/*
 * What debug.c single-steps: most of these exit, some to the monitor. `step` records the name of
 * the instruction and the address after it, which is where the trap must come.
 */
#define TF 0x100
#define LAPIC_TIMER_INITIAL 0xfee00380

	.macro step name, instruction:vararg
	\instruction
7:
	stepped \name, 7b
	.endm

	.macro stepped name, at
	.text
	.section .rodata.names, "a"
8:	.asciz "step-\name"
	.section .rodata.steps, "a"
	.quad 8b, \at
	.text
	.endm

	.section .rodata.steps, "a"
	.balign 8
	.globl debug_expected
debug_expected:
	.text
	.globl debug_steps
debug_steps:
	push %rbx
	mov $LAPIC_TIMER_INITIAL, %edi
	mov %ss, %r8d
	mov $text, %esi
	pushfq
	orl $TF, (%rsp)
	popfq /* the first trap comes after the next instruction */
	step popf-next, xor %eax, %eax
	step cpuid, cpuid
	step out, out %al, $0x80
	step in, in $0x80, %al
	step load-1, mov $0x1b, %ecx
	step rdmsr, rdmsr
	step wrmsr, wrmsr
	step mmio-read, mov (%rdi), %eax
	step mmio-write, mov %eax, (%rdi)
	step rdtsc, rdtsc
	step cr0-read, mov %cr0, %rax
	step cr0, mov %rax, %cr0
	step cr3-read, mov %cr3, %rax
	step cr3, mov %rax, %cr3
	step swapgs, swapgs
	step swapgs-again, swapgs
	step load-2, mov $0x80, %edx
	step load-3, mov $2, %ecx
	/* each iteration of REP is a step; the last trap but one is on the instruction itself */
rep_outs:
	rep outsb
7:
	stepped rep-outsb-1, rep_outs
	stepped rep-outsb-2, 7b
	/* the shadow of MOV SS covers the next instruction too: SDM vol. 3, 6.8.3 */
	mov %r8d, %ss
	step mov-ss-and-nop, nop
	step mmio-ss, mov %r8d, (%rdi)
	mov (%rdi), %ss
	step mov-ss-from-device-and-nop, nop
	step pushf, pushfq
	step clear-tf, andl $~TF, (%rsp)
	popfq /* one more trap comes, as TF was set when this instruction began */
7:
	stepped popf, 7b
	pop %rbx
	ret

	.section .rodata
	.globl debug_expected_end
text:	.ascii "ab"
	.section .rodata.steps, "a"
debug_expected_end:

	.section .note.GNU-stack, "", @progbits
