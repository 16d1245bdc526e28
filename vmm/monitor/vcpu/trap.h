/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/vcpu/vcpu_types.h"

struct machine;
struct vcpu;

/*
 * Tells the kernel for which events this vCPU is to exit: those that the VM's settings and an
 * attached debugger want.
 */
void trap_apply(struct vcpu *vcpu);
/* Notes whether a debugger or the setting `trap` looks at exits one by one. */
void trap_watch(struct machine *machine);
/*
 * Sets the events that the operator wants to exit: `wanted` has bits of enum vm_trap, `controls` of
 * enum vcpu_trap.
 */
void trap_set(struct machine *machine, u32 wanted, u32 controls);

/* Logs and counts the exit that the vCPU page reports, if the operator wants that. */
void trap_note(struct vcpu *vcpu);
/*
 * Logs an EXIT_CR or EXIT_DR and begins a single step that executes the access. Returns false if
 * the operator does not want this exit, or a step is under way already.
 */
bool trap_step(struct vcpu *vcpu);
/*
 * Handles an exception that ends a single step that trap_step has begun. Returns true if it was
 * nothing but the step's #DB.
 */
bool trap_exception(struct vcpu *vcpu);
bool trap_steps(const struct vcpu *vcpu);
