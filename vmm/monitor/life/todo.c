/* SPDX-License-Identifier: MIT */
/*
 * Does the work that needs every vCPU outside the guest: enum machine_todo. Called by loop.c under
 * the machine's lock; starts, holds, saves and reports the VM.
 */
#include "vmm/monitor/life/todo.h"

#include "vmm/monitor/life/handover.h"
#include "vmm/monitor/life/query.h"
#include "vmm/monitor/life/window_run.h"
#include "vmm/monitor/machine/generation.h"
#include "vmm/monitor/machine/machine.h"
#include "vmm/monitor/vcpu/debugger.h"
#include "vmm/monitor/vcpu/trap.h"
#include "vmm/monitor/vcpu/vcpu_reset.h"
#include "vmm/monitor/virtio/virtio_blk.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/start.h"
#include "vmm/rt/syscall.h"

/*
 * The time that a disk may take to finish the requests it has at a start or reset, with a restart
 * of the disk's driver and the driver's own time limits.
 */
#define LANDING_NS (60 * NS_PER_S)

/*
 * Shows the manager where a VM with a debugger has stopped. The stop's sequence number is written
 * last, when the rest is complete.
 */
static void todo_show_stop(struct query_stop *to, struct query_stop *stop)
{
	stop->sequence++;
	to->cpu = stop->cpu;
	to->kind = stop->kind;
	to->address = stop->address;
	__atomic_store_n(&to->sequence, stop->sequence, __ATOMIC_RELEASE);
}

/* Shows the manager the VM's state, and adds up the time that the VM has been in VM_RUNNING. */
static void todo_report(struct machine *machine)
{
	struct vm_channel *channel = machine->channel;
	enum vm_state state = machine->state;
	u64 now = clock_tsc();

	if (machine->reported == VM_RUNNING && state != VM_RUNNING) {
		channel->running_tsc += now - channel->started_tsc;
		channel->started_tsc = 0;
	}
	if (machine->reported != VM_RUNNING && state == VM_RUNNING)
		channel->started_tsc = now;
	if (state == VM_PAUSED || machine->debugger.held || machine->handover.held)
		machine_time_pause(&machine->time, now);
	if (machine->debugger.news) {
		machine->debugger.news = false;
		debugger_gather(machine);
		todo_show_stop(&channel->question.stop, &machine->debugger.stop);
	}
	machine->reported = state;
	__atomic_store_n(&channel->state, state, __ATOMIC_RELEASE);
	machine->signal = true;
}

/*
 * Waits until no disk can still write data into the guest's RAM for requests from before the start
 * or reset. Returns false if a disk does not end its requests in time.
 */
static bool todo_disks_have_ended(struct machine *machine)
{
	u64 until = clock_tsc() + clock_ns_to_tsc(LANDING_NS);

	for (u32 i = 0; i < machine->blk_count; i++) {
		while (virtio_blk_is_landing(&machine->blk[i])) {
			if (clock_tsc() > until)
				return false;
			(void)!sys_thread_yield(HANDLE_NONE);
		}
	}
	return true;
}

/* Boots the guest, from power-on to the kernel's first instruction; a failure is a crash. */
static void todo_boot(struct machine *machine)
{
	machine_time_start(&machine->time, start_info->tsc_khz, clock_tsc());
	machine_take_wall_time(machine);
	machine->platform.clock.tsc_adjust = 0; /* vcpu_reset clears the vCPUs' own TSC_ADJUST */
	machine_update_clock(machine);
	quiesce_forget(machine);
	platform_reset(&machine->platform);
	for (u32 i = 0; i < machine->vcpu_count; i++)
		vcpu_reset(&machine->vcpu[i]);
	machine->state = VM_RUNNING;
	machine->channel->reason[0] = '\0';
	if (!todo_disks_have_ended(machine))
		machine_crash(machine, "a disk does not end what it was asked before the reset");
	else if (!load_guest(&machine->job))
		machine_crash(machine, "%s", machine->job.error);
	else if (machine->job.firmware)
		platform_firmware(&machine->platform);
	generation_begin(machine);
	for (u32 i = 0; i < machine->vcpu_count; i++)
		debugger_restarted(&machine->vcpu[i]);
}

static void todo_publish_counters(struct machine *machine)
{
	const struct platform *platform = &machine->platform;

	machine->channel->unknown_ports = platform->ports.unknown_count;
	machine->channel->unknown_memory = platform->memory.unknown_count;
	machine->channel->unknown_port_last = platform->ports.unknown_last;
	machine->channel->unknown_memory_last = platform->memory.unknown_last;
}

static void todo_do_once(struct machine *machine)
{
	u32 todo = machine->todo;

	machine->todo = 0;
	if ((todo & TODO_START) != 0)
		todo_boot(machine);
	if ((todo & TODO_TRAP) != 0)
		trap_set(machine, machine->channel->trap, machine->trap_controls);
	/* the manager reads the counters of the VM along with the answer to its question */
	if (todo != TODO_BACK)
		todo_publish_counters(machine);
	if ((todo & TODO_QUERY) != 0)
		query_answer(machine);
	if ((todo & TODO_BACK) != 0)
		window_run_back(machine);
	if ((todo & TODO_SAVE) != 0)
		handover_save(machine);
	if ((todo & TODO_HOLD) != 0)
		handover_hold(machine);
	/* a guest that goes back by itself is running as before, and the manager sleeps on */
	if (todo != TODO_BACK)
		todo_report(machine);
	machine->fast_path = machine_may_run(machine) && !machine->watched;
	if (machine->state == VM_RUNNING)
		machine_wake_all(machine);
}

/* Does all work in machine->todo, including work that is added meanwhile. */
void todo_do_all(struct machine *machine)
{
	while (machine->todo != 0 && machine->guest_count == 0)
		todo_do_once(machine);
}
