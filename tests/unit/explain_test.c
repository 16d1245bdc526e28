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
#include "vmm/rt/format.c"

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

static void sound_state_fails_no_check(void **state)
{
	(void)state;
	explain_vmx(&page, text, sizeof(text));
	assert_string_equal(text, "guest state refused; no check that can be repeated here fails");
}

static void each_vmx_check_finds_its_fault(void **state)
{
	static const struct {
		u32 id;
		u64 value;
		const char *says;
	} faults[] = {
		{VMCS_GUEST_CR0, 0x80000030, "CR0.PG is set without CR0.PE"},
		{VMCS_GUEST_CR0, 0x80000011, "CR0.NE"},
		{VMCS_GUEST_CR0, 0x180000031, "above 31"},
		{VMCS_GUEST_CR4, CR4_VMXE, "without CR0.PG and CR4.PAE"},
		{VMCS_GUEST_CR4, CR4_PAE, "CR4.VMXE"},
		{VMCS_GUEST_EFER, EFER_LME, "EFER.LMA differs"},
		{VMCS_GUEST_EFER, EFER_LME | EFER_LMA | BIT(12), "reserved"},
		{VMCS_GUEST_PAT, 0x0207040600070406, "PAT"},
		{VMCS_GUEST_DR7, BIT(32), "DR7"},
		{VMCS_GUEST_CR3, BIT(52), "CR3"},
		{VMCS_GUEST_SYSENTER_EIP, BIT(63), "SYSENTER_EIP"},
		{VMCS_GUEST_RFLAGS, 0x200, "bit 1"},
		{VMCS_GUEST_RFLAGS, 0x208 | 2, "reserved"},
		{VMCS_GUEST_RIP, 0x0000900000000000, "RIP 0x900000000000 is not canonical"},
		{VMCS_GUEST_CS_ACCESS, 0xe09b, "CS.L and CS.D"},
		{VMCS_GUEST_CS_ACCESS, 0xa097, "no accessed code segment"},
		{VMCS_GUEST_CS_ACCESS, 0xa01b, "not present"},
		{VMCS_GUEST_CS_ACCESS, 0xa08b, "S must be 1"},
		{VMCS_GUEST_CS_BASE, BIT(33), "CS base"},
		{VMCS_GUEST_ES_ACCESS, 0xc092, "not accessed"},
		{VMCS_GUEST_SS_ACCESS, 0xc09b, "SS type"},
		{VMCS_GUEST_ES_LIMIT, 0xfffff000, "must end in fff"},
		{VMCS_GUEST_TR_ACCESS, 0x83, "TR access 0x83: type 3 is no busy TSS"},
		{VMCS_GUEST_TR_ACCESS, SEGMENT_UNUSABLE, "TR is unusable"},
		{VMCS_GUEST_TR_SELECTOR, 4, "LDT"},
		{VMCS_GUEST_LDTR_ACCESS, 0x83, "LDTR access"},
		{VMCS_GUEST_GDTR_LIMIT, 0x10000, "GDTR limit"},
		{VMCS_GUEST_ACTIVITY, 9, "activity state 9"},
		{VMCS_GUEST_INTERRUPTIBILITY, 3, "STI and by MOV SS"},
		{VMCS_LINK_POINTER, 0, "link pointer"},
	};

	for (size_t i = 0; i < ARRAY_COUNT(faults); i++) {
		sound_vmcs(state);
		put_field(faults[i].id, faults[i].value);
		explain_vmx(&page, text, sizeof(text));
		if (!strstr(text, faults[i].says))
			fail_msg("expected \"%s\" in \"%s\"", faults[i].says, text);
	}
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
	assert_non_null(strstr(text, "CR0.NE"));
	assert_null(strstr(text, "RFLAGS"));
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
			assert_non_null(strstr(text, "no check"));
		else if (!strstr(text, faults[i].says))
			fail_msg("expected \"%s\" in \"%s\"", faults[i].says, text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(sound_state_fails_no_check, sound_vmcs),
		cmocka_unit_test_setup(each_vmx_check_finds_its_fault, sound_vmcs),
		cmocka_unit_test_setup(injection_that_cannot_be, sound_vmcs),
		cmocka_unit_test_setup(other_failures_are_named, sound_vmcs),
		cmocka_unit_test_setup(text_never_overflows, sound_vmcs),
		cmocka_unit_test(svm_faults_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
