/* SPDX-License-Identifier: MIT */
/*
 * Each CPU's task-state segment: its descriptor, TR, and the I/O bitmap that lets a driver use
 * ports. boot/init loads TR, kernel/sched/thread.c sets the bitmap when it loads a thread. It
 * touches the running CPU's GDT and TSS only.
 */
#include "arch/x86_64/cpu/percpu.h"
#include "arch/x86_64/hw/descriptor.h"
#include "lib/string.h"

/* descriptor of an available 64-bit TSS, at address 0 */
#define DESCRIPTOR_TSS64 0x0000890000000000ull

void cpu_tss_load(struct cpu *cpu)
{
	u64 base = (u64)(uintptr_t)&cpu->tss;

	cpu->gdt[SELECTOR_TSS / 8] = DESCRIPTOR_TSS64 | (sizeof(struct tss) - 1) |
				     (base & 0xffffff) << 16 | (base >> 24 & 0xff) << 56;
	cpu->gdt[SELECTOR_TSS / 8 + 1] = base >> 32;
	__asm__ volatile("ltr %w0" : : "r"(SELECTOR_TSS) : "memory");
}

/* Loads TR again as well, because a VM exit sets the TSS limit to 67h (SDM vol. 3, 28.5.2). */
void cpu_ports_set(struct cpu *cpu, const u8 *bitmap, bool changed)
{
	cpu->tss.io_bitmap_offset = TSS_NO_IO_BITMAP;
	if (likely(bitmap == NULL))
		return;
	if (changed)
		memcpy(cpu->tss.io_bitmap, bitmap, sizeof(cpu->tss.io_bitmap));
	cpu->tss.io_bitmap_offset = offsetof(struct tss, io_bitmap);
	cpu_tss_load(cpu);
}
