/* SPDX-License-Identifier: MIT */
/* Fuzzes the RTC: a guest's accesses, dates that it sets, alarms, and saved states. */
#include "tests/fuzz/fuzz.h"

#include "vmm/monitor/dev/acpi_pm.c"
#include "vmm/monitor/dev/rtc.c"
#include "vmm/rt/date.c"
#include "tests/fuzz/device.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static const struct fuzz_range ranges[] = {{0x70, 2}};
	struct fuzz fuzz = {bytes, size};
	struct device *device;

	fixture_reset();
	fixture_platform.clock.wall_ns = 1709251199ull * 1000000000;
	device = fixture_attach(rtc_attach, &fixture_config);
	(void)fixture_attach(acpi_pm_attach, &fixture_config);
	fuzz_device(device, ranges, ARRAY_COUNT(ranges), &fuzz, NULL);
	return 0;
}
