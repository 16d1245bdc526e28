/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/object.h"
#include "lib/status.h"

/* Where a signal in the manager's one queue comes from; `number` says which of them. */
enum event_source {
	EVENT_SERIAL,     /* a host UART interrupted; number: 0 for COM1, 1 for COM2 */
	EVENT_CHANNEL,    /* a monitor signalled; number: of the VM */
	EVENT_PROCESS,    /* a monitor's process ended; number: of the VM */
	EVENT_HEIR,	  /* so did one that was to follow it: vm_renew.h; number: of the VM */
	EVENT_COPIER,	  /* so did one that copies its disks: vm_backup.h; number: of the VM */
	EVENT_RESTORER,	  /* so did one that restores a disk: disk_restore.h */
	EVENT_LOG,        /* the kernel's log has grown */
	EVENT_DRIVER,	  /* a driver signalled; number: its own */
	EVENT_IOMMU,	  /* it has refused an access; number: its own */
	EVENT_STARVED,	  /* a VM's monitor has found no page left; number: of the VM */
	EVENT_DRIVER_PROCESS, /* its process ended; number: start * DRIVER_MAX + its own */
};

struct event {
	enum event_source source;
	u32 number;
};

enum status events_init(void) MUST_CHECK;
/* Binds an object's signals to the queue. */
enum status events_bind(handle_t handle, enum event_source source, u32 number) MUST_CHECK;
/* Its signals are kept, without waking anybody, until the object is bound again. */
enum status events_mute(handle_t handle) MUST_CHECK;
/* Waits for the next event until the TSC passes the deadline; false then. 0 only looks. */
bool events_wait(u64 deadline_tsc, struct event *event);
