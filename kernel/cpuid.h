/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

struct vcpu;

/*
 * Settle exits that need nothing but the guest's registers and what the monitor has put into the
 * shared pages. True: the instruction is done, the caller advances RIP. False, without effect: no
 * answer was found, or the instruction's length is unknown; the exit goes to the monitor.
 */
bool cpuid_handle(struct vcpu *vcpu);
bool cpuid_handle_hypercall(struct vcpu *vcpu);
