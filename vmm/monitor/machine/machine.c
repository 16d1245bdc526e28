/* SPDX-License-Identifier: MIT */
/*
 * The VM as a whole: its log, its crash and stop, and its clock. Called by all folders of the
 * monitor under the machine's lock; changes struct machine and the state in the channel to the
 * manager.
 */
#include "vmm/monitor/machine/machine.h"

#include "vmm/rt/clock.h"
#include "vmm/rt/format.h"
#include "vmm/rt/start.h"

void machine_log(struct machine *machine, const char *pattern, ...)
{
	struct vm_channel *channel = machine->channel;
	char line[256];
	va_list arguments;
	size_t length;
	u32 written = channel->log_written;

	va_start(arguments, pattern);
	length = format_va(line, sizeof(line) - 1, pattern, arguments);
	va_end(arguments);
	length = MIN(length, sizeof(line) - 2);
	line[length++] = '\n';
	for (size_t i = 0; i < length; i++)
		channel->log[written++ % CHANNEL_RING_BYTES] = (u8)line[i];
	__atomic_store_n(&channel->log_written, written, __ATOMIC_RELEASE);
	machine->signal = true;
}

void machine_wake_all(struct machine *machine)
{
	for (u32 i = 0; i < machine->vcpu_count; i++)
		vcpu_wake(&machine->vcpu[i]);
}

/*
 * Sets the VM's state. No vCPU enters the guest until life/todo.c has reported the state to the
 * manager; vCPUs in the guest are made to leave it.
 */
static void machine_set_state(struct machine *machine, enum vm_state state)
{
	machine->state = state;
	machine->todo |= TODO_REPORT;
	machine->fast_path = false;
	if (machine->guest_count != 0)
		machine_wake_all(machine);
}

void machine_tell_refused(struct machine *machine)
{
	__atomic_store_n(&machine->channel->refused_renewal, machine->handover.number,
			 __ATOMIC_RELEASE);
	machine->signal = true;
}

void machine_refuse(struct machine *machine, const char *reason)
{
	format(machine->channel->handover_problem, sizeof(machine->channel->handover_problem), "%s",
	       reason);
	machine_tell_refused(machine);
}

/*
 * Puts the VM into VM_CRASHED. A process that has not taken the VM over yet refuses to do so
 * instead.
 */
void machine_crash(struct machine *machine, const char *pattern, ...)
{
	char reason[sizeof(machine->channel->reason)];
	va_list arguments;

	va_start(arguments, pattern);
	format_va(reason, sizeof(reason), pattern, arguments);
	va_end(arguments);
	if (machine->handover.number != 0) {
		machine_refuse(machine, reason);
		return;
	}
	format(machine->channel->reason, sizeof(machine->channel->reason), "%s", reason);
	machine->todo &= ~(u32)TODO_START;
	machine_set_state(machine, VM_CRASHED);
}

void machine_stop(struct machine *machine, s32 exit_code, const char *reason)
{
	machine->channel->exit_code = exit_code;
	format(machine->channel->reason, sizeof(machine->channel->reason), "%s", reason);
	machine_set_state(machine, VM_STOPPED);
}

void machine_take_wall_time(struct machine *machine)
{
	machine_time_wall(&machine->time, machine->channel->wall_seconds,
			  machine->channel->wall_tsc);
}

void machine_update_clock(struct machine *machine)
{
	machine_time_update(&machine->time, &machine->platform.clock, clock_tsc());
}

void machine_refresh_clock(struct machine_clock *clock, bool wall)
{
	struct machine *machine = CONTAINER_OF(clock, struct machine, platform.clock);

	if (wall)
		machine_update_clock(machine);
	else
		machine_time_update_guest(&machine->time, clock, clock_tsc());
}

static void machine_stop_for(struct machine *machine, enum machine_todo todo)
{
	machine->todo |= todo;
	machine_set_state(machine, machine->state);
}

void machine_start(struct machine *machine)
{
	machine_stop_for(machine, TODO_START);
}

void machine_trap(struct machine *machine)
{
	machine_stop_for(machine, TODO_TRAP);
}

void machine_query(struct machine *machine)
{
	machine_stop_for(machine, TODO_QUERY);
}

void machine_save(struct machine *machine)
{
	machine_stop_for(machine, TODO_SAVE);
}

void machine_hold_still(struct machine *machine)
{
	machine_stop_for(machine, TODO_HOLD);
}

void machine_go_back(struct machine *machine)
{
	machine->todo |= TODO_BACK;
	machine->fast_path = false;
	if (machine->guest_count != 0)
		machine_wake_all(machine);
}

static void machine_pause_for(struct machine *machine, u32 no_memory)
{
	if (machine->state != VM_RUNNING)
		return;
	machine->channel->no_memory = no_memory;
	machine_set_state(machine, VM_PAUSED);
}

void machine_pause(struct machine *machine)
{
	machine_pause_for(machine, 0);
}

/*
 * Pauses the VM, for which the host has no free page, or crashes it if its RAM was promised; a
 * paused guest repeats the access when it continues.
 */
void machine_starve(struct machine *machine)
{
	if ((start_info->parameter[MONITOR_FLAGS] & MONITOR_OVERCOMMIT) != 0)
		machine_pause_for(machine, 1);
	else
		machine_crash(machine, "the host has no memory left, which was promised to it");
}

void machine_time_goes_on(struct machine *machine)
{
	struct platform *platform = &machine->platform;

	machine_time_resume(&machine->time, clock_tsc());
	machine_take_wall_time(machine);
	machine_update_clock(machine);
	/* wall time has gone on while the VM was paused, and the RTC follows it */
	for (u32 i = 0; i < platform->timed_count; i++)
		device_tick(platform->timed[i]);
	for (u32 i = 0; i < machine->vcpu_count; i++) {
		vcpu_set_tsc_offset(&machine->vcpu[i]);
		vcpu_update_pvclock(&machine->vcpu[i], true);
	}
}

void machine_resume(struct machine *machine)
{
	if (machine->state != VM_PAUSED)
		return;
	if (!machine->debugger.held)
		machine_time_goes_on(machine);
	machine_set_state(machine, VM_RUNNING);
}

void machine_hold(struct machine *machine)
{
	machine_set_state(machine, machine->state);
}

void machine_let_go(struct machine *machine)
{
	if (machine->state == VM_RUNNING)
		machine_time_goes_on(machine);
	machine_set_state(machine, machine->state);
}

void machine_reset(struct machine *machine)
{
	machine->channel->reset_count++;
	machine_start(machine);
}

void machine_unasked_reset(struct vcpu *vcpu, const char *what)
{
	struct machine *machine = vcpu->machine;
	u64 now = clock_tsc();
	u64 oldest;

	machine->channel->unasked_resets++;
	machine->crash_tsc[machine->crash_count++ % CRASH_LIMIT] = now;
	oldest = machine->crash_tsc[machine->crash_count % CRASH_LIMIT];
	machine_log(machine, "%s at rip 0x%lx of vCPU %u", what, vcpu->page->rip, vcpu->id);
	if (machine->crash_count >= CRASH_LIMIT && clock_tsc_to_ns(now - oldest) < CRASH_WINDOW_NS)
		machine_crash(machine, "%s, %u times within %lu s", what, CRASH_LIMIT,
			      CRASH_WINDOW_NS / NS_PER_S);
	else
		machine_reset(machine);
}
