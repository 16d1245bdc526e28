/* SPDX-License-Identifier: MIT */
/*
 * Holds the volumes of a store to its quotas, before its driver is asked for anything. Called by
 * the commands `store` and `volume`, by vm_volume.c and vm_volume_sweep.c. Owns lists of a store's
 * quotas and volumes, which it fills anew for each question.
 */
#include "vmm/manager/disk/store_quota.h"

#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/manager/log/log.h"
#include "vmm/rt/format.h"

/* the most snapshots of snapshots that are followed back to their volume */
#define PARENTS_MAX 4u

static struct store_quota quotas[CONFIG_QUOTA_MAX];
static u32 quota_count;

/* The volumes in the driver's report, each once. */
static struct {
	u64 id;
	u64 parent;
	u64 bytes;
	u32 quotas; /* a bit for each quota against which the volume counts */
	u32 root;   /* index of the volume whose use includes this one; row_count: there is none */
	bool own;   /* the volume's name is one of the manager's */
} rows[STORE_VOLUME_MAX];
static u32 row_count;

static u32 store_quotas_for(const char *name)
{
	u32 matching = 0;

	for (u32 i = 0; i < quota_count; i++)
		matching |= config_quota_is_for(&quotas[i], name) ? 1u << i : 0;
	return matching;
}

/* Returns the index of the volume of that id in the list, or row_count if there is none. */
static u32 store_quota_row(u64 id)
{
	u32 at = 0;

	while (at < row_count && rows[at].id != id)
		at++;
	return at;
}

static u32 store_quotas_of(u32 row)
{
	return row < row_count ? rows[row].quotas : 0;
}

/*
 * Returns the index of the volume whose use includes a row's: the row's own if an operator made it,
 * the volume that it was made from if the manager did, and row_count if that volume has gone.
 */
static u32 store_quota_root(u32 row)
{
	for (u32 i = 0; row < row_count && rows[row].own; i++)
		row = i < PARENTS_MAX ? store_quota_row(rows[row].parent) : row_count;
	return row;
}

static void store_quota_look(const struct store *store)
{
	struct store_volume volume;

	quota_count = 0;
	while (quota_count < CONFIG_QUOTA_MAX &&
	       config_store_quota(store->config, quota_count, &quotas[quota_count]))
		quota_count++;
	row_count = 0;
	for (u32 i = 0; store_volume_at(store, i, &volume); i++) {
		if (volume.id == 0)
			continue;
		rows[row_count].id = volume.id;
		rows[row_count].parent = volume.parent;
		rows[row_count].bytes = volume.sectors * BLOCK_SECTOR_BYTES;
		rows[row_count].own = volume.name[0] == STORE_OWN_NAME;
		rows[row_count].quotas = store_quotas_for(volume.name);
		row_count++;
	}
	for (u32 i = 0; i < row_count; i++) {
		rows[i].root = store_quota_root(i);
		if (rows[i].own)
			rows[i].quotas = store_quotas_of(rows[i].root);
	}
}

static u64 store_quota_used(u32 number)
{
	u64 used = 0;

	for (u32 i = 0; i < row_count; i++)
		used += (rows[i].quotas & 1u << number) != 0 ? rows[i].bytes : 0;
	return used;
}

static u64 store_quota_bytes_of(u64 id)
{
	u32 row = store_quota_row(id);

	return row < row_count ? rows[row].bytes : 0;
}

/* Returns the bytes of a volume and of all snapshots of VMs that count for it. */
static u64 store_quota_bytes_with_own(u64 id)
{
	u32 volume = store_quota_row(id);
	u64 bytes = 0;

	for (u32 i = 0; volume < row_count && i < row_count; i++)
		bytes += rows[i].root == volume ? rows[i].bytes : 0;
	return bytes;
}

/* Returns the bytes that the operation on this item adds to a quota's use. */
static u64 store_quota_more(enum store_operation operation, const struct store_item *item,
			    u32 number)
{
	bool own = item->name[0] == STORE_OWN_NAME;
	bool by_name = (store_quotas_for(item->name) & 1u << number) != 0;
	bool by_volume = (store_quotas_of(store_quota_row(item->volume)) & 1u << number) != 0;
	u64 had = store_quota_bytes_of(item->volume);
	u64 gets = item->sectors * BLOCK_SECTOR_BYTES;

	switch (operation) {
	case STORE_CREATE:
		return by_name ? gets : 0;
	case STORE_SNAPSHOT:
		return (own ? by_volume : by_name) ? gets : 0;
	case STORE_RENAME:
		return by_name && !by_volume ? store_quota_bytes_with_own(item->volume) : 0;
	case STORE_ROLLBACK:
		gets = store_quota_bytes_of(item->other);
		return by_volume ? gets - MIN(had, gets) : 0;
	case STORE_RESIZE:
		return by_volume ? gets - MIN(had, gets) : 0;
	default:
		return 0;
	}
}

bool store_quota_allows(const struct store *store, enum store_operation operation,
			const struct store_item *item, u32 count, char *problem, size_t size)
{
	if (store->config->quota[0] == '\0')
		return true;
	store_quota_look(store);
	for (u32 i = 0; i < quota_count; i++) {
		const struct store_quota *quota = &quotas[i];
		u64 used = store_quota_used(i);
		u64 more = 0;

		for (u32 k = 0; k < count; k++)
			more += store_quota_more(operation, &item[k], i);
		if (more == 0 || (used <= quota->bytes && more <= quota->bytes - used))
			continue;
		format(problem, size,
		       "quota %s of store %s allows %llu KiB, of which %llu KiB are used, so that "
		       "%llu KiB more are too many; drop a volume, or raise the quota",
		       quota->pattern, store->config->section.name,
		       (unsigned long long)(quota->bytes / KIB), (unsigned long long)(used / KIB),
		       (unsigned long long)(more / KIB));
		return false;
	}
	return true;
}

bool store_quota_at(const struct store *store, u32 number, struct store_quota *quota, u64 *used)
{
	if (!config_store_quota(store->config, number, quota))
		return false;
	store_quota_look(store);
	*used = store_quota_used(number);
	return true;
}

bool store_quota_set(struct store *store, const char *text)
{
	struct store_config wanted = {.memory_bytes = 0};
	u32 number = 0;

	if (!text_copy(wanted.quota, sizeof(wanted.quota), text_of(text)) ||
	    !config_quotas_valid(&wanted))
		return false;
	while (config_store(number) != store->config)
		number++;
	memcpy(config_store(number)->quota, wanted.quota, sizeof(wanted.quota));
	store->said_quotas = false;
	return true;
}

void store_quota_say(struct store *store)
{
	struct store_quota quota;
	struct store_told told;
	u64 used;

	if (store->said_quotas || store->config->quota[0] == '\0' || !store_told(store, &told) ||
	    told.state != STORE_READY)
		return;
	store->said_quotas = true;
	for (u32 i = 0; store_quota_at(store, i, &quota, &used); i++) {
		if (used > quota.bytes)
			log_message(
				LOG_WARNING, LOG_DEVICE, "",
				"store %s: quota %s is %llu KiB, less than the %llu KiB that are "
				"used; nothing more is made until volumes are dropped",
				store->config->section.name, quota.pattern,
				(unsigned long long)(quota.bytes / KIB),
				(unsigned long long)(used / KIB));
	}
}
