/* SPDX-License-Identifier: MIT */
/* System calls on the machine as a whole. */
#include "kernel/handle.h"
#include "kernel/log.h"
#include "kernel/machine.h"
#include "kernel/process.h"
#include "kernel/syscall.h"
#include "kernel/thread.h"

enum status sys_log_level(struct thread *caller, struct syscall_registers *r)
{
	u64 category = r->argument[1];

	SYSCALL_ROOT(caller, r->argument[0], RIGHT_WRITE);
	if (r->argument[2] > LOG_LEVEL_COUNT)
		return STATUS_BAD_ARGUMENT;
	if (category != ~0u && category >= LOG_CATEGORY_COUNT)
		return STATUS_BAD_ARGUMENT;
	for (u32 i = 0; i < LOG_CATEGORY_COUNT; i++) {
		if (category == ~0u || category == i)
			log_threshold[i] = (u8)r->argument[2];
	}
	return STATUS_OK;
}

enum status sys_machine_stop(struct thread *caller, struct syscall_registers *r)
{
	u64 width = r->argument[4];

	SYSCALL_ROOT(caller, r->argument[0], RIGHT_DESTROY);
	if (r->argument[1] > MACHINE_STOP_HALT || r->argument[2] > UINT16_MAX)
		return STATUS_BAD_ARGUMENT;
	if (r->argument[1] == MACHINE_STOP_OUT && width != 1 && width != 2 && width != 4)
		return STATUS_BAD_ARGUMENT;
	machine_stop((enum machine_stop)r->argument[1], (u16)r->argument[2], (u32)r->argument[3],
		     (u32)width);
}
