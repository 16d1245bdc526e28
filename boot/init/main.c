/* SPDX-License-Identifier: MIT */
/*
 * The kernel's boot sequence, top to bottom, as one list of calls. boot/relocate.c jumps to
 * kernel_main on the boot CPU; the sequence ends in start_run, which starts the manager. No other
 * CPU runs until cpus_start.
 */
#include "arch/x86_64/cpu/random.h"
#include "arch/x86_64/cpu/uart.h"
#include "boot/init/init.h"
#include "kernel/log/log_ring.h"
#include "kernel/machine/machine.h"
#include "arch/x86_64/cpu/panic.h"
#include "kernel/sched/sched.h"
#include "kernel/cpu/start.h"
#include "mm/cache.h"
#include "mm/kernel_space.h"

static struct boot_info *boot;

static NORETURN void main_on_own_stack(struct cpu *cpu)
{
	static struct acpi_info acpi;

	kernel_page_init(boot);
	machine_init(boot, &acpi);
	if (!sched_init(cpu))
		panic("no memory for the run queue");
	cpus_start(&acpi, boot_option(boot->command_line, "cpus="));
	manager_create(boot);
	cpu_stack_reset(cpu, start_run);
}

void kernel_main(struct boot_info *info)
{
	boot = info;
	machine.image_hpa = info->image_hpa;
	machine.image_base = info->image_base;
	panic_print_log = log_last_print;
	features = features_read();
	cpus_adopt_boot();
	(void)features_enable();
	random_seed(&info->pool);
	if (!page_init(info))
		uart_unfit("this host has too little memory");
	if (kernel_space_init(info) != STATUS_OK)
		panic("cannot take over the boot tables");
	cache_init();
	cpu_stack_reset(cpus_create_boot(), main_on_own_stack);
}
