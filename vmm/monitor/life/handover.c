/* SPDX-License-Identifier: MIT */
/*
 * Hands a VM over to another monitor process, or takes it over from one (struct handover). Called
 * by command.c, todo.c and machine_setup.c; saves to and loads from memory that the manager gives.
 */
#include "vmm/monitor/life/handover.h"

#include "lib/bits.h"
#include "vmm/monitor/machine/generation.h"
#include "vmm/monitor/life/machine_setup.h"
#include "vmm/monitor/life/seed_open.h"
#include "vmm/monitor/life/window_run.h"
#include "vmm/monitor/state/catch_up.h"
#include "vmm/monitor/state/machine_state.h"
#include "vmm/monitor/virtio/virtio_blk.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/format.h"
#include "vmm/rt/start.h"
#include "vmm/rt/status_text.h"
#include "vmm/rt/syscall.h"

/* The time that a disk may take to answer the requests it has before the VM is saved. */
#define ANSWERS_NS (2 * NS_PER_S)

static void handover_set_problem(struct machine *machine, const char *text)
{
	format(machine->channel->handover_problem, sizeof(machine->channel->handover_problem), "%s",
	       text);
}

static void handover_set_problem_status(struct machine *machine, const char *what,
					enum status status)
{
	format(machine->channel->handover_problem, sizeof(machine->channel->handover_problem),
	       "its state cannot be %s: %s", what, status_text(status));
}

/*
 * Waits until the disks have answered all requests: the next process would send an unanswered
 * request again, and the disk perhaps do it once more when the guest no longer expects it.
 */
bool handover_disks_have_answered(struct machine *machine)
{
	u64 until = clock_tsc() + clock_ns_to_tsc(ANSWERS_NS);
	char text[sizeof(machine->channel->handover_problem)];

	for (u32 i = 0; i < machine->blk_count; i++) {
		while (!virtio_blk_drain(&machine->blk[i])) {
			if (clock_tsc() > until) {
				format(text, sizeof(text),
				       "disk %u does not answer what it was asked",
				       machine->blk[i].number);
				handover_set_problem(machine, text);
				return false;
			}
			(void)!sys_thread_yield(HANDLE_NONE);
		}
	}
	return true;
}

static bool handover_may_be_held(struct machine *machine)
{
	if (machine->debugger.attached) {
		handover_set_problem(machine, "a debugger is attached to it");
		return false;
	}
	return handover_disks_have_answered(machine);
}

/* Returns whether the VM is in a state from which another monitor process can go on. */
static bool handover_may_be_saved(struct machine *machine)
{
	if (machine->state != VM_RUNNING && machine->state != VM_PAUSED) {
		handover_set_problem(machine, "it neither runs nor is it paused");
		return false;
	}
	if ((machine->platform.events.pending & ~(u32)(MACHINE_DEADLINE | MACHINE_CALL)) != 0) {
		handover_set_problem(machine, "its guest is ending or resetting it");
		return false;
	}
	return handover_may_be_held(machine);
}

static void handover_begin_hold(struct machine *machine)
{
	/*
	 * The guest's disks are as they will be seen from now on. The thaw lies in the guest's own
	 * buffers before its state is saved, so that whoever goes on from that state is thawed.
	 */
	quiesce_thaw(machine);
	machine->handover.held = true;
	machine->channel->held_tsc = clock_tsc();
	machine->channel->held = 1;
	machine_time_pause(&machine->time, machine->channel->held_tsc);
	machine_update_clock(machine);
}

void handover_hold(struct machine *machine)
{
	machine->channel->held = 0;
	if (handover_may_be_held(machine))
		handover_begin_hold(machine);
}

/*
 * Saves the VM into the memory that the manager gave for that. Returns the bytes that the state
 * takes there, or 0 after calling handover_set_problem.
 */
static u64 handover_save_to(struct machine *machine, handle_t memory, u64 size)
{
	const struct state_choice all = state_choose_all(machine);
	handle_t space = start_handle(START_SPACE);
	enum status status;
	size_t used = 0;
	u64 at = 0;

	status = sys_space_map(space, 0, memory, 0, size, RIGHT_READ | RIGHT_WRITE, &at);
	if (status == STATUS_OK) {
		status = state_save(machine, &all, "", (void *)(uintptr_t)at, size, &used);
		if (status == STATUS_OK && machine->window.bytes != 0)
			window_run_keep(machine, (const void *)(uintptr_t)at, used);
		while (sys_space_unmap(space, at, size) == STATUS_AGAIN)
			;
	}
	(void)!sys_handle_close(memory);
	if (status == STATUS_OK && machine->state != VM_CRASHED)
		return used;
	handover_set_problem_status(machine, "saved", status);
	return 0;
}

void handover_save(struct machine *machine)
{
	struct vm_channel *channel = machine->channel;
	handle_t memory = channel->state_memory;
	u64 size = align_down(channel->state_size, PAGE_SIZE);

	channel->state_used = 0;
	if (!handover_may_be_saved(machine)) {
		(void)!sys_handle_close(memory);
		return;
	}
	handover_begin_hold(machine);
	channel->state_used = handover_save_to(machine, memory, size);
	if (channel->state_used == 0)
		handover_continue(machine);
}

void handover_continue(struct machine *machine)
{
	if (!machine->handover.held)
		return;
	machine->handover.held = false;
	machine->handover.number = 0;
	machine->channel->held = 0;
	/* the other monitor process has got the links' signals until now */
	if (!machine_bind_links(machine))
		return;
	machine_let_go(machine);
	machine->channel->continued_tsc = clock_tsc();
}

static void handover_forget_life(struct machine *machine)
{
	machine->platform.events.pending = 0;
	for (u32 i = 0; i < machine->vcpu_count; i++) {
		machine->vcpu[i].page->request |= REQUEST_FLUSH;
		machine->vcpu[i].refused = STATUS_OK;
	}
	if (machine->state != VM_CRASHED)
		return;
	machine->state = VM_RUNNING;
	machine->channel->reason[0] = '\0';
}

/*
 * Returns whether this process has loaded the saved state with this checksum and size before, so
 * that it is already checked: a snapshot's state stays as it is, since the manager gives no process
 * the right to write to it.
 */
static bool handover_is_known(const struct machine *machine, u32 sum, size_t size)
{
	return sum != 0 && sum == machine->handover.sum && size == machine->handover.sum_of;
}

/*
 * Loads a saved state over the VM's present one. First replaces all devices by new ones, as a saved
 * state lacks values that devices compute from their own state.
 */
static bool handover_load_over(struct machine *machine, const void *bytes, size_t size)
{
	const struct state_choice all = state_choose_all(machine);
	struct state_problem problem;
	char text[sizeof(machine->channel->reason)];
	u32 sum = state_sum(bytes, size);

	if (!machine_make_devices_anew(machine))
		return false;
	if (handover_is_known(machine, sum, size)) {
		state_load_again(machine, &all, bytes);
	} else if (!state_load(machine, &all, bytes, size, &problem)) {
		state_problem_text(&problem, text, sizeof(text));
		machine_crash(machine, "its state cannot be loaded: %s", text);
		return false;
	}
	machine->handover.sum = sum;
	machine->handover.sum_of = size;
	catch_up(machine, bytes);
	return true;
}

bool handover_load_again(struct machine *machine, const void *bytes)
{
	const struct state_choice all = state_choose_all(machine);

	if (!machine_make_devices_anew(machine))
		return false;
	state_load_again(machine, &all, bytes);
	handover_forget_life(machine);
	machine_time_goes_on(machine);
	return true;
}

void handover_load(struct machine *machine)
{
	handle_t memory = machine->channel->state_memory;
	u64 size = machine->channel->state_size;
	u64 whole = align_up(size, PAGE_SIZE);
	handle_t space = start_handle(START_SPACE);
	enum status status = STATUS_BAD_STATE;
	u64 at = 0;

	if (machine->handover.held)
		status = sys_space_map(space, 0, memory, 0, whole, RIGHT_READ, &at);
	(void)!sys_handle_close(memory);
	if (status == STATUS_OK) {
		if (handover_load_over(machine, (const void *)(uintptr_t)at, size)) {
			handover_forget_life(machine);
			quiesce_forget(machine);
			generation_change(machine);
		}
		while (sys_space_unmap(space, at, whole) == STATUS_AGAIN)
			;
	} else {
		machine_crash(machine, "its state cannot be read: %s", status_text(status));
	}
	handover_continue(machine);
}

static bool handover_load_state(struct machine *machine, const void *bytes, size_t size)
{
	const struct state_choice all = state_choose_all(machine);
	struct state_problem problem;
	char text[sizeof(machine->channel->handover_problem)];

	if (state_load(machine, &all, bytes, size, &problem)) {
		catch_up(machine, bytes);
		return true;
	}
	state_problem_text(&problem, text, sizeof(text));
	handover_set_problem(machine, text);
	return false;
}

/*
 * Loads the saved state in the memory that the manager gave at the start, which has no writer
 * meanwhile. Returns false with the reason in the channel.
 */
static bool handover_load_given(struct machine *machine)
{
	const struct start_entry *entry = start_find(START_STATE);
	u64 size = entry != NULL ? entry->value : 0;
	bool loaded;

	if (size == 0) {
		handover_set_problem_status(machine, "read", STATUS_NOT_FOUND);
		return false;
	}
	loaded = handover_load_state(machine, (const void *)(uintptr_t)entry->offset, size);
	while (sys_space_unmap(start_handle(START_SPACE), entry->offset,
			       align_up(size, PAGE_SIZE)) == STATUS_AGAIN)
		;
	return loaded;
}

bool handover_take(struct machine *machine)
{
	struct vm_channel *channel = machine->channel;
	u32 state = channel->state;

	if (state != VM_RUNNING && state != VM_PAUSED) {
		machine_refuse(machine, "it neither runs nor is it paused");
		return false;
	}
	machine_take_wall_time(machine);
	machine_time_pause(&machine->time, clock_tsc());
	if (!handover_load_given(machine)) {
		machine_tell_refused(machine);
		return false;
	}
	machine->state = machine->reported = (enum vm_state)state;
	machine->obeyed = channel->done_sequence;
	machine->heard = channel->question.answered;
	window_run_inherit(machine);
	machine->handover.held = true;
	__atomic_store_n(&channel->taken_renewal, machine->handover.number, __ATOMIC_RELEASE);
	machine->signal = true;
	return true;
}

bool handover_clone(struct machine *machine)
{
	machine_take_wall_time(machine);
	machine_time_pause(&machine->time, clock_tsc());
	if (!handover_load_given(machine)) {
		machine_crash(machine, "%s", machine->channel->handover_problem);
		return false;
	}
	generation_change(machine);
	seed_offer(machine);
	machine->handover.loaded = true;
	return true;
}

void handover_start(struct machine *machine)
{
	machine->handover.loaded = false;
	machine->state = VM_RUNNING;
	machine_let_go(machine);
}
