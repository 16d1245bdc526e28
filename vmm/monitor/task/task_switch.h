/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/emulate/emulate_types.h"

/* The cause of a task switch, numbered as in the exit qualification (SDM vol. 3, table 28-2). */
enum task_source { TASK_CALL, TASK_IRET, TASK_JMP, TASK_GATE_IN_IDT };

struct task_switch {
	u16 selector; /* the selector of the new task's TSS */
	enum task_source source;
	u32 return_eip; /* the EIP at which the old task resumes */
	bool external;	/* an event that no instruction raised caused the switch: EXT in error codes
			 */
	bool has_error_code; /* the event has an error code, which goes to the new task's stack */
	u32 error_code;
};

/*
 * Carries out a hardware task switch of 32-bit protected mode, which VMX leaves to the monitor once
 * the instruction's or gate's own privileges are checked (SDM vol. 3, 8.3 and 26.4.2). Needs all of
 * VCPU_RIP, VCPU_SEGMENTS, VCPU_TABLES, VCPU_CONTROL and VCPU_DEBUG valid in the vCPU page.
 * EMULATE_DONE: RIP is in the new task, and *event, if it is valid, to be injected there.
 * EMULATE_FAULT: *event is to be injected in the old task, with nothing changed.
 */
enum emulate_result task_switch(const struct emulator *emulator, const struct task_switch *request,
				struct vcpu_event *event);
