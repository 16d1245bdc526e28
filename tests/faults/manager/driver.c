/* SPDX-License-Identifier: MIT */
/* Disk drivers that really die, and devices that do not become quiet. */
#include "tests/faults/manager/fault.h"

#include "vmm/manager/driver/driver.h"
#include "vmm/manager/pci/pci.h"
#include "vmm/rt/syscall.h"

static struct driver_link *first_link(struct driver *driver)
{
	for (u32 i = 0; driver != NULL && i < DRIVER_CLIENT_MAX; i++) {
		if (driver->link[i].used && driver->link[i].driver_at != 0)
			return &driver->link[i];
	}
	return NULL;
}

/* Its next look at the link is a page fault. */
static void command_driver(struct reply *reply, const struct arguments *arguments)
{
	struct driver *driver = driver_find(arguments->word[0]);
	const struct driver_link *link = first_link(driver);

	if (link == NULL) {
		reply_error(reply, "allowed: a driver that has a client");
		return;
	}
	if (sys_space_unmap(driver->space, link->driver_at, BLOCK_LINK_BYTES) != STATUS_OK)
		reply_error(reply, "its link is not mapped");
	sys_event_signal(link->doorbell);
}

COMMAND(fault_driver, .name = "fault driver", .arguments = "DRIVER",
	.summary = "a page fault ends a driver", .example = "fault driver nvme0",
	.run = command_driver, .minimum = 1, .maximum = 1, .changes = true);

static bool loud;

enum status __real_pci_quiet(struct pci_function *function, const char **problem);
enum status __wrap_pci_quiet(struct pci_function *function, const char **problem);
enum status __wrap_pci_quiet(struct pci_function *function, const char **problem)
{
	if (!loud)
		return __real_pci_quiet(function, problem);
	*problem = "its device does not become quiet";
	return STATUS_BAD_STATE;
}

static void command_loud(struct reply *reply, const struct arguments *arguments)
{
	(void)reply;
	(void)arguments;
	loud = !loud;
}

COMMAND(fault_loud, .name = "fault loud", .arguments = "",
	.summary = "no device becomes quiet any more; or they do again", .example = "fault loud",
	.run = command_loud, .changes = true);
