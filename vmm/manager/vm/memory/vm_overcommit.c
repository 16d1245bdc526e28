/* SPDX-License-Identifier: MIT */
/*
 * Hands out memory to VMs whose RAM is not promised in full, and pauses those for which there is
 * none. Called by vm_act.c (vm_step), the event loop, vm_renew.c, and by vm_quota.c and
 * vm_build_check.c for free pages. Sets group quotas in the kernel; owns vm->hunger and
 * vm->hunger_told.
 */
#include "vmm/manager/vm/memory/vm_overcommit.h"
#include "lib/bits.h"
#include "lib/read_once.h"
#include "vmm/manager/log/log.h"
#include "vmm/manager/process/pages.h"
#include "vmm/manager/vm/vm.h"
#include "vmm/manager/vm/memory/vm_build_pages.h"
#include "vmm/manager/vm/memory/vm_trim.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/format.h"
#include "vmm/rt/syscall.h"

#define LEAST_PAGES 64u /* the least grant of pages that is worth while */
/*
 * pages by which a VM's quota exceeds those in use: the guest's RAM may take them but for 32
 * (MEMORY_SPARE_PAGES), which the kernel leaves for other uses
 */
#define SPARE_PAGES   64u
#define RESERVE_PAGES 1024u /* pages kept for the manager's own work while guests ask for more */
#define GRANT_SHARE   16u   /* a grant is at most this part of the free pages: one sixteenth */
#define LOOK_NS	      (50 * NS_PER_MS)
#define TRIM_AGAIN_NS (10 * NS_PER_S)

/* the TSC before which there is no need to look for free pages, unless the kernel signals */
static u64 look_tsc;

/*
 * Returns whether the VM's quota may be lowered: its monitor is ready, and no operation is under
 * way.
 */
static bool vm_overcommit_can_spare(const struct vm *vm)
{
	return vm->overcommits && vm->group != HANDLE_NONE && !vm_is_ending(vm) &&
	       vm->hunger == VM_FED && vm->account != NULL && vm_ready(vm) && !vm_busy(vm);
}

static void vm_overcommit_reclaim_unused(void)
{
	VM_FOR_EACH(vm) {
		u64 pages;

		if (!vm_overcommit_can_spare(vm))
			continue;
		pages = READ_ONCE(vm->account->used_pages) + SPARE_PAGES;
		if (pages >= vm->quota_pages ||
		    sys_group_set(vm->group, GROUP_QUOTA, pages) != STATUS_OK)
			continue;
		vm->quota_surplus -= MIN(vm->quota_surplus, vm->quota_pages - pages);
		vm->quota_pages = pages;
	}
}

u64 vm_overcommit_available(u64 wanted)
{
	u64 available = pages_available();

	if (available >= wanted)
		return available;
	vm_overcommit_reclaim_unused();
	return pages_available();
}

bool vm_overcommit_stopped(const struct vm *vm)
{
	return vm->overcommits && READ_ONCE(vm->channel->no_memory) != 0 && !vm->wish.pause;
}

void vm_overcommit_ask(struct vm *vm, bool parked)
{
	enum vm_hunger hunger = parked ? VM_PARKED : VM_STARVED;

	if (vm->group == HANDLE_NONE || vm->hunger >= hunger)
		return;
	/*
	 * with a command under way the report does not count: the VM was told to continue since, or
	 * its state is read again when the command is done
	 */
	if (!parked && !vm_command_done(vm))
		return;
	vm->hunger = hunger;
	look_tsc = 0;
}

/* Lets the VM's guest continue if it was stopped for lack of memory, after its quota was raised. */
static void vm_overcommit_fed(struct vm *vm)
{
	vm->hunger = VM_FED;
	if (READ_ONCE(vm->channel->state) == VM_PAUSED && vm_overcommit_stopped(vm))
		vm_send(vm, VM_COMMAND_RESUME);
	/* the VM's state, which was not reported while it waited, is read again */
	vm->report.heard = true;
}

bool vm_overcommit_feed(struct vm *vm, char *problem, size_t size)
{
	u64 available = vm_overcommit_available(RESERVE_PAGES + VM_GRANT_PAGES);
	u64 pages = MAX(VM_GRANT_PAGES, available / GRANT_SHARE);
	/* the most pages that the VM can use: for each layer the number of pages of its RAM */
	u64 most = (vm->snapshots.layer + 1) * vm_build_pages(&vm->config);

	if (available < RESERVE_PAGES + LEAST_PAGES) {
		format(problem, size,
		       "the host has no memory left for it: only %llu KiB are promised to nobody, "
		       "and it takes %llu KiB; a VM that waits for them goes on by itself",
		       (unsigned long long)(available * PAGE_SIZE / KIB),
		       (unsigned long long)((RESERVE_PAGES + LEAST_PAGES) * PAGE_SIZE / KIB));
		return false;
	}
	pages = MIN(pages, available - RESERVE_PAGES);
	pages = MIN(pages, most - MIN(most, vm->quota_pages));
	if (sys_group_set(vm->group, GROUP_QUOTA, vm->quota_pages + pages) == STATUS_OK)
		vm->quota_pages += pages;
	vm_overcommit_fed(vm);
	return true;
}

/* Begins to trim all VMs that are overcommitted, each at most once in TRIM_AGAIN_NS. */
static void vm_overcommit_trim_all(u64 now_tsc)
{
	char ignored[160];

	VM_FOR_EACH(vm) {
		u64 ended = vm->trim.ended_tsc;

		if (!vm->overcommits || vm_busy(vm) ||
		    (ended != 0 && now_tsc - ended < clock_ns_to_tsc(TRIM_AGAIN_NS)))
			continue;
		(void)!vm_trim_begin(vm, ignored, sizeof(ignored));
	}
}

/* Tells the operator, once, that the VM waits for pages and that the host has no free ones. */
static void vm_overcommit_tell(struct vm *vm)
{
	if (vm->hunger_told)
		return;
	vm->hunger_told = true;
	if (vm->state == VM_RUNNING) {
		vm_enter_state(vm, VM_PAUSED, VM_NO_MEMORY, LOG_WARNING, EVENT_PAUSED);
	} else { /* the guest has not begun to run, so it cannot be paused */
		log_message(LOG_WARNING, LOG_VM, vm->config.name, "waits: " VM_NO_MEMORY);
	}
}

void vm_overcommit_step(u64 now_tsc)
{
	char ignored[200];

	if (now_tsc < look_tsc)
		return;
	look_tsc = ~0ull;
	VM_FOR_EACH(vm) {
		if (vm->hunger == VM_FED)
			continue;
		if (!vm_is_ending(vm) && vm_overcommit_feed(vm, ignored, sizeof(ignored)))
			continue;
		look_tsc = now_tsc + clock_ns_to_tsc(LOOK_NS);
		if (!vm_is_ending(vm))
			vm_overcommit_tell(vm);
	}
	if (look_tsc != ~0ull)
		vm_overcommit_trim_all(now_tsc);
}

u64 vm_overcommit_deadline(void)
{
	return look_tsc;
}
