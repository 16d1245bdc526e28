/* SPDX-License-Identifier: MIT */
/* Exceptions that exit on their way to the guest: INT3 and its like, single steps, INT1. */
#include "tests/unit/monitor_fixture.h"

static int set_up(void **state)
{
	fixture_make(state);
	page.valid = VCPU_ALL;
	page.rip = 0x1000;
	string_copy(info.backend, sizeof(info.backend), "SVM/NPT");
	return 0;
}

/* Checks what the guest gets for an exit; `length` is the instruction's length by the CPU. */
static void expect_software(u64 code, u32 vector, u32 length, u32 type, u32 raised, u32 passed)
{
	page.exit = (struct vcpu_exit){.reason = EXIT_EXCEPTION,
				       .vendor_code = code,
				       .vector = vector,
				       .instruction_length = length};
	vcpu->event.valid = 0;
	page.cr2 = 0x1234;
	exits_handle(vcpu);
	assert_true(vcpu->event.valid);
	assert_int_equal(vcpu->event.type, type);
	assert_int_equal(vcpu->event.vector, raised);
	assert_int_equal(vcpu->event.instruction_length, passed);
	assert_int_equal(page.cr2, 0x1234);
}

static void set_code(const char *bytes)
{
	memset(ram + 0x1000, 0x90, 16);
	memcpy(ram + 0x1000, bytes, strlen(bytes));
	assert_int_equal(x86_decode(ram + 0x1000, 15, X86_MODE_32, &decode_answer), X86_OK);
}

/* Emulated CPUs give one exit code for all of these instructions, and no length. */
static void test_software_unknown(void **state)
{
	(void)state;
	set_code("\xcc");
	expect_software(VMEXIT_SWINT, VECTOR_BP, 0, EVENT_SOFTWARE_EXCEPTION, VECTOR_BP, 1);
	set_code("\x66\xcc");
	expect_software(VMEXIT_SWINT, VECTOR_BP, 0, EVENT_SOFTWARE_EXCEPTION, VECTOR_BP, 2);
	set_code("\xcd\x80");
	expect_software(VMEXIT_SWINT, VECTOR_BP, 0, EVENT_SOFTWARE_INTERRUPT, 0x80, 2);
	set_code("\x66\xcd\x03");
	expect_software(VMEXIT_SWINT, VECTOR_BP, 0, EVENT_SOFTWARE_INTERRUPT, VECTOR_BP, 3);
	set_code("\xce");
	expect_software(VMEXIT_SWINT, VECTOR_BP, 0, EVENT_SOFTWARE_EXCEPTION, VECTOR_OF, 1);
}

/* Another vCPU has replaced or unmapped the instruction: what is there now is executed. */
static void test_software_replaced(void **state)
{
	(void)state;
	set_code("\x0f\x1f");
	for (u32 i = 0; i < 2; i++) {
		page.exit = (struct vcpu_exit){.reason = EXIT_EXCEPTION,
					       .vendor_code = VMEXIT_SWINT,
					       .vector = VECTOR_BP,
					       .instruction_length = i};
		page.cr2 = 0x1234;
		exits_handle(vcpu);
		assert_false(vcpu->event.valid);
		assert_int_equal(page.request & REQUEST_ADVANCE, 0);
		assert_int_equal(page.rip, 0x1000);
		assert_int_equal(page.cr2, 0x1234);
		assert_memory_equal(ram + 0x1000, "\x0f\x1f\x90", 3);
		emulate_answer = EMULATE_FAULT;
	}
}

/* Where the CPU tells the instructions apart, the instruction is what the CPU says. */
static void test_software_known(void **state)
{
	(void)state;
	set_code("\x90");
	expect_software(VMEXIT_EXCEPTION + VECTOR_BP, VECTOR_BP, 1, EVENT_SOFTWARE_EXCEPTION,
			VECTOR_BP, 1);
	expect_software(VMEXIT_EXCEPTION + VECTOR_BP, VECTOR_BP, 0, EVENT_SOFTWARE_EXCEPTION,
			VECTOR_BP, 1);
	expect_software(VMEXIT_EXCEPTION + VECTOR_OF, VECTOR_OF, 2, EVENT_SOFTWARE_EXCEPTION,
			VECTOR_OF, 2);
	set_code("\xcd\x80");
	expect_software(VMEXIT_EXCEPTION + VECTOR_BP, VECTOR_BP, 0, EVENT_SOFTWARE_EXCEPTION,
			VECTOR_BP, 1);
	set_code("\x66\xce");
	expect_software(VMEXIT_EXCEPTION + VECTOR_OF, VECTOR_OF, 0, EVENT_SOFTWARE_EXCEPTION,
			VECTOR_OF, 2);

	string_copy(info.backend, sizeof(info.backend), "VMX/EPT");
	expect_software(0, VECTOR_BP, 2, EVENT_SOFTWARE_EXCEPTION, VECTOR_BP, 2);
	expect_software(0, VECTOR_OF, 1, EVENT_SOFTWARE_EXCEPTION, VECTOR_OF, 1);
	set_code("\xcd\x80");
	expect_software(0, VECTOR_BP, 1, EVENT_SOFTWARE_EXCEPTION, VECTOR_BP, 1);
}

/* VMX leaves DR6 to whoever delivers the #DB; INT1 does not change DR6. */
static void test_debug(void **state)
{
	(void)state;
	string_copy(info.backend, sizeof(info.backend), "VMX/EPT");
	page.exit = (struct vcpu_exit){
		.reason = EXIT_EXCEPTION, .vector = VECTOR_DB, .qualification = DR6_BS | 2};
	exits_handle(vcpu);
	assert_int_equal(vcpu->event.vector, VECTOR_DB);
	assert_int_equal(page.dr[6] & (DR6_BS | DR6_BREAKPOINTS), DR6_BS | 2);

	/* INT1 is not delivered as a fault, which would run it again. */
	page.dr[6] = DR6_RESET;
	vcpu->event.valid = 0;
	page.exit = (struct vcpu_exit){
		.reason = EXIT_EXCEPTION, .vector = VECTOR_DB, .instruction_length = 1};
	exits_handle(vcpu);
	assert_true(vcpu->event.valid);
	assert_int_equal(vcpu->event.type, EVENT_PRIVILEGED_EXCEPTION);
	assert_int_equal(vcpu->event.vector, VECTOR_DB);
	assert_int_equal(vcpu->event.instruction_length, 1);
	assert_int_equal(page.dr[6], DR6_RESET);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_software_unknown, set_up, fixture_free),
		cmocka_unit_test_setup_teardown(test_software_replaced, set_up, fixture_free),
		cmocka_unit_test_setup_teardown(test_software_known, set_up, fixture_free),
		cmocka_unit_test_setup_teardown(test_debug, set_up, fixture_free),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
