/* SPDX-License-Identifier: MIT */
/*
 * Applies a VM's weight, cap, affinity and reservations, and changes them while it runs. Called by
 * vm_build.c, vm_build_check.c, `vm set`, the lists of VMs and vm_step. Sets the VM's group in the
 * kernel; reservations are asked of the monitor through the channel.
 */
#include "vmm/manager/disk/disk.h"
#include "vmm/manager/disk/store.h"
#include "vmm/manager/net/net.h"
#include "vmm/manager/vm/process/vm_share.h"
#include "lib/bits.h"
#include "lib/read_once.h"
#include "vmm/manager/config/config_keys.h"
#include "vmm/manager/host/machine.h"
#include "vmm/manager/log/log.h"
#include "vmm/manager/vm/vm.h"
#include "vmm/manager/log/vm_events.h"
#include "vmm/manager/vm/vm_operation.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/format.h"
#include "vmm/rt/status_text.h"
#include "vmm/rt/syscall.h"

#define AFFINITY_CPUS 64u /* the CPUs of an affinity, for which the kernel has a bit each */
#define READ_TRIES    8u

_Static_assert((u32)TRAP_CR == VM_TRAP_CR && (u32)TRAP_EXCEPTIONS == VM_TRAP_EXCEPTIONS &&
		       (u32)TRAP_IO == VM_TRAP_IO,
	       "the key's value goes to the monitor as it is");

/* Checks that the VM's machine channel has a section, and belongs to no other VM. */
static bool vm_share_check_channel(const struct vm_config *config, char *problem, size_t size)
{
	if (config->channel[0] == '\0')
		return true;
	if (string_equal(config->channel, "com2") || config_channel_find(config->channel) == NULL) {
		format(problem, size,
		       "channel: %s is not possible; use a name that has a section [channel NAME], "
		       "but not com2",
		       config->channel);
		return false;
	}
	VM_FOR_EACH(vm) {
		if (string_equal(vm->config.channel, config->channel) &&
		    !string_equal(vm->config.name, config->name)) {
			format(problem, size, "channel: %s is that of VM %s; use another",
			       config->channel, vm->config.name);
			return false;
		}
	}
	return true;
}

bool vm_share_check(const struct vm_config *config, char *problem, size_t size)
{
	u32 count = machine_page()->cpu_count;
	u32 there = MIN(count, AFFINITY_CPUS);

	for (u32 cpu = 0; cpu < CPU_MAX; cpu++) {
		if ((config->affinity[cpu / 64] & BIT(cpu % 64)) == 0 || cpu < there)
			continue;
		format(problem, size,
		       "affinity: there is no CPU %u; use %s%u, the host has %u CPU%s", cpu,
		       there > 1 ? "0-" : "", there - 1, count, count == 1 ? "" : "s");
		return false;
	}
	if (config->backup.store[0] != '\0' && store_find(config->backup.store) == NULL) {
		format(problem, size,
		       "backup: there is no store \"%s\"; use one that has a section [store NAME]",
		       config->backup.store);
		return false;
	}
	return vm_share_check_channel(config, problem, size);
}

/*
 * Adds to *cpu_tsc the CPU time of the VM's threads that are running now. Returns false if the
 * kernel changed the account meanwhile: then time may be missing or counted twice.
 */
static bool vm_share_read_running(const struct vm *vm, u64 *cpu_tsc)
{
	const struct kernel_page *page = machine_page();
	u64 before = READ_ONCE(vm_account(vm)->cpu_tsc);
	u64 now = clock_tsc();

	*cpu_tsc = before;
	for (u32 i = 0; i < page->cpu_count && i < CPU_MAX; i++) {
		u64 since = READ_ONCE(page->cpu[i].running_since_tsc);

		if (READ_ONCE(page->cpu[i].tag) == vm->id && since != 0 && since < now)
			*cpu_tsc += now - since;
	}
	return READ_ONCE(vm_account(vm)->cpu_tsc) == before;
}

u64 vm_cpu_ns(const struct vm *vm)
{
	u64 cpu_tsc = 0;

	for (u32 i = 0; i < READ_TRIES && !vm_share_read_running(vm, &cpu_tsc); i++)
		;
	return clock_tsc_to_ns(cpu_tsc);
}

static u64 vm_share_affinity_mask(const struct vm_config *config)
{
	return config->affinity[0] != 0 ? config->affinity[0] : ~0ull;
}

/*
 * Returns the CPU time that the VM's vCPUs may reserve, in permille of one CPU. The kernel counts
 * in ticks: rounding may cost each vCPU a permille more.
 */
static u64 vm_share_reservable(const struct vm_config *config)
{
	if (config->reserve_budget_ns == 0)
		return 0;
	return config->vcpus * (config->reserve_budget_ns * 1000 / config->reserve_period_ns + 2);
}

static enum status vm_share_set(handle_t group, enum group_setting setting, u64 value,
				enum status before)
{
	return before == STATUS_OK ? sys_group_set(group, setting, value) : before;
}

enum status vm_share_apply(handle_t group, const struct vm_config *config)
{
	enum status status = STATUS_OK;

	status = vm_share_set(group, GROUP_WEIGHT, config->weight, status);
	status = vm_share_set(group, GROUP_CAP_PERCENT, config->cap_percent, status);
	status = vm_share_set(group, GROUP_AFFINITY, vm_share_affinity_mask(config), status);
	return vm_share_set(group, GROUP_RESERVABLE_PERMILLE, vm_share_reservable(config), status);
}

static void vm_share_check_status(struct vm *vm, enum status status, const char *what)
{
	struct vm_operation *operation = &vm->operation[OPERATION_CHANGE];

	if (status != STATUS_OK && operation->problem[0] == '\0')
		format(operation->problem, VM_PROBLEM_BYTES, "the kernel says \"%s\" while %s",
		       status_text(status), what);
}

static void vm_share_ask(struct vm *vm, enum vm_change_phase phase, const struct vm_config *config)
{
	struct vm_operation *operation = &vm->operation[OPERATION_CHANGE];

	operation->phase = phase;
	/* no limit here: the operator's command that waits for the change has one */
	operation->until_tsc = ~0ull;
	vm->channel->reserve_budget_ns = config != NULL ? config->reserve_budget_ns : 0;
	vm->channel->reserve_period_ns = config != NULL ? config->reserve_period_ns : 0;
	vm_send(vm, VM_COMMAND_RESERVE);
}

/* Puts the new configuration into effect: no step can refuse it any more. */
static void vm_share_finish(struct vm *vm)
{
	struct vm_operation *operation = &vm->operation[OPERATION_CHANGE];
	bool traps = vm->next.trap != vm->config.trap;

	operation->phase = CHANGE_NONE;
	if (operation->problem[0] == '\0') {
		vm->config = vm->next;
		vm->revision++;
		vm_event(vm->config.name, vm->uuid, EVENT_CONFIGURATION, "");
		disk_limit_all(vm);
		net_limit_all(vm);
		if (traps && vm->group != HANDLE_NONE && !vm_is_ending(vm) && vm_ready(vm)) {
			vm->channel->trap = (u32)vm->config.trap;
			vm_send(vm, VM_COMMAND_TRAP);
		}
	}
	if (vm->group != HANDLE_NONE)
		vm_share_check_status(vm, vm_share_apply(vm->group, &vm->config),
				      "changing its group");
}

static void vm_share_set_affinity(struct vm *vm, const struct vm_config *config)
{
	vm_share_check_status(
		vm, sys_group_set(vm->group, GROUP_AFFINITY, vm_share_affinity_mask(config)),
		"changing its affinity");
}

static bool vm_share_same_reserve(const struct vm_config *a, const struct vm_config *b)
{
	return a->reserve_budget_ns == b->reserve_budget_ns &&
	       a->reserve_period_ns == b->reserve_period_ns;
}

static bool vm_share_begin(struct vm *vm, const void *wish, char *problem, size_t size)
{
	const struct vm_config *next = wish;
	struct vm_operation *operation = &vm->operation[OPERATION_CHANGE];
	bool moves = vm_share_affinity_mask(next) != vm_share_affinity_mask(&vm->config);
	bool asks = vm->group != HANDLE_NONE && !vm_is_ending(vm) && vm_ready(vm);

	(void)problem, (void)size;
	vm->next = *next;
	operation->problem[0] = '\0';
	if (!asks || (vm_share_same_reserve(next, &vm->config) &&
		      !(moves && vm->config.reserve_budget_ns != 0))) {
		vm_share_finish(vm);
		return true;
	}
	vm_share_check_status(
		vm,
		sys_group_set(vm->group, GROUP_RESERVABLE_PERMILLE,
			      MAX(vm_share_reservable(next), vm_share_reservable(&vm->config))),
		"changing its group");
	if (moves && vm->config.reserve_budget_ns != 0) {
		vm_share_ask(vm, CHANGE_RELEASE, NULL);
		return true;
	}
	if (moves)
		vm_share_set_affinity(vm, next);
	vm_share_ask(vm, CHANGE_RESERVE, next);
	return true;
}

void vm_share_change(struct vm *vm, const struct vm_config *next)
{
	char none[VM_PROBLEM_BYTES];

	(void)vm_operation_begin(vm, OPERATION_CHANGE, next, none, sizeof(none));
}

static void vm_share_refused(struct vm *vm)
{
	struct vm_operation *operation = &vm->operation[OPERATION_CHANGE];
	char wanted[48] = "";

	for (const struct config_key *key = config_vm_keys; key->name != NULL; key++) {
		if (string_equal(key->name, "reserve"))
			config_value_text(key, &vm->next, wanted, sizeof(wanted));
	}
	format(operation->problem, VM_PROBLEM_BYTES,
	       "reserve: %s cannot be given to vCPU %u; only %u permille of a CPU are left", wanted,
	       vm->channel->reserve_vcpu, vm->channel->reserve_left);
}

/* Continues a change of the VM's share once the monitor has done its command. */
static bool vm_share_step(struct vm *vm, u64 now_tsc)
{
	struct vm_operation *operation = &vm->operation[OPERATION_CHANGE];
	bool moves = vm_share_affinity_mask(&vm->next) != vm_share_affinity_mask(&vm->config);

	(void)now_tsc;
	if (operation->phase == CHANGE_DONE)
		operation->phase = CHANGE_NONE;
	if (operation->phase == CHANGE_NONE || !vm_command_done(vm))
		return false;
	switch (operation->phase) {
	case CHANGE_RELEASE:
		vm_share_set_affinity(vm, &vm->next);
		vm_share_ask(vm, CHANGE_RESERVE, &vm->next);
		return false;
	case CHANGE_RESERVE:
		if (vm->channel->reserve_refused == 0)
			break;
		vm_share_refused(vm);
		if (!moves)
			break;
		vm_share_set_affinity(vm, &vm->config);
		vm_share_ask(vm, CHANGE_RESTORE, &vm->config);
		return false;
	default:
		break;
	}
	vm_share_finish(vm);
	operation->phase = CHANGE_DONE;
	return false;
}

static void vm_share_abandon(struct vm *vm)
{
	struct vm_operation *operation = &vm->operation[OPERATION_CHANGE];

	if (operation->phase <= CHANGE_DONE)
		return;
	vm_operation_abandon(vm, OPERATION_CHANGE);
	operation->phase = CHANGE_DONE;
}

const struct vm_operation_ops vm_share_ops = {
	.name = "change",
	.busy = ~(u32)(BIT(CHANGE_NONE) | BIT(CHANGE_DONE)),
	.begin = vm_share_begin,
	.step = vm_share_step,
	.abandon = vm_share_abandon,
};
