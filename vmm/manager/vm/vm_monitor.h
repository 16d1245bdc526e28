/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/vm/vm_monitor_types.h"

/* Ends one process of a VM while the VM's memory group stays. */
void vm_monitor_end(struct vm_monitor *monitor);
