/* SPDX-License-Identifier: MIT */
/*
 * Finds the key by which a volume is encrypted, and checks the store's report about it. Called by
 * disk_volume.c, disk_keys.c, vm_volume.c and the commands `volume`; holds no state, as the keys
 * belong to disk_key.c.
 */
#include "vmm/manager/disk/store_key.h"

#include "lib/string.h"
#include "vmm/manager/config/disk_key.h"
#include "vmm/manager/process/random.h"
#include "vmm/rt/format.h"

_Static_assert(STORE_KEY_BYTES == CONFIG_NAME_BYTES, "a key's name is one of the configuration");

/*
 * Computes the tag for a volume of that name. Returns false, with the reason in `problem`, if the
 * key is missing.
 */
static bool store_key_make_tag(const struct store *store, const char *volume,
			       const struct store_key *key, u64 *tag, char *problem, size_t size)
{
	char place[CONFIG_NAME_BYTES + STORE_NAME_BYTES + 1];
	char name[4 * STORE_KEY_BYTES];

	format(place, sizeof(place), "%s/%s", store->config->section.name, volume);
	if (disk_key_make_tag(key->name, key->id, place, tag))
		return true;
	driver_text(key->name, sizeof(key->name), name, sizeof(name));
	format(problem, size,
	       "its key %s is missing; put it into the boot module " DISK_KEY_MODULE
	       ", or type it after `disk key %s`",
	       name, name);
	return false;
}

bool store_key_new(const struct store *store, const char *name, struct store_item *item,
		   char *problem, size_t size)
{
	string_copy(item->key.name, sizeof(item->key.name), name);
	while (item->key.id == 0)
		random_draw(&item->key.id, sizeof(item->key.id));
	return store_key_make_tag(store, item->name, &item->key, &item->key.tag, problem, size);
}

bool store_key_check(const struct store *store, const struct store_volume *volume, char *problem,
		     size_t size)
{
	u64 tag;

	if (volume->key.id == 0 && store->config->encrypted == 0)
		return true;
	if (volume->key.id == 0) {
		format(problem, size,
		       "the store says that it is not encrypted, but `encrypted = yes` in the "
		       "store's section allows no such volume; make one with encrypt=KEY");
		return false;
	}
	if (!store_key_make_tag(store, volume->name, &volume->key, &tag, problem, size))
		return false;
	if (tag == volume->key.tag)
		return true;
	format(problem, size,
	       "the key %s is wrong, or the store names a key that the volume was not given; use "
	       "the key and the names that it was made with",
	       volume->key.name);
	return false;
}

bool store_key_pass_on(const struct store *store, const struct store_volume *from,
		       struct store_item *item, char *problem, size_t size)
{
	item->key = from->key;
	return store_key_check(store, from, problem, size) &&
	       (from->key.id == 0 ||
		store_key_make_tag(store, item->name, &item->key, &item->key.tag, problem, size));
}

bool store_key_is_wanted(const struct vm_disk *disk)
{
	const struct store *store = store_at(disk->number - 1u);
	struct store_volume volume;

	return store != NULL &&
	       store_volume_find(store, config_volume_name(disk->volume), &volume) &&
	       volume.key.id != 0;
}
