/* SPDX-License-Identifier: MIT */
#include "tests/fuzz/fuzz.h"

#include "vmm/monitor/dev/acpi_pm.c"
#include "tests/fuzz/device.h"

static struct acpi_pm pm;

static void press(struct fuzz *fuzz)
{
	(void)fuzz;
	acpi_pm_power_button(&pm);
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

	fixture_reset();
	acpi_pm_init(&pm, &fixture_clock, NULL, &fixture_events);
	fuzz_device(&pm.device, ranges, ARRAY_COUNT(ranges), &fuzz, press);
	return 0;
}
