/* SPDX-License-Identifier: MIT */
/*
 * The set of CPUs: how the CPUs are found by number, interrupted, stopped and halted. The
 * scheduler, kernel/sched/vcpu_load.c and, through tlb_arch.c, mm/tlb.c interrupt CPUs here; panics
 * and resets stop them. It owns the table of CPUs and the flag that stops them, takes no lock, and
 * changes another CPU only by its pending word and by IPIs.
 */
#include "arch/x86_64/cpu/cpus.h"
#include "arch/x86_64/cpu/instructions.h"
#include "arch/x86_64/cpu/lapic.h"
#include "arch/x86_64/cpu/tsc.h"
#include "arch/x86_64/cpu/panic.h"
#include "kernel/abi/pages.h"

#define STOP_WAIT_NS (200 * NS_PER_MS)

static struct cpu *cpus[CPU_MAX];
static u32 count;

static bool stopping;

void (*cpus_virt_disable)(void) SECTION(".data.ro_after_init");

u32 cpus_count(void)
{
	return __atomic_load_n(&count, __ATOMIC_ACQUIRE);
}

struct cpu *cpus_get(u32 id)
{
	return cpus[id];
}

void cpus_publish(struct cpu *cpu)
{
	cpus[cpu->id] = cpu;
	__atomic_store_n(&count, cpu->id + 1, __ATOMIC_RELEASE);
}

void cpus_pend(struct cpu *cpu, u64 reasons)
{
	u64 before = __atomic_fetch_or(&cpu->pending, reasons, __ATOMIC_SEQ_CST);

	ASSERT((reasons & PENDING_PASS) == 0);
	/* The CPU that set these bits earlier has also sent the interrupt for them. */
	if (cpu == this_cpu() || (before & reasons) == reasons)
		return;
	this_cpu()->counters->ipis++;
	lapic_send(cpu->apic_id, APIC_FIXED, VECTOR_KICK);
}

u8 cpus_node(void)
{
	return this_cpu()->node;
}

void cpus_virt_leave(struct cpu *cpu)
{
	if (!cpu->virt_on)
		return;
	cpu->virt_on = false;
	cpus_virt_disable();
}

void cpus_halt(void)
{
	for (;;) {
		cli();
		hlt();
	}
}

/*
 * Halts this CPU for good if cpus_stop_others asks for that. An NMI or #MC calls it, at any
 * instruction, on its IST stack.
 */
void cpus_stop_if_told(struct cpu *cpu, const struct trap_frame *frame)
{
	if (!__atomic_load_n(&stopping, __ATOMIC_RELAXED))
		return;
	cpus_virt_leave(cpu);
	__atomic_store_n(&cpu->stopped, frame, __ATOMIC_RELEASE);
	cpus_halt();
}

void cpus_stop_others(void)
{
	u64 end = rdtsc() + tsc_from_ns(STOP_WAIT_NS);

	__atomic_store_n(&stopping, true, __ATOMIC_RELAXED);
	for (u32 id = 0; id < cpus_count(); id++) {
		if (cpus[id] != this_cpu())
			lapic_send(cpus[id]->apic_id, APIC_NMI, 0);
	}
	for (u32 id = 0; id < cpus_count(); id++) {
		while (cpus[id] != this_cpu() && rdtsc() < end &&
		       __atomic_load_n(&cpus[id]->stopped, __ATOMIC_ACQUIRE) == NULL)
			pause();
	}
}
