/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/emulate/emulate_types.h"

/* A task switch under way: the state that the two files of this folder share. */

/* Types of a TSS descriptor: SDM vol. 3, table 3-2. */
#define TASK_TYPE_BUSY 0x2u
#define TASK_TYPE_32   0x8u

struct task {
	const struct emulator *emulator;
	struct vcpu_page *page;
	struct vcpu_event *event;
	bool external; /* the bit EXT in the error codes of faults with a selector */
	bool entered;  /* the new task has been entered: faults from now on are its own */
};

/* Sets the task switch's *event to a fault; always returns false. */
bool task_fault(struct task *task, u8 vector, u32 error_code);
bool task_fault_selector(struct task *task, u8 vector, u16 selector);

/*
 * Read and write linear memory with the CPU's own rights. They return false after a fault, and then
 * nothing is written.
 */
bool task_read(struct task *task, u32 linear, void *bytes, u32 length);
bool task_write(struct task *task, u32 linear, const void *bytes, u32 length);

/*
 * Reads a selector's descriptor from its table. In task_segment.c, which loads segment registers
 * from their selectors (SDM vol. 3, table 8-1).
 */
bool task_descriptor(struct task *task, u16 selector, u8 vector, u64 *descriptor, u32 *linear);
struct vcpu_segment_state task_segment(u16 selector, u64 descriptor);
bool task_load_ldt(struct task *task, u16 selector);
bool task_load_segments(struct task *task);
