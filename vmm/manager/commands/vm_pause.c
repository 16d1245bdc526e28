/* SPDX-License-Identifier: MIT */
/* The command `vm pause`: stops a running VM's time. Run by command.c through vm_act.c. */
#include "vmm/manager/commands/vm_act.h"

VM_ACT_COMMAND(vm_pause, ACTION_PAUSE, .name = "vm pause", .right = MAY_OPERATE,
	       .summary = "stops a running VM's time",
	       .detail = "Its clocks stand still until `vm resume`, except the RTC.",
	       .example = "vm pause alpha");
