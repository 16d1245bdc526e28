/* SPDX-License-Identifier: MIT */
/*
 * Fills the constants of the page that the kernel shows to the manager (struct kernel_page).
 * boot/init/main.c calls it once, on the boot CPU; the running kernel counts in the page from then
 * on.
 */
#include "kernel/machine/kernel_page.h"
#include "arch/x86_64/cpu/instructions.h"
#include "boot/init/init.h"
#include "kernel/log/log_ring.h"
#include "kernel/machine/machine.h"
#include "mm/page.h"

/* Fills in the constants only: mm/ already counts the host's pages in other fields. */
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
