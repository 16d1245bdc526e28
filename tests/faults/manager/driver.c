/* SPDX-License-Identifier: MIT */
/* Drivers and switches that really die, and devices that do not become quiet. */
#include "lib/bits.h"
#include "tests/faults/manager/fault.h"

#include "vmm/manager/driver/driver.h"
#include "vmm/manager/net/net.h"
#include "vmm/manager/pci/pci.h"
#include "vmm/rt/syscall.h"

#define LINKS_MAX 64u

/*
 * The addresses at which the clients of switches have their links, by the link's memory; the latest
 * go last.
 */
static struct {
	handle_t memory;
	u64 at;
} given[LINKS_MAX];
static u32 given_count;

void __real_process_build_map(struct process_build *build, enum start_kind kind, handle_t memory,
			      u64 offset, u64 bytes, u32 rights);
void __wrap_process_build_map(struct process_build *build, enum start_kind kind, handle_t memory,
			      u64 offset, u64 bytes, u32 rights);
void __wrap_process_build_map(struct process_build *build, enum start_kind kind, handle_t memory,
			      u64 offset, u64 bytes, u32 rights)
{
	u32 at = given_count++ % LINKS_MAX;

	__real_process_build_map(build, kind, memory, offset, bytes, rights);
	if (kind != START_NET || process_build_failed(build)) {
		given_count--;
		return;
	}
	given[at].memory = memory;
	given[at].at = build->info->entry[build->info->entry_count - 1].offset;
}

static u64 client_at(handle_t memory)
{
	for (u32 i = given_count; i != 0 && given_count - i < LINKS_MAX; i--) {
		if (given[(i - 1) % LINKS_MAX].memory == memory)
			return given[(i - 1) % LINKS_MAX].at;
	}
	return 0;
}

static const struct driver_link *find_link(struct driver *driver, const char *user)
{
	for (u32 i = 0; i < DRIVER_CLIENT_MAX; i++) {
		const struct driver_link *link = &driver->link[i];
		bool wanted = user != NULL ? string_equal(link->user, user) : link->driver_at != 0;

		if (link->used && wanted)
			return link;
	}
	return NULL;
}

/* A card's driver has no clients: it is one, of a switch. */
static const struct driver_link *find_uplink(const char *name)
{
	const struct driver_link *link = NULL;

	DRIVER_FOR_EACH(driver) {
		if (link == NULL && driver->kind->class == &bridge_class)
			link = find_link(driver, name);
	}
	return link;
}

/* Unmaps a driver's link: the driver's next look at the link is a page fault. */
static void command_driver(struct reply *reply, const struct arguments *arguments)
{
	struct driver *driver = driver_find(arguments->word[0]);
	const struct driver_link *link = driver != NULL ? find_link(driver, NULL) : NULL;
	const struct driver_link *uplink = driver != NULL ? find_uplink(driver->name) : NULL;
	const struct driver *server = driver;
	u64 at = 0;

	if (link != NULL) {
		at = link->driver_at;
	} else if (uplink != NULL) {
		at = client_at(uplink->ends.memory);
		server = driver_of_link(uplink);
	}
	if (at == 0) {
		reply_error(reply, "name a driver that has a client or is a network's card");
		return;
	}
	if (sys_space_unmap(driver->space, at,
			    align_up(server->kind->class->link_bytes, PAGE_SIZE)) != STATUS_OK)
		reply_error(reply, "its link is not mapped");
	sys_event_signal(link != NULL ? link->ends.doorbell : uplink->ends.bell);
}

COMMAND(fault_driver, .name = "fault driver", .right = MAY_HOST, .arguments = "DRIVER",
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

COMMAND(fault_loud, .name = "fault loud", .right = MAY_HOST, .arguments = "",
	.summary = "no device becomes quiet any more; or they do again", .example = "fault loud",
	.run = command_loud, .changes = true);
