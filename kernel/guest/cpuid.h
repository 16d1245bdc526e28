/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

struct vcpu;

/*
 * Handle CPUID and hypercall exits with only the guest's registers and the answers that the monitor
 * has put into the shared pages. Both return true if the instruction is done, and the caller
 * advances RIP; false, without effect, if there is no answer or the instruction's length is
 * unknown: the exit goes to the monitor.
 */
bool cpuid_handle(struct vcpu *vcpu);
bool cpuid_handle_hypercall(struct vcpu *vcpu);
