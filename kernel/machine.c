/* SPDX-License-Identifier: MIT */
#include "kernel/machine.h"
#include "arch/x86_64/cpu/instructions.h"
#include "arch/x86_64/cpu/percpu.h"
#include "arch/x86_64/cpu/tsc.h"
#include "kernel/cpus.h"
#include "kernel/vm.h"
#include "mm/page.h"
#include "mm/tlb.h"

#define KEYBOARD_COMMAND 0x64
#define KEYBOARD_RESET 0xfe

extern const char __image_start[];

struct machine machine;

hpa_t machine_image_hpa(const void *address)
{
	return HPA((u64)address - (u64)__image_start + machine.image_hpa.value);
}

void machine_virt_leave(struct cpu *cpu)
{
	if (!cpu->virt_on)
		return;
	cpu->virt_on = false;
	virt->cpu_disable();
}

void machine_halt(void)
{
	for (;;) {
		cli();
		hlt();
	}
}

void machine_reboot(u16 port, u8 value)
{
	static const struct descriptor_table_register no_idt;

	cli();
	cpus_stop_others();
	machine_virt_leave(this_cpu());
	if (port != 0)
		out8(port, value);
	out8(KEYBOARD_COMMAND, KEYBOARD_RESET);
	for (u64 end = rdtsc() + tsc_from_ns(50 * NS_PER_MS); rdtsc() < end;)
		pause();
	__asm__ volatile("lidt %0; int3" : : "m"(no_idt));
	machine_halt();
}

u8 page_arch_node(void)
{
	return this_cpu()->node;
}

/* The processor's part of mm/tlb.h. */
void tlb_arch_load_root(hpa_t root)
{
	write_cr3(root.value);
}

u64 tlb_arch_clock_ms(void)
{
	return rdtsc() / tsc_khz();
}

u32 tlb_arch_cpu(void)
{
	return this_cpu()->id;
}

void tlb_arch_kick(u32 id)
{
	cpus_pend(cpus_get(id), PENDING_KICK);
}

bool tlb_arch_kicked(u32 id)
{
	const struct cpu *cpu = cpus_get(id);

	return cpu != this_cpu() &&
	       (__atomic_load_n(&cpu->pending, __ATOMIC_SEQ_CST) & PENDING_KICK);
}
