/* SPDX-License-Identifier: MIT */
/*
 * System calls on the host as a whole: the thresholds of the kernel's log and the reset.
 * kernel/call/syscall.c calls them for a holder of the root handle, with the object lock held
 * alone.
 */
#include "kernel/log/log.h"
#include "kernel/machine/machine.h"
#include "kernel/call/syscall.h"

enum status sys_log_level(struct system_call *call)
{
	if (call->argument[1] >= LOG_CATEGORY_COUNT || call->argument[2] > LOG_LEVEL_COUNT)
		return STATUS_BAD_ARGUMENT;
	log_threshold[call->argument[1]] = (u8)call->argument[2];
	return STATUS_OK;
}

enum status sys_machine_reset(struct system_call *call)
{
	if (call->argument[1] > UINT16_MAX || call->argument[2] > UINT8_MAX)
		return STATUS_BAD_ARGUMENT;
	machine_reboot((u16)call->argument[1], (u8)call->argument[2]);
}
