/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/machine.h"

/*
 * Sets up everything that lasts as long as the process. False when something is missing: the
 * machine is crashed then, with the reason in the channel.
 */
bool machine_setup(struct machine *machine);
