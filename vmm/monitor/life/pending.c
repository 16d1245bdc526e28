/* SPDX-License-Identifier: MIT */
/*
 * Handles work that any vCPU's thread may do: the guest's requests to its devices, signals and
 * commands of the manager. Called by loop.c under the machine's lock; reaches links, devices and
 * the channel.
 */
#include "vmm/monitor/life/pending.h"

#include "vmm/monitor/life/command.h"
#include "vmm/monitor/life/query.h"
#include "vmm/monitor/life/todo.h"
#include "vmm/monitor/life/window_open.h"
#include "vmm/monitor/life/window_run.h"
#include "vmm/monitor/machine/console.h"
#include "vmm/monitor/machine/machine.h"
#include "vmm/monitor/virtio/virtio_blk.h"
#include "vmm/monitor/virtio/virtio_net.h"
#include "vmm/monitor/virtio/virtio_vsock.h"
#include "vmm/rt/format.h"
#include "vmm/rt/syscall.h"

/* Handles the guest's requests to its devices. */
static void pending_handle_requests(struct machine *machine)
{
	struct machine_events *events = &machine->platform.events;
	u32 pending = events->pending;
	char reason[32];

	if (pending == 0)
		return;
	events->pending = 0;
	if ((pending & MACHINE_CALL) != 0)
		window_run_call(machine);
	if ((pending & MACHINE_CRASH_KERNEL) != 0)
		machine_log(machine, "guest panicked, its crash kernel takes over");
	if ((pending & MACHINE_EXIT) != 0) {
		format(reason, sizeof(reason), "debug exit %u", events->exit_code);
		machine_stop(machine, (s32)events->exit_code, reason);
	} else if ((pending & MACHINE_POWER_OFF) != 0) {
		machine_stop(machine, -1, "guest powered off");
	} else if ((pending & MACHINE_NO_SYSTEM) != 0) {
		machine_stop(machine, -1,
			     "its firmware finds no disk with a boot sector to boot from");
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

void pending_handle(struct machine *machine)
{
	pending_handle_requests(machine);
	todo_do(machine);
	command_handle(machine);
	if (unlikely(machine->handover.held))
		return;
	query_take(machine);
	todo_do(machine);
	if (machine->state == VM_RUNNING) {
		console_input(machine);
		if (machine->platform.virtio_vsock != NULL)
			virtio_vsock_poll(machine->platform.virtio_vsock);
		if (machine->window.bytes != 0) {
			window_run_look(machine);
			window_poll(machine);
		}
	}
	for (u32 i = 0; i < machine->blk_count; i++)
		virtio_blk_poll_link(&machine->blk[i]);
	for (u32 i = 0; i < machine->net_count; i++)
		virtio_net_poll_link(&machine->net[i]);
	if (machine->state != VM_STOPPED || machine->todo != 0)
		return;
	console_signal(machine);
	sys_process_exit(0);
}
