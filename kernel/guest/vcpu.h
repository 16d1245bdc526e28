/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/sched/vcpu_load.h"

struct memory;
struct trap_frame;
struct vm;

/*
 * Handles an EXIT_MEMORY. Returns true if the guest can go on: its page is mapped, or will be after
 * further attempts; false if the exit is the monitor's, perhaps as EXIT_NO_MEMORY.
 */
bool vcpu_handle_memory(struct vcpu *vcpu);
/*
 * Handles, while the CPU still holds the guest's state, the first write to a guest page of a memory
 * object with layers. Returns false if that takes several steps or needs the monitor: the caller
 * then leaves the exit to vcpu_handle_memory.
 */
bool vcpu_handle_write(struct vcpu *vcpu);
/*
 * Sets virt.apic_access to the host physical address of the page mapped at apic_gpa, by which the
 * CPU recognizes APIC accesses. STATUS_BAD_ADDRESS: no page is mapped there.
 */
enum status vcpu_find_apic(struct vcpu *vcpu) MUST_CHECK;

/*
 * Creates a vCPU, for the caller to make a member of the VM's group. `memory` holds the pages of
 * enum vcpu_pages from page `index` on, those from VCPU_PAGES on if it is large enough; all of them
 * are present. STATUS_NO_MEMORY, STATUS_NO_QUOTA.
 */
enum status vcpu_create(struct vm *vm, struct memory *memory, u64 index, struct queue *queue,
			struct vcpu **vcpu) MUST_CHECK;
/* Frees the vCPU once no CPU has its registers; returns STATUS_AGAIN until then. */
enum status vcpu_free(struct vcpu *vcpu);

/*
 * Sets the timer and runs the guest until an exit that is not handled at once
 * (vcpu_handle_at_once). Returns true if the exit is for the monitor, and the thread's SYS_VCPU_RUN
 * has ended; false if the guest continues in a later step.
 */
bool vcpu_step(struct cpu *cpu, struct vcpu *vcpu);

/*
 * Carries out SYS_VCPU_RUN: starts the run, does one step of it and usually returns to ring 3
 * itself. It returns to its caller, which goes to the CPU loop, if the call was refused, the CPU
 * has other things to do, or the guest continues in a later step.
 */
void vcpu_run(struct cpu *cpu, struct trap_frame *frame);

/*
 * Does SYS_VCPU_GET, for a vCPU that does not run. STATUS_IN_USE: a thread runs or reads it;
 * STATUS_AGAIN: another CPU has its registers.
 */
enum status vcpu_show(struct thread *caller, struct vcpu *vcpu, u32 groups) MUST_CHECK;

/*
 * Returns true if the guest, which is loaded on this CPU and in a run, has interrupts off. Then its
 * run ends with EXIT_INTERRUPT_WINDOW as soon as they are on, even if the monitor did not ask for
 * it.
 */
bool vcpu_await_window(struct vcpu *vcpu);

/* Writes to the guest's byte at preempted_gpa that the vCPU loses this CPU. */
void vcpu_preempt(struct vcpu *vcpu);
