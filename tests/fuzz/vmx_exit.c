/* SPDX-License-Identifier: MIT */
/*
 * The VMX back end with any VMCS at all after an exit, and a vCPU page that a monitor gone bad has
 * filled: what it decodes keeps to the contract of struct vcpu_exit.
 */
/* Counted elsewhere: vmm/monitor/load/ */
#include "tests/fuzz/inject.h"

#include "tests/unit/vmx_machine.h"

static struct fuzz input;

static void make_exit(void)
{
	/* clang-format off */
	static const u32 fields[] = {
		VMCS_EXIT_QUALIFICATION, VMCS_EXIT_INTERRUPTION_INFO, VMCS_EXIT_ERROR_CODE,
		VMCS_EXIT_INSTRUCTION_LENGTH, VMCS_EXIT_INSTRUCTION_INFO, VMCS_IDT_VECTORING_INFO,
		VMCS_IDT_VECTORING_ERROR_CODE, VMCS_GUEST_PHYSICAL_ADDRESS,
		VMCS_GUEST_LINEAR_ADDRESS, VMCS_GUEST_INTERRUPTIBILITY, VMCS_GUEST_CR0,
		VMCS_GUEST_CR4, VMCS_GUEST_SS_ACCESS, VMCS_GUEST_CS_ACCESS,
		VMCS_GUEST_RFLAGS, VMCS_GUEST_RIP,
	};
	/* clang-format on */
	u32 set = fuzz_u16(&input);

	field[VMCS_EXIT_REASON] = (u32)fuzz_number(&input);
	for (u32 i = 0; i < ARRAY_COUNT(fields); i++)
		if (set >> i & 1)
			field[fields[i]] = fuzz_number(&input) & width_mask(fields[i]);
}

static void check_exit(void)
{
	const struct vcpu_exit *exit = &vcpu.exit;

	CHECK_THAT(exit->reason > EXIT_NONE && exit->reason < EXIT_REASON_COUNT);
	if (exit->reason == EXIT_EXCEPTION)
		CHECK_THAT(exit->vector < 256);
	if (exit->reason == EXIT_IO)
		CHECK_THAT(exit->io_size >= 1 && exit->io_size <= 8);
	CHECK_THAT(vcpu.event.valid <= 1 && vcpu.event.type < 8);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	input = (struct fuzz){bytes, size};
	set_up(NULL);
	run_hook = make_exit;
	while (input.left > 0) {
		u8 what = fuzz_u8(&input);
		struct vcpu_event inject;

		switch (what & 3) {
		case 0:
			vcpu.event.valid = 0;
			vmx_enter(&vcpu, what & 4 ? fuzz_number(&input) : 0);
			check_exit();
			vmx_leave(&vcpu, 0);
			break;
		case 1: { /* a monitor's values go to the VMCS, or are ignored */
			u32 at = fuzz_u16(&input) % (sizeof(*page) - 8);
			u64 value = fuzz_number(&input);

			memcpy((u8 *)page + at, &value, sizeof(value));
			vmx_set(&vcpu,
				fuzz_u16(&input) & VCPU_ALL & ~(u32)(VCPU_EVENT | VCPU_XCR0));
			break;
		}
		case 2:
			vmx_get(&vcpu,
				fuzz_u16(&input) & (VCPU_ALL | VCPU_CODE) & ~(u32)VCPU_EVENT);
			break;
		default:
			inject = fuzz_inject(&input, what);
			if (what & 4)
				vmx_advance(&vcpu, fuzz_u32(&input));
			vmx_request(&vcpu, inject.valid ? &inject : NULL, fuzz_u8(&input));
		}
	}
	tear_down(NULL);
	return 0;
}
