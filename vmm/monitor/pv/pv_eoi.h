/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/pv/pv_types.h"

struct vcpu;

/* KVM's EOI without an exit: Linux Documentation/virt/kvm/x86/msr.rst. */
#define MSR_KVM_PV_EOI 0x4b564d04u

/* Handles WRMSR to MSR_KVM_PV_EOI; returns false for a #GP. */
bool pv_eoi_write_msr(struct vcpu *vcpu, u64 value) MUST_CHECK;

#define PV_EOI_ENABLED 1u /* the enable bit in the MSR */

/*
 * Offers the guest, before a VM entry with PV_EOI_ENABLED, to end its interrupt by the bit, if the
 * EOI would have no other effect.
 */
void pv_eoi_offer(struct vcpu *vcpu);

/*
 * Is called after an exit if the bit was set before the VM entry: takes the offer back, or does the
 * EOI if the guest has cleared the bit.
 */
void pv_eoi_collect(struct vcpu *vcpu);
