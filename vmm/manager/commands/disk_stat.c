/* SPDX-License-Identifier: MIT */
#include "vmm/manager/command.h"
#include "vmm/manager/disk/disk.h"

static void show(struct reply *reply, const struct driver *driver, u32 index)
{
	const struct driver_link *link = &driver->link[index];
	struct disk_counts counts = driver->channel->disk.counts[index];
	const char *disk = config_disk(link->section)->section.name;

	if (!reply->json) {
		reply_line(reply, "%-16s %-16s %10llu %10llu %10llu %8llu %7llu %7llu", disk,
			   link->user, (unsigned long long)counts.requests,
			   (unsigned long long)(counts.read_bytes / KIB),
			   (unsigned long long)(counts.written_bytes / KIB),
			   (unsigned long long)counts.flushes, (unsigned long long)counts.errors,
			   (unsigned long long)counts.refused);
		return;
	}
	reply_object_begin(reply);
	json_string(&reply->object, "disk", disk);
	json_string(&reply->object, "vm", link->user);
	json_u64(&reply->object, "requests", counts.requests);
	json_u64(&reply->object, "read_bytes", counts.read_bytes);
	json_u64(&reply->object, "written_bytes", counts.written_bytes);
	json_u64(&reply->object, "flushes", counts.flushes);
	json_u64(&reply->object, "errors", counts.errors);
	json_u64(&reply->object, "refused", counts.refused);
	reply_object_end(reply);
}

static void run(struct reply *reply, const struct arguments *arguments)
{
	(void)arguments;
	if (!reply->json)
		reply_line(reply, "%-16s %-16s %10s %10s %10s %8s %7s %7s", "DISK", "VM",
			   "REQUESTS", "READ KIB", "WRITTEN", "FLUSHES", "ERRORS", "REFUSED");
	DRIVER_FOR_EACH(driver) {
		if (driver->kind->class != &disk_class)
			continue;
		for (u32 i = 0; driver->channel != NULL && i < DRIVER_CLIENT_MAX; i++) {
			if (driver->link[i].used)
				show(reply, driver, i);
		}
	}
}

COMMAND(disk_stat,
	.name = "disk stat",
	.right = MAY_VIEW,
	.arguments = "",
	.summary = "what each VM has had of its disks since the driver or it was started",
	.example = "disk stat",
	.keys = "disk vm requests read_bytes written_bytes flushes errors refused",
	.run = run);
