/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/object.h"

/* A monitor's process, and the events between it and the manager. */
struct vm_monitor {
	handle_t process;
	handle_t wake; /* event on which the monitor waits */
	handle_t ring; /* event by which the monitor wakes the manager: vm_pace.h */
};
