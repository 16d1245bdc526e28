/* SPDX-License-Identifier: MIT */
/*
 * Traps and system calls as C sees them: interrupts, exceptions of ring 3 and of the kernel, NMI
 * and machine check. The entry stubs of arch/x86_64/cpu/entry.S call it with interrupts off and no
 * lock held. To kill a process it takes the long lock; an interrupt's handler shares the object
 * lock; NMI and machine check only record.
 */
#include "arch/x86_64/cpu/instructions.h"
#include "arch/x86_64/cpu/lapic.h"
#include "arch/x86_64/cpu/percpu.h"
#include "arch/x86_64/hw/control.h"
#include "kernel/cpu/cpu_loop.h"
#include "arch/x86_64/cpu/cpus.h"
#include "kernel/group/group.h"
#include "kernel/sched/irq.h"
#include "kernel/log/log.h"
#include "kernel/object/long_lock.h"
#include "kernel/cpu/machine_check.h"
#include "kernel/object/object_lock.h"
#include "arch/x86_64/cpu/panic.h"
#include "kernel/group/process.h"
#include "kernel/call/syscall.h"
#include "kernel/sched/thread.h"
#include "kernel/sched/timer.h"
#include "kernel/guest/vcpu.h"
#include "mm/space.h"

#define USER_END   0x0000800000000000ull
#define OPCODE_STI 0xfb

extern const char sysenter_entry[];

/*
 * Logs the first unexpected interrupt of a vector, and again each time the vector's count has
 * doubled.
 */
static NOINLINE void trap_unexpected(u64 vector)
{
	static u32 counts[256];
	u32 count = __atomic_add_fetch(&counts[vector], 1, __ATOMIC_RELAXED);

	if ((count & (count - 1)) == 0)
		log_warning(LOG_CPU, "unexpected interrupt: vector %#lx, %u times", vector, count);
}

static void trap_interrupt(struct cpu *cpu, u64 vector)
{
	cpu->counters->interrupts++;
	switch (vector) {
	case VECTOR_TIMER:
		timer_fired(cpu);
		break;
	case VECTOR_KICK:
		break;
	case VECTOR_GSI_FIRST ... VECTOR_MSI_LAST:
		object_share();
		if (!irq_raise((u32)(vector - VECTOR_GSI_FIRST)))
			trap_unexpected(vector);
		object_unshare();
		break;
	case VECTOR_SPURIOUS: /* a spurious interrupt needs no EOI (SDM vol. 3, 11.9) */
		trap_unexpected(vector);
		return;
	default:
		trap_unexpected(vector);
	}
	lapic_eoi();
}

static void trap_kill(struct thread *thread, const struct trap_frame *frame,
		      enum kill_reason reason, u64 detail)
{
	log_error(LOG_PROCESS, "process killed: vector %lu error %lx rip +%lx address %lx",
		  frame->vector, frame->error_code, frame->rip - thread->process->image_base,
		  detail);
	long_lock();
	process_end(thread->process, KILL_CODE(reason, frame->vector));
	long_unlock();
}

static void trap_page_fault(struct thread *thread, const struct trap_frame *frame)
{
	u64 address = read_cr2();
	u32 access = PT_READ;
	enum status status = STATUS_NOT_FOUND;

	if ((frame->error_code & PF_ERROR_W) != 0)
		access = PT_WRITE;
	else if ((frame->error_code & PF_ERROR_I) != 0)
		access = PT_EXECUTE;
	if (address < USER_END)
		status = space_fault(thread->process->space, address, access);
	if (status == STATUS_OK || status == STATUS_AGAIN)
		return;
	if (status != STATUS_NO_MEMORY && status != STATUS_NO_QUOTA)
		trap_kill(thread, frame, KILL_PAGE_FAULT, address);
	else if (!group_starve(thread))
		trap_kill(thread, frame, KILL_NO_MEMORY, address);
}

/*
 * Handles a system call. SYSEXIT faults in ring 0 if RIP or RSP is not canonical: a frame with
 * either is refused here. SYS_VCPU_RUN, which follows every exit that a monitor handles, takes the
 * fast path.
 */
void trap_system_call(struct cpu *cpu, struct trap_frame *frame)
{
	if (unlikely((frame->rip | frame->rsp) >= USER_END)) {
		trap_kill(cpu->thread, frame, KILL_EXCEPTION, frame->rsp);
	} else if (likely(frame->rax == SYS_VCPU_RUN)) {
		vcpu_run(cpu, frame);
	} else {
		/* SYS_VCPU_RUN is not counted here, but as the guest's exits */
		cpu->counters->syscalls++;
		syscall_dispatch(cpu->thread, frame);
	}
}

void trap_from_user(struct trap_frame *frame)
{
	struct cpu *cpu = this_cpu();

	if (frame->vector == TRAP_PAGE_FAULT)
		trap_page_fault(cpu->thread, frame);
	else if (frame->vector == TRAP_NO_FPU)
		trap_kill(cpu->thread, frame, KILL_FPU, 0);
	else if (frame->vector < TRAP_EXCEPTION_COUNT)
		trap_kill(cpu->thread, frame, KILL_EXCEPTION, 0);
	else
		trap_interrupt(cpu, frame->vector);
	cpu_loop(cpu);
}

void trap_from_kernel(struct trap_frame *frame)
{
	struct cpu *cpu = this_cpu();

	if (frame->vector >= TRAP_EXCEPTION_COUNT) {
		trap_interrupt(cpu, frame->vector);
		return;
	}
	if (frame->vector == TRAP_DEBUG && frame->rip == (u64)sysenter_entry) {
		frame->rflags &= ~(u64)RFLAGS_TF;
		return;
	}
	/* the fault's address lies in the guard page below the stack */
	if (frame->vector == TRAP_DOUBLE_FAULT &&
	    cpu->stack_top + STACK_BASE_BYTES - KERNEL_STACK_BYTES - 1 - read_cr2() < PAGE_SIZE)
		panic_trap(frame, "kernel stack overflow");
	if (frame->vector == TRAP_PAGE_FAULT)
		panic_trap(frame, "page fault at %lx, error code %lx", read_cr2(),
			   frame->error_code);
	panic_trap(frame, "exception %lu, error code %lx", frame->vector, frame->error_code);
}

void trap_nmi(struct trap_frame *frame)
{
	struct cpu *cpu = this_cpu();

	cpus_stop_if_told(cpu, frame);
	if (frame->vector == TRAP_MACHINE_CHECK) {
		machine_check_taken(cpu, frame);
	} else {
		cpu->nmi_rip = frame->rip;
		cpu->nmi_count++;
		__atomic_fetch_or(&cpu->pending, PENDING_NMI, __ATOMIC_RELAXED);
	}
	/*
	 * IRET would end STI's interrupt shadow: an interrupt could then come before the HLT, which
	 * would sleep through the event that should wake it, or before the SYSEXIT, on ring 3's
	 * tables. So the STI is executed again. Ring 0 runs with interrupts on only right after an
	 * STI in instructions.h or entry.S.
	 */
	if ((frame->cs & 3) == 0 && (frame->rflags & RFLAGS_IF) != 0 &&
	    ((const u8 *)frame->rip)[-1] == OPCODE_STI) {
		frame->rip--;
		frame->rflags &= ~(u64)RFLAGS_IF;
	}
}
