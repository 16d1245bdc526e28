/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/machine/vcpu.h"

/*
 * Saves, destroys, makes anew and loads the vCPU, which is ready to run, and all devices of its VM.
 * The VM crashes if that fails.
 */
void rebuild(struct vcpu *vcpu);
