/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/vcpu.h"

/* Which register groups the kernel is to bring along with each reason. */
void exits_set_wants(struct vcpu_page *page);

/* Settles the exit in the vCPU page, once. */
void exits_settle(struct vcpu *vcpu);

/*
 * EXIT_IO at a device without a clock, while nothing is pending for the vCPU: then no timer, no
 * interrupt and no command can have come up that the kernel would not return for by itself. False:
 * there is more to do, for exits_settle and the rest of a pass.
 */
bool exits_settle_port(struct vcpu *vcpu);

/* EXIT_RDMSR and EXIT_WRMSR. */
void exits_rdmsr(struct vcpu *vcpu);
void exits_wrmsr(struct vcpu *vcpu);

/* EXIT_ENTRY_FAILED: fetches the control structure's dump and says what is wrong with it. */
void exits_entry_failed(struct vcpu *vcpu);

/* How the emulator reaches this machine's devices. */
extern const struct emulate_ops exits_emulate_ops;
