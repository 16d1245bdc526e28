/* SPDX-License-Identifier: MIT */
/*
 * Links VMs, and processes that move content, to volumes of stores, one writer or any number of
 * readers to each. Called by disk.c and content.c; store.c has checked the drivers' reports about
 * volumes.
 */
#include "vmm/manager/disk/disk_volume.h"

#include "lib/string.h"
#include "vmm/manager/disk/disk_window.h"
#include "vmm/manager/disk/rekey.h"
#include "vmm/manager/disk/store_key.h"
#include "vmm/rt/format.h"

/* Returns a link to the volume that allows no further one beside it, or NULL. */
static const struct driver_link *disk_volume_conflict(const struct store *store, u64 volume,
						      bool read_only)
{
	for (u32 i = 0; i < DRIVER_CLIENT_MAX; i++) {
		const struct driver_link *link = &store->driver->link[i];

		if (link->used && link->disk.store.volume == volume &&
		    link->disk.store.store == store->place && !(read_only && link->disk.read_only))
			return link;
	}
	return NULL;
}

/*
 * Makes the link to a volume. `wanted` describes the link, except for the parts that depend on the
 * volume.
 */
static struct driver_link *disk_volume_make(const struct store *store,
					    const struct store_volume *volume, bool read_only,
					    handle_t group, struct driver_link *wanted,
					    char *problem, size_t size)
{
	const struct driver_link *conflict;

	if (rekey_takes(store, volume->id)) {
		format(problem, size, "it is given another key at this moment; try again");
		return NULL;
	}
	read_only = read_only || (volume->flags & STORE_VOLUME_READ_ONLY) != 0;
	conflict = disk_volume_conflict(store, volume->id, read_only);
	if (conflict != NULL) {
		format(problem, size, "%s uses it; a volume has one writer, or readers only",
		       conflict->user);
		return NULL;
	}
	wanted->section = store->disk;
	wanted->fails = config_disk(store->disk)->lost == LOST_ERROR;
	wanted->disk.unit = disk_at(store->disk)->unit;
	wanted->disk.sectors = volume->sectors;
	wanted->disk.read_only = read_only;
	wanted->disk.store =
		(struct store_client_given){.volume = volume->id, .store = store->place};
	return driver_link_make(store->driver, group, wanted, problem, size);
}

struct driver_link *disk_volume_attach(struct vm *vm, const struct vm_disk *disk,
				       const struct link_ends *ends, char *problem, size_t size)
{
	struct store_volume volume;
	struct driver_link wanted;
	struct driver_link *link;
	const struct store *store = store_at(disk->number - 1u);
	bool direct;

	if (!store_look_up(store, config_volume_name(disk->volume), &volume, problem, size) ||
	    !store_key_check(store, &volume, problem, size))
		return NULL;
	/* a device with access to the guest's RAM would read data that are not encrypted yet */
	direct = config_disk(store->disk)->dma == DMA_DIRECT && !vm->overcommits &&
		 volume.key.id == 0;
	wanted = disk_wanted_by(vm, direct);
	wanted.ends = *ends;
	config_disk_name(disk, wanted.name);
	wanted.key_id = volume.key.id;
	string_copy(wanted.key, sizeof(wanted.key), volume.key.name);
	link = disk_volume_make(store, &volume, (disk->flags & VM_DISK_READ_ONLY) != 0, vm->group,
				&wanted, problem, size);
	if (link != NULL)
		disk_window_want(link, direct);
	return link;
}

bool disk_volume_may_be_read(const struct vm_disk *disk, char *problem, size_t size)
{
	const struct store *store = store_at(disk->number - 1u);
	const struct driver_link *conflict;
	struct store_volume volume;

	if (!store_look_up(store, config_volume_name(disk->volume), &volume, problem, size))
		return false;
	conflict = disk_volume_conflict(store, volume.id, true);
	if (conflict != NULL)
		format(problem, size, "%s uses it; take a volume that nobody writes to",
		       conflict->user);
	else if (volume.key.id != 0)
		format(problem, size, "it is encrypted; take one that is not");
	return conflict == NULL && volume.key.id == 0;
}

struct driver_link *disk_volume_attach_copy(struct vm *vm, const struct store *store,
					    const struct store_volume *volume, char *problem,
					    size_t size)
{
	struct driver_link wanted = disk_wanted_by(vm, false);

	string_copy(wanted.name, sizeof(wanted.name), volume->name);
	return disk_volume_make(store, volume, true, vm->group, &wanted, problem, size);
}

struct driver_link *disk_volume_attach_named(const char *name, bool read_only, handle_t group,
					     struct driver_link *wanted, char *problem, size_t size)
{
	const char *stroke = strchr(name, '/');
	char why[2 * DRIVER_TEXT_BYTES];
	char head[CONFIG_DISK_BYTES];
	struct driver_link *link = NULL;
	struct store_volume volume;
	const struct store *store;

	text_copy(head, sizeof(head), (struct text){name, (size_t)(stroke - name)});
	store = store_find(head);
	string_copy(wanted->name, sizeof(wanted->name), name);
	if (store_look_up(store, stroke + 1, &volume, why, sizeof(why))) {
		if (!read_only && (volume.flags & STORE_VOLUME_READ_ONLY) != 0)
			format(why, sizeof(why), "it is read-only; use one that may be written to");
		else
			link = disk_volume_make(store, &volume, read_only, group, wanted, why,
						sizeof(why));
	}
	if (link == NULL)
		format(problem, size, "volume %s: %s", name, why);
	return link;
}

struct driver_link *disk_volume_attach_alone(const char *user, handle_t group,
					     const struct store *store,
					     const struct store_volume *volume, bool read_only,
					     char *problem, size_t size)
{
	struct driver_link wanted = {.disk = {.limit = {.weight = DISK_WEIGHT}}};

	if (!read_only && (volume->flags & STORE_VOLUME_READ_ONLY) != 0) {
		format(problem, size, "it is read-only");
		return NULL;
	}
	string_copy(wanted.user, sizeof(wanted.user), user);
	format(wanted.name, sizeof(wanted.name), "%s/%s", store->config->section.name,
	       volume->name);
	return disk_volume_make(store, volume, read_only, group, &wanted, problem, size);
}
