/* SPDX-License-Identifier: MIT */
/*
 * A CPU's whole life: the loop that handles the CPU's pending bits, chooses a thread, and leaves
 * for ring 3 or a guest. boot/init and the entry stubs start it, again at each entry from ring 3.
 * It owns the running CPU's struct cpu, takes the object lock (shared where that suffices) to
 * handle a bit, and holds no lock when it leaves.
 */
#include "kernel/cpu/cpu_loop.h"
#include "arch/x86_64/cpu/instructions.h"
#include "arch/x86_64/cpu/percpu.h"
#include "arch/x86_64/cpu/tsc.h"
#include "arch/x86_64/cpu/cpus.h"
#include "kernel/log/log.h"
#include "kernel/log/log_ring.h"
#include "kernel/object/long_lock.h"
#include "kernel/machine/machine.h"
#include "kernel/cpu/machine_check.h"
#include "kernel/object/object_lock.h"
#include "arch/x86_64/cpu/panic.h"
#include "kernel/group/process.h"
#include "kernel/sched/sched.h"
#include "kernel/group/teardown.h"
#include "kernel/sched/thread.h"
#include "kernel/sched/timer.h"
#include "kernel/guest/vcpu.h"
#include "kernel/guest/vm.h"
#include "mm/space.h"
#include "mm/tlb.h"

#define POLL_SHIFT 33

/* Makes one step of freeing dead objects; returns true if a step was done, as there may be more. */
static bool cpu_loop_tidy_up(void)
{
	bool more = false;

	if (teardown_waiting()) {
		long_lock();
		more = teardown_step_any();
		long_unlock();
	}
	return more;
}

/* Looks for corrected machine checks every few seconds, unless the CPU sleeps all the time. */
static void cpu_loop_poll(struct cpu *cpu, u64 now)
{
	if (likely(cpu->polled == now >> POLL_SHIFT))
		return;
	cpu->polled = now >> POLL_SHIFT;
	machine_check_poll();
}

/* Frees dead objects in small steps while nothing can run here, then halts until an interrupt. */
static NOINLINE void cpu_loop_idle(struct cpu *cpu)
{
	u64 began = rdtsc();

	if (cpu_loop_tidy_up()) {
		sti_nop_cli();
		return;
	}
	__atomic_store_n(&cpu->idle, true, __ATOMIC_SEQ_CST);
	sched_request_work(cpu);
	/*
	 * The CPU's timer is set again even if it is set: QEMU 7.2 may lose an interrupt that comes
	 * during VMRUN or #VMEXIT, and the CPU would sleep until the next one (docs/platforms.md).
	 */
	timer_forget(cpu);
	timer_arm(cpu, tlb_pages_waiting() == 0 ? 0 : began + tsc_from_ns(TLB_EPOCH_NS));
	tlb_cpu_idle(cpu->id, true);
	cpu->counters->idle_since_tsc = began;
	if (cpu->pending == 0)
		sti_hlt_cli();
	cpu->counters->idle_since_tsc = 0;
	tlb_cpu_idle(cpu->id, false);
	__atomic_store_n(&cpu->idle, false, __ATOMIC_SEQ_CST);
	cpu->counters->wakeups++;
	cpu->counters->idle_tsc += rdtsc() - began;
	cpu_loop_poll(cpu, rdtsc());
}

/*
 * Gives the CPU to the best thread, and drops a dead thread that the CPU still holds. While guests
 * take turns, the loaded ring-3 frame and address space may stay those of another thread.
 */
static void cpu_loop_reschedule(struct cpu *cpu)
{
	struct thread *before = cpu->running;
	struct vcpu *guest = before != NULL ? before->guest : NULL;
	struct thread *now;

	sched_next(cpu);
	now = cpu->running;
	/*
	 * The thread `before` may be freed by now; its vCPU cannot be, if it is still loaded here.
	 */
	if (before != now && guest != NULL && guest == cpu->loaded)
		vcpu_preempt(guest);
	if (now != NULL)
		thread_isolate(cpu, now);
	if (now != NULL && (now->guest == NULL || now == cpu->thread))
		thread_load(cpu, now);
	if (unlikely(sched_must_move(cpu)))
		cpus_pend(cpu, PENDING_GIVE);
	thread_forget_dead(cpu);
}

static NORETURN void cpu_loop_leave_to_user(struct cpu *cpu)
{
	if (unlikely(cpu->thread != cpu->running))
		thread_load(cpu, cpu->running);
	if (unlikely(cpu->foreign))
		thread_clear(cpu);
	cpu_return_to_user(cpu);
}

/*
 * Wakes the sleeping threads whose deadline has come. Shares the object lock for each of them anew,
 * so that a CPU that wants the lock alone waits for one wake-up at most.
 */
static void cpu_loop_wake(struct cpu *cpu)
{
	while (timer_is_due(cpu->wake_tsc)) {
		object_share();
		timer_expire(cpu);
		object_unshare();
	}
}

static void cpu_loop_tell_log(void)
{
	object_share();
	signal_raise(&signal_root);
	object_unshare();
}

/*
 * Moves the running thread to the CPU it must go to, or a waiting thread to a less busy CPU. To
 * change a thread's home takes the object lock alone.
 */
static void cpu_loop_move(struct cpu *cpu)
{
	object_lock();
	if (sched_must_move(cpu))
		sched_move(cpu);
	else
		sched_give(cpu);
	object_unlock();
}

/*
 * Logs NMIs with the offset into the image where the last one hit: the log must not reveal where
 * images lie.
 */
static NOINLINE void cpu_loop_log_nmi(struct cpu *cpu)
{
	u64 image = machine.image_base.value;
	const struct thread *thread = cpu->nmi_rip < image ? cpu->thread : NULL;
	u64 base = thread ? thread->process->image_base : image;

	log_warning(LOG_CPU, "NMI: ring %lu, group %lu, image +%lx, %lu times", thread ? 3 : 0,
		    cpu->counters->tag, cpu->nmi_rip - base,
		    __atomic_exchange_n(&cpu->nmi_count, 0, __ATOMIC_RELAXED));
}

/*
 * Returns true if the running guest may continue although its slice is over. A guest with
 * interrupts off may hold a lock for which its other vCPUs would spin in vain, so it continues
 * until they are on again, for SCHED_GRACE_NS at most. Meanwhile every exit comes here.
 */
static bool cpu_loop_has_grace(struct cpu *cpu, u64 now)
{
	struct vcpu *guest = cpu->running != NULL ? cpu->running->guest : NULL;
	bool spent = cpu->grace && now > cpu->queue_tsc - 1;

	if (guest == NULL) /* the thread is a monitor's, which works for its guest now */
		return cpu->grace && !spent;
	if (spent || guest != cpu->loaded || !vcpu_await_window(guest))
		return false;
	if (!cpu->grace)
		sched_extend(cpu);
	return cpu->grace && now <= cpu->queue_tsc - 1;
}

/*
 * Reports that the CPU has gone through its loop (mm/tlb.h). If the guest space of a vCPU that is
 * loaded but does not run has changed, the CPU also leaves that space: further changes of it then
 * send this CPU no interrupt.
 */
static void cpu_loop_pass(struct cpu *cpu)
{
	const struct thread *running = cpu->running;
	struct vcpu *loaded = cpu->loaded;

	if (loaded != NULL && (running == NULL || running->ran != loaded) &&
	    loaded->vm->space->generation != loaded->space_seen)
		vcpu_unload(cpu);
	tlb_cpu_passed(cpu->id, running != NULL && cpu->thread == running);
}

/* Handles the CPU's pending bits, and returns once there is a thread that can run here. */
static NOINLINE void cpu_loop_handle(struct cpu *cpu)
{
	do {
		u64 pending = __atomic_exchange_n(&cpu->pending, 0, __ATOMIC_SEQ_CST);
		u64 now = rdtsc();
		bool slice_over = cpu->grace;

		if ((pending & PENDING_MACHINE_CHECK) != 0)
			machine_check_handle(cpu);
		if ((pending & PENDING_NMI) != 0)
			cpu_loop_log_nmi(cpu);
		if ((pending & PENDING_UNLOAD) != 0)
			vcpu_unload(cpu);
		if ((pending & PENDING_TIMER) != 0) {
			cpu_loop_poll(cpu, now);
			slice_over |= now > cpu->queue_tsc - 1;
			if (sched_balance_due(cpu, now))
				pending |= PENDING_GIVE;
		}
		if (slice_over && !cpu_loop_has_grace(cpu, now))
			pending |= PENDING_RESCHEDULE;
		cpu_loop_wake(cpu);
		if ((pending & PENDING_LOG) != 0)
			cpu_loop_tell_log();
		if ((pending & PENDING_DROPPED) != 0)
			object_put_dropped(cpu);
		if ((pending & PENDING_GIVE) != 0)
			cpu_loop_move(cpu);
		if ((pending & PENDING_RESCHEDULE) != 0 || cpu->running == NULL)
			cpu_loop_reschedule(cpu);
		cpu_loop_pass(cpu);
		if (cpu->running == NULL && cpu->pending == 0)
			cpu_loop_idle(cpu);
	} while ((cpu->pending & ~(u64)PENDING_PASS) != 0 || cpu->running == NULL);
	if (tlb_cpu_must_pass(cpu->id) || cpu->grace)
		__atomic_fetch_or(&cpu->pending, PENDING_PASS, __ATOMIC_RELAXED);
}

void cpu_loop(struct cpu *cpu)
{
	for (;;) {
		struct vcpu *guest;

		if (unlikely(cpu_has_pending(cpu) || tlb_cpu_must_pass(cpu->id)))
			cpu_loop_handle(cpu);
		guest = cpu->running->guest;
		if (guest == NULL) {
			timer_arm_briefly(cpu);
			cpu_loop_leave_to_user(cpu);
		}
		/*
		 * The CPU's timer stays as it was set for the guest: it fires no later than the
		 * next event that ring 3 waits for.
		 */
		if (vcpu_step(cpu, guest) && !cpu_has_pending(cpu))
			cpu_loop_leave_to_user(cpu);
	}
}

void cpu_loop_join(struct cpu *cpu)
{
	cpus_publish(cpu);
	cpu_loop(cpu);
}
