/* SPDX-License-Identifier: MIT */
/*
 * Explains VMEXIT_INVALID: repeats the checks of APM vol. 2, 15.5.1 and 15.20, on the dump. Called
 * by exits_entry.c; writes the caller's text only.
 */
#include "arch/x86_64/hw/control.h"
#include "arch/x86_64/hw/svm.h"
#include "vmm/monitor/exits/explain.h"

#define SAVED(member)	(u32)(offsetof(struct vmcb, save) + offsetof(struct vmcb_save, member))
#define CONTROL(member) (u32) offsetof(struct vmcb_control, member)

#define EFER_KNOWN                                                                                 \
	(EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE | EFER_SVME | EFER_LMSLE | EFER_FFXSR |         \
	 EFER_TCE | BITS(21, 17))
#define CR4_KNOWN (BITS(12, 0) | BITS(18, 16) | BITS(23, 20))

/* Returns the 8-byte word at `offset`, a multiple of 8, of the dumped VMCB. */
static u64 explain_svm_word_at(const struct explain *explain, u32 offset)
{
	return explain_field(explain, offset & ~7u) >> (offset & 7) * 8;
}

static void explain_svm_vmcb_registers(struct explain *explain)
{
	u64 efer = explain_svm_word_at(explain, SAVED(efer));
	u64 cr0 = explain_svm_word_at(explain, SAVED(cr0));
	u64 cr3 = explain_svm_word_at(explain, SAVED(cr3));
	u64 cr4 = explain_svm_word_at(explain, SAVED(cr4));
	u16 cs = (u16)explain_svm_word_at(explain, SAVED(cs.attributes));
	bool long_mode = (efer & EFER_LME) && (cr0 & CR0_PG);

	explain_check(explain, efer & EFER_SVME, "EFER.SVME is clear");
	explain_check(explain, (efer & ~EFER_KNOWN) == 0, "EFER %#lx has reserved bits", efer);
	explain_check(explain, (cr0 & CR0_CD) || !(cr0 & CR0_NW), "CR0.NW is set without CR0.CD");
	explain_check(explain, cr0 >> 32 == 0, "CR0 %#lx has bits above 31", cr0);
	explain_check(explain, cr3 >> 52 == 0, "CR3 %#lx is beyond physical memory", cr3);
	explain_check(explain, (cr4 & ~CR4_KNOWN) == 0, "CR4 %#lx has reserved bits", cr4);
	explain_check(explain, !(cr4 & CR4_CET) || (cr0 & CR0_WP), "CR4.CET is set without CR0.WP");
	explain_check(explain, explain_svm_word_at(explain, SAVED(dr6)) >> 32 == 0,
		      "DR6 has bits above 31");
	explain_check(explain, explain_svm_word_at(explain, SAVED(dr7)) >> 32 == 0,
		      "DR7 has bits above 31");
	explain_check(explain, !long_mode || (cr4 & CR4_PAE), "long mode without CR4.PAE");
	explain_check(explain, !long_mode || (cr0 & CR0_PE), "long mode without CR0.PE");
	explain_check(explain, !long_mode || !(cs & VMCB_ATTRIBUTE_L) || !(cs & VMCB_ATTRIBUTE_DB),
		      "CS.L and CS.D are both set in long mode");
}

static void explain_svm_vmcb_controls(struct explain *explain)
{
	u64 intercepts = explain_svm_word_at(explain, CONTROL(intercept2));
	u64 asid = explain_svm_word_at(explain, CONTROL(guest_asid)) & 0xffffffff;

	explain_check(explain, intercepts & VMCB_INTERCEPT2_VMRUN, "VMRUN is not intercepted");
	explain_check(explain, asid != 0, "the ASID is 0, which is the host's");
}

static void explain_svm_vmcb_injection(struct explain *explain)
{
	u64 event = explain_svm_word_at(explain, CONTROL(event_injection));
	u64 type = bits_get(event, 10, 8);
	u64 vector = event & VMCB_EVENT_VECTOR;

	if (!(event & VMCB_EVENT_V))
		return;
	explain_check(explain,
		      type == VMCB_EVENT_INTR || type == VMCB_EVENT_NMI ||
			      type == VMCB_EVENT_EXCEPTION || type == VMCB_EVENT_SOFTWARE,
		      "injection of the unknown event type %lu", type);
	explain_check(explain,
		      type != VMCB_EVENT_EXCEPTION || (vector < 32 && vector != VECTOR_NMI),
		      "injection of exception %lu, which does not exist", vector);
}

void explain_svm(const struct vcpu_page *page, char *text, size_t size)
{
	struct explain explain;

	explain_begin(&explain, page, text, size);
	explain_say(&explain, "VMRUN refused the VMCB");
	explain_svm_vmcb_registers(&explain);
	explain_svm_vmcb_controls(&explain);
	explain_svm_vmcb_injection(&explain);
	if (explain.failed_count == 0)
		explain_say(&explain,
			    "nothing wrong is found; in QEMU a MOV to CR4 of an unknown bit "
			    "ends like this");
}
