/* SPDX-License-Identifier: MIT */
/*
 * The SVM back end with any VMCB at all after an exit, and a vCPU page that a monitor gone bad has
 * filled: what it decodes keeps to the contract of struct vcpu_exit.
 */
#include "tests/fuzz/inject.h"

#include "tests/unit/svm_machine.h"

static void make_exit(struct fuzz *input)
{
	u32 set = fuzz_u8(input);

	next_code = fuzz_number(input);
	if (set & 1)
		vmcb.control.exit_info1 = fuzz_number(input);
	if (set & 2)
		vmcb.control.exit_info2 = fuzz_number(input);
	if (set & 4)
		vmcb.control.exit_int_info = fuzz_number(input);
	if (set & 8)
		vmcb.control.next_rip = fuzz_number(input);
	if (set & 16)
		next_rip = fuzz_number(input);
	if (set & 32)
		vmcb.save.rflags = fuzz_number(input);
	if (set & 64)
		vmcb.control.interrupt_shadow = fuzz_number(input);
	if (set & 128) /* a CPU takes V_IRQ away, and never sets it */
		vmcb.control.virtual_interrupt =
			fuzz_number(input) & (vmcb.control.virtual_interrupt | ~(u64)VMCB_V_IRQ);
	code_length = fuzz_u8(input) & 15;
}

static void check_exit(void)
{
	const struct vcpu_exit *exit = &vcpu.exit;

	CHECK_THAT(exit->reason > EXIT_NONE && exit->reason < EXIT_REASON_COUNT);
	CHECK_THAT(exit->instruction_length <= 15);
	if (exit->reason == EXIT_EXCEPTION)
		CHECK_THAT(exit->vector < 32);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct fuzz input = {bytes, size};

	setup(NULL);
	vcpu.loaded_cpu = 0;
	while (input.left > 0) {
		u8 what = fuzz_u8(&input);
		struct vcpu_event inject;

		if (what & 1) {
			make_exit(&input);
			svm_enter(&vcpu, 0);
			check_exit();
			svm_leave(&vcpu, 0);
			continue;
		}
		inject = fuzz_inject(&input, what);
		if (what & 2)
			svm_advance(&vcpu, fuzz_u32(&input));
		svm_request(&vcpu, inject.valid ? &inject : NULL, fuzz_u8(&input));
	}
	return 0;
}
