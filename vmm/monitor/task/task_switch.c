/* SPDX-License-Identifier: MIT */
/*
 * Performs a hardware task switch, which VMX leaves to software: SDM vol. 3, 8.3. Called by
 * exits.c; reads and writes guest memory and the vCPU page.
 */
#include "vmm/monitor/task/task_switch.h"

#include "arch/x86_64/hw/control.h"
#include "arch/x86_64/hw/descriptor.h"
#include "lib/string.h"
#include "vmm/monitor/task/task_state.h"
#include "vmm/monitor/memory/walk.h"
#include "vmm/monitor/x86/segment.h"

#define EXTERNAL	1u /* EXT: bit 0 of a selector's error code */
#define DR6_BT		BIT(15)
#define DR7_LOCAL	(BIT(0) | BIT(2) | BIT(4) | BIT(6) | BIT(8))
#define TASK_GPR_COUNT	8
#define TASK_SELECTORS	6
#define DESCRIPTOR_BUSY BIT(41)
#define TRAP		1u /* bit 0 of the TSS's T word */

/* SDM vol. 3, figure 8-2: the TSS of 32 bits, in words of 4 bytes. */
/* clang-format off */
enum tss32_word {
	TSS32_LINK = 0, TSS32_CR3 = 7, TSS32_EIP, TSS32_EFLAGS, TSS32_GPR,
	TSS32_SELECTOR = TSS32_GPR + TASK_GPR_COUNT,
	TSS32_LDT = TSS32_SELECTOR + TASK_SELECTORS,
	TSS32_TRAP, TSS32_WORDS
};
/* clang-format on */

/* The TSS of 16 bits, in words of 2 bytes, without FS and GS: SDM vol. 3, figure 8-10. */
/* clang-format off */
enum tss16_word {
	TSS16_IP = 7, TSS16_FLAGS, TSS16_GPR,
	TSS16_SELECTOR = TSS16_GPR + TASK_GPR_COUNT,
	TSS16_LDT = TSS16_SELECTOR + 4, TSS16_WORDS
};
/* clang-format on */

union tss {
	u32 word32[TSS32_WORDS];
	u16 word16[TSS16_WORDS];
};

static u32 task_tss_bytes(bool wide)
{
	return wide ? TSS32_WORDS * 4 : TSS16_WORDS * 2;
}

bool task_fault(struct task *task, u8 vector, u32 error_code)
{
	*task->event = (struct vcpu_event){
		.valid = 1,
		.type = EVENT_EXCEPTION,
		.vector = vector,
		.has_error_code = (EXCEPTIONS_WITH_ERROR_CODE & BIT(vector)) != 0,
		.error_code = error_code,
	};
	return false;
}

bool task_fault_selector(struct task *task, u8 vector, u16 selector)
{
	return task_fault(task, vector,
			  (selector & ~SELECTOR_RPL) | (task->external ? EXTERNAL : 0));
}

/*
 * Accesses the guest's memory at a linear address, one page's part at a time; reads if `write` is
 * NULL. `access` is enum walk_access.
 */
static bool task_access_memory(struct task *task, u32 linear, u8 *read, const u8 *write, u32 length,
			       u32 access)
{
	const struct guest_memory *memory = task->emulator->memory;
	struct walk_result found[2];
	u32 first = (u32)MIN(length, PAGE_SIZE - (linear & PAGE_MASK));
	u32 parts = first < length ? 2 : 1;

	for (u32 i = 0; i < parts; i++) {
		u32 at = i == 0 ? linear : linear + first;

		if (walk(memory, task->page, GVA(at), access, &found[i]))
			continue;
		task->page->cr2 = at;
		task->page->dirty |= VCPU_CONTROL;
		return task_fault(task, VECTOR_PF, found[i].error_code);
	}
	for (u32 i = 0; i < parts; i++) {
		u32 offset = i == 0 ? 0 : first;
		u32 bytes = i == 0 ? first : length - first;

		/* where there is no RAM, reads give all ones and writes are lost */
		if (write)
			(void)!guest_memory_write(memory, found[i].gpa, write + offset, bytes);
		else if (!guest_memory_read(memory, found[i].gpa, read + offset, bytes))
			memset(read + offset, 0xff, bytes);
	}
	return true;
}

bool task_read(struct task *task, u32 linear, void *bytes, u32 length)
{
	return task_access_memory(task, linear, bytes, NULL, length, WALK_READ | WALK_IMPLICIT);
}

bool task_write(struct task *task, u32 linear, const void *bytes, u32 length)
{
	return task_access_memory(task, linear, NULL, bytes, length, WALK_WRITE | WALK_IMPLICIT);
}

/*
 * Stores the registers that a task switch saves in the old task's TSS; CR3 and LDT are not among
 * them.
 */
static void task_store_registers(const struct vcpu_page *page, u32 eip, u32 eflags, bool wide,
				 union tss *tss)
{
	for (u32 i = 0; i < TASK_GPR_COUNT; i++) {
		if (wide)
			tss->word32[TSS32_GPR + i] = (u32)page->gpr[i];
		else
			tss->word16[TSS16_GPR + i] = (u16)page->gpr[i];
	}
	for (u32 i = 0; i < (wide ? TASK_SELECTORS : 4u); i++) {
		if (wide) /* the upper half of a selector's word in the TSS is reserved */
			tss->word32[TSS32_SELECTOR + i] =
				(tss->word32[TSS32_SELECTOR + i] & 0xffff0000) |
				page->segment[i].selector;
		else
			tss->word16[TSS16_SELECTOR + i] = page->segment[i].selector;
	}
	if (wide) {
		tss->word32[TSS32_EIP] = eip;
		tss->word32[TSS32_EFLAGS] = eflags;
	} else {
		tss->word16[TSS16_IP] = (u16)eip;
		tss->word16[TSS16_FLAGS] = (u16)eflags;
	}
}

static void task_load_registers(struct vcpu_page *page, const union tss *tss, bool wide)
{
	for (u32 i = 0; i < TASK_GPR_COUNT; i++)
		page->gpr[i] = wide ? tss->word32[TSS32_GPR + i] : tss->word16[TSS16_GPR + i];
	for (u32 i = 0; i < TASK_SELECTORS; i++) {
		if (wide)
			page->segment[i].selector = (u16)tss->word32[TSS32_SELECTOR + i];
		else
			page->segment[i].selector = i < 4 ? tss->word16[TSS16_SELECTOR + i] : 0;
	}
	page->rip = wide ? tss->word32[TSS32_EIP] : tss->word16[TSS16_IP];
	page->rflags = wide ? tss->word32[TSS32_EFLAGS] : tss->word16[TSS16_FLAGS];
	page->rflags = (page->rflags & RFLAGS_ALL) | RFLAGS_FIXED;
	if (wide && page->cr0 & CR0_PG)
		page->cr3 = tss->word32[TSS32_CR3];
}

/* Finds and checks the new task's TSS descriptor; nothing is changed yet. */
static bool task_find_tss(struct task *task, const struct task_switch *request, u64 *descriptor,
			  u32 *linear)
{
	bool back = request->source == TASK_IRET;
	u8 vector = back ? VECTOR_TS : VECTOR_GP;
	u32 type;

	if (request->selector & SELECTOR_TI)
		return task_fault_selector(task, vector, request->selector);
	if (!task_descriptor(task, request->selector, vector, descriptor, linear))
		return false;
	type = (u32)bits_get(*descriptor, 43, 40) & ~TASK_TYPE_32;
	if (*descriptor & DESCRIPTOR_S ||
	    type != (back ? DESCRIPTOR_TSS16_BUSY : DESCRIPTOR_TSS16_AVAILABLE))
		return task_fault_selector(task, vector, request->selector);
	if (!(*descriptor & DESCRIPTOR_P))
		return task_fault_selector(task, VECTOR_NP, request->selector);
	return true;
}

static bool task_set_busy(struct task *task, u32 linear, u64 descriptor, bool busy)
{
	descriptor = busy ? descriptor | DESCRIPTOR_BUSY : descriptor & ~DESCRIPTOR_BUSY;
	return task_write(task, linear, &descriptor, sizeof(descriptor));
}

/*
 * Leaves the old task (SDM vol. 3, table 8-2), whose TSS stays busy if the new task will return to
 * it.
 */
static bool task_leave(struct task *task, const struct task_switch *request)
{
	struct vcpu_page *page = task->page;
	const struct vcpu_segment_state *tr = &page->segment[SEG_TR];
	bool wide = tr->access & TASK_TYPE_32;
	u64 eflags = page->rflags;
	union tss old;
	u64 descriptor;
	u32 linear;

	if (request->source == TASK_IRET)
		eflags &= ~RFLAGS_NT;
	if (!task_read(task, (u32)tr->base, &old, task_tss_bytes(wide)))
		return false;
	task_store_registers(page, request->return_eip, (u32)eflags, wide, &old);
	if (!task_write(task, (u32)tr->base, &old, task_tss_bytes(wide)))
		return false;
	if (request->source != TASK_IRET && request->source != TASK_JMP)
		return true;
	return task_descriptor(task, tr->selector, VECTOR_TS, &descriptor, &linear) &&
	       task_set_busy(task, linear, descriptor, false);
}

static bool task_push_error_code(struct task *task, u32 error_code, bool wide)
{
	struct vcpu_page *page = task->page;
	const struct vcpu_segment_state *ss = &page->segment[SEG_SS];
	u64 mask = ss->access & SEGMENT_DB ? 0xffffffff : 0xffff;
	u32 size = wide ? 4 : 2;
	u64 stack = (page->gpr[GPR_RSP] - size) & mask;
	u32 cpl = ss->access >> SEGMENT_DPL_SHIFT & 3; /* the new task's privilege level */

	if (!segment_has(ss, stack, size))
		return task_fault(task, VECTOR_SS, task->external ? EXTERNAL : 0);
	if (!task_access_memory(task, (u32)(ss->base + stack), NULL, (const u8 *)&error_code, size,
				cpl == 3 ? WALK_WRITE | WALK_USER : WALK_WRITE))
		return false;
	page->gpr[GPR_RSP] = (page->gpr[GPR_RSP] & ~mask) | stack;
	return true;
}

/*
 * Enters the new task: from here on the registers are the new task's, and a fault is raised in it.
 */
static bool task_enter(struct task *task, const struct task_switch *request, const union tss *new,
		       bool wide)
{
	struct vcpu_page *page = task->page;

	task->entered = true;
	task_load_registers(page, new, wide);
	if (request->source == TASK_CALL || request->source == TASK_GATE_IN_IDT)
		page->rflags |= RFLAGS_NT;
	page->cr0 |= CR0_TS;
	page->dr[7] &= ~DR7_LOCAL;
	page->shadow &= ~(u32)(SHADOW_STI | SHADOW_MOV_SS);
	page->dirty |= VCPU_RIP | VCPU_SEGMENTS | VCPU_CONTROL | VCPU_DEBUG;

	/* from here on a fault finds segments as virtual-8086 mode needs them */
	if (page->rflags & RFLAGS_VM)
		(void)task_load_segments(task);
	if (!task_load_ldt(task, wide ? (u16) new->word32[TSS32_LDT] : new->word16[TSS16_LDT]) ||
	    !task_load_segments(task))
		return false;
	if (request->has_error_code && !task_push_error_code(task, request->error_code, wide))
		return false;
	if (page->rip > page->segment[SEG_CS].limit)
		return task_fault(task, VECTOR_GP, 0);
	if (wide && new->word32[TSS32_TRAP] & TRAP) {
		page->dr[6] |= DR6_BT;
		return task_fault(task, VECTOR_DB, 0);
	}
	return true;
}

static bool task_switch_to(struct task *task, const struct task_switch *request)
{
	struct vcpu_segment_state *tr = &task->page->segment[SEG_TR];
	struct vcpu_segment_state next;
	u16 link = tr->selector;
	u64 descriptor;
	u32 linear;
	union tss new;
	bool wide;

	if (!task_find_tss(task, request, &descriptor, &linear))
		return false;
	next = task_segment(request->selector, descriptor);
	wide = next.access & TASK_TYPE_32;
	if (next.limit < task_tss_bytes(wide) - 1)
		return task_fault_selector(task, VECTOR_TS, request->selector);
	if (!task_read(task, (u32)next.base, &new, task_tss_bytes(wide)) ||
	    !task_leave(task, request))
		return false;
	if (request->source == TASK_CALL || request->source == TASK_GATE_IN_IDT)
		if (!task_write(task, (u32)next.base, &link, sizeof(link)))
			return false;
	if (request->source != TASK_IRET && !task_set_busy(task, linear, descriptor, true))
		return false;
	*tr = next;
	tr->access |= TASK_TYPE_BUSY;
	return task_enter(task, request, &new, wide);
}

enum emulate_result task_switch(const struct emulator *emulator, const struct task_switch *request,
				struct vcpu_event *event)
{
	struct task task = {
		.emulator = emulator,
		.page = emulator->page,
		.event = event,
		.external = request->external,
	};

	*event = (struct vcpu_event){0};
	return task_switch_to(&task, request) || task.entered ? EMULATE_DONE : EMULATE_FAULT;
}
