/* SPDX-License-Identifier: MIT */
/* The small devices: ports 0xcf9 and 0x92, the 8042, debug exit and port 0x80. */
/* Counted elsewhere: vmm/monitor/dev/debug.c */
#include "tests/fuzz/fuzz.h"

#include "vmm/monitor/dev/debug.c"
#include "vmm/monitor/dev/reset.c"
#include "tests/fuzz/device.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static const struct fuzz_range reset_ranges[] = {{I8042_DATA_PORT, 1},
							 {I8042_COMMAND_PORT, 1},
							 {RESET_CONTROL_PORT, 1},
							 {CONTROL_A_PORT, 1}};
	static const struct fuzz_range debug_ranges[] = {{DEBUG_CODE_PORT, 1},
							 {DEBUG_EXIT_PORT, DEBUG_EXIT_BYTES},
							 {DEBUG_OTHER_EXIT, DEBUG_OTHER_BYTES}};
	struct fuzz fuzz = {bytes, size};
	struct device *device;

	fixture_reset();
	if (fuzz_u8(&fuzz) & 1) {
		device = fixture_attach(reset_attach, &fixture_config);
		fuzz_device(device, reset_ranges, ARRAY_COUNT(reset_ranges), &fuzz, NULL);
	} else {
		device = fixture_attach(debug_attach, &fixture_config);
		fuzz_device(device, debug_ranges, ARRAY_COUNT(debug_ranges), &fuzz, NULL);
	}
	return 0;
}
