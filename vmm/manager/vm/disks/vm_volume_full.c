/* SPDX-License-Identifier: MIT */
/*
 * Pauses the guest of a VM whose volume's store has no room for the guest's writes, and lets it
 * continue once the store has room again. Called by the event loop through vm_volumes_step. Reads
 * the drivers' reports about waiting clients; owns vm->full.
 */
#include "lib/read_once.h"
#include "lib/string.h"
#include "vmm/manager/disk/store.h"
#include "vmm/manager/vm/disks/vm_volume.h"
#include "vmm/manager/vm/vm.h"
#include "vmm/rt/format.h"

/* Returns the store in which the link has its volume, or NULL while its driver does not serve it.
 */
static const struct store *vm_volume_link_store(const struct driver_link *link)
{
	struct driver *driver = driver_of_link(link);
	const struct store *store;

	for (u32 i = 0; (store = store_at(i)) != NULL; i++) {
		if (store->driver == driver && store->place == link->disk.store.store &&
		    store->page != NULL && store->driver_at != 0)
			return store;
	}
	return NULL;
}

/*
 * Returns the store for whose room a request of the VM waits, or NULL. What a driver reports may be
 * any number and may change at any time: each is read once.
 */
static const struct store *vm_volume_awaited(const struct vm *vm, u32 *why)
{
	for (u32 i = 0; i < CONFIG_VM_DISK_MAX; i++) {
		const struct driver_link *link = vm->link[i];
		const struct store *store;

		if (link == NULL || link->disk.store.volume == 0)
			continue;
		store = vm_volume_link_store(link);
		if (store == NULL)
			continue;
		*why = READ_ONCE(store->page->wait[link - store->driver->link]);
		if (*why == STORE_WAIT_FULL || *why == STORE_WAIT_METADATA)
			return store;
	}
	return NULL;
}

/* Returns whether drivers serve all of the VM's volumes, so that their reports count. */
static bool vm_volume_all_served(const struct vm *vm)
{
	for (u32 i = 0; i < CONFIG_VM_DISK_MAX; i++) {
		const struct driver_link *link = vm->link[i];

		if (link != NULL && link->disk.store.volume != 0 &&
		    vm_volume_link_store(link) == NULL)
			return false;
	}
	return true;
}

static void vm_volume_pause(struct vm *vm, const struct store *store, u32 why)
{
	if (vm->state != VM_RUNNING || vm_busy(vm) || !driver_may_say(store->driver))
		return;
	format(vm->full.reason, sizeof(vm->full.reason),
	       "store %s has no room for %s; drop a volume there or grow the store, "
	       "and it goes on",
	       store->config->section.name,
	       why == STORE_WAIT_FULL ? "what it writes" : "more metadata");
	vm->full.waits = true;
	vm->wish.pause = true;
	vm_send(vm, VM_COMMAND_PAUSE);
}

/* Ends the wait: resumes the guest, unless an operator has already done so. */
static void vm_volume_go_on(struct vm *vm)
{
	if (vm_busy(vm))
		return;
	vm->full.waits = false;
	if (vm->state != VM_PAUSED || !vm->wish.pause)
		return;
	vm->wish.pause = false;
	vm_send(vm, VM_COMMAND_RESUME);
}

void vm_volume_full_look(struct vm *vm)
{
	u32 why = STORE_WAIT_NOT;
	const struct store *store;

	if (vm_is_ending(vm) || vm_has_ended(vm)) {
		vm->full.waits = false;
		return;
	}
	store = vm_volume_awaited(vm, &why);
	if (store != NULL && !vm->full.waits)
		vm_volume_pause(vm, store, why);
	else if (store == NULL && vm->full.waits && vm_volume_all_served(vm))
		vm_volume_go_on(vm);
}
