/* SPDX-License-Identifier: MIT */
/* AHCI controllers: many disks have one driver; how it is made quiet. */
#include "tests/unit/vmm/manager/disk/controller_fixture.h"

static void configure(const char *controller, bool broken)
{
	struct disk_config *disk = &disks[disk_count++];

	*disk = (struct disk_config){.section = {.declared = true, .broken = broken}};
	string_copy(disk->controller, sizeof(disk->controller), controller);
}

/* All disks of an AHCI controller that the configuration names have one driver. */
static void test_many_disks(void **state)
{
	struct driver driver = {.kind = &controller_ahci, .device = device_number(1, 0)};
	char name[DRIVER_NAME_BYTES];
	u32 device;

	(void)state;
	configure("ahci0.31", false);
	configure("nvme0", false);
	configure("ahci0.1", false);
	configure("ahci0.3", true);
	configure("nvme7 00:02.0", false);
	configure("ahci0.1", false); /* another partition of the same disk */
	assert_int_equal(controller_units(device_number(1, 0)), BIT(0) | BIT(1) | BIT(31));
	assert_string_equal(called("ahci0.31", &device), "ahci0");
	assert_int_equal(device, device_number(1, 0));
	assert_int_equal(unit, 2);
	drivers[0] = driver;
	drivers[0].used = true;
	assert_string_equal(called("ahci0.1", &device), "ahci0");
	assert_int_equal(unit, 1);
	assert_string_equal(called("00:02.0", &device), "ahci0");
	assert_int_equal(unit, 0);
	string_copy(driver.name, sizeof(driver.name), "ahci0");
	for (u32 i = 0; i < 3; i++) {
		static const char *const names[] = {"ahci0.0", "ahci0.1", "ahci0.31"};

		controller_disk_name(&driver, i, name);
		assert_string_equal(name, names[i]);
	}
	for (u32 i = 0; i < 6; i++) {
		char text[CONFIG_WORD_BYTES];

		format(text, sizeof(text), "ahci0.%u", 10 + i);
		configure(text, false);
	}
	assert_string_equal(called("ahci0.14", &device), "ahci0");
	assert_string_equal(called("ahci0.31", &device),
			    "controller: ahci0.31 stands beside 8 others; use at most 8 disks");
}

static void test_equip_ahci(void **state)
{
	(void)state;
	configure("ahci0.5", false);
	configure("ahci0.2", false);
	controller_ahci.equip(&build, device_number(1, 0));
	assert_string_equal(given, "registers 0+4096; named 5; message on CPU 0, irq; ");
	assert_int_equal(page.parameter[DRIVER_UNITS], BIT(5) | BIT(2));
	assert_true(enabled);
	device_irq_drop(device_number(1, 0));
}

/* The commands of a controller are forgotten before DMA is switched on for the next driver. */
static void test_quiet_ahci(void **state)
{
	const u32 device = device_number(1, 0);
	const char *problem = NULL;

	(void)state;
	quiet_status = STATUS_AGAIN;
	assert_int_equal(controller_ahci.quiet(device, &problem), STATUS_AGAIN);
	assert_int_equal(memory_opened, 0);
	quiet_status = STATUS_OK;
	assert_int_equal(controller_ahci.quiet(device, &problem), STATUS_AGAIN);
	assert_int_equal(memory_opened, 1);
	assert_int_equal(ahci_registers[1], AHCI_GHC_ENABLE | AHCI_GHC_RESET);
	assert_true(controller_ahci.quiet_deadline(device) - now_tsc <= 5 * NS_PER_MS);
	quiet_status = STATUS_BAD_STATE; /* the controller is not asked again */
	ahci_registers[1] = 0;
	assert_int_equal(controller_ahci.quiet(device, &problem), STATUS_OK);
	assert_int_equal(memory_opened, 0);
	quiet_status = STATUS_OK;
	assert_int_equal(controller_ahci.quiet(device, &problem), STATUS_AGAIN);
	now_tsc += 2 * NS_PER_S;
	assert_int_equal(controller_ahci.quiet(device, &problem), STATUS_BAD_STATE);
	assert_string_equal(problem, "it does not return from its reset");
	assert_int_equal(memory_opened, 0);
	/* a controller that was never switched on, or was reset as a function */
	decodes = false;
	assert_int_equal(controller_ahci.quiet(device, &problem), STATUS_OK);
	decodes = true;
	functions[1].capability_count = 1;
	assert_int_equal(controller_ahci.quiet(device, &problem), STATUS_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(test_many_disks), TEST(test_equip_ahci),
					   TEST(test_quiet_ahci)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
