/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/pv/pv_types.h"

struct vcpu;

/* KVM's steal time: Linux Documentation/virt/kvm/x86/msr.rst. */
#define MSR_KVM_STEAL_TIME 0x4b564d03u

struct steal_record {
	u64 steal;   /* nanoseconds for which the vCPU has waited for a CPU */
	u32 version; /* the record's version, odd while the record is being written */
	u32 flags;
	/* enum vcpu_mark: whether the vCPU runs; while the guest runs, the kernel writes it */
	u8 preempted;
	u8 pad0[3];
	u32 pad1[11];
};
_Static_assert(sizeof(struct steal_record) == 64, "struct kvm_steal_time");

/* Handles WRMSR to MSR_KVM_STEAL_TIME; returns false for a #GP. */
bool steal_time_write_msr(struct vcpu *vcpu, u64 value) MUST_CHECK;
/* Forgets where the guest's record is, at INIT and power-on. */
void steal_time_reset(struct vcpu *vcpu);

/* Marks a vCPU that is going to sleep, so that no other vCPU interrupts it to flush its TLB. */
void steal_time_sleep(struct vcpu *vcpu);
/*
 * Before a VM entry, updates the guest's record and does a TLB flush if another vCPU has asked for
 * one.
 */
void steal_time_enter(struct vcpu *vcpu);
