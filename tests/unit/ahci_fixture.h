/* SPDX-License-Identifier: MIT */
/* The AHCI driver beside its fake controller, and what its requests have become. */
#pragma once

#include "tests/unit/ahci_fake.h"

#define DATA_PAGE  100u /* of the RAM: pages of requests, from here on */
#define ASKED_MAX  40u

static struct ahci ahci;
static struct driver_disk disk[DISKS];
static char problem[128];
static struct driver_request asked[ASKED_MAX];
static u32 finished;

void driver_finish(struct driver_request *request, enum block_status status)
{
	assert_true(request >= asked && request < asked + ASKED_MAX && request->busy);
	request->busy = false;
	request->status = status;
	finished++;
}

static int set_up(void **state)
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

static bool start(void)
{
	return ahci_start(&ahci, 1u << 1 | 1u << 4, problem, sizeof(problem));
}

static bool start_all(void)
{
	return start() && ahci_start_disk(&ahci, &disk[0], problem, sizeof(problem)) &&
	       ahci_start_disk(&ahci, &disk[1], problem, sizeof(problem));
}

static void expect_refusal(const char *text)
{
	assert_false(start_all());
	assert_string_equal(problem, text);
}
