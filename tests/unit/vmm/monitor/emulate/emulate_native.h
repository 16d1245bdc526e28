/* SPDX-License-Identifier: MIT */
#pragma once

/* Runs an instruction on the CPU itself, between loading its registers and storing them. */
#include "tests/unit/emulate_machine.h"

#define LANDING (CODE_GVA + 0x100) /* the target of CALL and JMP */

static u8 *const data = (u8 *)DATA_GVA;
static u8 *const code = (u8 *)CODE_GVA;

/* The state that the trampoline loads and stores; its assembly uses these offsets. */
struct native_state {
	u64 gpr[GPR_COUNT];
	u64 rflags;
};
struct native_state native;
u64 native_entry;
u64 native_stack;
void native_run(void);
extern const char native_exit[];

__asm__(".text\n"
	"native_run:\n"
	"	pushq %rbx\n	pushq %rbp\n	pushq %r12\n"
	"	pushq %r13\n	pushq %r14\n	pushq %r15\n"
	"	movq %rsp, native_stack(%rip)\n"
	"	pushq native+128(%rip)\n	popfq\n"
	"	movq native+8(%rip), %rcx\n	movq native+16(%rip), %rdx\n"
	"	movq native+24(%rip), %rbx\n	movq native+40(%rip), %rbp\n"
	"	movq native+48(%rip), %rsi\n	movq native+56(%rip), %rdi\n"
	"	movq native+64(%rip), %r8\n	movq native+72(%rip), %r9\n"
	"	movq native+80(%rip), %r10\n	movq native+88(%rip), %r11\n"
	"	movq native+96(%rip), %r12\n	movq native+104(%rip), %r13\n"
	"	movq native+112(%rip), %r14\n	movq native+120(%rip), %r15\n"
	"	movq native+32(%rip), %rsp\n	movq native(%rip), %rax\n"
	"	jmp *native_entry(%rip)\n"
	"native_exit:\n"
	"	movq %rax, native(%rip)\n	movq %rcx, native+8(%rip)\n"
	"	movq %rdx, native+16(%rip)\n	movq %rbx, native+24(%rip)\n"
	"	movq %rsp, native+32(%rip)\n	movq %rbp, native+40(%rip)\n"
	"	movq %rsi, native+48(%rip)\n	movq %rdi, native+56(%rip)\n"
	"	movq %r8, native+64(%rip)\n	movq %r9, native+72(%rip)\n"
	"	movq %r10, native+80(%rip)\n	movq %r11, native+88(%rip)\n"
	"	movq %r12, native+96(%rip)\n	movq %r13, native+104(%rip)\n"
	"	movq %r14, native+112(%rip)\n	movq %r15, native+120(%rip)\n"
	"	movq native_stack(%rip), %rsp\n"
	"	pushfq\n	popq native+128(%rip)\n	cld\n"
	"	popq %r15\n	popq %r14\n	popq %r13\n"
	"	popq %r12\n	popq %rbp\n	popq %rbx\n"
	"	ret\n");

/* Runs the instruction at CODE_GVA + offset. */
static void native_execute(const u8 *bytes, u32 count, u64 offset)
{
	u8 jump[14] = {0xff, 0x25}; /* JMP [RIP + 0] */
	u64 exit = (u64)native_exit;

	memcpy(jump + 6, &exit, 8);
	memcpy(code + offset, bytes, count);
	memcpy(code + offset + count, jump, sizeof(jump));
	memcpy(code + (LANDING - CODE_GVA), jump, sizeof(jump));
	native_entry = CODE_GVA + offset;
	native_run();
}
