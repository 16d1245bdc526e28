/* SPDX-License-Identifier: MIT */
/*
 * Finds the instruction at which a guest has stopped, in 64-bit mode with 4-level paging only; in
 * other modes the monitor fetches it. Both back ends call it after an exit. It walks guest page
 * tables through the second stage, remembers the last walk in the vCPU, and does not interpret the
 * instruction.
 */
#include "arch/x86_64/hw/paging.h"
#include "arch/x86_64/virt/virt.h"
#include "lib/read_once.h"
#include "mm/address.h"
#include "mm/page.h"
#include "mm/table.h"

/* Returns NULL for device memory, which the direct map lacks. */
const void *virt_guest_pointer(const struct virt_vcpu *vcpu, u64 gpa)
{
	struct pt_leaf leaf;
	hpa_t hpa;

	if (!table_lookup(&vcpu->vm->second_stage, gpa, &leaf))
		return NULL;
	hpa = HPA(leaf.hpa.value + (gpa - leaf.at));
	return page_owner(hpa) == PAGE_RESERVED ? NULL : hpa_to_pointer(hpa);
}

/*
 * Walks the guest's tables to a linear address and remembers the walk. The CPU has just walked them
 * too, so the function checks only presence, not rights.
 */
static NOINLINE bool virt_walk(struct virt_vcpu *vcpu, u64 cr3, u64 linear)
{
	struct virt_code *code = &vcpu->code;
	u64 table = cr3 & PTE_ADDRESS;
	u32 depth = 0;
	u32 shift = 39;
	u64 value;

	code->depth = 0;
	for (;; shift -= 9) {
		const u64 *entry = virt_guest_pointer(vcpu, table + (linear >> shift & 511) * 8);

		if (entry == NULL)
			return false;
		value = READ_ONCE(*entry);
		if (!(value & PTE_P))
			return false;
		code->entry[depth] = entry;
		code->value[depth++] = value;
		table = value & PTE_ADDRESS;
		if (shift == PAGE_SHIFT || (shift < 39 && (value & PTE_PS)))
			break;
	}
	code->page = virt_guest_pointer(vcpu, (table & ~(BIT(shift) - 1)) |
						      (linear & (BIT(shift) - 1) & ~PAGE_MASK));
	if (code->page == NULL)
		return false;
	code->linear = linear & ~PAGE_MASK;
	code->cr3 = cr3;
	code->depth = depth;
	return true;
}

/*
 * Returns true if the remembered walk of guest page tables still leads to the same page. Unmapping
 * guest memory causes a flush, which discards the remembered walk (code->depth).
 */
static bool virt_still_true(const struct virt_code *code, u64 linear, u64 cr3)
{
	if (code->depth == 0 || code->linear != (linear & ~PAGE_MASK) || code->cr3 != cr3)
		return false;
	for (u32 i = 0; i < code->depth; i++)
		if (READ_ONCE(*code->entry[i]) != code->value[i])
			return false;
	return true;
}

const u8 *virt_code_find(struct virt_vcpu *vcpu, u64 cr3, u64 rip)
{
	if (!virt_still_true(&vcpu->code, rip, cr3) && !virt_walk(vcpu, cr3, rip))
		return NULL;
	return vcpu->code.page + (rip & PAGE_MASK);
}

void virt_code_show(struct virt_vcpu *vcpu, const u8 *bytes)
{
	struct vcpu_page *page = vcpu->page;

	page->code_bytes = 0;
	if (bytes == NULL || ((u64)bytes & PAGE_MASK) > PAGE_SIZE - sizeof(page->code))
		return;
	/* Other vCPUs may change the guest's code meanwhile, so the monitor decodes this copy. */
	__builtin_memcpy(page->code, bytes, sizeof(page->code));
	page->code_bytes = sizeof(page->code);
}
