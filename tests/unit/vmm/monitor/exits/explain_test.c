/* SPDX-License-Identifier: MIT */
/* A failed VM entry is explained by the check that fails; a valid state fails none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "vmm/monitor/exits/explain.c"
#include "vmm/monitor/exits/explain_svm.c"
#include "vmm/monitor/exits/explain_vmx.c"
#include "vmm/rt/format.h"

static struct vcpu_page page;
static char text[512];

static void put_field(u32 id, u64 value)
{
	for (u32 i = 0; i < page.dump_count; i++)
		if (page.dump[i].id == id) {
			page.dump[i].value = value;
			return;
		}
	page.dump[page.dump_count].id = id;
	page.dump[page.dump_count++].value = value;
}

/* A guest in 64-bit mode, every field valid. */
static int sound_vmcs(void **state)
{
	(void)state;
	memset(&page, 0, sizeof(page));
	page.exit.vendor_code = EXIT_REASON_ENTRY_FAILURE | VMX_EXIT_INVALID_GUEST_STATE;
	put_field(VMCS_PIN_CONTROLS, 0x3f);
	put_field(VMCS_SECONDARY_CONTROLS, SECONDARY_EPT | SECONDARY_UNRESTRICTED_GUEST);
	put_field(VMCS_ENTRY_CONTROLS, ENTRY_IA32E_GUEST);
	put_field(VMCS_GUEST_CR0, 0x80050033);
	put_field(VMCS_GUEST_CR4, CR4_PAE | CR4_VMXE);
	put_field(VMCS_GUEST_EFER, EFER_LME | EFER_LMA | EFER_SCE | EFER_NXE);
	put_field(VMCS_GUEST_PAT, PAT_RESET);
	put_field(VMCS_GUEST_RFLAGS, 0x202);
	put_field(VMCS_GUEST_RIP, 0xffffffff81000000);
	put_field(VMCS_LINK_POINTER, ~0ull);
	for (u32 i = 0; i < SEG_COUNT; i++) {
		put_field(VMCS_GUEST_ES_ACCESS + 2 * i, 0xc093);
		put_field(VMCS_GUEST_ES_LIMIT + 2 * i, 0xffffffff);
	}
	put_field(VMCS_GUEST_CS_ACCESS, 0xa09b);
	put_field(VMCS_GUEST_TR_ACCESS, 0x8b);
	put_field(VMCS_GUEST_TR_LIMIT, 0x67);
	put_field(VMCS_GUEST_LDTR_ACCESS, SEGMENT_UNUSABLE);
	put_field(VMCS_HOST_CR0, 0x8005003b);
	put_field(VMCS_HOST_CR4, CR4_PAE | CR4_VMXE);
	put_field(VMCS_HOST_EFER, 0xd00);
	put_field(VMCS_HOST_PAT, PAT_RESET);
	put_field(VMCS_HOST_CS_SELECTOR, 8);
	put_field(VMCS_HOST_TR_SELECTOR, 0x38);
	return 0;
}

#define NMI	    (INTERRUPTION_VALID | EVENT_NMI << 8 | 2)
#define GUEST_STATE (EXIT_REASON_ENTRY_FAILURE | VMX_EXIT_INVALID_GUEST_STATE)

static void sound_state_fails_no_check(void **state)
{
	(void)state;
	explain_vmx(&page, text, sizeof(text));
	assert_string_equal(text, "guest state refused; no check that can be repeated here fails");
	page.exit.vendor_code = VMX_ERROR_CONTROL_FIELDS;
	explain_vmx(&page, text, sizeof(text));
	assert_string_equal(text, "control fields refused (7); no check that can be repeated here "
				  "fails");
	page.exit.vendor_code = VMX_ERROR_HOST_STATE;
	explain_vmx(&page, text, sizeof(text));
	assert_string_equal(text, "host state refused (8); no check that can be repeated here "
				  "fails");
}

/* A fault of a sound VMCS: one field has another value, or two have. */
struct fault {
	struct {
		u32 id;
		u64 value;
	} set[2];
	const char *says;
};

static void find_faults(void **state, u64 code, const struct fault *faults, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		sound_vmcs(state);
		page.exit.vendor_code = code;
		put_field(faults[i].set[0].id, faults[i].set[0].value);
		if (faults[i].set[1].id)
			put_field(faults[i].set[1].id, faults[i].set[1].value);
		explain_vmx(&page, text, sizeof(text));
		if (!strstr(text, faults[i].says))
			fail_msg("expected \"%s\" in \"%s\"", faults[i].says, text);
	}
}

static void each_guest_check_finds_its_fault(void **state)
{
	static const struct fault faults[] = {
		{{{VMCS_GUEST_CR0, 0x80000030}}, "CR0.PG is set without CR0.PE"},
		{{{VMCS_GUEST_CR0, 0x80000011}}, "CR0.NE"},
		{{{VMCS_GUEST_CR0, 0x180000031}}, "above 31"},
		{{{VMCS_GUEST_CR4, CR4_VMXE}}, "without CR0.PG and CR4.PAE"},
		{{{VMCS_GUEST_CR4, CR4_PAE}}, "CR4.VMXE"},
		{{{VMCS_GUEST_EFER, EFER_LME}}, "EFER.LMA differs"},
		{{{VMCS_GUEST_EFER, EFER_LME | EFER_LMA | BIT(12)}}, "reserved"},
		{{{VMCS_GUEST_PAT, 0x0207040600070406}}, "PAT"},
		{{{VMCS_GUEST_DR7, BIT(32)}}, "DR7"},
		{{{VMCS_GUEST_CR3, BIT(52)}}, "CR3"},
		{{{VMCS_GUEST_SYSENTER_EIP, BIT(63)}}, "SYSENTER_EIP"},
		{{{VMCS_GUEST_RFLAGS, 0x200}}, "bit 1"},
		{{{VMCS_GUEST_RFLAGS, 0x208 | 2}}, "reserved"},
		{{{VMCS_GUEST_RIP, 0x0000900000000000}}, "RIP 0x900000000000 is not canonical"},
		{{{VMCS_GUEST_CS_ACCESS, 0xe09b}}, "CS.L and CS.D"},
		{{{VMCS_GUEST_CS_ACCESS, 0xa097}}, "no accessed code segment"},
		{{{VMCS_GUEST_CS_ACCESS, 0xa01b}}, "not present"},
		{{{VMCS_GUEST_CS_ACCESS, 0xa08b}}, "S must be 1"},
		{{{VMCS_GUEST_CS_BASE, BIT(33)}}, "CS base"},
		{{{VMCS_GUEST_ES_ACCESS, 0xc092}}, "not accessed"},
		{{{VMCS_GUEST_SS_ACCESS, 0xc09b}}, "SS type"},
		{{{VMCS_GUEST_ES_LIMIT, 0xfffff000}}, "must end in fff"},
		{{{VMCS_GUEST_TR_ACCESS, 0x83}}, "TR access 0x83: type 3 is no busy TSS"},
		{{{VMCS_GUEST_TR_ACCESS, SEGMENT_UNUSABLE}}, "TR is unusable"},
		{{{VMCS_GUEST_TR_SELECTOR, 4}}, "TR selector 0x4 points to the LDT"},
		{{{VMCS_GUEST_LDTR_ACCESS, 0x83}}, "LDTR access"},
		{{{VMCS_GUEST_GDTR_LIMIT, 0x10000}}, "GDTR limit"},
		{{{VMCS_GUEST_ACTIVITY, 9}}, "activity state 9"},
		{{{VMCS_GUEST_INTERRUPTIBILITY, 3}}, "STI and by MOV SS"},
		{{{VMCS_LINK_POINTER, 0}}, "link pointer"},
		{{{VMCS_GUEST_CR0, 0x31}, {VMCS_SECONDARY_CONTROLS, 0}}, "no unrestricted guests"},
		{{{VMCS_GUEST_CR4, CR4_PAE | CR4_VMXE | CR4_CET}, {VMCS_GUEST_CR0, 0x80040033}},
		 "CR4.CET is set without CR0.WP"},
		{{{VMCS_GUEST_CR4, CR4_PAE | CR4_VMXE | CR4_PCIDE}, {VMCS_ENTRY_CONTROLS, 0}},
		 "PCIDE is set outside long mode"},
		{{{VMCS_GUEST_EFER, EFER_LMA}}, "LMA and LME differ"},
		{{{VMCS_GUEST_SYSENTER_ESP, BIT(63)}}, "SYSENTER_ESP"},
		{{{VMCS_GUEST_ES_ACCESS, 0xc193}}, "ES access 0xc193: reserved bits"},
		{{{VMCS_GUEST_ES_ACCESS, 0x4093}}, "must be below 1 MiB"},
		{{{VMCS_GUEST_CS_ACCESS, SEGMENT_UNUSABLE | 0xa09b}}, "CS is unusable"},
		{{{VMCS_GUEST_CS_ACCESS, 0xa0fb}}, "CS.DPL 3 is not SS.DPL 0"},
		{{{VMCS_GUEST_CS_ACCESS, 0xa0ff}}, "conforming CS.DPL 3 is above SS.DPL 0"},
		{{{VMCS_GUEST_CS_ACCESS, 0xa0f3}}, "CS of data type"},
		{{{VMCS_GUEST_ES_BASE + 2 * SEG_FS, BIT(47)}},
		 "FS base 0x800000000000 is not canonical"},
		{{{VMCS_GUEST_ES_BASE, BIT(33)}}, "ES base 0x200000000 has bits above 31"},
		{{{VMCS_GUEST_ES_ACCESS, 0xc099}}, "ES type 9 is code that cannot be read"},
		{{{VMCS_GUEST_SS_ACCESS, 0xc0f3}, {VMCS_GUEST_CR0, 0x30}}, "SS.DPL 3 in real mode"},
		{{{VMCS_GUEST_ES_BASE + 2 * SEG_TR, BIT(47)}}, "TR base"},
		{{{VMCS_GUEST_ES_SELECTOR + 2 * SEG_LDTR, 4}, {VMCS_GUEST_LDTR_ACCESS, 0x82}},
		 "LDTR selector 0x4 points to the LDT"},
		{{{VMCS_GUEST_ES_BASE + 2 * SEG_LDTR, BIT(47)}, {VMCS_GUEST_LDTR_ACCESS, 0x82}},
		 "LDTR base"},
		{{{VMCS_GUEST_GDTR_BASE, BIT(47)}}, "GDTR is not canonical"},
		{{{VMCS_GUEST_IDTR_BASE, BIT(47)}}, "IDTR is not canonical"},
		{{{VMCS_GUEST_IDTR_LIMIT, 0x10000}}, "IDTR limit"},
		{{{VMCS_GUEST_CS_ACCESS, 0xc09b}}, "bits above 31 outside 64-bit mode"},
		{{{VMCS_GUEST_INTERRUPTIBILITY, BIT(5)}},
		 "interruptibility 0x20 has reserved bits"},
		{{{VMCS_GUEST_INTERRUPTIBILITY, 1}, {VMCS_GUEST_RFLAGS, 2}},
		 "by STI with RFLAGS.IF clear"},
		{{{VMCS_GUEST_INTERRUPTIBILITY, 2}, {VMCS_ENTRY_INTERRUPTION_INFO, NMI}},
		 "an NMI is to be injected in a shadow"},
		{{{VMCS_GUEST_INTERRUPTIBILITY, INTERRUPTIBILITY_NMI},
		  {VMCS_ENTRY_INTERRUPTION_INFO, NMI}},
		 "injected while blocked"},
		{{{VMCS_GUEST_ACTIVITY, ACTIVITY_HLT}, {VMCS_GUEST_INTERRUPTIBILITY, 1}},
		 "halted in an interrupt shadow"},
		{{{VMCS_GUEST_RFLAGS, 0x202 | RFLAGS_TF}, {VMCS_GUEST_INTERRUPTIBILITY, 1}},
		 "pending single step"},
	};

	find_faults(state, GUEST_STATE, faults, ARRAY_COUNT(faults));
}

static void virtual_8086_has_its_own_checks(void **state)
{
	(void)state;
	for (u32 i = SEG_ES; i <= SEG_GS; i++) {
		put_field(VMCS_GUEST_ES_SELECTOR + 2 * i, 0x1230 + i);
		put_field(VMCS_GUEST_ES_BASE + 2 * i, (0x1230 + i) << 4);
		put_field(VMCS_GUEST_ES_LIMIT + 2 * i, 0xffff);
		put_field(VMCS_GUEST_ES_ACCESS + 2 * i, 0xf3);
	}
	put_field(VMCS_GUEST_RIP, 0x1000);
	put_field(VMCS_GUEST_RFLAGS, 0x202 | RFLAGS_VM);
	explain_vmx(&page, text, sizeof(text));
	assert_string_equal(text, "guest state refused; RFLAGS.VM is set in long or real mode");
	put_field(VMCS_ENTRY_CONTROLS, 0);
	put_field(VMCS_GUEST_EFER, 0);
	put_field(VMCS_GUEST_ES_BASE + 2 * SEG_GS, 0x12350);
	explain_vmx(&page, text, sizeof(text));
	assert_string_equal(text, "guest state refused; no check that can be repeated here fails");
	put_field(VMCS_GUEST_ES_LIMIT + 2 * SEG_GS, 0xfffff);
	explain_vmx(&page, text, sizeof(text));
	assert_string_equal(text, "guest state refused; GS is not as virtual-8086 mode needs it");
}

static void each_check_of_controls_finds_its_fault(void **state)
{
	static const struct fault faults[] = {
		{{{VMCS_ENTRY_INTERRUPTION_INFO, NMI | 1}}, "injection of an NMI with vector 3"},
		{{{VMCS_ENTRY_INTERRUPTION_INFO, INTERRUPTION_VALID | 3 << 8 | 32}},
		 "injection of exception 32"},
		{{{VMCS_ENTRY_INTERRUPTION_INFO,
		   INTERRUPTION_VALID | INTERRUPTION_ERROR_CODE | 3 << 8 | 13},
		  {VMCS_ENTRY_ERROR_CODE, 0x10000}},
		 "an error code above FFFFh"},
		{{{VMCS_SECONDARY_CONTROLS, SECONDARY_X2APIC_MODE}}, "without TPR shadow"},
		{{{VMCS_SECONDARY_CONTROLS, SECONDARY_X2APIC_MODE | SECONDARY_APIC_ACCESSES}},
		 "are both virtualized"},
		{{{VMCS_PIN_CONTROLS, 0x3e},
		  {VMCS_SECONDARY_CONTROLS, SECONDARY_INTERRUPT_DELIVERY}},
		 "without external-interrupt exiting"},
		{{{VMCS_TPR_THRESHOLD, 16}}, "TPR threshold"},
		{{{VMCS_PIN_CONTROLS, 0x37}}, "virtual NMIs without NMI exiting"},
		{{{VMCS_PIN_CONTROLS, 0x1f}, {VMCS_PRIMARY_CONTROLS, PRIMARY_NMI_WINDOW_EXITING}},
		 "NMI-window exiting without virtual NMIs"},
		{{{VMCS_SECONDARY_CONTROLS, SECONDARY_UNRESTRICTED_GUEST}}, "without EPT"},
		{{{VMCS_SECONDARY_CONTROLS, SECONDARY_VPID}}, "VPID is 0"},
		{{{VMCS_CR3_TARGET_COUNT, 5}}, "more than 4 CR3 targets"},
	};

	find_faults(state, VMX_ERROR_CONTROL_FIELDS, faults, ARRAY_COUNT(faults));
}

static void each_host_check_finds_its_fault(void **state)
{
	static const struct fault faults[] = {
		{{{VMCS_HOST_CR0, 0x8005001b}}, "host CR0 0x8005001b lacks"},
		{{{VMCS_HOST_CR4, CR4_PAE}}, "host CR4 0x20 lacks"},
		{{{VMCS_HOST_EFER, 0xc00}}, "host EFER"},
		{{{VMCS_HOST_EFER, 0x900}}, "host EFER 0x900 lacks"},
		{{{VMCS_HOST_PAT, 2}}, "host PAT"},
		{{{VMCS_HOST_GS_SELECTOR, 3}}, "host selector 0x3 has RPL"},
		{{{VMCS_HOST_CS_SELECTOR, 0}}, "host CS is null"},
		{{{VMCS_HOST_TR_SELECTOR, 0}}, "host TR is null"},
	};

	find_faults(state, VMX_ERROR_HOST_STATE, faults, ARRAY_COUNT(faults));
}

static void injection_that_cannot_be(void **state)
{
	(void)state;
	put_field(VMCS_GUEST_RFLAGS, 2);
	put_field(VMCS_ENTRY_INTERRUPTION_INFO, INTERRUPTION_VALID | 0x30);
	explain_vmx(&page, text, sizeof(text));
	assert_non_null(strstr(text, "RFLAGS.IF clear"));
	put_field(VMCS_GUEST_RFLAGS, 0x202);
	put_field(VMCS_GUEST_INTERRUPTIBILITY, 1);
	explain_vmx(&page, text, sizeof(text));
	assert_non_null(strstr(text, "in a shadow"));

	page.exit.vendor_code = VMX_ERROR_CONTROL_FIELDS;
	put_field(VMCS_ENTRY_INTERRUPTION_INFO, INTERRUPTION_VALID | 3 << 8 | 13);
	explain_vmx(&page, text, sizeof(text));
	assert_non_null(strstr(text, "control fields refused (7)"));
	assert_non_null(strstr(text, "vector 13 without an error code"));
	put_field(VMCS_ENTRY_INTERRUPTION_INFO, INTERRUPTION_VALID | 1 << 8 | 13);
	explain_vmx(&page, text, sizeof(text));
	assert_non_null(strstr(text, "unknown event type 1"));
	put_field(VMCS_ENTRY_INTERRUPTION_INFO, INTERRUPTION_VALID | 4 << 8 | 0x80);
	explain_vmx(&page, text, sizeof(text));
	assert_non_null(strstr(text, "software event of 0 bytes"));
}

static void other_failures_are_named(void **state)
{
	(void)state;
	page.exit.vendor_code = EXIT_REASON_ENTRY_FAILURE | VMX_EXIT_MSR_LOADING;
	page.exit.qualification = 2;
	explain_vmx(&page, text, sizeof(text));
	assert_non_null(strstr(text, "entry 2 of STAR, LSTAR"));
	page.exit.vendor_code = VMX_ERROR_HOST_STATE;
	put_field(VMCS_HOST_TR_SELECTOR, 0);
	put_field(VMCS_HOST_SS_SELECTOR, 0x2b);
	explain_vmx(&page, text, sizeof(text));
	assert_non_null(strstr(text, "host selector 0x2b has RPL"));
	assert_non_null(strstr(text, "host TR is null"));
	page.exit.vendor_code = EXIT_REASON_ENTRY_FAILURE | VMX_EXIT_INVALID_GUEST_STATE;
	put_field(VMCS_ENTRY_CONTROLS, 0);
	put_field(VMCS_GUEST_EFER, 0);
	put_field(VMCS_GUEST_RIP, 0x1000);
	put_field(VMCS_GUEST_PDPTE0 + 4, 0x63);
	page.exit.qualification = 2;
	explain_vmx(&page, text, sizeof(text));
	assert_string_equal(text, "guest state refused; PDPTE2 0x63 has reserved bits");
	page.exit.qualification = 0;
	explain_vmx(&page, text, sizeof(text));
	assert_string_equal(text, "guest state refused; PDPTE2 0x63 has reserved bits");
}

static void text_never_overflows(void **state)
{
	char small[24];

	(void)state;
	page.dump_count = 0;
	for (size_t size = 0; size <= sizeof(small); size++) {
		memset(small, 'x', sizeof(small));
		explain_vmx(&page, small, size);
		for (size_t i = size; i < sizeof(small); i++)
			assert_int_equal(small[i], 'x');
		if (size > 0)
			assert_true(strlen(small) < size);
	}
	/* A dump with a false count. */
	page.dump_count = ~0u;
	explain_vmx(&page, text, sizeof(text));
	/* With many failures only the first few are given. */
	page.dump_count = 0;
	explain_vmx(&page, text, sizeof(text));
	assert_string_equal(text, "guest state refused; "
				  "paging is off and the CPU runs no unrestricted guests; "
				  "CR0.NE is clear, VMX needs it set; "
				  "CR4.VMXE is clear, VMX needs it set; "
				  "CS access 0: type 0 is no accessed code segment");
}

static void svm_faults_are_found(void **state)
{
	static struct vmcb vmcb;
	static const struct {
		u32 offset;
		u64 value;
		const char *says;
	} faults[] = {
		{SAVED(efer), 0xd01, "EFER.SVME"},
		{SAVED(efer), 0x1d01 | BIT(40), "reserved"},
		{SAVED(cr0), 0x80000033 | CR0_NW, "CR0.NW"},
		{SAVED(cr0), 0x180000033, "above 31"},
		{SAVED(cr0), 0x80000032, "without CR0.PE"},
		{SAVED(cr4), 0, "without CR4.PAE"},
		{SAVED(cr4), CR4_PAE | BIT(13), "CR4 0x2020"},
		{SAVED(dr7), BIT(32), "DR7"},
		{CONTROL(event_injection), VMCB_EVENT_V | 1 << 8, "event type 1"},
		{CONTROL(event_injection), VMCB_EVENT_V | 3 << 8 | 2, "exception 2"},
		{CONTROL(guest_asid) & ~7u, 0, "ASID"},
		{CONTROL(intercept2), 0, "VMRUN is not"},
		{SAVED(cs), (u64)(VMCB_ATTRIBUTE_L | VMCB_ATTRIBUTE_DB) << 16, "CS.L"},
		{SAVED(cr3), BIT(52), "CR3"},
		{SAVED(cr4), CR4_PAE | CR4_CET, "CR4.CET is set without CR0.WP"},
		{SAVED(dr6), BIT(32), "DR6"},
	};

	(void)state;
	vmcb.control.intercept2 = (u32)VMCB_INTERCEPT2_VMRUN;
	vmcb.control.guest_asid = 1;
	vmcb.save.efer = 0x1d01;
	vmcb.save.cr0 = 0x80000033;
	vmcb.save.cr4 = CR4_PAE;
	for (size_t i = 0; i <= ARRAY_COUNT(faults); i++) {
		memset(&page, 0, sizeof(page));
		for (u32 at = 0; at < 0x100; at += 8)
			put_field(at, *(u64 *)((u8 *)&vmcb + at));
		for (u32 at = SAVED(cs); at < SAVED(ss); at += 8)
			put_field(at, *(u64 *)((u8 *)&vmcb + at));
		for (u32 at = SAVED(efer); at < SAVED(rsp); at += 8)
			put_field(at, *(u64 *)((u8 *)&vmcb + at));
		if (i < ARRAY_COUNT(faults))
			put_field(faults[i].offset, faults[i].value);
		explain_svm(&page, text, sizeof(text));
		if (i == ARRAY_COUNT(faults))
			assert_non_null(strstr(text, "nothing wrong is found"));
		else if (!strstr(text, faults[i].says))
			fail_msg("expected \"%s\" in \"%s\"", faults[i].says, text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(sound_state_fails_no_check, sound_vmcs),
		cmocka_unit_test(each_guest_check_finds_its_fault),
		cmocka_unit_test_setup(virtual_8086_has_its_own_checks, sound_vmcs),
		cmocka_unit_test(each_check_of_controls_finds_its_fault),
		cmocka_unit_test(each_host_check_finds_its_fault),
		cmocka_unit_test_setup(injection_that_cannot_be, sound_vmcs),
		cmocka_unit_test_setup(other_failures_are_named, sound_vmcs),
		cmocka_unit_test_setup(text_never_overflows, sound_vmcs),
		cmocka_unit_test(svm_faults_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
