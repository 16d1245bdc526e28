/* SPDX-License-Identifier: MIT */
/* SYS_TEST, checked for before the regular system calls (the linker's --wrap). */
#include "arch/x86_64/cpu/trap_frame.h"
#include "boot/boot_info.h"
#include "kernel/object/handle.h"
#include "kernel/object/object_lock.h"
#include "kernel/group/process.h"
#include "kernel/call/syscall.h"
#include "kernel/sched/thread.h"
#include "tests/faults/kernel/kernel.h"

void __real_syscall_dispatch(struct thread *caller, struct trap_frame *frame);
void __wrap_syscall_dispatch(struct thread *caller, struct trap_frame *frame);

extern volatile u64 __stack_chk_guard;

/* The compiler must not foresee that this never ends. */
static NOINLINE u64 deeper(u64 depth)
{
	volatile u8 room[256];

	room[depth & 255] = (u8)depth;
	return depth == ~0ull ? 0 : deeper(depth + 1) + room[depth & 127];
}

static enum status test(struct system_call *r)
{
	enum status status = handle_lookup(r->handles, r->argument[0], OBJECT_ROOT, RIGHT_DESTROY,
					   &r->object[0]);

	if (status != STATUS_OK)
		return status;
	switch (r->argument[1]) {
	case TEST_COUNT ... TEST_SITE_CALLS:
		return fault_alloc((enum test_what)r->argument[1], r->argument[2], &r->value);
	case TEST_STACK:
		r->value = deeper(0);
		return STATUS_OK;
	case TEST_CANARY:
		__stack_chk_guard = r->argument[2];
		return STATUS_OK;
	case TEST_BOOT:
		r->value = boot_option("", "");
		return STATUS_OK;
	case TEST_BREAK:
		return fault_break(r->argument[2]);
	case TEST_MEND:
		return fault_mend();
	case TEST_INTERRUPT:
		fault_interrupt((u8)r->argument[2]);
		return STATUS_OK;
	case TEST_LOSE_KICKS:
		fault_lose_kicks((u32)r->argument[2]);
		return STATUS_OK;
	case TEST_LOSE_TIMER:
		fault_lose_timer();
		return STATUS_OK;
	case TEST_GUEST_PAGE:
		return fault_guest_page(r->argument[2], &r->value);
	case TEST_NMI ... TEST_NMI_HITS:
		return fault_nmi((enum test_what)r->argument[1], r->argument[2], &r->value);
	default:
		return STATUS_BAD_ARGUMENT;
	}
}

void __wrap_syscall_dispatch(struct thread *caller, struct trap_frame *frame)
{
	const u64 argument[6] = {frame->rdi, frame->rsi, frame->r8};
	struct system_call call = {.handles = caller->process->handles, .argument = argument};

	if (frame->rax != SYS_TEST) {
		__real_syscall_dispatch(caller, frame);
		return;
	}
	object_lock();
	frame->rax = test(&call);
	object_unlock();
	frame->rdi = call.value;
}
