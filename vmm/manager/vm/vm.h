/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * VMs as the manager knows them: the list, questions about one VM, and the actions and steps of its
 * life.
 */
#include "kernel/abi/object.h"
#include "kernel/abi/pages.h"
#include "vmm/manager/config/config.h"
#include "vmm/manager/text/guid.h"
#include "vmm/manager/log/log.h"
#include "vmm/manager/log/vm_events.h"
#include "vmm/manager/text/text.h"
#include "vmm/manager/vm/vm_handover.h"
#include "vmm/manager/vm/vm_life.h"
#include "vmm/manager/vm/vm_log.h"
#include "vmm/manager/vm/vm_operation.h"
#include "vmm/manager/vm/vm_turn.h"
#include "vmm/manager/vm/vm_types.h"
#include "vmm/manager/vm/vm_peers.h"
#include "vmm/manager/vm/vm_vsock.h"
#include "vmm/rt/channel.h"

/* Returns the VM at `place`, 0 to VM_MAX - 1, in the table of VMs, or NULL if none is there. */
struct vm *vm_at(u64 place);
/* Returns the next VM of the list (the first after NULL), or NULL after the last. */
struct vm *vm_next(struct vm *vm);
#define VM_FOR_EACH(each) for (struct vm *each = vm_next(NULL); each != NULL; each = vm_next(each))
struct vm *vm_find(const char *name);
struct vm *vm_by_id(u32 id);
/* Returns the name of the VM whose id has these low bits, or "" if there is none. */
const char *vm_name_by_low_id(u16 low_id);
/* Returns an unused entry of the table for a new VM, or NULL if there are VM_MAX VMs already. */
struct vm *vm_free_slot(void);

/* Returns whether the VM's memory group is being destroyed. */
static inline bool vm_is_ending(const struct vm *vm)
{
	return vm->phase >= VM_PHASE_ENDING;
}

/* Returns whether the VM was never reported as created. */
static inline bool vm_is_new(const struct vm *vm)
{
	return vm->phase == VM_PHASE_NEW || vm->phase == VM_PHASE_REFUSED;
}

/* Returns whether the VM's guest is there: it runs, or is paused. */
static inline bool vm_is_up(const struct vm *vm)
{
	return vm->state == VM_RUNNING || vm->state == VM_PAUSED;
}

/* Returns whether the VM's guest has ended, so that none can run before the next start. */
static inline bool vm_has_ended(const struct vm *vm)
{
	return vm->state == VM_STOPPED || vm->state == VM_CRASHED;
}

/* Returns the address (CID) of a guest's socket device; no two guests have the same. */
static inline u64 vm_vsock_cid(const struct vm *vm)
{
	return (u64)vm->id + VSOCK_CID_FIRST - 1;
}

const char *vm_state_name(enum vm_state state);
/* Returns how many TSC cycles the VM has been in state running since its last fresh boot. */
u64 vm_uptime_tsc(const struct vm *vm);
u64 vm_uptime_ns(const struct vm *vm);
/*
 * Returns the kernel's account of the VM's memory group, or, if the VM has no group now, the final
 * account of its last group.
 */
const struct group_page *vm_account(const struct vm *vm);
/* Returns the sum of all the guest's exits, handled in the kernel and in the monitor. */
static inline u64 vm_exits(const struct vm *vm)
{
	const struct group_page *account = vm_account(vm);
	u64 sum = 0;

	for (u32 i = 0; i < ARRAY_COUNT(account->exits_by_reason); i++)
		sum += account->exits_by_reason[i];
	return sum;
}
/*
 * Returns how many bytes of the host's memory the VM takes; promised memory counts from its first
 * touch.
 */
static inline u64 vm_resident_bytes(const struct vm *vm)
{
	u64 used = vm->account != NULL ? vm->account->used_pages : 0;
	u64 absent = vm->account != NULL ? vm->account->absent_pages : 0;

	/* the difference cannot fall below 0: `used` and `absent` are read at different times */
	return (used - MIN(used, absent)) * PAGE_SIZE;
}
/*
 * Returns the VM's CPU time so far, with the time of running threads which the kernel has not added
 * to the account yet.
 */
u64 vm_cpu_ns(const struct vm *vm);
/* Returns whether the monitor has not done its last command yet, or an operation is under way. */
bool vm_busy(const struct vm *vm);

/*
 * Returns whether clones, the kernel or a device still use the memory of a VM that ends, for an
 * unknown time: no command should wait for the VM's end.
 */
static inline bool vm_is_kept(const struct vm *vm)
{
	return vm->kept_by != NULL || vm->held_by >= HELD_BY_CLONES;
}

/* Returns whether the monitor has done the manager's last command. */
static inline bool vm_command_done(const struct vm *vm)
{
	return vm->report.done == vm->command_sequence;
}

/* Returns whether the monitor has set itself up. */
static inline bool vm_ready(const struct vm *vm)
{
	return vm->channel != NULL && vm->report.ready;
}

/*
 * Adds a VM to the list; its monitor sets itself up later. Returns NULL, with the reason in
 * `problem`, if nothing of the VM is left. A monitor that fails to set itself up removes the VM:
 * vm_refusal then returns the reason.
 */
struct vm *vm_create(const struct vm_config *config, char *problem, size_t size);
/* Does so with a text for cloud-init, which then is the VM's, or gone with it. */
struct vm *vm_create_with(const struct vm_config *config, struct vm_user_data *text, char *problem,
			  size_t size);
/*
 * What a clone has of its own. For each of its cards the number of a network (as vm_net.number), or
 * 0 to stay on the source VM's network. `egress`, if it is listed, is the clone's list in place of
 * its source's, within which it is. `run_of`: see struct vm.
 */
struct vm_clone_own {
	u8 number[CONFIG_VM_NET_MAX];
	struct net_egress_list egress;
	/* what it has in place of the source's disk at index volume_place; number 0: nothing */
	struct vm_disk volume;
	u32 volume_place;
	char run_of[VM_RUN_OF_BYTES];
};
/*
 * Adds a clone of `from`, which begins to run in the state of the snapshot: under its own name,
 * with its own memory above the snapshot's. A card that moves to another network keeps the address
 * its guest knows; a card that stays gets an address that the guest does not know yet.
 */
struct vm *vm_clone(struct vm *from, const struct vm_snapshot *snapshot, const char *name,
		    const struct vm_clone_own *own, char *problem, size_t size);
/*
 * Makes a monitor for a VM that has none, so that it can boot. Returns false, with the reason in
 * `problem`, if that fails. For vmm/manager/vm only.
 */
bool vm_boot(struct vm *vm, char *problem, size_t size);
/*
 * Lets vm_step end the VM's monitor, if there is one, and then do what `after` asks for. For
 * vmm/manager/vm only.
 */
void vm_release(struct vm *vm, enum vm_after after);
/* Returns why the VM of that id, which is gone, could not be created. */
const char *vm_refusal(u32 id);
/*
 * Returns whether the VM is being removed because its first monitor has failed: vm_refusal then
 * says why.
 */
bool vm_is_refused(const struct vm *vm);
/* Marks a VM that existed before as crashed: no new monitor could be made for it. */
void vm_not_started(struct vm *vm, const char *reason);
/* Prints at the console how the VM has ended, unless a command that waits there will print that. */
void vm_notice_end(const struct vm *vm);

/* Gives the VM's monitor a command. */
void vm_send(struct vm *vm, enum vm_command command);

/* Returns whether the VM's state allows the action. */
bool vm_allows(const struct vm *vm, enum vm_action action);

/*
 * Carries out an action, or returns false with the reason in `problem`. An action that takes time
 * continues in vm_step and with the monitor's signals; vm_busy tells whether one does.
 */
bool vm_act(struct vm *vm, enum vm_action action, char *problem, size_t size);

/* Changes the VM's state, which is logged and told to subscribers. For vmm/manager/vm only. */
void vm_enter_state(struct vm *vm, enum vm_state state, const char *reason, enum log_level level,
		    enum vm_event event);

/* Ends the guest for the given reason; the kernel then takes back its memory and objects. */
void vm_end(struct vm *vm, const char *reason);

/*
 * Records that the guest cannot continue, for the given reason. A monitor that is alive is kept for
 * inspection for as long as the crash is held.
 */
void vm_crash(struct vm *vm, const char *reason, bool monitor_alive);

/* Does one bounded step of all VMs' operations; returns whether another step is due at once. */
bool vm_step(void);
/* Returns the TSC by which vm_step has to be called, or ~0 if there is no need. */
u64 vm_deadline(void);

/*
 * Returns the number, from 1 on, of the VM's port with that name in the configuration, or 0 if none
 * has that name.
 */
u32 vm_port_find(const struct vm *vm, const char *name);

/*
 * Read a guest's output of its console (port 0) or of a port (by its number, from 1 on), or write
 * to it. Both return the number of bytes moved.
 */
u32 vm_console_read(struct vm *vm, u32 port, u8 *bytes, u32 size);
u32 vm_console_write(struct vm *vm, u32 port, const u8 *bytes, u32 count);
bool vm_console_waiting(const struct vm *vm, u32 port);
