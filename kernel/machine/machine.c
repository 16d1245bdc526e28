/* SPDX-License-Identifier: MIT */
/*
 * The kernel's facts about the host as a whole, and the reset of the host. boot/init fills
 * `machine`; SYS_MACHINE_RESET calls machine_reboot. The reset stops all other CPUs and leaves VMX
 * or SVM operation first.
 */
#include "kernel/machine/machine.h"
#include "arch/x86_64/cpu/instructions.h"
#include "arch/x86_64/cpu/percpu.h"
#include "arch/x86_64/cpu/tsc.h"
#include "arch/x86_64/cpu/cpus.h"

#define KEYBOARD_COMMAND 0x64
#define KEYBOARD_RESET	 0xfe

extern const char __image_start[];

struct machine machine;

hpa_t machine_image_hpa(const void *address)
{
	return HPA((u64)address - (u64)__image_start + machine.image_hpa.value);
}

void machine_reboot(u16 port, u8 value)
{
	static const struct descriptor_table_register no_idt;

	cli();
	cpus_stop_others();
	cpus_virt_leave(this_cpu());
	if (port != 0)
		out8(port, value);
	out8(KEYBOARD_COMMAND, KEYBOARD_RESET);
	for (u64 end = rdtsc() + tsc_from_ns(50 * NS_PER_MS); rdtsc() < end;)
		pause();
	__asm__ volatile("lidt %0; int3" : : "m"(no_idt));
	cpus_halt();
}
