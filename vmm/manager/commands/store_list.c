/* SPDX-License-Identifier: MIT */
/*
 * The command `store list`: shows the stores of the configuration, their states and how full they
 * are. Run by command.c; only reads.
 */
#include "vmm/manager/command/command.h"
#include "vmm/manager/commands/volume.h"
#include "vmm/manager/disk/store.h"
#include "vmm/manager/disk/store_grow.h"
#include "vmm/manager/disk/store_owner.h"
#include "vmm/manager/disk/store_quota.h"
#include "vmm/manager/disk/store_scrub.h"
#include "vmm/rt/format.h"

static const char *command_store_list_state_of(const struct store *store,
					       const struct store_told *told)
{
	static const char *const names[STORE_STATE_COUNT] = {
		[STORE_LOADING] = "loading", [STORE_EMPTY] = "empty",	[STORE_READY] = "ready",
		[STORE_SHORT] = "short",     [STORE_BROKEN] = "broken", [STORE_FAILED] = "failed",
		[STORE_NEWER] = "newer",     [STORE_HELD] = "held",	[STORE_LOST] = "lost",
	};

	return store->problem[0] != '\0' ? "unusable" : names[told->state];
}

/* Returns the name of how far a check or a scrub is. */
static const char *command_store_list_check_of(u32 state)
{
	static const char *const names[STORE_CHECK_STATE_COUNT] = {
		[STORE_CHECK_NONE] = "none",
		[STORE_CHECK_UNDER_WAY] = "under way",
		[STORE_CHECK_ENDED] = "ended",
	};

	return names[state];
}

static void command_store_list_show_check(struct reply *reply, const struct store_told *told)
{
	reply_line(reply, "  check %s: %u blocks of metadata, %u damaged, %u of these written anew",
		   command_store_list_check_of(told->check), told->check_blocks, told->check_faults,
		   told->check_mended);
}

/*
 * Shows the host that holds a store which only one host may hold, or, for another store, its last
 * holder.
 */
static void command_store_list_show_owner(struct reply *reply, const struct store_told *told)
{
	char host[GUID_TEXT_BYTES];

	store_owner_text(told, host);
	if (host[0] != '\0' && told->owner.lease_s != 0)
		reply_line(reply, "  owner %s%s, epoch %llu, lease %us", host,
			   store_owner_is_self(told) ? " (this host)" : "",
			   (unsigned long long)told->owner.epoch, told->owner.lease_s);
}

static void command_store_list_show_owner_json(struct reply *reply, const struct store_told *told)
{
	char host[GUID_TEXT_BYTES];

	store_owner_text(told, host);
	json_string(&reply->object, "owner", host);
	json_bool(&reply->object, "own", store_owner_is_self(told));
	json_u64(&reply->object, "epoch", told->owner.epoch);
	json_u64(&reply->object, "lease_seconds", told->owner.lease_s);
}

/* Shows how far a scrub is; with `whole` also the places that it has found damaged. */
static void command_store_list_show_scrub(struct reply *reply, const struct store *store,
					  const struct store_told *told, bool whole)
{
	char name[STORE_NAME_BYTES];

	reply_line(
		reply,
		"  scrub %s: %u chunks compared with their sums, %u of these damaged, %u without "
		"a sum",
		command_store_list_check_of(told->scrub), told->scrub_sums, told->scrub_faults,
		told->scrub_without);
	for (u32 i = 0; whole && i < told->rot_count; i++) {
		u64 offset = told->rot[i].sector * BLOCK_SECTOR_BYTES;

		if (store_scrub_volume(store, &told->rot[i], name, sizeof(name)))
			reply_line(reply, "    volume %s is damaged in the %llu KiB from byte %llu",
				   name, (unsigned long long)(told->chunk_bytes / KIB),
				   (unsigned long long)offset);
	}
}

static void command_store_list_show_damaged(struct reply *reply, const struct store *store,
					    const struct store_told *told)
{
	char name[STORE_NAME_BYTES];

	json_array_begin(&reply->object, "damaged");
	for (u32 i = 0; i < told->rot_count; i++) {
		if (!store_scrub_volume(store, &told->rot[i], name, sizeof(name)))
			continue;
		json_object_begin(&reply->object, NULL);
		json_string(&reply->object, "volume", name);
		json_u64(&reply->object, "offset", told->rot[i].sector * BLOCK_SECTOR_BYTES);
		json_u64(&reply->object, "bytes", told->chunk_bytes);
		json_object_end(&reply->object);
	}
	json_array_end(&reply->object);
}

static void command_store_list_show_quotas(struct reply *reply, const struct store *store)
{
	struct store_quota quota;
	u64 used;

	json_array_begin(&reply->object, "quotas");
	for (u32 i = 0; store_quota_at(store, i, &quota, &used); i++) {
		json_object_begin(&reply->object, NULL);
		json_string(&reply->object, "pattern", quota.pattern);
		json_u64(&reply->object, "bytes", quota.bytes);
		json_u64(&reply->object, "used_bytes", used);
		json_object_end(&reply->object);
	}
	json_array_end(&reply->object);
}

static void command_store_list_show_json(struct reply *reply, const struct store *store,
					 const struct store_told *told, const char *problem,
					 bool whole)
{
	reply_object_begin(reply);
	json_string(&reply->object, "name", store->config->section.name);
	json_string(&reply->object, "disk", store->config->disk);
	json_string(&reply->object, "state", command_store_list_state_of(store, told));
	json_string(&reply->object, "problem", problem != NULL ? problem : "");
	json_bool(&reply->object, "overcommit", store->config->overcommit != 0);
	json_u64(&reply->object, "bytes", told->bytes);
	json_u64(&reply->object, "free_bytes", told->free_bytes);
	json_u64(&reply->object, "reserved_bytes", told->reserved_bytes);
	json_u64(&reply->object, "room_bytes",
		 store_room_sectors(store, told) * BLOCK_SECTOR_BYTES);
	json_u64(&reply->object, "chunk_bytes", told->chunk_bytes);
	json_u64(&reply->object, "volumes", told->volumes);
	json_u64(&reply->object, "generation", told->generation);
	json_bool(&reply->object, "checksum", store->config->checksum != 0);
	json_string(&reply->object, "check", command_store_list_check_of(told->check));
	json_u64(&reply->object, "check_blocks", told->check_blocks);
	json_u64(&reply->object, "check_faults", told->check_faults);
	json_u64(&reply->object, "check_mended", told->check_mended);
	json_string(&reply->object, "scrub", command_store_list_check_of(told->scrub));
	json_u64(&reply->object, "scrub_chunks", told->scrub_sums);
	json_u64(&reply->object, "scrub_without_sum", told->scrub_without);
	json_u64(&reply->object, "scrub_faults", told->scrub_faults);
	command_store_list_show_owner_json(reply, told);
	if (whole) {
		command_store_list_show_damaged(reply, store, told);
		command_store_list_show_quotas(reply, store);
	}
	reply_object_end(reply);
}

/*
 * Shows a store. With `whole`, also its quotas with their use, and the damaged places of its
 * volumes, which takes a look at all volumes.
 */
static void command_store_list_show(struct reply *reply, const struct store *store, bool whole)
{
	char text[2 * DRIVER_TEXT_BYTES];
	const char *problem = store_find_problem(store, text, sizeof(text));
	struct store_told told;
	u64 room;

	store_told(store, &told);
	if (reply->json) {
		command_store_list_show_json(reply, store, &told, problem, whole);
		return;
	}
	reply_line(
		reply, "%-16s %-16s %-10s %10llu %10llu %10llu %8llu", store->config->section.name,
		store->config->disk, command_store_list_state_of(store, &told),
		(unsigned long long)(told.bytes / MIB), (unsigned long long)(told.free_bytes / MIB),
		(unsigned long long)(told.reserved_bytes / MIB), (unsigned long long)told.volumes);
	if (problem != NULL)
		reply_line(reply, "  %s", problem);
	room = store_room_sectors(store, &told) * BLOCK_SECTOR_BYTES;
	if (room != 0)
		reply_line(
			reply,
			"  its disk has %llu KiB more than the store, `store grow %s` takes them",
			(unsigned long long)(room / KIB), store->config->section.name);
	command_store_list_show_owner(reply, &told);
	if (told.check != STORE_CHECK_NONE)
		command_store_list_show_check(reply, &told);
	if (told.scrub != STORE_CHECK_NONE)
		command_store_list_show_scrub(reply, store, &told, whole);
}

static void command_store_list_run(struct reply *reply, const struct arguments *arguments)
{
	const struct store *one =
		arguments->count > 0 ? command_store(reply, arguments->word[0]) : NULL;

	if (arguments->count > 0 && one == NULL)
		return;
	if (!reply->json)
		reply_line(reply, "%-16s %-16s %-10s %10s %10s %10s %8s", "NAME", "DISK", "STATE",
			   "MIB", "FREE", "RESERVED", "VOLUMES");
	for (u32 i = 0; store_at(i) != NULL; i++) {
		if ((one == NULL || one == store_at(i)) && store_at(i)->config->section.declared)
			command_store_list_show(reply, store_at(i), one != NULL);
	}
}

COMMAND(store_list,
	.name = "store list",
	.right = MAY_VIEW,
	.arguments = "[STORE]",
	.summary = "the stores of volumes, and how full they are",
	.detail = "Of one store also where a scrub has found volumes damaged, and with -j the\n"
		  "quotas, and how much of them volumes use.",
	.example = "store list",
	.keys = "name disk state problem overcommit bytes free_bytes reserved_bytes room_bytes "
		"chunk_bytes volumes generation checksum check check_blocks check_faults "
		"check_mended scrub scrub_chunks scrub_without_sum scrub_faults owner own epoch "
		"lease_seconds damaged quotas",
	.run = command_store_list_run,
	.maximum = 1);
