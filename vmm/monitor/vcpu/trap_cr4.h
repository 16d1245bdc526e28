/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

struct cpuid_policy;
struct vcpu;

/* Returns the bits of CR4 that a guest with this CPUID may set. */
u64 trap_cr4_allowed(const struct cpuid_policy *policy);
/*
 * Returns whether the instruction of the exit is a MOV to CR4 that the CPU has to refuse by #GP.
 * SVM is asked before the CPU executes it: QEMU 7.2 ends the guest for a reserved bit, by
 * #VMEXIT(INVALID), and takes PCIDE without PCID.
 */
bool trap_cr4_refuses(struct vcpu *vcpu);
