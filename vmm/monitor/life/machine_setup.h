/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/machine/machine.h"

/*
 * Sets up everything that lasts as long as the process. False when something is missing: the
 * machine is crashed then, with the reason in the channel.
 */
bool machine_setup(struct machine *machine);

/* Hears of its disks and networks from now on. False: the machine is crashed. */
bool machine_bind_links(struct machine *machine);

/* All devices in their state after power-on, at the vCPUs' pages. False: the machine is crashed. */
bool machine_make_devices(struct machine *machine);

/* The same while there are some: of the platform only the time stays. */
bool machine_make_devices_anew(struct machine *machine);
