/* SPDX-License-Identifier: MIT */
/* The devices by which a guest is known to be dead: the watchdog, and the port of pvpanic. */
#include "tests/fuzz/fuzz.h"

#include "vmm/monitor/dev/pvpanic.c"
#include "vmm/monitor/dev/watchdog.c"
#include "tests/fuzz/device.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static const struct fuzz_range watchdog_ranges[] = {{WATCHDOG_PORT, WATCHDOG_PORT_COUNT}};
	static const struct fuzz_range pvpanic_ranges[] = {{PVPANIC_PORT, PVPANIC_PORT_COUNT}};
	struct fuzz fuzz = {bytes, size};
	bool dog;

	fixture_reset();
	dog = fuzz_u8(&fuzz) & 1;
	fuzz_device(fixture_attach(dog ? watchdog_attach : pvpanic_attach, &fixture_config),
		    dog ? watchdog_ranges : pvpanic_ranges, 1, &fuzz, NULL);
	return 0;
}
