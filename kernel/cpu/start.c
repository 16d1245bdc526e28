/* SPDX-License-Identifier: MIT */
/*
 * The end of the boot sequence: unmaps the code that only booting needs and starts the manager.
 * boot/init hands over the manager's process and its start information, then calls start_run.
 */
#include "kernel/cpu/start.h"
#include "kernel/cpu/cpu_loop.h"
#include "kernel/log/log.h"
#include "arch/x86_64/cpu/panic.h"
#include "kernel/group/process.h"
#include "mm/kernel_space.h"
#include "mm/memory.h"

static struct memory *manager_start;

void start_prepare(struct process *process, struct memory *start_info)
{
	process_manager = process;
	manager_start = start_info;
}

void start_run(struct cpu *cpu)
{
	kernel_space_seal();
	if (process_start(process_manager, manager_start) != STATUS_OK)
		panic("no memory for the manager's first thread");
	/*
	 * The mappings refer to the start information from now on, and the process refers to itself
	 * while it runs.
	 */
	object_put(&manager_start->object);
	object_put(&process_manager->object);
	log_info(LOG_BOOT, "kernel ready");
	cpu_loop(cpu);
}
