/* SPDX-License-Identifier: MIT */
#pragma once

/* The AHCI driver beside the fake controller, and requests to its two disks. */
#include "tests/unit/vmm/driver/disk/ahci/ahci_fake.h"

#include "tests/unit/disk_conformance.h"

#define DATA_PAGE 100u /* the first of the RAM's pages for requests */
#define ASKED_MAX 40u

static struct driver_disk disk[DISKS];
static char problem[128];
static struct driver_request asked[ASKED_MAX];
static u32 finished;

void request_finish(struct driver_request *request, enum block_status status)
{
	if (conformance_finish(request, status))
		return;
	assert_true(request >= asked && request < asked + ASKED_MAX && request->busy);
	request->busy = false;
	request->status = status;
	finished++;
}

static UNUSED int set_up(void **state)
{
	(void)state;
	make_fake();
	memset(asked, 0, sizeof(asked));
	finished = 0;
	problem[0] = '\0';
	ahci = (struct ahci){.register_bytes = 0x1000,
			     .memory = {fake.ram, addresses, DATA_PAGE},
			     .interrupts = true};
	for (u32 i = 0; i < DISKS; i++)
		disk[i] = (struct driver_disk){.unit = i, .block_bytes = 512};
	return 0;
}

/* Data goes through 16 pages, which three requests have in turn. */
static u8 *data_of(u32 number)
{
	return fake.ram + (DATA_PAGE + number % 3 * BLOCK_REQUEST_PAGES) * PAGE_SIZE;
}

static UNUSED void conformance_make(void)
{
	make_fake();
	ahci = (struct ahci){0};
	/* the driver's functions do not look at the registers' address */
	process_given.registers[0].at = fake.ram;
	process_given.registers[0].bytes = 0x1000;
	process_given.memory = (struct driver_dma){fake.ram, addresses, DATA_PAGE};
	process_given.has_interrupt = true;
	process_given.info.parameter[DRIVER_UNITS] = 1u << 1 | 1u << 4;
	conformance.data = data_of(0);
	conformance.address = addresses + DATA_PAGE;
	conformance.disk = fake.port[0].disk;
	conformance.bytes = DISK_BYTES;
}

static UNUSED void conformance_work(void)
{
	fake_step();
	now_tsc += NS_PER_MS;
}

static bool start(void)
{
	return ahci_start(&ahci, 1u << 1 | 1u << 4, problem, sizeof(problem));
}

static UNUSED bool start_all(void)
{
	return start() && ahci_start_disk(&ahci, &disk[0], problem, sizeof(problem)) &&
	       ahci_start_disk(&ahci, &disk[1], problem, sizeof(problem));
}

static UNUSED bool ask(u32 number, u32 unit, u32 operation, u64 sector, u32 sectors)
{
	struct driver_request *request = &asked[number];

	*request = (struct driver_request){
		.operation = (enum block_operation)operation,
		.unit = unit,
		.sector = sector,
		.sectors = sectors,
		.data = data_of(number),
		.address = addresses + DATA_PAGE + number % 3 * BLOCK_REQUEST_PAGES,
		.busy = true,
	};
	if (ahci_submit(&ahci, request))
		return true;
	request->busy = false;
	return false;
}

/* Until all is done, or nothing more is to be hoped for. */
static UNUSED void work(void)
{
	for (u32 i = 0; i < 3000 && ahci.failure == NULL; i++) {
		fake_step();
		ahci_poll(&ahci);
		now_tsc += NS_PER_MS;
		if (i % 100 == 99)
			ahci_look(&ahci);
		if (ahci.port[0].busy + ahci.port[1].busy == 0)
			return;
	}
}

static UNUSED void expect_status(u32 number, enum block_status status)
{
	assert_false(asked[number].busy);
	assert_int_equal(asked[number].status, status);
}

/*
 * Compares a request with the disk. Its pages are scattered: moved data are compared by pages of
 * the fake's memory.
 */
static UNUSED void compare(u32 number, u32 unit)
{
	const u8 *wanted = fake.port[unit].disk + asked[number].sector * 512;

	for (u32 i = 0; i < asked[number].sectors; i++)
		assert_memory_equal(data_of(number) + i * 512, wanted + i * 512, 512);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)
