/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/rt/channel.h"

struct machine;
struct vcpu;

/*
 * The key `trap` and its kin: what the operator wants to be logged and counted before it is done.
 * An access to a control or debug register is then done by the CPU itself, in one step without the
 * trap and without interrupts, so that all its checks and effects are the CPU's.
 */
struct trap_vcpu {
	bool stepping;
	bool had_tf; /* the guest's own trap flag */
	u32 next_target; /* of cr3_target, to be replaced next */
};

/* What the vCPU's back end is to do, from the machine's keys and whether a debugger is there. */
void trap_apply(struct vcpu *vcpu);
/* The keys as the manager gives them: enum vm_trap, and enum vcpu_trap for the others. */
void trap_set(struct machine *machine, u32 wanted, u32 controls);

/* Logs and counts the exit in the page, if it is wanted. */
void trap_note(struct vcpu *vcpu);
/* EXIT_CR or EXIT_DR of what is trapped: false when it is not. */
bool trap_step(struct vcpu *vcpu);
/* An exception has exited: the end of a step. True when it was no more than that. */
bool trap_exception(struct vcpu *vcpu);
bool trap_steps(const struct vcpu *vcpu);
