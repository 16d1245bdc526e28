/* SPDX-License-Identifier: MIT */
#include "kernel/kernel_page.h"
#include "arch/x86_64/cpu/features.h"
#include "arch/x86_64/cpu/instructions.h"
#include "arch/x86_64/cpu/percpu.h"
#include "kernel/log_ring.h"
#include "kernel/machine.h"
#include "mm/page.h"

/* Whole pages, because ring 3 maps them. */
static union {
	struct kernel_page page;
	u8 bytes[KERNEL_PAGE_BYTES];
} memory ALIGNED(4096);

u64 *const page_counts = memory.page.pages;
struct zone_counters *const page_zones = memory.page.zones;

void kernel_page_init(void)
{
	struct cpu *cpu = this_cpu();

	machine.page = &memory.page;
	memory.page.boot_tsc = rdtsc();
	memory.page.cpu_count = 1;
	memory.page.log_bytes = sizeof(struct log_memory);
	memory.page.entropy_sources = machine.boot->entropy_sources;
	memory.page.arch_capabilities = features.cpu.capabilities;
	memory.page.opt_ctrl = features.cpu.opt_ctrl;
	memory.page.microcode = features.cpu.microcode;
	memory.page.page_count = page_total;
	cpu->counters = &memory.page.cpu[cpu->id];
}
