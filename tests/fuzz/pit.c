/* SPDX-License-Identifier: MIT */
/* Fuzzes the PIT and its gate port: a guest's accesses, the passing of time, and saved states. */
#include "tests/fuzz/fuzz.h"

#include "vmm/monitor/dev/pit.c"
#include "vmm/monitor/dev/pit_channel.c"
#include "tests/fuzz/device.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static const struct fuzz_range ranges[] = {{0x40, 4}, {0x61, 1}};
	struct fuzz fuzz = {bytes, size};
	struct device *device;

	fixture_reset();
	device = fixture_attach(pit_attach, &fixture_config);
	fuzz_device(device, ranges, ARRAY_COUNT(ranges), &fuzz, NULL);
	return 0;
}
