/* SPDX-License-Identifier: MIT */
/* The boot sequence, top to bottom. */
#include "arch/x86_64/cpu/features.h"
#include "arch/x86_64/cpu/percpu.h"
#include "arch/x86_64/cpu/random.h"
#include "arch/x86_64/cpu/uart.h"
#include "boot/boot_info.h"
#include "kernel/cpu_loop.h"
#include "kernel/cpus.h"
#include "kernel/kernel_page.h"
#include "kernel/log.h"
#include "kernel/machine.h"
#include "kernel/panic.h"
#include "kernel/sched.h"
#include "kernel/start.h"
#include "mm/cache.h"
#include "mm/kernel_space.h"
#include "mm/page.h"

static NORETURN void main_on_own_stack(struct cpu *cpu)
{
	kernel_page_init();
	machine_init();
	if (!sched_init(cpu))
		panic("no memory for the run queue");
	cpus_start(boot_option(machine.boot->command_line, "cpus="));
	start_manager();
	kernel_space_seal(machine.boot);
	log_info(LOG_BOOT, "kernel ready");
	cpu_loop(cpu);
}

void kernel_main(struct boot_info *info)
{
	machine.boot = info;
	features = features_read();
	cpus_adopt_boot();
	(void)features_enable();
	random_seed(&info->pool);
	if (!page_init(info))
		uart_unfit("this machine has too little memory");
	if (kernel_space_init(info) != STATUS_OK)
		panic("cannot take over the boot tables");
	cache_init();
	cpu_stack_reset(cpus_create_boot(), main_on_own_stack);
}
