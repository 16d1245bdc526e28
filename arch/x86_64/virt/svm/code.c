/* SPDX-License-Identifier: MIT */
/*
 * How long the instruction is that has made the guest exit, on CPUs that do not tell (APM vol. 2,
 * 15.7.1). In 64-bit mode with four levels of tables only; everything else is the monitor's, which
 * decodes any instruction.
 */
#include "arch/x86_64/hw/control.h"
#include "arch/x86_64/hw/paging.h"
#include "arch/x86_64/virt/svm/svm.h"
#include "lib/read_once.h"
#include "lib/x86/length.h"
#include "mm/address.h"
#include "mm/page.h"
#include "mm/table.h"

/* The bytes that are looked at: any of these instructions with four prefixes and more. */
#define CODE_BYTES 8u

/*
 * The guest's RAM at an address, NULL when it is not mapped or not in the direct map. What is taken
 * from the guest meanwhile is not given to anybody else before this CPU has passed its loop.
 */
static const void *guest_pointer(const struct virt_vcpu *vcpu, u64 gpa)
{
	const struct table table = {
		.format = &format_npt,
		.root = {.kernel = vcpu->vm->second_stage_root,
			 .user = vcpu->vm->second_stage_root},
	};
	struct pt_leaf leaf;
	hpa_t hpa;

	if (!table_lookup(&table, gpa, &leaf))
		return NULL;
	hpa = HPA(leaf.hpa.value + (gpa - leaf.at));
	return page_owner(hpa) == PAGE_RESERVED ? NULL : hpa_to_pointer(hpa);
}

/* The CPU itself has just come this way, so nothing is checked but that it still leads somewhere. */
static bool walk(struct virt_vcpu *vcpu, u64 linear)
{
	struct virt_code *code = &vcpu->code;
	u64 table = svm_vmcb(vcpu)->save.cr3 & PTE_ADDRESS;
	u32 depth = 0;
	u32 shift = 39;
	u64 value;

	code->depth = 0;
	for (;; shift -= 9) {
		const u64 *entry = guest_pointer(vcpu, table + (linear >> shift & 511) * 8);

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
	code->page = guest_pointer(vcpu, (table & ~(BIT(shift) - 1)) |
						 (linear & (BIT(shift) - 1) & ~PAGE_MASK));
	if (code->page == NULL)
		return false;
	code->linear = linear & ~PAGE_MASK;
	code->cr3 = svm_vmcb(vcpu)->save.cr3;
	code->depth = depth;
	return true;
}

/* An unmapping of the guest's memory ends with a flush, and that forgets the walk (enter.c). */
static bool still_true(const struct virt_code *code, u64 linear, u64 cr3)
{
	if (code->depth == 0 || code->linear != (linear & ~PAGE_MASK) || code->cr3 != cr3)
		return false;
	for (u32 i = 0; i < code->depth; i++)
		if (READ_ONCE(*code->entry[i]) != code->value[i])
			return false;
	return true;
}

u32 svm_code_length(struct virt_vcpu *vcpu)
{
	const struct vmcb_save *save = &svm_vmcb(vcpu)->save;
	u64 linear = save->rip;
	u64 bytes;

	if (!(save->efer & EFER_LMA) || !(save->cs.attributes & VMCB_ATTRIBUTE_L) ||
	    (save->cr4 & CR4_LA57) || (linear & PAGE_MASK) > PAGE_SIZE - CODE_BYTES)
		return 0;
	if (!still_true(&vcpu->code, linear, save->cr3) && !walk(vcpu, linear))
		return 0;
	/* One load: other vCPUs may change the bytes. */
	__asm__ volatile("mov %1, %0"
			 : "=r"(bytes)
			 : "m"(*(const u8(*)[CODE_BYTES])(vcpu->code.page + (linear & PAGE_MASK))));
	/* Without prefixes, as they nearly always are: CPUID, RDMSR, WRMSR; VMMCALL. */
	if ((u16)bytes == 0xa20f || (u16)bytes == 0x320f || (u16)bytes == 0x300f)
		return 2;
	if ((bytes & 0xffffff) == 0xd9010f)
		return 3;
	return (u32)x86_length_of_exit((const u8 *)&bytes, CODE_BYTES, X86_MODE_64);
}
