/* SPDX-License-Identifier: MIT */
/*
 * Reports the findings of a scrub of a store, in the log and as an event, and tells store.c when
 * chunks get sums. Called by vm_volume_sweep.c each turn, by store.c and by the command `store
 * list`. Reads the driver's reports.
 */
#include "vmm/manager/disk/store_scrub.h"

#include "lib/string.h"
#include "vmm/manager/log/log.h"
#include "vmm/manager/log/vm_events.h"
#include "vmm/rt/format.h"

u32 store_scrub_after_s(const struct store_config *config)
{
	if (config->checksum == 0)
		return 0;
	return config->checksum_after != 0 ? (u32)config->checksum_after : STORE_CHECKSUM_AFTER_S;
}

bool store_scrub_volume(const struct store *store, const struct store_rot *rot, char *name,
			size_t size)
{
	struct store_volume volume;
	bool found = store_volume_find_id(store, rot->volume, &volume);

	string_copy(name, size, found ? volume.name : "");
	return found;
}

static void store_scrub_say_place(const struct store *store, const struct store_rot *rot,
				  u64 chunk_bytes)
{
	u64 offset = rot->sector * BLOCK_SECTOR_BYTES;
	char name[STORE_NAME_BYTES];

	if (!store_scrub_volume(store, rot, name, sizeof(name)))
		return;
	log_message(LOG_WARNING, LOG_DEVICE, "",
		    "store %s: volume %s is damaged in the %llu KiB from byte %llu on",
		    store->config->section.name, name, (unsigned long long)(chunk_bytes / KIB),
		    (unsigned long long)offset);
}

void store_scrub_say(struct store *store)
{
	char text[2 * DRIVER_TEXT_BYTES];
	struct store_told told;

	if (store->page == NULL || store->page->told.scrub_number == store->said_scrub ||
	    !store_told(store, &told))
		return;
	store->said_scrub = told.scrub_number;
	if (told.scrub != STORE_CHECK_ENDED)
		return;
	format(text, sizeof(text),
	       "store %s: a scrub has compared %u chunks with their sums; %u are damaged on the "
	       "disk, and %u have no sum",
	       store->config->section.name, told.scrub_sums, told.scrub_faults, told.scrub_without);
	log_message(told.scrub_faults != 0 ? LOG_WARNING : LOG_INFO, LOG_DEVICE, "", "%s", text);
	if (told.scrub_faults == 0)
		return;
	vm_event("", "", EVENT_STORE_DAMAGED, text);
	for (u32 i = 0; i < told.rot_count; i++)
		store_scrub_say_place(store, &told.rot[i], told.chunk_bytes);
}
