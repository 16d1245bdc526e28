/* SPDX-License-Identifier: MIT */
/*
 * The commands `store quota`, which shows how much of its quotas a store's volumes use, and `store
 * quota set`, which replaces them. Run by command.c.
 */
#include "vmm/manager/command/command.h"
#include "lib/string.h"
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

static void command_store_quota_set_run(struct reply *reply, const struct arguments *arguments)
{
	struct store *store = command_store(reply, arguments->word[0]);
	const char *quotas = arguments->word[1];

	if (store == NULL)
		return;
	if (store_quota_set(store, string_equal(quotas, "none") ? "" : quotas))
		command_store_quota_show(reply, store);
	else
		reply_bad(reply, STORE_QUOTA_WRONG, store->config->section.name, CONFIG_QUOTA_MAX);
}

COMMAND(store_quota_set,
	.name = "store quota set",
	.right = MAY_CONFIGURE,
	.arguments = "STORE QUOTAS",
	.summary = "replace a store's quotas until the next boot",
	.detail = "QUOTAS is one word, in quotes: what the key quota of a store's section has,\n"
		  "or none. A quota may be less than what is used: then nothing is added",
	.example = "store quota set pool \"team-* 64G, web 8G\"",
	.keys = "store pattern bytes used_bytes",
	.run = command_store_quota_set_run,
	.minimum = 2,
	.maximum = 2,
	.audited = true,
	.changes = true);
