/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

struct vcpu;

/*
 * Exits that need nothing but the guest's registers and what the monitor has laid down before.
 * True: the instruction is done, the caller moves RIP on.
 * False without effect: not found, or the length of the instruction is not known; the monitor's.
 */
bool cpuid_settle(struct vcpu *vcpu);
bool cpuid_settle_hypercall(struct vcpu *vcpu);
