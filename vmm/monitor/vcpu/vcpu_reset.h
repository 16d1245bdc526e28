/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/machine/vcpu.h"

/*
 * Handles power-on: drops the vCPU's pending events. The boot processor's registers are set by the
 * loader.
 */
void vcpu_reset(struct vcpu *vcpu);

/* Handles INIT: sets registers as the manual (SDM) defines, and drops events under way. */
void vcpu_take_init(struct vcpu *vcpu);
/* Handles SIPI: the vCPU starts in real mode at address vector << 12. */
void vcpu_take_sipi(struct vcpu *vcpu, u8 vector);
