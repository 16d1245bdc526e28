/* SPDX-License-Identifier: MIT */
#include "vmm/monitor/machine/machine.h"

#include "vmm/monitor/machine/command.h"
#include "vmm/monitor/machine/console.h"
#include "vmm/monitor/machine/generation.h"
#include "vmm/monitor/machine/query.h"
#include "vmm/monitor/virtio/virtio_blk.h"
#include "vmm/monitor/virtio/virtio_net.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/format.h"
#include "vmm/rt/start.h"
#include "vmm/rt/syscall.h"

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

/* The number goes last: the stop that it announces is complete by then. */
static void machine_show_stop(struct query_stop *to, struct query_stop *stop)
{
	stop->sequence++;
	to->cpu = stop->cpu;
	to->kind = stop->kind;
	to->address = stop->address;
	__atomic_store_n(&to->sequence, stop->sequence, __ATOMIC_RELEASE);
}

/* Shows the manager the state; time in `running` is added up. */
static void machine_report(struct machine *machine)
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
		machine_show_stop(&channel->question.stop, &machine->debugger.stop);
	}
	machine->reported = state;
	__atomic_store_n(&channel->state, state, __ATOMIC_RELEASE);
	machine->signal = true;
}

void machine_wake_all(struct machine *machine)
{
	for (u32 i = 0; i < machine->vcpu_count; i++)
		vcpu_wake(&machine->vcpu[i]);
}

/* No vCPU enters the guest from now on; those that are there come back. */
static void machine_set_state(struct machine *machine, enum vm_state state)
{
	machine->state = state;
	machine->todo |= TODO_REPORT;
	machine->fast_path = false;
	if (machine->guest_count != 0)
		machine_wake_all(machine);
	machine_do_todo(machine);
}

static void machine_set_reason(struct machine *machine, const char *pattern, va_list arguments)
{
	format_va(machine->channel->reason, sizeof(machine->channel->reason), pattern, arguments);
}

/* A process that has not taken the machine over cannot crash it. */
void machine_crash(struct machine *machine, const char *pattern, ...)
{
	char reason[sizeof(machine->channel->reason)];
	va_list arguments;

	va_start(arguments, pattern);
	if (machine->handover.number != 0)
		format_va(reason, sizeof(reason), pattern, arguments);
	else
		machine_set_reason(machine, pattern, arguments);
	va_end(arguments);
	if (machine->handover.number != 0) {
		handover_refuse(machine, reason);
		return;
	}
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

/* A disk may take so long, its driver's restart and its limits included. */
#define LANDING_NS (60 * NS_PER_S)

/* Nothing of the last life may land in the new one's memory. False: a disk does not end it. */
static bool machine_disks_have_ended(struct machine *machine)
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

/* From power-on to the kernel's first instruction; a failure is a crash. */
static void machine_boot(struct machine *machine)
{
	machine_time_start(&machine->time, start_info->tsc_khz, clock_tsc());
	machine_take_wall_time(machine);
	machine->platform.clock.tsc_adjust = 0; /* vcpu_reset */
	machine_update_clock(machine);
	platform_reset(&machine->platform);
	for (u32 i = 0; i < machine->vcpu_count; i++)
		vcpu_reset(&machine->vcpu[i]);
	machine->state = VM_RUNNING;
	machine->channel->reason[0] = '\0';
	if (!machine_disks_have_ended(machine))
		machine_crash(machine, "a disk does not end what it was asked before the reset");
	else if (!load_guest(&machine->job))
		machine_crash(machine, "%s", machine->job.error);
	else if (machine->job.firmware)
		platform_firmware(&machine->platform);
	generation_begin(machine);
	for (u32 i = 0; i < machine->vcpu_count; i++)
		debugger_restarted(&machine->vcpu[i]);
}

static void machine_publish_counters(struct machine *machine)
{
	const struct platform *platform = &machine->platform;

	machine->channel->unknown_ports = platform->ports.unknown_count;
	machine->channel->unknown_memory = platform->memory.unknown_count;
	machine->channel->unknown_port_last = platform->ports.unknown_last;
	machine->channel->unknown_memory_last = platform->memory.unknown_last;
}

void machine_do_todo(struct machine *machine)
{
	u32 todo = machine->todo;

	if (todo == 0 || machine->guest_count != 0)
		return;
	machine->todo = 0;
	if ((todo & TODO_START) != 0)
		machine_boot(machine);
	if ((todo & TODO_TRAP) != 0)
		trap_set(machine, machine->channel->trap, machine->trap_controls);
	machine_publish_counters(machine); /* the asker reads them along with the answer */
	if ((todo & TODO_QUERY) != 0)
		query_answer(machine);
	if ((todo & TODO_SAVE) != 0)
		handover_save(machine);
	if ((todo & TODO_HOLD) != 0)
		handover_hold(machine);
	machine_report(machine);
	machine->fast_path = machine_may_run(machine) && !machine->watched;
	if (machine->state == VM_RUNNING)
		machine_wake_all(machine);
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

/* The guest does it again when it goes on. */
void machine_starve(struct machine *machine)
{
	if ((start_info->parameter[MONITOR_FLAGS] & MONITOR_OVERCOMMIT) != 0)
		machine_pause_for(machine, 1);
	else
		machine_crash(machine, "the host has no memory left, which was promised to it");
}

static void machine_time_goes_on(struct machine *machine)
{
	struct platform *platform = &machine->platform;

	machine_time_resume(&machine->time, clock_tsc());
	machine_take_wall_time(machine);
	machine_update_clock(machine);
	/* wall time has gone on, and the RTC with it */
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

/* What the guest has asked of its devices. */
static void machine_handle_requests(struct machine *machine)
{
	struct machine_events *events = &machine->platform.events;
	u32 pending = events->pending;
	char reason[32];

	if (pending == 0)
		return;
	events->pending = 0;
	if ((pending & MACHINE_CRASH_KERNEL) != 0)
		machine_log(machine, "guest panicked, its crash kernel takes over");
	if ((pending & MACHINE_EXIT) != 0) {
		format(reason, sizeof(reason), "debug exit %u", events->exit_code);
		machine_stop(machine, (s32)events->exit_code, reason);
	} else if ((pending & MACHINE_POWER_OFF) != 0) {
		machine_stop(machine, -1, "guest powered off");
	} else if ((pending & MACHINE_PANIC) != 0) {
		machine_crash(machine, "guest panicked");
	} else if ((pending & MACHINE_WATCHDOG) != 0) {
		machine_crash(machine, "watchdog expired: no sign of life from the guest for %u s",
			      events->watchdog_s);
	} else if ((pending & MACHINE_RESET) != 0) {
		machine_log(machine, "reset by the guest, port 0x%x", events->reset_port);
		machine_reset(machine);
	}
}

void machine_handle_pending(struct machine *machine)
{
	machine_handle_requests(machine);
	command_handle(machine);
	if (unlikely(machine->handover.held))
		return;
	query_take(machine);
	if (machine->state == VM_RUNNING)
		console_input(machine);
	for (u32 i = 0; i < machine->blk_count; i++)
		virtio_blk_poll_link(&machine->blk[i]);
	for (u32 i = 0; i < machine->net_count; i++)
		virtio_net_poll_link(&machine->net[i]);
	if (machine->state != VM_STOPPED || machine->todo != 0)
		return;
	console_signal(machine);
	sys_process_exit(0);
}
