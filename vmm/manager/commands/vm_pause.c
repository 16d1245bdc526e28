/* SPDX-License-Identifier: MIT */
#include "vmm/manager/commands/vm_act.h"

VM_ACT_COMMAND(vm_pause, ACTION_PAUSE,
	.name = "vm pause",
	.right = MAY_OPERATE,
	.summary = "stops a running VM's time",
	.detail = "Its clocks stand still until `vm resume`, except the RTC.",
	.example = "vm pause alpha");
