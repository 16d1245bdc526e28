/* SPDX-License-Identifier: MIT */
/* Fuzzes the ACPI power management registers: a guest's accesses, the buttons, and saved states. */
#include "tests/fuzz/fuzz.h"

#include "vmm/monitor/dev/acpi_pm.c"
#include "tests/fuzz/device.h"

static void press(struct fuzz *fuzz)
{
	(void)fuzz;
	acpi_pm_power_button(fixture_platform.acpi_pm);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static const struct fuzz_range ranges[] = {
		{ACPI_PM_EVENT_PORT, ACPI_PM_EVENT_BYTES},
		{ACPI_PM_CONTROL_PORT, ACPI_PM_CONTROL_BYTES},
		{ACPI_PM_TIMER_PORT, ACPI_PM_TIMER_BYTES},
		{ACPI_PM_GPE0_PORT, ACPI_PM_GPE0_BYTES},
	};
	struct fuzz fuzz = {bytes, size};
	struct device *device;

	fixture_reset();
	device = fixture_attach(acpi_pm_attach, &fixture_config);
	fuzz_device(device, ranges, ARRAY_COUNT(ranges), &fuzz, press);
	return 0;
}
