/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/machine/vcpu.h"

/*
 * Saves, destroys, makes anew and loads the vCPU, which is ready to run, and all devices of its
 * machine. A machine that cannot be made anew is a crashed one.
 */
void rebuild(struct vcpu *vcpu);
