/* SPDX-License-Identifier: MIT */
/*
 * Dumps the VMCB, as 8-byte words by offset, so that a failed entry can be explained.
 * kernel/guest/vcpu.c calls it for VCPU_DUMP. It writes the vCPU's page and leaves host addresses
 * out: the monitor must not learn the kernel's layout.
 */
#include "arch/x86_64/virt/svm/svm.h"
#include "lib/string.h"

/* The runs of the VMCB's words to dump, by the offsets of their first and last word. */
static const struct {
	u16 first;
	u16 last;
} runs[] = {
	{0, offsetof(struct vmcb_control, pause_filter_threshold) & ~7u},
	{offsetof(struct vmcb_control, tsc_offset), offsetof(struct vmcb_control, np_control)},
	{offsetof(struct vmcb_control, event_injection),
	 offsetof(struct vmcb_control, event_injection)},
	{offsetof(struct vmcb_control, lbr_control),
	 offsetof(struct vmcb_control, fetched_bytes) + 7},
	{offsetof(struct vmcb, save), offsetof(struct vmcb, save.last_exception_to)},
};

void svm_dump(struct virt_vcpu *vcpu)
{
	struct vcpu_page *page = vcpu->page;
	const u8 *bytes = vcpu->control;
	u32 count = 0;

	for (size_t i = 0; i < ARRAY_COUNT(runs); i++) {
		for (u32 offset = runs[i].first; offset <= runs[i].last; offset += 8) {
			page->dump[count].id = offset;
			memcpy(&page->dump[count].value, bytes + offset, 8);
			count++;
		}
	}
	page->dump_count = count;
}
