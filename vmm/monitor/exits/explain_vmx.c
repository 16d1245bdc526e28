/* SPDX-License-Identifier: MIT */
/*
 * Explains failed VM entries: repeats the checks of SDM vol. 3, 27.2.1 (controls), 27.2.2 (host)
 * and 27.3.1 (guest), on the dump. Called by exits_entry.c; writes the caller's text only. Leaves
 * out checks of addresses that the kernel alone sets and does not show.
 */
#include "arch/x86_64/hw/control.h"
#include "arch/x86_64/hw/msr.h"
#include "arch/x86_64/hw/vmx.h"
#include "vmm/monitor/exits/explain.h"
#include "vmm/monitor/x86/canonical.h"

/* Values of the VMCS that several checks need. */
struct vmx_view {
	struct explain *explain;
	u64 cr0;
	u64 cr4;
	u64 efer;
	u64 rflags;
	/* the VM-entry interruption information of the event to be injected; 0: there is none */
	u32 injection;
	bool long_mode; /* the VM-entry control "IA-32e mode guest" */
	bool unrestricted;
	bool virtual_8086;
};

struct segment_view {
	const char *name;
	u64 base;
	u32 limit;
	u32 access;
	u16 selector;
	bool usable;
	u32 type;
	u32 dpl;
};

static const char *const segment_names[SEG_COUNT] = {"ES", "CS", "SS",	 "DS",
						     "FS", "GS", "LDTR", "TR"};

#define CHECK_THAT(holds, ...) explain_check(view->explain, holds, __VA_ARGS__)

static u64 explain_vmx_field(const struct vmx_view *view, u32 id)
{
	return explain_field(view->explain, id);
}

static struct vmx_view explain_vmx_view_of(struct explain *explain)
{
	u32 injection = (u32)explain_field(explain, VMCS_ENTRY_INTERRUPTION_INFO);

	return (struct vmx_view){
		.explain = explain,
		.cr0 = explain_field(explain, VMCS_GUEST_CR0),
		.cr4 = explain_field(explain, VMCS_GUEST_CR4),
		.efer = explain_field(explain, VMCS_GUEST_EFER),
		.rflags = explain_field(explain, VMCS_GUEST_RFLAGS),
		.injection = injection & INTERRUPTION_VALID ? injection : 0,
		.long_mode = explain_field(explain, VMCS_ENTRY_CONTROLS) & ENTRY_IA32E_GUEST,
		.unrestricted = explain_field(explain, VMCS_SECONDARY_CONTROLS) &
				SECONDARY_UNRESTRICTED_GUEST,
		.virtual_8086 = explain_field(explain, VMCS_GUEST_RFLAGS) & RFLAGS_VM,
	};
}

static bool explain_vmx_canonical(const struct vmx_view *view, u64 address)
{
	return is_canonical(address, view->cr4 & CR4_LA57 ? 57 : 48);
}

static bool explain_vmx_pat_is_valid(u64 pat)
{
	for (unsigned int i = 0; i < 64; i += 8) {
		u64 type = pat >> i & 0xff;

		if (type > MEMORY_TYPE_UC_MINUS || type == 2 || type == 3)
			return false;
	}
	return true;
}

/* Checks the control registers: SDM vol. 3, 27.3.1.1. */
static void explain_vmx_check_control_registers(const struct vmx_view *view)
{
	u64 pat = explain_vmx_field(view, VMCS_GUEST_PAT);
	const u64 efer_known = EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE;

	CHECK_THAT(!(view->cr0 & CR0_PG) || (view->cr0 & CR0_PE), "CR0.PG is set without CR0.PE");
	CHECK_THAT(view->unrestricted || (view->cr0 & CR0_PG),
		   "paging is off and the CPU runs no unrestricted guests");
	CHECK_THAT(view->cr0 >> 32 == 0, "CR0 %#lx has bits above 31", view->cr0);
	CHECK_THAT(view->cr0 & CR0_NE, "CR0.NE is clear, VMX needs it set");
	CHECK_THAT(view->cr4 & CR4_VMXE, "CR4.VMXE is clear, VMX needs it set");
	CHECK_THAT(!(view->cr4 & CR4_CET) || (view->cr0 & CR0_WP), "CR4.CET is set without CR0.WP");
	CHECK_THAT(!view->long_mode || ((view->cr0 & CR0_PG) && (view->cr4 & CR4_PAE)),
		   "long mode without CR0.PG and CR4.PAE");
	CHECK_THAT(view->long_mode || !(view->cr4 & CR4_PCIDE),
		   "CR4.PCIDE is set outside long mode");
	CHECK_THAT(explain_vmx_field(view, VMCS_GUEST_CR3) >> 52 == 0,
		   "CR3 %#lx is beyond physical memory", explain_vmx_field(view, VMCS_GUEST_CR3));
	CHECK_THAT((view->efer & ~efer_known) == 0, "EFER %#lx has reserved bits", view->efer);
	CHECK_THAT(!!(view->efer & EFER_LMA) == view->long_mode,
		   "EFER.LMA differs from the entry control \"IA-32e mode guest\"");
	CHECK_THAT(!(view->cr0 & CR0_PG) || !!(view->efer & EFER_LMA) == !!(view->efer & EFER_LME),
		   "EFER.LMA and LME differ with paging on");
	CHECK_THAT(explain_vmx_pat_is_valid(pat), "PAT %#lx holds an unknown memory type", pat);
	CHECK_THAT(explain_vmx_field(view, VMCS_GUEST_DR7) >> 32 == 0, "DR7 has bits above 31");
	CHECK_THAT(explain_vmx_canonical(view, explain_vmx_field(view, VMCS_GUEST_SYSENTER_ESP)),
		   "SYSENTER_ESP is not canonical");
	CHECK_THAT(explain_vmx_canonical(view, explain_vmx_field(view, VMCS_GUEST_SYSENTER_EIP)),
		   "SYSENTER_EIP is not canonical");
}

static struct segment_view explain_vmx_segment_of(const struct vmx_view *view, u32 segment)
{
	u32 access = (u32)explain_vmx_field(view, VMCS_GUEST_ES_ACCESS + 2 * segment);

	return (struct segment_view){
		.name = segment_names[segment],
		.base = explain_vmx_field(view, VMCS_GUEST_ES_BASE + 2 * segment),
		.limit = (u32)explain_vmx_field(view, VMCS_GUEST_ES_LIMIT + 2 * segment),
		.access = access,
		.selector = (u16)explain_vmx_field(view, VMCS_GUEST_ES_SELECTOR + 2 * segment),
		.usable = !(access & SEGMENT_UNUSABLE),
		.type = access & SEGMENT_TYPE,
		.dpl = access >> SEGMENT_DPL_SHIFT & 3,
	};
}

/* Checks the rules for every usable segment register: SDM vol. 3, 27.3.1.2. */
static void explain_vmx_check_segment(const struct vmx_view *view, const struct segment_view *s,
				      bool system)
{
	CHECK_THAT(!!(s->access & SEGMENT_S) == !system, "%s access %#x: S must be %d", s->name,
		   s->access, !system);
	CHECK_THAT(s->access & SEGMENT_P, "%s access %#x: not present", s->name, s->access);
	CHECK_THAT((s->access & 0xfffe0f00) == 0, "%s access %#x: reserved bits are set", s->name,
		   s->access);
	CHECK_THAT((s->limit & 0xfff) == 0xfff || !(s->access & SEGMENT_G),
		   "%s limit %#x with G set must end in fff", s->name, s->limit);
	CHECK_THAT(s->limit >> 20 == 0 || (s->access & SEGMENT_G),
		   "%s limit %#x with G clear must be below 1 MiB", s->name, s->limit);
}

static void explain_vmx_check_code_segment(const struct vmx_view *view, u32 ss_dpl)
{
	struct segment_view s = explain_vmx_segment_of(view, SEG_CS);

	CHECK_THAT(s.usable, "CS is unusable");
	CHECK_THAT(s.type == 9 || s.type == 11 || s.type == 13 || s.type == 15 ||
			   (s.type == 3 && view->unrestricted),
		   "CS access %#x: type %u is no accessed code segment", s.access, s.type);
	CHECK_THAT((s.type != 9 && s.type != 11) || s.dpl == ss_dpl, "CS.DPL %u is not SS.DPL %u",
		   s.dpl, ss_dpl);
	CHECK_THAT((s.type != 13 && s.type != 15) || s.dpl <= ss_dpl,
		   "conforming CS.DPL %u is above SS.DPL %u", s.dpl, ss_dpl);
	CHECK_THAT(s.type != 3 || (s.dpl == 0 && ss_dpl == 0),
		   "CS of data type needs DPL 0 in CS and SS");
	CHECK_THAT(!view->long_mode || !(s.access & SEGMENT_L) || !(s.access & SEGMENT_DB),
		   "CS.L and CS.D are both set");
	CHECK_THAT(s.base >> 32 == 0, "CS base %#lx has bits above 31", s.base);
	explain_vmx_check_segment(view, &s, false);
}

static void explain_vmx_check_data_segment(const struct vmx_view *view, u32 segment)
{
	struct segment_view s = explain_vmx_segment_of(view, segment);
	bool wide = segment == SEG_FS || segment == SEG_GS;

	CHECK_THAT(!wide || explain_vmx_canonical(view, s.base), "%s base %#lx is not canonical",
		   s.name, s.base);
	if (!s.usable)
		return;
	CHECK_THAT(wide || s.base >> 32 == 0, "%s base %#lx has bits above 31", s.name, s.base);
	if (segment == SEG_SS)
		CHECK_THAT(s.type == 3 || s.type == 7, "SS type %u is not read/write, accessed",
			   s.type);
	CHECK_THAT(s.type & 1, "%s type %u is not accessed", s.name, s.type);
	CHECK_THAT(!(s.type & 8) || (s.type & 2), "%s type %u is code that cannot be read", s.name,
		   s.type);
	explain_vmx_check_segment(view, &s, false);
}

static void explain_vmx_check_virtual_8086(const struct vmx_view *view)
{
	for (u32 i = SEG_ES; i <= SEG_GS; i++) {
		struct segment_view s = explain_vmx_segment_of(view, i);

		CHECK_THAT(s.base == (u64)s.selector << 4 && s.limit == 0xffff && s.access == 0xf3,
			   "%s is not as virtual-8086 mode needs it", s.name);
	}
}

static void explain_vmx_check_segments(const struct vmx_view *view)
{
	struct segment_view ss = explain_vmx_segment_of(view, SEG_SS);
	struct segment_view tr = explain_vmx_segment_of(view, SEG_TR);
	struct segment_view ldtr = explain_vmx_segment_of(view, SEG_LDTR);

	if (view->virtual_8086) {
		explain_vmx_check_virtual_8086(view);
	} else {
		explain_vmx_check_code_segment(view, ss.dpl);
		for (u32 i = SEG_ES; i <= SEG_GS; i++)
			if (i != SEG_CS)
				explain_vmx_check_data_segment(view, i);
		CHECK_THAT((view->cr0 & CR0_PE) || ss.dpl == 0, "SS.DPL %u in real mode", ss.dpl);
	}
	CHECK_THAT(tr.usable, "TR is unusable");
	CHECK_THAT(tr.type == 11 || (tr.type == 3 && !view->long_mode),
		   "TR access %#x: type %u is no busy TSS", tr.access, tr.type);
	CHECK_THAT(!(tr.selector & 4), "TR selector %#x points to the LDT", tr.selector);
	CHECK_THAT(explain_vmx_canonical(view, tr.base), "TR base %#lx is not canonical", tr.base);
	explain_vmx_check_segment(view, &tr, true);
	if (!ldtr.usable)
		return;
	CHECK_THAT(ldtr.type == 2, "LDTR access %#x: type %u is no LDT", ldtr.access, ldtr.type);
	CHECK_THAT(!(ldtr.selector & 4), "LDTR selector %#x points to the LDT", ldtr.selector);
	CHECK_THAT(explain_vmx_canonical(view, ldtr.base), "LDTR base %#lx is not canonical",
		   ldtr.base);
	explain_vmx_check_segment(view, &ldtr, true);
}

/* Checks descriptor tables, RIP and RFLAGS: SDM vol. 3, 27.3.1.3 and 27.3.1.4. */
static void explain_vmx_check_tables_and_rip(const struct vmx_view *view)
{
	u64 rip = explain_vmx_field(view, VMCS_GUEST_RIP);
	bool in_64_bit =
		view->long_mode && (explain_vmx_field(view, VMCS_GUEST_CS_ACCESS) & SEGMENT_L);
	u32 type = (u32)bits_get(view->injection, 10, 8);

	CHECK_THAT(explain_vmx_canonical(view, explain_vmx_field(view, VMCS_GUEST_GDTR_BASE)),
		   "GDTR is not canonical");
	CHECK_THAT(explain_vmx_canonical(view, explain_vmx_field(view, VMCS_GUEST_IDTR_BASE)),
		   "IDTR is not canonical");
	CHECK_THAT(explain_vmx_field(view, VMCS_GUEST_GDTR_LIMIT) >> 16 == 0,
		   "GDTR limit is above FFFFh");
	CHECK_THAT(explain_vmx_field(view, VMCS_GUEST_IDTR_LIMIT) >> 16 == 0,
		   "IDTR limit is above FFFFh");
	CHECK_THAT(in_64_bit || rip >> 32 == 0, "RIP %#lx has bits above 31 outside 64-bit mode",
		   rip);
	CHECK_THAT(!in_64_bit || explain_vmx_canonical(view, rip), "RIP %#lx is not canonical",
		   rip);
	CHECK_THAT(view->rflags & RFLAGS_FIXED, "RFLAGS bit 1 is clear");
	CHECK_THAT((view->rflags & (BITS(63, 22) | BIT(15) | BIT(5) | BIT(3))) == 0,
		   "RFLAGS %#lx has reserved bits", view->rflags);
	CHECK_THAT(!view->virtual_8086 || (!view->long_mode && (view->cr0 & CR0_PE)),
		   "RFLAGS.VM is set in long or real mode");
	CHECK_THAT(!view->injection || type != EVENT_INTERRUPT || (view->rflags & RFLAGS_IF),
		   "an interrupt is to be injected with RFLAGS.IF clear");
}

/* Checks activity and interruptibility: SDM vol. 3, 27.3.1.5. */
static void explain_vmx_check_interruptibility(const struct vmx_view *view)
{
	u32 state = (u32)explain_vmx_field(view, VMCS_GUEST_INTERRUPTIBILITY);
	u32 shadow = state & (INTERRUPTIBILITY_STI | INTERRUPTIBILITY_MOV_SS);
	u64 activity = explain_vmx_field(view, VMCS_GUEST_ACTIVITY);
	u64 pending = explain_vmx_field(view, VMCS_GUEST_PENDING_DEBUG);
	bool interrupt = view->injection && bits_get(view->injection, 10, 8) == EVENT_INTERRUPT;
	bool nmi = view->injection && bits_get(view->injection, 10, 8) == EVENT_NMI;

	CHECK_THAT(activity <= ACTIVITY_WAIT_FOR_SIPI, "activity state %lu is unknown", activity);
	CHECK_THAT(state >> 5 == 0, "interruptibility %#x has reserved bits", state);
	CHECK_THAT(shadow != (INTERRUPTIBILITY_STI | INTERRUPTIBILITY_MOV_SS),
		   "blocking by STI and by MOV SS at once");
	CHECK_THAT(!(shadow & INTERRUPTIBILITY_STI) || (view->rflags & RFLAGS_IF),
		   "blocking by STI with RFLAGS.IF clear");
	CHECK_THAT(!interrupt || shadow == 0, "an interrupt is to be injected in a shadow");
	CHECK_THAT(!nmi || shadow == 0, "an NMI is to be injected in a shadow");
	CHECK_THAT(!nmi || !(state & INTERRUPTIBILITY_NMI),
		   "an NMI is to be injected while blocked");
	CHECK_THAT(activity == ACTIVITY_ACTIVE || shadow == 0, "halted in an interrupt shadow");
	if (shadow || activity == ACTIVITY_HLT)
		CHECK_THAT(!!(pending & PENDING_DEBUG_BS) == !!(view->rflags & RFLAGS_TF),
			   "pending single step does not agree with RFLAGS.TF");
	CHECK_THAT(explain_vmx_field(view, VMCS_LINK_POINTER) == ~0ull,
		   "the VMCS link pointer is set");
}

/* Checks the PDPTEs: SDM vol. 3, 27.3.1.6. */
static void explain_vmx_check_pdptes(const struct vmx_view *view)
{
	if (view->long_mode || !(view->cr0 & CR0_PG) || !(view->cr4 & CR4_PAE))
		return;
	for (u32 i = 0; i < 4; i++) {
		u64 pdpte = explain_vmx_field(view, VMCS_GUEST_PDPTE0 + 2 * i);

		CHECK_THAT(!(pdpte & 1) || (pdpte & (BITS(63, 52) | BITS(8, 5) | BITS(2, 1))) == 0,
			   "PDPTE%u %#lx has reserved bits", i, pdpte);
	}
}

/* Checks the event to be injected: SDM vol. 3, 27.2.1.3. */
static void explain_vmx_check_injection(const struct vmx_view *view)
{
	const u64 always =
		EXCEPTIONS_WITH_ERROR_CODE & ~(BIT(VECTOR_CP) | BIT(VECTOR_VC) | BIT(VECTOR_SX));
	u32 type = (u32)bits_get(view->injection, 10, 8);
	u32 vector = view->injection & 0xff;
	u64 length = explain_vmx_field(view, VMCS_ENTRY_INSTRUCTION_LENGTH);
	bool pushes;

	if (!view->injection)
		return;
	CHECK_THAT(type != 1 && type != 7, "injection of the unknown event type %u", type);
	CHECK_THAT(type != EVENT_NMI || vector == 2, "injection of an NMI with vector %u", vector);
	CHECK_THAT(type != EVENT_EXCEPTION || vector < 32, "injection of exception %u", vector);
	pushes = type == EVENT_EXCEPTION && (view->cr0 & CR0_PE) && vector < 32 &&
		 (always & BIT(vector));
	CHECK_THAT(!!(view->injection & INTERRUPTION_ERROR_CODE) == pushes,
		   "injection of vector %u %s an error code", vector, pushes ? "without" : "with");
	CHECK_THAT(type < EVENT_SOFTWARE_INTERRUPT || (length >= 1 && length <= 15),
		   "injection of a software event of %lu bytes", length);
	CHECK_THAT(!(view->injection & INTERRUPTION_ERROR_CODE) ||
			   explain_vmx_field(view, VMCS_ENTRY_ERROR_CODE) >> 16 == 0,
		   "injection of an error code above FFFFh");
}

/*
 * Checks the controls of the local APIC: SDM vol. 3, 27.2.1.1. The virtual-APIC address is
 * page-aligned, as the kernel takes it from a page.
 */
static void explain_vmx_check_apic(const struct vmx_view *view, u32 pin, u32 primary, u32 secondary)
{
	const u32 needs_shadow =
		SECONDARY_X2APIC_MODE | SECONDARY_APIC_REGISTERS | SECONDARY_INTERRUPT_DELIVERY;
	bool delivery = secondary & SECONDARY_INTERRUPT_DELIVERY;

	CHECK_THAT((primary & PRIMARY_USE_TPR_SHADOW) || !(secondary & needs_shadow),
		   "x2APIC mode, APIC registers or interrupt delivery without TPR shadow");
	CHECK_THAT(!(secondary & SECONDARY_X2APIC_MODE) || !(secondary & SECONDARY_APIC_ACCESSES),
		   "x2APIC mode and APIC accesses are both virtualized");
	CHECK_THAT(!delivery || (pin & PIN_EXTERNAL_INTERRUPT_EXITING),
		   "interrupt delivery without external-interrupt exiting");
	CHECK_THAT(delivery || explain_vmx_field(view, VMCS_TPR_THRESHOLD) >> 4 == 0,
		   "TPR threshold is above 15");
}

/* Checks the VM-execution and VM-entry controls: SDM vol. 3, 27.2.1.1. */
static void explain_vmx_check_controls(const struct vmx_view *view)
{
	u32 pin = (u32)explain_vmx_field(view, VMCS_PIN_CONTROLS);
	u32 primary = (u32)explain_vmx_field(view, VMCS_PRIMARY_CONTROLS);
	u32 secondary = (u32)explain_vmx_field(view, VMCS_SECONDARY_CONTROLS);

	explain_vmx_check_injection(view);
	CHECK_THAT(!(pin & PIN_VIRTUAL_NMIS) || (pin & PIN_NMI_EXITING),
		   "virtual NMIs without NMI exiting");
	CHECK_THAT(!(primary & PRIMARY_NMI_WINDOW_EXITING) || (pin & PIN_VIRTUAL_NMIS),
		   "NMI-window exiting without virtual NMIs");
	CHECK_THAT(!(secondary & SECONDARY_UNRESTRICTED_GUEST) || (secondary & SECONDARY_EPT),
		   "unrestricted guest without EPT");
	CHECK_THAT(!(secondary & SECONDARY_VPID) || explain_vmx_field(view, VMCS_VPID) != 0,
		   "VPID is 0");
	CHECK_THAT(explain_vmx_field(view, VMCS_CR3_TARGET_COUNT) <= 4, "more than 4 CR3 targets");
	explain_vmx_check_apic(view, pin, primary, secondary);
}

/* Checks the host state: SDM vol. 3, 27.2.2 and 27.2.3. */
static void explain_vmx_check_host(const struct vmx_view *view)
{
	u64 cr0 = explain_vmx_field(view, VMCS_HOST_CR0);
	u64 cr4 = explain_vmx_field(view, VMCS_HOST_CR4);
	u64 efer = explain_vmx_field(view, VMCS_HOST_EFER);

	CHECK_THAT((cr0 & (CR0_PE | CR0_PG | CR0_NE)) == (CR0_PE | CR0_PG | CR0_NE),
		   "host CR0 %#lx lacks PE, PG or NE", cr0);
	CHECK_THAT((cr4 & (CR4_PAE | CR4_VMXE)) == (CR4_PAE | CR4_VMXE),
		   "host CR4 %#lx lacks PAE or VMXE", cr4);
	CHECK_THAT((efer & (EFER_LME | EFER_LMA)) == (EFER_LME | EFER_LMA),
		   "host EFER %#lx lacks LME or LMA", efer);
	CHECK_THAT(explain_vmx_pat_is_valid(explain_vmx_field(view, VMCS_HOST_PAT)),
		   "host PAT holds an unknown type");
	for (u32 id = VMCS_HOST_ES_SELECTOR; id <= VMCS_HOST_TR_SELECTOR; id += 2)
		CHECK_THAT((explain_vmx_field(view, id) & 7) == 0,
			   "host selector %#lx has RPL or TI", explain_vmx_field(view, id));
	CHECK_THAT(explain_vmx_field(view, VMCS_HOST_CS_SELECTOR) != 0, "host CS is null");
	CHECK_THAT(explain_vmx_field(view, VMCS_HOST_TR_SELECTOR) != 0, "host TR is null");
}

static const char *explain_vmx_instruction_error(u64 number)
{
	switch (number) {
	case VMX_ERROR_VMLAUNCH_NOT_CLEAR:
		return "VMLAUNCH with a VMCS that is not clear";
	case VMX_ERROR_VMRESUME_NOT_LAUNCHED:
		return "VMRESUME with a VMCS that was not launched";
	case VMX_ERROR_VMRESUME_AFTER_VMXOFF:
		return "VMRESUME after VMXOFF";
	case VMX_ERROR_CONTROL_FIELDS:
		return "control fields refused";
	case VMX_ERROR_HOST_STATE:
		return "host state refused";
	case VMX_ERROR_EVENTS_BLOCKED_BY_MOV_SS:
		return "entry in the shadow of MOV SS";
	}
	return "VM-instruction error";
}

static void explain_guest(const struct vmx_view *view, u64 qualification)
{
	/* the exit qualification 2 names the PDPTEs: SDM vol. 3, 27.8 */
	bool pdptes = qualification == 2;

	explain_say(view->explain, "guest state refused");
	if (pdptes)
		explain_vmx_check_pdptes(view);
	explain_vmx_check_control_registers(view);
	explain_vmx_check_segments(view);
	explain_vmx_check_tables_and_rip(view);
	explain_vmx_check_interruptibility(view);
	if (!pdptes)
		explain_vmx_check_pdptes(view);
}

void explain_vmx(const struct vcpu_page *page, char *text, size_t size)
{
	u64 code = page->exit.vendor_code;
	struct explain explain;
	struct vmx_view view;

	explain_begin(&explain, page, text, size);
	view = explain_vmx_view_of(&explain);
	if (!(code & EXIT_REASON_ENTRY_FAILURE)) {
		explain_say(&explain, "%s (%lu)", explain_vmx_instruction_error(code), code);
		if (code == VMX_ERROR_CONTROL_FIELDS)
			explain_vmx_check_controls(&view);
		if (code == VMX_ERROR_HOST_STATE)
			explain_vmx_check_host(&view);
	} else if ((code & EXIT_REASON_BASIC) == VMX_EXIT_MSR_LOADING) {
		explain_say(&explain,
			    "a system-call MSR was refused: entry %lu of STAR, LSTAR, CSTAR, "
			    "SFMASK, KERNEL_GS_BASE, TSC_AUX",
			    page->exit.qualification);
		return;
	} else {
		explain_guest(&view, page->exit.qualification);
	}
	if (explain.failed_count == 0)
		explain_say(&explain, "no check that can be repeated here fails");
}
