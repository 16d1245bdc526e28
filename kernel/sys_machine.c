/* SPDX-License-Identifier: MIT */
/* System calls on the machine as a whole. */
#include "kernel/log.h"
#include "kernel/machine.h"
#include "kernel/syscall.h"

enum status sys_log_level(struct system_call *call)
{
	if (call->argument[1] >= LOG_CATEGORY_COUNT || call->argument[2] > LOG_LEVEL_COUNT)
		return STATUS_BAD_ARGUMENT;
	log_threshold[call->argument[1]] = (u8)call->argument[2];
	return STATUS_OK;
}

enum status sys_machine_stop(struct system_call *call)
{
	u64 width = call->argument[4];

	if (call->argument[1] > MACHINE_STOP_HALT || call->argument[2] > UINT16_MAX)
		return STATUS_BAD_ARGUMENT;
	if (call->argument[1] == MACHINE_STOP_OUT && width != 1 && width != 2 && width != 4)
		return STATUS_BAD_ARGUMENT;
	machine_stop((enum machine_stop)call->argument[1], (u16)call->argument[2],
		     (u32)call->argument[3], (u32)width);
}
