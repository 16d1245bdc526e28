/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/machine/machine.h"

/*
 * Sets up the parts that the VM has as long as the process lives: RAM, vCPUs, devices and links.
 * Returns false, with the VM crashed and the reason in the channel, if something is missing.
 */
bool machine_setup(struct machine *machine);

/*
 * Binds the signals with which disk drivers and switches wake this monitor. If one cannot be bound,
 * crashes the VM and returns false.
 */
bool machine_bind_links(struct machine *machine);

/*
 * Makes all devices in their state after power-on, with the vCPUs' pages of local APIC registers.
 * Returns false if the VM has crashed.
 */
bool machine_make_devices(struct machine *machine);

/* Replaces all devices by new ones as they are after power-on; only the platform's clock stays. */
bool machine_make_devices_anew(struct machine *machine);
