/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/object.h"
#include "lib/status.h"

/*
 * The source of a signal in the manager's queue; `number` is the index of the object among those of
 * its kind.
 */
enum event_source {
	EVENT_SERIAL,  /* a host UART interrupted; number: 0 for COM1, 1 for COM2 */
	EVENT_CHANNEL, /* a monitor signalled; `number` is its VM's id */
	EVENT_PROCESS, /* a VM's monitor ended; `number` is the VM's id */
	/* the second monitor of a VM ended: vm_renew.h; `number` is the VM's id */
	EVENT_HEIR,
	/*
	 * the process that copies a VM's disks for a backup ended: vm_backup.h; `number` is the
	 * VM's id
	 */
	EVENT_COPIER,
	EVENT_RESTORER, /* a process that restores a disk ended: disk_restore.h */
	/* the process that moves a volume's content signalled, or ended: content.h */
	EVENT_CONTENT,
	EVENT_CONTENT_ENDED,
	EVENT_LOG,     /* the kernel's log has grown */
	EVENT_DRIVER,  /* a driver signalled; `number` is the driver's */
	EVENT_IOMMU,   /* an IOMMU has refused an access; `number` is the IOMMU's */
	EVENT_STARVED, /* a VM's monitor found no page left; `number` is the VM's id */
	/* a driver's process ended; `number`: starts * DRIVER_MAX + the driver's */
	EVENT_DRIVER_PROCESS,
};

struct event {
	enum event_source source;
	u32 number;
};

enum status events_init(void) MUST_CHECK;
/* Has an object's signals come to the manager's queue, with this source and number. */
enum status events_bind(handle_t handle, enum event_source source, u32 number) MUST_CHECK;
/*
 * Keeps an object's signals, without waking the manager, until events_bind is called for it again.
 */
enum status events_mute(handle_t handle) MUST_CHECK;
/*
 * Waits for the next event; returns false if there is none by the deadline (a TSC). With a deadline
 * of 0 it does not wait.
 */
bool events_wait(u64 deadline_tsc, struct event *event);
