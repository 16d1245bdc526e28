/* SPDX-License-Identifier: MIT */
#include "kernel/kernel_page.h"
#include "arch/x86_64/cpu/instructions.h"
#include "boot/init/init.h"
#include "kernel/log_ring.h"
#include "kernel/machine.h"
#include "mm/page.h"

/* mm/ keeps the page counts in it already. */
void kernel_page_init(const struct boot_info *info)
{
	struct kernel_page *page = &kernel_page.page;
	struct cpu *cpu = this_cpu();

	machine.page = page;
	page->boot_tsc = rdtsc();
	page->cpu_count = 1;
	page->log_bytes = sizeof(struct log_memory);
	page->entropy_sources = info->entropy_sources;
	page->arch_capabilities = features.cpu.capabilities;
	page->opt_ctrl = features.cpu.opt_ctrl;
	page->microcode = features.cpu.microcode;
	page->page_count = page_total;
	cpu->counters = &page->cpu[cpu->id];
}
