/* SPDX-License-Identifier: MIT */
/* Fuzzes the HPET: a guest's accesses of any width, the passing of time, and saved states. */
#include "tests/fuzz/fuzz.h"

#include "vmm/monitor/dev/hpet.c"
#include "tests/fuzz/device.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static const struct fuzz_range ranges[] = {
		{HPET_DEFAULT_ADDRESS, 0x40},
		{HPET_DEFAULT_ADDRESS + HPET_COUNTER, 8},
		{HPET_DEFAULT_ADDRESS + HPET_TIMERS, HPET_TIMER_BYTES * HPET_TIMER_COUNT},
		{HPET_DEFAULT_ADDRESS, HPET_BYTES},
	};
	struct fuzz fuzz = {bytes, size};
	struct device *device;

	fixture_reset();
	device = fixture_attach(hpet_attach, &fixture_config);
	fuzz_device(device, ranges, ARRAY_COUNT(ranges), &fuzz, NULL);
	return 0;
}
