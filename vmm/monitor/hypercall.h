/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/vcpu.h"

/* EXIT_HYPERCALL: VMCALL or VMMCALL in KVM's convention (Documentation/virt/kvm/x86/hypercalls.rst). */
void hypercall_settle(struct vcpu *vcpu);
