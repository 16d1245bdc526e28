/* SPDX-License-Identifier: MIT */
#include "tests/fuzz/fuzz.h"

#include "vmm/monitor/dev/rtc.c"
#include "vmm/monitor/dev/rtc_time.c"
#include "tests/fuzz/device.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static const struct fuzz_range ranges[] = {{0x70, 2}};
	struct fuzz fuzz = {bytes, size};
	static struct rtc rtc;

	fixture_reset();
	fixture_clock.wall_ns = 1709251199ull * 1000000000;
	rtc_init(&rtc, &fixture_clock, NULL, 3 * GIB, 2 * GIB);
	fuzz_device(&rtc.device, ranges, ARRAY_COUNT(ranges), &fuzz, NULL);
	return 0;
}
