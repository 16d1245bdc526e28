/* SPDX-License-Identifier: MIT */
/* The command `store quota`: how much of its quotas a store's volumes use. Run by command.c. */
#include "vmm/manager/command/command.h"
#include "vmm/manager/commands/volume.h"
#include "vmm/manager/disk/store_quota.h"

static void command_store_quota_show(struct reply *reply, const struct store *store)
{
	struct store_quota quota;
	u64 used;

	for (u32 i = 0; store_quota_at(store, i, &quota, &used); i++) {
		if (!reply->json) {
			reply_line(reply, "%-16s %-31s %10llu %10llu", store->config->section.name,
				   quota.pattern, (unsigned long long)(quota.bytes / KIB),
				   (unsigned long long)(used / KIB));
			continue;
		}
		reply_object_begin(reply);
		json_string(&reply->object, "store", store->config->section.name);
		json_string(&reply->object, "pattern", quota.pattern);
		json_u64(&reply->object, "bytes", quota.bytes);
		json_u64(&reply->object, "used_bytes", used);
		reply_object_end(reply);
	}
}

static void command_store_quota_run(struct reply *reply, const struct arguments *arguments)
{
	const struct store *one =
		arguments->count > 0 ? command_store(reply, arguments->word[0]) : NULL;

	if (arguments->count > 0 && one == NULL)
		return;
	if (!reply->json)
		reply_line(reply, "%-16s %-31s %10s %10s", "STORE", "VOLUMES", "KIB", "USED");
	for (u32 i = 0; store_at(i) != NULL; i++) {
		if ((one == NULL || one == store_at(i)) && store_at(i)->config->section.declared)
			command_store_quota_show(reply, store_at(i));
	}
}

COMMAND(store_quota,
	.name = "store quota",
	.right = MAY_VIEW,
	.arguments = "[STORE]",
	.summary = "the quotas of stores, and how much of them volumes use",
	.detail = "A quota is for the volumes whose names are like its pattern, also for those of\n"
		  "clones of VMs and for snapshots; each counts with its size. The section of the\n"
		  "store has them: quota = team-* 64G, web 8G",
	.example = "store quota pool",
	.keys = "store pattern bytes used_bytes",
	.run = command_store_quota_run,
	.maximum = 1);
