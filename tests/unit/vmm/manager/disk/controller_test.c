/* SPDX-License-Identifier: MIT */
/* Which controller a name means, what a driver of it gets, and how it is made quiet. */
#include "tests/unit/vmm/manager/disk/controller_fixture.h"

static void test_names(void **state)
{
	static const struct {
		const char *wanted, *name;
	} cases[] = {
		{"nvme0", "nvme0"},
		{"nvme1", "nvme1"},
		{"01:00.0", "nvme1"},
		{"ide0.0", "ide0.0"},
		{"ide0.3", "ide0.3"},
		{"ide1.2", "ide1.2"},
		/* the first name for which there is a controller */
		{"00:05.0", "ide1.0"},
		{"nvme7 ide0.1", "ide0.1"},
		{"nvme0 ide0.1", "nvme0"},
		{"ide0.1 nvme0", "ide0.1"},
		{"virtio0", "virtio0"},
		{"01:02.0", "virtio0"},
		{"scsi0.0", "scsi0"},
		{"scsi0.31", "scsi0"},
		{"01:03.0", "scsi0"},
	};
	static const char *const missing[] = {"nvme2",	  "ide0",    "ide0.4",	     "ide2.0",
					      "ahci1.0",  "ahci0",   "ahci0.32",     "00:03.0",
					      "03:00.0",  "nvme0.0", "nvme7 ide7.0", "virtio1",
					      "scsi0.32", "scsi1.0", "01:01.0"};
	u32 device;

	(void)state;
	for (u32 i = 0; i < ARRAY_COUNT(cases); i++)
		assert_string_equal(called(cases[i].wanted, &device), cases[i].name);
	assert_string_equal(called("ide1.2", &device), "ide1.2");
	assert_ptr_equal(device_function(device), &functions[4]);
	assert_int_equal(device_unit(device), 2);
	for (u32 i = 0; i < ARRAY_COUNT(missing); i++)
		assert_true(text_contains(text_of(called(missing[i], &device)),
					  TEXT("no disk controller of this host")));
	functions[3].problem = "its capabilities loop";
	assert_string_equal(called("nvme0", &device), "controller: nvme0: its capabilities loop");
}

/* A second disk of the controller would end with the first one's driver. */
static void test_one_disk(void **state)
{
	u32 device;

	(void)state;
	assert_string_equal(called("ide0.1", &device), "ide0.1");
	drivers[0] = (struct driver){.used = true, .kind = &controller_ide, .device = device};
	string_copy(drivers[0].name, DRIVER_NAME_BYTES, "ide0.1");
	/* a partition of the disk has the same driver */
	assert_string_equal(called("ide0.1", &device), "ide0.1");
	assert_string_equal(
		called("ide0.2", &device),
		"controller: ide0.2 stands beside ide0.1; use one disk of an IDE controller");
	assert_string_equal(called("ide1.2", &device), "ide1.2");
}

static void test_equip(void **state)
{
	u32 device;

	(void)state;
	(void)called("ide0.3", &device);
	controller_ide.equip(&build, device);
	assert_string_equal(given, "command 170+8; control 376+1; bus master c048+8; "
				   "line 15, irq; ");
	assert_int_equal(page.parameter[DRIVER_UNIT], 1);
	assert_string_equal(functions[0].driver, "ide");
	assert_true(enabled && !process_build_failed(&build));
	given[0] = '\0';
	functions[0].interface = 0; /* without bus mastering, and on a line that somebody has */
	line_taken = true;
	(void)called("ide0.0", &device);
	controller_ide.equip(&build, device);
	assert_string_equal(given, "command 1f0+8; control 3f6+1; ");
	given[0] = '\0';
	line_taken = false;
	(void)called("ide1.2", &device);
	controller_ide.equip(&build, device);
	assert_string_equal(given, "command d000+8; control d012+1; bus master c048+8; ");
	given[0] = '\0';
	(void)called("nvme0", &device);
	controller_nvme.equip(&build, device);
	assert_string_equal(given, "registers 0+16384; named 0; message on CPU 0, irq; ");
	given[0] = '\0';
	(void)called("virtio0", &device);
	controller_virtio.equip(&build, device);
	assert_string_equal(given, "structures of 1042; message on CPU 0, irq; ");
	assert_string_equal(functions[7].driver, "virtio_blk");
	given[0] = '\0';
	(void)called("scsi0.3", &device);
	controller_virtio_scsi.equip(&build, device);
	assert_string_equal(given, "structures of 1048; message on CPU 0, irq; ");
	assert_string_equal(functions[8].driver, "virtio_scsi");
}

/* Requests under way are over before DMA is switched on for the next driver. */
static void test_quiet(void **state)
{
	const char *problem = NULL;
	u32 device;

	(void)state;
	(void)called("ide0.2", &device);
	device_irq_drop(device);
	destroyed = 0;
	controller_ide.equip(&build, device);
	quiet_status = STATUS_AGAIN;
	assert_int_equal(controller_ide.quiet(device, &problem), STATUS_AGAIN);
	assert_int_equal(dma_command, 9);
	quiet_status = STATUS_OK;
	dma_stays = 0xff;
	assert_int_equal(controller_ide.quiet(device, &problem), STATUS_BAD_STATE);
	assert_string_equal(problem, "its transfer does not end");
	assert_int_equal(destroyed, 0);
	dma_stays = 0x60;
	assert_int_equal(controller_ide.quiet(device, &problem), STATUS_OK);
	assert_int_equal(dma_command, 0);
	assert_int_equal(resets, 1);
	assert_int_equal(control_writes, 2);
	assert_int_equal(destroyed, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(test_names), TEST(test_one_disk), TEST(test_equip),
					   TEST(test_quiet)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
