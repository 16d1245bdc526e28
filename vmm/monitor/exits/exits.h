/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/vcpu/vcpu.h"

/* What the emulator needs of the guest that has reached device memory. */
#define EXIT_MEMORY_GROUPS (VCPU_SEGMENTS | VCPU_CONTROL | VCPU_CODE)

/* Which register groups the kernel is to bring along with each reason. */
void exits_set_wants(struct vcpu_page *page);

/* Settles the exit in the vCPU page, once. */
void exits_handle(struct vcpu *vcpu);

/* EXIT_RDMSR and EXIT_WRMSR. */
void exits_rdmsr(struct vcpu *vcpu);
void exits_wrmsr(struct vcpu *vcpu);

/* EXIT_EXCEPTION: a debugger's, or one that the guest gets as if it had not exited. */
void exits_exception(struct vcpu *vcpu);
/* Whether the CPU's own codes in an exit are SVM's; else they are VMX's. */
bool exits_is_svm(void);
/* The causes of the last exit's #DB, as bits of DR6. */
u64 exits_debug_bits(const struct vcpu *vcpu);

/* EXIT_ENTRY_FAILED: fetches the control structure's dump and says what is wrong with it. */
void exits_entry_failed(struct vcpu *vcpu);

/* How the emulator reaches this machine's devices. */
extern const struct emulate_ops exits_emulate_ops;
