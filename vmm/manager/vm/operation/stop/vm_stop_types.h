/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/vm/vm_operation_types.h"

/* A booting guest ignores the power button: `vm stop` presses it again after this time. */
#define VM_PRESS_AGAIN_NS (5 * NS_PER_S)

/* A stop asks the guest to power off, and ends it once `stop_timeout` is over. */
enum vm_stop_phase {
	STOP_NONE,
	/* the power button was pressed; the guest is ended when the phase's time limit is over */
	STOP_PRESSED,
};
