/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/bits.h"
#include "kernel/abi/vcpu.h"

/*
 * Numbers of KVM's hypercalls: Linux Documentation/virt/kvm/x86/hypercalls.rst and
 * include/uapi/linux/kvm_para.h.
 */
enum kvm_call {
	KVM_KICK_CPU = 5,
	KVM_SEND_IPI = 10,
	KVM_SCHED_YIELD = 11,
};

/*
 * The hypercalls that a guest is offered. The kernel refuses all others by itself, with the result
 * KVM_ENOSYS.
 */
#define HYPERCALLS_OFFERED (BIT(KVM_KICK_CPU) | BIT(KVM_SEND_IPI) | BIT(KVM_SCHED_YIELD))
#define HYPERCALL_UNKNOWN  (-1000ll)

/*
 * Tells the kernel which hypercalls to leave to the monitor, and with which result to refuse all
 * others.
 */
void hypercall_setup(struct vcpu_page *page);
