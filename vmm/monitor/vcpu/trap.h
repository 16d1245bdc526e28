/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/vcpu/vcpu_types.h"

struct machine;
struct vcpu;

/*
 * Tells the vCPU's back end what to trap: what the operator's keys and an attached debugger want.
 */
void trap_apply(struct vcpu *vcpu);
/* Notes whether a debugger or the key `trap` looks at exits one by one. */
void trap_watch(struct machine *machine);
/* Sets the keys: `wanted` is enum vm_trap, `controls` enum vcpu_trap. */
void trap_set(struct machine *machine, u32 wanted, u32 controls);

/* Logs and counts the exit in the page, if the operator wants that. */
void trap_note(struct vcpu *vcpu);
/* Logs an EXIT_CR or EXIT_DR and begins its step. Returns false if there is nothing to trap. */
bool trap_step(struct vcpu *vcpu);
/* Handles an exception that ends a step. Returns true if it was nothing but the step's trap. */
bool trap_exception(struct vcpu *vcpu);
bool trap_steps(const struct vcpu *vcpu);
