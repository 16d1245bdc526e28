/* SPDX-License-Identifier: MIT */
/* How much of a guest's local APIC the CPU virtualizes: controls, bitmaps, MSRs. */
#include "tests/unit/vmx_machine.h"

#define ALL                                                                                        \
	(SECONDARY_APIC_ACCESSES | SECONDARY_X2APIC_MODE | SECONDARY_APIC_REGISTERS |              \
	 SECONDARY_INTERRUPT_DELIVERY)

static u32 apic_controls(u32 mode)
{
	page->apic_mode = mode;
	vmx_set(&vcpu, VCPU_APIC);
	return (u32)field[VMCS_SECONDARY_CONTROLS] & ALL;
}

/* Whether accesses to an MSR do not exit, by the VMCS's bitmap. */
static bool passes(u32 msr, bool write)
{
	const struct vmx_msr_bitmap *bitmap = (const void *)field[VMCS_MSR_BITMAP];

	return !((write ? bitmap->write_low : bitmap->read_low)[msr / 8] >> (msr % 8) & 1);
}

static void all_or_nothing_is_used(void **state)
{
	const u32 each[] = {SECONDARY_APIC_ACCESSES, SECONDARY_X2APIC_MODE,
			    SECONDARY_APIC_REGISTERS, SECONDARY_INTERRUPT_DELIVERY};
	struct vmx_capability c;
	struct vmx_capability_msrs m;

	(void)state;
	assert_null(vmx_capability_judge(&good_msrs, &c));
	assert_int_equal(c.apic, ALL);
	assert_int_equal(c.secondary & ALL, 0);
	for (size_t i = 0; i < ARRAY_COUNT(each); i++) {
		m = good_msrs;
		m.secondary &= ~((u64)each[i] << 32);
		assert_null(vmx_capability_judge(&m, &c));
		assert_int_equal(c.apic, 0);
	}
}

static void modes_choose_the_controls(void **state)
{
	u32 others;

	(void)state;
	assert_int_equal(page->apic_virtualized, 1);
	others = (u32)field[VMCS_SECONDARY_CONTROLS];
	assert_int_equal(others & ALL, 0);
	assert_int_equal(field[VMCS_VIRTUAL_APIC], (u64)apic);
	assert_int_equal(apic_controls(VAPIC_DELIVERY), SECONDARY_INTERRUPT_DELIVERY);
	vcpu.apic_access = HPA(0x5000);
	assert_int_equal(apic_controls(VAPIC_MEMORY), ALL & ~SECONDARY_X2APIC_MODE);
	assert_int_equal(field[VMCS_APIC_ACCESS], 0x5000);
	assert_int_equal(apic_controls(VAPIC_MSRS), ALL & ~SECONDARY_APIC_ACCESSES);
	page->trap = VTRAP_FLUSH; /* the group also sets other controls of the same field */
	vmx_set(&vcpu, VCPU_TRAPS);
	assert_int_equal(field[VMCS_SECONDARY_CONTROLS] & ALL, ALL & ~SECONDARY_APIC_ACCESSES);
	page->trap = 0;
	vmx_set(&vcpu, VCPU_TRAPS);
	assert_int_equal(apic_controls(VAPIC_NONE), 0);
	assert_int_equal(field[VMCS_SECONDARY_CONTROLS], others);
}

/* An access that the CPU does not virtualize would reach the host's MSR. */
static void msrs_pass_in_x2apic_mode_alone(void **state)
{
	(void)state;
	for (u32 mode = VAPIC_NONE; mode <= VAPIC_MSRS; mode++) {
		bool x2apic = mode == VAPIC_MSRS;

		(void)apic_controls(mode);
		assert_int_equal(passes(0x808, true), x2apic); /* the TPR */
		assert_int_equal(passes(0x80b, true), x2apic); /* the EOI register */
		assert_int_equal(passes(0x83f, true), x2apic); /* the SELF_IPI register */
		assert_int_equal(passes(0x802, false), x2apic);
		assert_int_equal(passes(0x827, false), x2apic);
		assert_int_equal(passes(0x837, false), x2apic);
		assert_false(passes(0x830, true)); /* the ICR */
		assert_false(passes(0x830, false));
		assert_false(passes(0x839, false)); /* the timer's count */
		assert_false(passes(0x80b, false)); /* the read raises #GP */
		assert_false(passes(0x80e, false));
		assert_false(passes(0x83f, false));
		assert_false(passes(0x838, true));
		assert_false(passes(0x7ff, false));
		assert_false(passes(0x840, false));
		assert_true(passes(0x174, true)); /* this MSR passes always */
	}
}

static void a_cpu_without_it_keeps_all_to_the_monitor(void **state)
{
	(void)state;
	vmx_capability.apic = 0;
	field[VMCS_GUEST_INTERRUPT_STATUS] = 0x77;
	page->interrupt_status = 0x31;
	assert_int_equal(apic_controls(VAPIC_MSRS), 0);
	assert_false(passes(0x80b, true));
	vmx_set(&vcpu, VCPU_INTERRUPTS);
	assert_int_equal(field[VMCS_GUEST_INTERRUPT_STATUS], 0x77);
}

static void status_and_eoi_exits_are_taken_over(void **state)
{
	(void)state;
	page->interrupt_status = 0x4131;
	page->eoi_exit[1] = 0x8000;
	page->eoi_exit[3] = ~0ull;
	vcpu.flush = false;
	vmx_set(&vcpu, VCPU_INTERRUPTS);
	assert_false(vcpu.flush);
	vmx_set(&vcpu, VCPU_APIC);
	assert_true(vcpu.flush);
	assert_int_equal(field[VMCS_GUEST_INTERRUPT_STATUS], 0x4131);
	assert_int_equal(field[VMCS_EOI_EXIT0], 0);
	assert_int_equal(field[VMCS_EOI_EXIT0 + 2], 0x8000);
	assert_int_equal(field[VMCS_EOI_EXIT0 + 6], ~0ull);
}

static void exits_say_what_is_left_to_do(void **state)
{
	(void)state;
	assert_false(decode(VMX_EXIT_VIRTUALIZED_EOI, 0x31));
	assert_int_equal(vcpu.exit.reason, EXIT_EOI);
	assert_int_equal(vcpu.exit.vector, 0x31);
	assert_false(decode(VMX_EXIT_APIC_WRITE, 0x300));
	assert_int_equal(vcpu.exit.reason, EXIT_APIC_WRITE);
	assert_int_equal(vcpu.exit.qualification, 0x300);
	assert_false(decode(VMX_EXIT_APIC_ACCESS, 0x1390));
	assert_int_equal(vcpu.exit.reason, EXIT_APIC_ACCESS);
	assert_int_equal(vcpu.exit.qualification, 0x1390);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_WITH_VCPU(all_or_nothing_is_used),
		TEST_WITH_VCPU(modes_choose_the_controls),
		TEST_WITH_VCPU(msrs_pass_in_x2apic_mode_alone),
		TEST_WITH_VCPU(a_cpu_without_it_keeps_all_to_the_monitor),
		TEST_WITH_VCPU(status_and_eoi_exits_are_taken_over),
		TEST_WITH_VCPU(exits_say_what_is_left_to_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
