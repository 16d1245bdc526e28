/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/pv/pv_types.h"

struct vcpu;

/* Linux Documentation/virt/kvm/x86/msr.rst */
#define MSR_KVM_PV_EOI 0x4b564d04u

/* WRMSR; false: #GP. */
bool pv_eoi_write_msr(struct vcpu *vcpu, u64 value) MUST_CHECK;

#define PV_EOI_ENABLED 1u /* in the MSR */

/* Before an entry, with PV_EOI_ENABLED: sets the bit if that is allowed. */
void pv_eoi_offer(struct vcpu *vcpu);

/* After an exit for which it was pending: takes the offer back, or does the EOI. */
void pv_eoi_collect(struct vcpu *vcpu);
