/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/machine/vcpu.h"

/* Ends the process if one of them does not hold. */
void vcpu_check_promises(const struct vcpu *vcpu);

/*
 * What is true of a vCPU and its machine when the guest is about to go on, under the machine's
 * lock: the promises that exits, injection and the loop give each other. Checked in images built
 * with DEBUG=1.
 */
static inline void vcpu_check(const struct vcpu *vcpu)
{
#ifdef DEBUG
	vcpu_check_promises(vcpu);
#else
	(void)vcpu;
#endif
}
