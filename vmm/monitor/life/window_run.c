/* SPDX-License-Identifier: MIT */
/*
 * Goes back to a snapshot when the guest says so (window_run.h). Called by pending.c, todo.c and
 * handover.c under the machine's lock; has the kernel reset the RAM, and loads the state that this
 * process has kept. What other VMs see of it is a head in the window, which is only written.
 */
#include "vmm/monitor/life/window_run.h"

#include "lib/bits.h"
#include "lib/read_once.h"
#include "vmm/monitor/life/handover.h"
#include "vmm/monitor/life/window_open.h"
#include "vmm/monitor/machine/machine.h"
#include "vmm/monitor/state/machine_state.h"
#include "vmm/monitor/virtio/virtio_blk.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/memory.h"
#include "vmm/rt/start.h"
#include "vmm/rt/status_text.h"
#include "vmm/rt/syscall.h"

/* The time in which every CPU of the host forgets the pages that the guest has written to. */
#define RESET_NS (2 * NS_PER_S)

static void window_run_answer(struct machine *machine, enum window_status status)
{
	machine->platform.window->state.status = status;
	window_wake(machine);
}

/* Has the guest go on behind its call; `why` goes to the VM's log. */
static void window_run_refuse(struct machine *machine, const char *why)
{
	machine_log(machine, "no reset on request: %s", why);
	window_run_answer(machine, WINDOW_REFUSED);
}

static u64 window_run_disk_writes(const struct machine *machine)
{
	u64 sum = machine->flash_client != NULL ? machine->flash_client->writes : 0;

	for (u32 i = 0; i < machine->blk_count; i++)
		sum += machine->blk[i].client.writes;
	return sum;
}

static u32 window_run_snapshot_now(const struct machine *machine)
{
	return __atomic_load_n(&machine->channel->window_snapshot, __ATOMIC_ACQUIRE);
}

static bool window_run_has_snapshot(const struct machine *machine)
{
	return machine->run.saved_for != 0 &&
	       window_run_snapshot_now(machine) == machine->run.saved_for;
}

static void window_run_ask(struct machine *machine)
{
	struct window_run *run = &machine->run;

	run->wanted++;
	run->ring = machine->platform.window->state.value;
	__atomic_store_n(&machine->channel->window_wanted, run->wanted, __ATOMIC_RELEASE);
	machine->signal = true;
}

void window_run_call(struct machine *machine)
{
	struct window_state *state = &machine->platform.window->state;
	struct window_run *run = &machine->run;
	u32 call = state->call;

	state->call = 0;
	run->asking = call == WINDOW_CALL_SNAPSHOT;
	if (call == WINDOW_CALL_SNAPSHOT) {
		window_run_ask(machine);
	} else if (machine->handover.held || !window_run_has_snapshot(machine)) {
		/* while the VM is held its RAM is being frozen or copied */
		window_run_answer(machine, WINDOW_GONE);
	} else {
		run->ended_by = call;
		machine_go_back(machine);
	}
}

void window_run_look(struct machine *machine)
{
	const struct window_state *state = &machine->platform.window->state;
	const struct window_run *run = &machine->run;

	/* a call may be under way by another vCPU, or just made */
	if (likely(state->status != WINDOW_BUSY) || !run->asking || state->call != 0)
		return;
	if (window_run_snapshot_now(machine) == run->wanted)
		window_run_answer(machine,
				  run->saved_for == run->wanted ? WINDOW_DONE : WINDOW_GONE);
	else if (READ_ONCE(machine->channel->window_refused) == run->wanted)
		window_run_answer(machine, WINDOW_REFUSED);
}

void window_run_keep(struct machine *machine, const void *state, u64 used)
{
	struct window_run *run = &machine->run;
	u64 bytes = align_up(machine->channel->state_bytes, PAGE_SIZE);
	u64 at;

	if (run->wanted == 0 || READ_ONCE(machine->channel->window_save) != run->wanted ||
	    run->saved_for == run->wanted || used > bytes)
		return;
	if (run->saved == NULL) {
		if (memory_map(bytes, &at) != STATUS_OK)
			return;
		run->saved = (u8 *)(uintptr_t)at;
	}
	memcpy(run->saved, state, used);
	run->saved_for = run->wanted;
	run->disk_writes = window_run_disk_writes(machine);
}

void window_run_inherit(struct machine *machine)
{
	machine->run.wanted = machine->channel->window_wanted;
}

/* Tells the harness how the run has ended, by the head of this VM's place and the bell. */
static void window_run_tell(struct machine *machine, u32 value, u64 cycles)
{
	struct window_head *head = window_head_of(&machine->window);
	struct window_run *run = &machine->run;

	head->status = run->ended_by == WINDOW_CALL_PANIC ? WINDOW_PANIC : WINDOW_DONE;
	head->value = value;
	head->cycles = (u32)MIN(cycles, (u64)~0u);
	__atomic_store_n(&head->runs, ++run->runs, __ATOMIC_RELEASE);
	window_ring(&machine->window, run->ring);
}

/*
 * Has the kernel make all steps of the RAM's reset. From the first one on, until the last, the
 * kernel merges no layer: so it was this snapshot if the channel still names it after the first.
 */
static enum status window_run_reset_ram(const struct machine *machine, bool *named)
{
	u64 until = clock_tsc() + clock_ns_to_tsc(RESET_NS);
	enum status status = sys_memory_reset(start_handle(START_RAM));

	*named = window_run_has_snapshot(machine);
	while (status == STATUS_AGAIN && clock_tsc() < until)
		status = sys_memory_reset(start_handle(START_RAM));
	return status;
}

static bool window_run_may_go_back(struct machine *machine)
{
	if (machine->debugger.attached)
		window_run_refuse(machine, "a debugger is attached to it");
	else if (window_run_disk_writes(machine) != machine->run.disk_writes)
		window_run_refuse(machine,
				  "its guest has written to a disk since the snapshot; give it "
				  "disks that it does not write to, or use `vm reset --to`");
	else if (!handover_disks_have_answered(machine))
		window_run_refuse(machine, machine->channel->handover_problem);
	else
		return true;
	return false;
}

void window_run_back(struct machine *machine)
{
	u32 value = machine->platform.window->state.value;
	u64 began = clock_tsc();
	enum status status;
	bool named;

	if (machine->state != VM_RUNNING || !window_run_may_go_back(machine))
		return;
	if (!window_run_has_snapshot(machine)) {
		window_run_answer(machine, WINDOW_GONE);
		return;
	}
	status = window_run_reset_ram(machine, &named);
	if (status == STATUS_BAD_STATE) { /* the snapshot is just being dropped */
		window_run_answer(machine, WINDOW_GONE);
		return;
	}
	if (status != STATUS_OK) {
		machine_crash(machine, "its memory does not become what it was: %s",
			      status_text(status));
		return;
	}
	if (!named) { /* what lies below may have been another snapshot by then */
		machine_crash(machine, "its snapshot was dropped while it went back there");
		return;
	}
	if (!handover_load_again(machine, machine->run.saved))
		return;
	window_run_answer(machine, WINDOW_DONE);
	window_run_tell(machine, value, clock_tsc() - began);
}
