/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/machine/vcpu.h"

/* Handles the exit in the vCPU page, once and completely. */
void exits_handle(struct vcpu *vcpu);

/*
 * Advances RIP past the instruction of that length. Returns true, for handlers that are done by it.
 */
static inline bool exits_advance(struct vcpu_page *page, u32 length)
{
	page->advance_length = length;
	page->request |= REQUEST_ADVANCE;
	return true;
}

/* EXIT_RDMSR and EXIT_WRMSR. */
void exits_rdmsr(struct vcpu *vcpu);
void exits_wrmsr(struct vcpu *vcpu);

/* EXIT_EXCEPTION: a debugger's, or one that the guest gets as if it had not exited. */
void exits_exception(struct vcpu *vcpu);

/*
 * EXIT_HYPERCALL: VMCALL or VMMCALL in KVM's convention (Linux
 * Documentation/virt/kvm/x86/hypercalls.rst).
 */
void exits_hypercall(struct vcpu *vcpu);

/* EXIT_ENTRY_FAILED: fetches the control structure's dump and says what is wrong with it. */
void exits_entry_failed(struct vcpu *vcpu);

/* How the emulator reaches this machine's devices. */
extern const struct emulate_ops exits_emulate_ops;
