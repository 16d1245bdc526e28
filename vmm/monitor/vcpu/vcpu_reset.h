/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/machine/vcpu.h"

/* Power-on: forgets what the vCPU was about to do. The first one's registers are the loader's. */
void vcpu_reset(struct vcpu *vcpu);

/* INIT: registers as the manual says, and nothing under way. */
void vcpu_take_init(struct vcpu *vcpu);
/* SIPI: starts in real mode at vector << 12. */
void vcpu_take_sipi(struct vcpu *vcpu, u8 vector);
