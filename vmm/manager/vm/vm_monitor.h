/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/object.h"

/* A monitor's process, and the events between it and the manager. */
struct vm_monitor {
	handle_t process;
	handle_t wake; /* event on which the monitor waits */
	handle_t ring; /* event that the monitor signals: vm_pace.h */
};

/* Ends one process of a VM while the VM's group stays. */
void vm_monitor_end(struct vm_monitor *monitor);
