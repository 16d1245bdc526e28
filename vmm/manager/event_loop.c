/* SPDX-License-Identifier: MIT */
/*
 * The manager's loop: handles signals, then does a step of every part of the manager, and waits
 * when nothing is due. Called by main.c only. Holds no state; the order of the steps is part of the
 * design.
 */
#include "vmm/manager/event_loop.h"
#include "vmm/manager/setup.h"
#include "vmm/manager/console/console.h"
#include "vmm/manager/disk/content.h"
#include "vmm/manager/disk/disk_restore.h"
#include "vmm/manager/disk/rekey.h"
#include "vmm/manager/disk/volume_copy.h"
#include "vmm/manager/driver/driver.h"
#include "vmm/manager/process/events.h"
#include "vmm/manager/gdb/gdb.h"
#include "vmm/manager/shutdown.h"
#include "vmm/manager/iommu/iommu.h"
#include "vmm/manager/log/log.h"
#include "vmm/manager/channel/log_export.h"
#include "vmm/manager/channel/machine_channel.h"
#include "vmm/manager/net/capture.h"
#include "vmm/manager/inspect/perf.h"
#include "vmm/manager/vm/vm.h"
#include "vmm/manager/vm/disks/vm_volume.h"
#include "vmm/manager/vm/memory/vm_overcommit.h"
#include "vmm/manager/vm/vm_pace.h"
#include "vmm/manager/vm/operation/backup/vm_backup.h"
#include "vmm/manager/vm/operation/save/vm_renew.h"
#include "vmm/manager/vm/process/vm_report.h"

/*
 * The most events handled in a turn of the loop: a monitor can signal without end. The queue is a
 * FIFO, so the signals of other objects are not overtaken.
 */
#define EVENTS_AT_ONCE 64u

static void event_loop_handle(const struct event *event)
{
	struct vm *vm;

	switch (event->source) {
	case EVENT_SERIAL:
		serial_interrupt((enum serial_name)event->number);
		break;
	case EVENT_LOG:
		break; /* nothing to do here: the loop reads the log each turn */
	case EVENT_DRIVER:
		driver_signalled(event->number);
		break;
	case EVENT_DRIVER_PROCESS:
		driver_process_ended(event->number);
		break;
	case EVENT_RESTORER:
		disk_restore_ended();
		break;
	case EVENT_CONTENT:
		break; /* nothing to do here: the loop reads the process's progress each turn */
	case EVENT_CONTENT_ENDED:
		content_ended(event->number);
		break;
	case EVENT_IOMMU:
		iommu_signalled(event->number);
		break;
	case EVENT_CHANNEL:
	case EVENT_PROCESS:
	case EVENT_HEIR:
	case EVENT_COPIER:
	case EVENT_STARVED:
		vm = vm_by_id(event->number);
		if (vm == NULL)
			break; /* the VM's last signal came after its end */
		if (event->source == EVENT_CHANNEL) {
			vm_pace_signalled(vm);
			vm->report.heard = true;
		} else if (event->source == EVENT_HEIR) {
			vm_renew_heir_ended(vm);
		} else if (event->source == EVENT_COPIER) {
			vm_backup_copier_ended(vm);
		} else if (event->source == EVENT_STARVED) {
			vm_overcommit_ask(vm, true);
		} else {
			vm_process_ended(vm);
		}
		break;
	}
}

static void event_loop_tell_lost_interrupts(void)
{
	for (enum serial_name name = SERIAL_COM1; name <= SERIAL_COM2; name++)
		if (serial_lost_interrupt(name))
			log_message(LOG_WARNING, LOG_DEVICE, "", "COM%u: an interrupt was lost",
				    name + 1);
}

/*
 * Waits for an event or the deadline. The UART interrupts for every few bytes of a line that comes
 * in on the machine channel: only the end of the line ends the wait.
 */
static void event_loop_wait(u64 deadline)
{
	struct event event;

	do {
		if (!events_wait(deadline, &event))
			return;
		event_loop_handle(&event);
	} while (event.source == EVENT_SERIAL && event.number == SERIAL_COM2 &&
		 machine_channel_awaits_rest() && clock_tsc() < deadline);
}

void event_loop_run_once(void)
{
	struct event event;
	bool more = false;
	u64 deadline;

	/*
	 * the caller may be waiting for one of these events, so this function returns before it
	 * waits
	 */
	for (u32 i = 0; i < EVENTS_AT_ONCE && events_wait(0, &event); i++) {
		event_loop_handle(&event);
		more = true;
	}
	serial_poll();
	event_loop_tell_lost_interrupts();
	log_take_kernel();
	perf_step();
	gdb_step();
	more |= driver_step();
	more |= disk_restore_step();
	more |= content_step();
	more |= rekey_step();
	more |= volume_copy_step();
	more |= capture_step();
	more |= vm_step();
	more |= vm_peers_step();
	vm_volumes_step();
	more |= console_step();
	more |= machine_channels_step();
	more |= log_export_step();
	more |= machine_channels_step_streams();
	shutdown_step();
	if (more)
		return;
	deadline = MIN(vm_deadline(), MIN(console_deadline(), serial_deadline()));
	deadline = MIN(deadline, MIN(driver_deadline(), capture_deadline()));
	deadline = MIN(deadline, MIN(machine_channels_deadline(), disk_restore_deadline()));
	deadline = MIN(deadline, MIN(content_deadline(), rekey_deadline()));
	deadline = MIN(deadline, volume_copy_deadline());
	deadline = MIN(deadline, MIN(setup_deadline(), log_deadline()));
	deadline = MIN(deadline, MIN(perf_deadline(), gdb_deadline()));
	deadline = MIN(deadline, shutdown_deadline());
	event_loop_wait(deadline);
}
