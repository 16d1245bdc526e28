/* SPDX-License-Identifier: MIT */
/*
 * Puts VMs and clones into the list and boots them. Called by setup.c, `vm create`, `vm clone` and,
 * to boot again, by vm_act.c. Gives out ids and UUIDs.
 */
#include "vmm/manager/config/config_lists.h"
#include "vmm/manager/log/log.h"
#include "vmm/manager/net/net.h"
#include "vmm/manager/process/random.h"
#include "vmm/manager/vm/vm.h"
#include "vmm/manager/vm/process/vm_build.h"
#include "vmm/manager/vm/disks/vm_clone_disk.h"
#include "vmm/manager/vm/disks/vm_volume.h"
#include "vmm/manager/vm/process/vm_user_data.h"
#include "vmm/manager/vm/vm_life.h"
#include "vmm/rt/format.h"

static u32 last_id;

bool vm_boot(struct vm *vm, char *problem, size_t size)
{
	vm->state = VM_CREATED;
	vm->reason[0] = '\0';
	vm->exit_code = -1;
	vm->wish.pause = false;
	vm->wish.reset = false;
	vm->boots++;
	vm->report = (struct vm_report){.heard = true};
	vm->final_uptime_tsc = 0;
	memset(&vm->final, 0, sizeof(vm->final));
	return vm_build(vm, problem, size);
}

/*
 * Returns an unused entry of the list of VMs, or NULL if the name is taken or there are too many
 * VMs.
 */
static struct vm *vm_new_slot(const char *name, char *problem, size_t size)
{
	struct vm *vm = vm_find(name);

	if (vm != NULL) {
		format(problem, size, "it exists already, %s; `vm set %s` changes it%s",
		       vm_state_name(vm->state), name,
		       vm_life(vm->state, ACTION_START).effect != EFFECT_REFUSED
			       ? ", `vm start` boots it"
			       : "");
		return NULL;
	}
	vm = vm_free_slot();
	if (vm == NULL)
		format(problem, size, "there are %u VMs already, and there can be no more", VM_MAX);
	else
		memset(vm, 0, sizeof(*vm));
	return vm;
}

/* Boots a VM that is new in the list; `what` goes to the audit log. */
static struct vm *vm_first_boot(struct vm *vm, const char *what, char *problem, size_t size)
{
	u8 random[16];
	bool booted;

	vm->id = ++last_id;
	random_draw(random, sizeof(random));
	guid_make(random, vm->uuid);
	vm->phase = VM_PHASE_NEW;
	booted = vm_boot(vm, problem, size);
	vm->origin = NULL;
	if (booted) {
		log_message(LOG_INFO, LOG_AUDIT, vm->config.name, "%s", what);
		return vm;
	}
	log_message(LOG_ERROR, LOG_VM, vm->config.name, "not created: %s", problem);
	if (vm->group != HANDLE_NONE || vm->channel != NULL)
		vm_release(vm, AFTER_REMOVE);
	else {
		vm_user_data_drop(&vm->user_data);
		vm->id = 0;
	}
	return NULL;
}

struct vm *vm_create(const struct vm_config *config, char *problem, size_t size)
{
	return vm_create_with(config, NULL, problem, size);
}

struct vm *vm_create_with(const struct vm_config *config, struct vm_user_data *text, char *problem,
			  size_t size)
{
	struct vm *vm = vm_new_slot(config->name, problem, size);

	if (vm == NULL)
		return NULL;
	vm->config = *config;
	if (text != NULL) {
		vm->user_data = *text;
		*text = (struct vm_user_data){.memory = HANDLE_NONE};
	}
	return vm_first_boot(vm, "created", problem, size);
}

static void vm_connect_clone(struct vm *vm, const struct vm *from, const struct vm_clone_own *own)
{
	for (u32 i = 0; i < CONFIG_VM_NET_MAX; i++) {
		struct vm_net *net = &vm->config.net[i];

		net->mac = own->number[i] != 0 ? net_mac(&from->config, i) : 0;
		if (own->number[i] != 0)
			net->number = own->number[i];
	}
	if (own->egress.listed != 0)
		vm->config.egress = own->egress;
}

/*
 * Puts the volume that the clone is given in the place of one of its source's disks. It bears no
 * VM_DISK_OWN: it was there before the clone, and stays when the clone ends.
 */
static bool vm_fill_clone(struct vm *vm, const struct vm_clone_own *own, char *problem, size_t size)
{
	char name[CONFIG_DISK_BYTES];

	if (own->volume.number == 0)
		return true;
	vm->config.disk[own->volume_place] = own->volume;
	if (!config_disk_twice(vm->config.disk, name))
		return true;
	format(problem, size, "it would have %s twice; a VM has each disk once", name);
	return false;
}

struct vm *vm_clone(struct vm *from, const struct vm_snapshot *snapshot, const char *name,
		    const struct vm_clone_own *own, char *problem, size_t size)
{
	struct vm *vm;
	char what[80];

	if (!vm_clone_disks_may(from, snapshot, problem, size))
		return NULL;
	vm = vm_new_slot(name, problem, size);
	if (vm == NULL)
		return NULL;
	vm->config = from->config;
	string_copy(vm->config.name, sizeof(vm->config.name), name);
	/* a clone's guest may command this host only if its own section says so */
	vm->config.channel[0] = '\0';
	/* no clone is backed up unless that is asked for */
	vm->config.backup.store[0] = '\0';
	vm->config.boot_once[0] = '\0';
	/* no other guest's configuration has named the clone */
	memset(vm->config.vsock_peer, 0, sizeof(vm->config.vsock_peer));
	if (!vm_volumes_give(vm, from, problem, size) || !vm_fill_clone(vm, own, problem, size) ||
	    !vm_user_data_clone(vm, from, problem, size))
		return NULL;
	vm_clone_disks_mark(vm, from);
	vm_connect_clone(vm, from, own);
	string_copy(vm->run_of, sizeof(vm->run_of), own->run_of);
	vm->clone_of = from->id;
	vm->clone_layer = snapshot->layer;
	vm->snapshots.depth = snapshot->depth;
	vm->origin = snapshot;
	format(what, sizeof(what), "cloned from %s@%s", from->config.name, snapshot->name);
	vm = vm_first_boot(vm, what, problem, size);
	if (vm != NULL)
		vm->wish.start = true;
	return vm;
}
