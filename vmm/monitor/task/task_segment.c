/* SPDX-License-Identifier: MIT */
/*
 * Loads the segment registers of a new task: SDM vol. 3, 8.3 and table 8-1. Called by
 * task_switch.c; reads the guest's descriptor tables and changes segments in the vCPU page.
 */
#include "arch/x86_64/hw/control.h"
#include "arch/x86_64/hw/descriptor.h"
#include "vmm/monitor/task/task_state.h"

#define DESCRIPTOR_BYTES 8u

/*
 * Reads a descriptor from the GDT or the LDT in force; raises `vector` if it lies beyond the
 * table's limit.
 */
bool task_descriptor(struct task *task, u16 selector, u8 vector, u64 *descriptor, u32 *linear)
{
	const struct vcpu_segment_state *ldtr = &task->page->segment[SEG_LDTR];
	u32 offset = selector & ~(u32)(DESCRIPTOR_BYTES - 1);
	u64 base = task->page->gdtr.base;
	u32 limit = task->page->gdtr.limit;

	if (selector & SELECTOR_TI) {
		if (ldtr->access & SEGMENT_UNUSABLE)
			return task_fault_selector(task, vector, selector);
		base = ldtr->base;
		limit = ldtr->limit;
	}
	if (offset + DESCRIPTOR_BYTES - 1 > limit)
		return task_fault_selector(task, vector, selector);
	*linear = (u32)base + offset;
	return task_read(task, *linear, descriptor, DESCRIPTOR_BYTES);
}

struct vcpu_segment_state task_segment(u16 selector, u64 descriptor)
{
	u32 limit = (u32)((descriptor & DESCRIPTOR_LIMIT_LOW) |
			  (descriptor & DESCRIPTOR_LIMIT_HIGH) >> 32);

	return (struct vcpu_segment_state){
		.selector = selector,
		.base = (descriptor & DESCRIPTOR_BASE_LOW) >> 16 |
			(descriptor & DESCRIPTOR_BASE_HIGH) >> 32,
		.limit = descriptor & DESCRIPTOR_G ? limit << 12 | 0xfff : limit,
		.access = (u32)(descriptor >> 40) & 0xf0ff,
	};
}

static struct vcpu_segment_state task_unusable(u16 selector)
{
	return (struct vcpu_segment_state){.selector = selector, .access = SEGMENT_UNUSABLE};
}

bool task_load_ldt(struct task *task, u16 selector)
{
	struct vcpu_segment_state *ldtr = &task->page->segment[SEG_LDTR];
	u64 descriptor;
	u32 linear;

	*ldtr = task_unusable(selector);
	if ((selector & ~SELECTOR_RPL) == 0)
		return true;
	if (selector & SELECTOR_TI)
		return task_fault_selector(task, VECTOR_TS, selector);
	if (!task_descriptor(task, selector, VECTOR_TS, &descriptor, &linear))
		return false;
	if (descriptor & DESCRIPTOR_S || !(descriptor & DESCRIPTOR_P) ||
	    bits_get(descriptor, 43, 40) != DESCRIPTOR_LDT)
		return task_fault_selector(task, VECTOR_TS, selector);
	*ldtr = task_segment(selector, descriptor);
	return true;
}

/*
 * Returns whether the descriptor may be loaded into segment register `segment`; the CPL is CS.RPL.
 */
static bool task_fits(const struct task *task, enum vcpu_segment segment, u64 descriptor)
{
	u32 cpl = task->page->segment[SEG_CS].selector & SELECTOR_RPL;
	u32 rpl = task->page->segment[segment].selector & SELECTOR_RPL;
	u32 dpl = (u32)(descriptor >> DESCRIPTOR_DPL_SHIFT) & 3;
	bool code = descriptor & DESCRIPTOR_CODE;
	bool conforming = code && descriptor & DESCRIPTOR_EXPAND_DOWN;

	if (!(descriptor & DESCRIPTOR_S))
		return false;
	switch (segment) {
	case SEG_CS:
		return code && (conforming ? dpl <= cpl : dpl == cpl);
	case SEG_SS:
		return !code && descriptor & DESCRIPTOR_WRITABLE && dpl == cpl && rpl == cpl;
	default:
		return (!code || descriptor & DESCRIPTOR_WRITABLE) &&
		       (conforming || dpl >= MAX(cpl, rpl));
	}
}

static bool task_load(struct task *task, enum vcpu_segment segment)
{
	struct vcpu_segment_state *state = &task->page->segment[segment];
	u16 selector = state->selector;
	u64 descriptor;
	u32 linear;

	if ((selector & ~SELECTOR_RPL) == 0) {
		if (segment == SEG_CS || segment == SEG_SS)
			return task_fault_selector(task, VECTOR_TS, selector);
		return true;
	}
	if (!task_descriptor(task, selector, VECTOR_TS, &descriptor, &linear))
		return false;
	if (!task_fits(task, segment, descriptor))
		return task_fault_selector(task, VECTOR_TS, selector);
	if (!(descriptor & DESCRIPTOR_P))
		return task_fault_selector(task, segment == SEG_SS ? VECTOR_SS : VECTOR_NP,
					   selector);
	if (!(descriptor & DESCRIPTOR_ACCESSED)) {
		descriptor |= DESCRIPTOR_ACCESSED;
		if (!task_write(task, linear, &descriptor, DESCRIPTOR_BYTES))
			return false;
	}
	*state = task_segment(selector, descriptor);
	return true;
}

/* Sets the segments of a virtual-8086 task: SDM vol. 3, 21.2.1. */
static void task_load_virtual_8086(struct task *task)
{
	for (u32 i = SEG_ES; i <= SEG_GS; i++) {
		u16 selector = task->page->segment[i].selector;

		task->page->segment[i] = (struct vcpu_segment_state){.selector = selector,
								     .base = (u64)selector << 4,
								     .limit = 0xffff,
								     .access = 0xf3};
	}
}

/*
 * Loads the new task's segment registers, whose selectors are in the vCPU page. After a fault the
 * registers not yet loaded are unusable.
 */
bool task_load_segments(struct task *task)
{
	static const u8 others[] = {SEG_DS, SEG_ES, SEG_FS, SEG_GS};
	struct vcpu_segment_state *segment = task->page->segment;
	u32 cpl = segment[SEG_CS].selector & SELECTOR_RPL;

	if (task->page->rflags & RFLAGS_VM) {
		task_load_virtual_8086(task);
		return true;
	}
	for (u32 i = 0; i < ARRAY_COUNT(others); i++)
		segment[others[i]] = task_unusable(segment[others[i]].selector);
	if (!task_load(task, SEG_CS))
		return false;
	/* until SS is loaded, it keeps the old task's segment, with the new privilege level */
	segment[SEG_SS].access &= ~(3u << SEGMENT_DPL_SHIFT);
	segment[SEG_SS].access |= cpl << SEGMENT_DPL_SHIFT;
	if (!task_load(task, SEG_SS))
		return false;
	for (u32 i = 0; i < ARRAY_COUNT(others); i++)
		if (!task_load(task, others[i]))
			return false;
	return true;
}
