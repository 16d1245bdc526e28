/* SPDX-License-Identifier: MIT */
/*
 * The command `disk stat`: shows each VM's requests to its disks, and its limits. Run by command.c;
 * reads the counts that drivers write.
 */
#include "vmm/manager/command/command.h"
#include "vmm/manager/disk/disk.h"
#include "vmm/manager/disk/disk_window.h"

/* Shows those of a VM's limits for its disks that are not the defaults. */
static void command_disk_stat_show_limits(struct reply *reply, const struct share_given *limit,
					  u64 limited_ns)
{
	if (limit->units != 0)
		reply_line(reply, "  %llu operations a second", (unsigned long long)limit->units);
	if (limit->bytes != 0)
		reply_line(reply, "  %llu bytes a second", (unsigned long long)limit->bytes);
	if (limit->weight != DISK_WEIGHT)
		reply_line(reply, "  weight %llu", (unsigned long long)limit->weight);
	if (limited_ns != 0)
		reply_line(reply, "  %llu ms waited for these limits",
			   (unsigned long long)(limited_ns / NS_PER_MS));
}

static void command_disk_stat_show(struct reply *reply, const struct driver *driver, u32 index)
{
	const struct driver_link *link = &driver->link[index];
	struct disk_counts counts = driver->channel->disk.counts[index];
	const char *disk = link->name;

	if (!reply->json) {
		reply_line(reply, "%-16s %-16s %10llu %10llu %10llu %8llu %7llu %7llu", disk,
			   link->user, (unsigned long long)counts.requests,
			   (unsigned long long)(counts.read_bytes / KIB),
			   (unsigned long long)(counts.written_bytes / KIB),
			   (unsigned long long)counts.flushes, (unsigned long long)counts.errors,
			   (unsigned long long)counts.refused);
		command_disk_stat_show_limits(reply, &link->disk.limit, counts.limited_ns);
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
	json_u64(&reply->object, "direct", counts.direct);
	json_string(&reply->object, "window", disk_window_name(link));
	json_u64(&reply->object, "ops_limit", link->disk.limit.units);
	json_u64(&reply->object, "bytes_limit", link->disk.limit.bytes);
	json_u64(&reply->object, "burst", link->disk.limit.burst);
	json_u64(&reply->object, "weight", link->disk.limit.weight);
	json_u64(&reply->object, "limited_ns", counts.limited_ns);
	reply_object_end(reply);
}

static void command_disk_stat_run(struct reply *reply, const struct arguments *arguments)
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
				command_disk_stat_show(reply, driver, i);
		}
	}
}

COMMAND(disk_stat,
	.name = "disk stat",
	.right = MAY_VIEW,
	.arguments = "",
	.summary = "what each VM has had of its disks since the driver or it was started",
	.detail = "Below a disk its limits, where the VM has some (`vm set`), and for how long\n"
		  "its requests have waited for them.",
	.example = "disk stat",
	.keys = "disk vm requests read_bytes written_bytes flushes errors refused direct"
		" window ops_limit "
		"bytes_limit burst weight limited_ns",
	.run = command_disk_stat_run);
