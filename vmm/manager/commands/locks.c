/* SPDX-License-Identifier: MIT */
/*
 * The command `locks`: shows how often the kernel's locks were taken and contended. Run by
 * command.c; reads counters that only a DEBUG kernel keeps.
 */
#include "lib/lock.h"
#include "vmm/manager/command/command.h"
#include "vmm/manager/host/machine.h"

static const char *const names[LOCK_RANKS] = {
	[LOCK_LONG] = "long",	    [LOCK_OBJECTS] = "objects", [LOCK_SHARED] = "shared",
	[LOCK_IRQ] = "irq",	    [LOCK_QUEUE] = "queue",	[LOCK_RUN] = "run-queue",
	[LOCK_GROUP] = "run-group", [LOCK_LAYER] = "layer",	[LOCK_SPACE] = "space",
	[LOCK_IOMMU] = "iommu",	    [LOCK_IOAPIC] = "ioapic",	[LOCK_MEMORY] = "memory",
	[LOCK_QUOTA] = "quota",	    [LOCK_DEFERRED] = "tlb",	[LOCK_PAGES] = "pages",
};
_Static_assert(LOCK_RANKS <= ARRAY_COUNT(((struct kernel_page *)0)->locks), "all are counted");

static void command_locks_show(struct reply *reply, const char *name,
			       const struct lock_counters *counters)
{
	if (!reply->json) {
		reply_line(reply, "%-10s %14llu %12llu", name, (unsigned long long)counters->taken,
			   (unsigned long long)counters->waited);
		return;
	}
	reply_object_begin(reply);
	json_string(&reply->object, "lock", name);
	json_u64(&reply->object, "taken", counters->taken);
	json_u64(&reply->object, "waited", counters->waited);
	reply_object_end(reply);
}

static void command_locks(struct reply *reply, const struct arguments *arguments)
{
	const struct lock_counters *locks = machine_page()->locks;

	(void)arguments;
	if (locks[LOCK_OBJECTS].taken == 0) {
		reply_error(reply, "locks are counted by an image built with make DEBUG=1");
		return;
	}
	if (!reply->json)
		reply_line(reply, "%-10s %14s %12s", "LOCK", "TAKEN", "WAITED");
	for (u32 i = 0; i < LOCK_RANKS; i++)
		command_locks_show(reply, names[i], &locks[i]);
}

COMMAND(locks,
	.name = "locks",
	.right = MAY_VIEW,
	.arguments = "",
	.summary = "the kernel's locks: how often taken, how often contended",
	.detail = "Counted by an image built with make DEBUG=1 only.",
	.example = "locks",
	.keys = "lock taken waited",
	.run = command_locks);
