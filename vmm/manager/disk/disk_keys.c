/* SPDX-License-Identifier: MIT */
/*
 * Gives a VM's monitor the keys of the VM's encrypted disks, and the process of a rekey those of
 * both volumes, in a page of its own. Called by vm_build.c and content.c; the keys are made by
 * config/disk_key.c, and wiped here and by the process that gets them.
 */
#include "kernel/abi/pages.h"
#include "lib/string.h"
#include "vmm/manager/config/disk_key.h"
#include "vmm/manager/disk/disk.h"
#include "vmm/rt/crypto/secret.h"
#include "vmm/rt/start.h"
#include "vmm/rt/syscall.h"

bool disk_link_is_encrypted(const struct driver_link *link)
{
	return link != NULL &&
	       (link->disk.store.volume != 0 ? link->key_id != 0
					     : disk_is_encrypted(config_disk(link->section)));
}

bool disk_any_is_encrypted(const struct vm *vm)
{
	for (u32 i = 0; i < CONFIG_VM_DISK_MAX; i++) {
		if (disk_link_is_encrypted(vm->link[i]))
			return true;
	}
	return false;
}

/*
 * Fills in the keys of a VM's encrypted disks; notes which key is missing, as it may have been
 * forgotten meanwhile.
 */
static void disk_fill_keys(const void *of, struct process_build *build, struct disk_keys *keys)
{
	const struct vm *vm = of;

	for (u32 i = 0; i < CONFIG_VM_DISK_MAX && !process_build_failed(build); i++) {
		const struct driver_link *link = vm->link[i];
		const struct disk_config *config;
		bool made;

		if (!disk_link_is_encrypted(link))
			continue;
		config = config_disk(link->section);
		if (link->key_id != 0)
			made = disk_key_make_volume(link->key, link->key_id, keys->disk[i].key);
		else
			made = disk_key_make(config->encrypt, config->section.name,
					     keys->disk[i].key);
		keys->disk[i].number = i;
		keys->disk[i].given = !made		  ? DISK_KEY_NONE
				      : link->key_id != 0 ? DISK_KEY_VOLUME
							  : DISK_KEY_DISK;
		if (!made)
			process_build_note(build,
					   "looking for the key of a disk, which was "
					   "forgotten meanwhile",
					   STATUS_NOT_FOUND);
	}
}

/*
 * Gives a process a page of keys, charged to `group`; `fill` writes the keys that belong to `of`, a
 * VM or a pair of keys.
 */
static void disk_give_page(const void *of, handle_t group, struct process_build *build,
			   void (*fill)(const void *of, struct process_build *build,
					struct disk_keys *keys))
{
	handle_t memory = HANDLE_NONE;
	struct disk_keys *keys = NULL;

	process_build_note(build, "creating the page of its disks' keys",
			   sys_memory_create(group, PAGE_SIZE, 0, &memory));
	if (process_build_failed(build))
		return;
	process_build_show(build, memory, PAGE_SIZE, RIGHT_READ | RIGHT_WRITE, &keys);
	if (keys != NULL) {
		fill(of, build, keys);
		if (process_build_failed(build))
			secret_forget(keys, sizeof(*keys));
		sys_space_unmap(start_handle(START_SPACE), (u64)(uintptr_t)keys, PAGE_SIZE);
	}
	process_build_map(build, START_DISK_FILE, memory, 0, PAGE_SIZE, RIGHT_READ | RIGHT_WRITE);
	sys_handle_close(memory);
}

void disk_give_keys(const struct vm *vm, struct process_build *build)
{
	if (!process_build_failed(build) && disk_any_is_encrypted(vm))
		disk_give_page(vm, vm->group, build, disk_fill_keys);
}

/* The keys of two volumes, in the order of enum content_key. */
struct disk_key_pair {
	const struct store_key *key[2];
};

static void disk_fill_pair(const void *of, struct process_build *build, struct disk_keys *keys)
{
	const struct disk_key_pair *pair = of;

	for (u32 i = 0; i < ARRAY_COUNT(pair->key); i++) {
		keys->disk[i].number = i;
		if (disk_key_make_volume(pair->key[i]->name, pair->key[i]->id, keys->disk[i].key))
			keys->disk[i].given = DISK_KEY_VOLUME;
		else
			process_build_note(build, "looking for a volume's key", STATUS_NOT_FOUND);
	}
}

void disk_give_keys_of(const struct store_key *from, const struct store_key *to, handle_t group,
		       struct process_build *build)
{
	const struct disk_key_pair pair = {{from, to}};

	if (!process_build_failed(build))
		disk_give_page(&pair, group, build, disk_fill_pair);
}
