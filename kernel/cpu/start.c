/* SPDX-License-Identifier: MIT */
/*
 * The end of the boot sequence: unmaps the code that only booting needs and starts the manager.
 * boot/init sets the manager's process and its registers, then calls start_run.
 */
#include "kernel/cpu/start.h"
#include "kernel/cpu/cpu_loop.h"
#include "kernel/log/log.h"
#include "arch/x86_64/cpu/panic.h"
#include "kernel/group/process.h"
#include "mm/kernel_space.h"
#include "mm/memory.h"

struct memory *start_memory;

void start_run(struct cpu *cpu)
{
	kernel_space_seal();
	if (process_start(process_manager, start_memory) != STATUS_OK)
		panic("no memory for the manager's first thread");
	/*
	 * From now on the manager's mappings refer to the start information, and the process refers
	 * to itself while it runs.
	 */
	object_put(&start_memory->object);
	object_put(&process_manager->object);
	log_info(LOG_BOOT, "kernel ready");
	cpu_loop(cpu);
}
