/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/machine/vcpu.h"

/* Ends the process if one of the promises does not hold. */
void vcpu_check_promises(const struct vcpu *vcpu);

/*
 * Checks, in images built with DEBUG=1, what is true of a vCPU and its machine when the guest is
 * about to go on: the promises that exits, injection and the loop give each other. Call it under
 * the machine's lock.
 */
static inline void vcpu_check(const struct vcpu *vcpu)
{
#ifdef DEBUG
	vcpu_check_promises(vcpu);
#else
	(void)vcpu;
#endif
}
