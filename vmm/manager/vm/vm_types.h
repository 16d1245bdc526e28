/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/object.h"
#include "vmm/manager/config/config.h"
#include "vmm/manager/text/guid.h"
#include "vmm/manager/log/vm_events.h"
#include "vmm/manager/vm/memory/vm_trim_types.h"
#include "vmm/manager/vm/operation/backup/vm_backup_types.h"
#include "vmm/manager/vm/operation/save/vm_renew_types.h"
#include "vmm/manager/vm/operation/save/vm_save_types.h"
#include "vmm/manager/vm/operation/snapshot/vm_snapshot_types.h"
#include "vmm/manager/vm/operation/stop/vm_stop_types.h"
#include "vmm/manager/vm/process/vm_report_types.h"
#include "vmm/manager/vm/process/vm_share_types.h"
#include "vmm/manager/vm/vm_handover_types.h"
#include "vmm/manager/vm/vm_life_types.h"
#include "vmm/manager/vm/vm_log_types.h"
#include "vmm/manager/vm/vm_operation_types.h"
#include "vmm/manager/vm/vm_vsock_types.h"
#include "vmm/rt/channel.h"

struct driver_link;

#define VM_MAX CONFIG_VM_MAX
/* Unasked resets and crashes within VM_CRASH_WINDOW_NS after which on_crash stops restarting. */
#define VM_CRASH_LIMIT	   5u
#define VM_CRASH_WINDOW_NS (60 * NS_PER_S)

/* A value of `kernel`: the guest that is part of Skerry's image. */
#define VM_KERNEL_BUILT_IN "built-in"

/* What follows once the kernel has taken back all memory and objects of a VM. */
enum vm_after {
	AFTER_NOTHING,
	AFTER_START,  /* a fresh boot */
	AFTER_CREATE, /* make a new monitor, which waits for a start */
	AFTER_REMOVE, /* remove the VM from the list */
};

enum vm_phase {
	VM_PHASE_KNOWN,	  /* it was reported as created */
	VM_PHASE_NEW,	  /* its first monitor is not ready: it may yet fail */
	VM_PHASE_ENDING,  /* its group is being destroyed */
	VM_PHASE_REFUSED, /* the same, and it was never reported as created */
};

/* Who has to let go of a VM's memory before its group can be destroyed. */
enum vm_holder {
	HELD_BY_NOBODY,
	HELD_BY_DRIVERS, /* drivers still use it */
	HELD_BY_CLONES,	 /* clones still read it, or see its disks through views */
	HELD_BY_KERNEL,	 /* the kernel cannot free some of its pages; this was logged */
};

/* Whether the VM waits for pages of which there are none. */
enum vm_hunger {
	VM_FED,
	VM_STARVED, /* its guest was stopped */
	VM_PARKED,  /* a thread of its monitor waits and cannot say so */
};

/* What an operator has asked of the VM that its monitor has still to report. */
struct vm_wish {
	bool start; /* start it as soon as the monitor is ready */
	bool pause; /* the last command that changes the state was a pause */
	bool reset; /* a reset was asked for and is not yet reported */
};

/*
 * A VM in the list. Its kernel objects all belong to `group` and come and go with the monitor; the
 * channel, with what the guest has printed, stays until the VM is destroyed.
 */
struct vm {
	u32 id;			    /* never reused; 0: this slot is free */
	char uuid[GUID_TEXT_BYTES]; /* constant while the VM is in the list */
	u32 boots;		    /* number of monitors that were made to boot it */
	u32 revision;		    /* number of changes of its configuration since its creation */
	struct vm_config config;
	enum vm_state state;
	s32 exit_code; /* -1: the guest has reported none */
	char reason[sizeof(((struct vm_channel *)NULL)->reason)];

	handle_t group;					/* HANDLE_NONE: there is no monitor */
	handle_t ram;					/* its RAM; destroyed with the group */
	struct vm_monitor monitor;			/* destroyed with the group */
	struct vm_handover handover;			/* destroyed with the group */
	struct vm_operation operation[OPERATION_COUNT]; /* by enum vm_operation_kind */
	struct vm_renewal renewal;
	struct vm_snapshots snapshots;
	u32 clone_of;			  /* id of the VM whose snapshot its RAM lies on; 0: none */
	u32 clone_layer;		  /* that snapshot's `layer` */
	const struct vm_snapshot *origin; /* while its monitor is made from it; NULL: it boots */
	u64 paced_tsc;
	u64 deaf_until_tsc; /* signals are ignored until then: vm_pace.h; 0: they are heard */
	enum vm_phase phase;
	enum vm_holder held_by; /* while it ends */
	const char *kept_by;	/* driver with DMA still open to its memory; NULL: none */
	enum vm_after after;
	char end_reason[24]; /* why it was destroyed, for the event */
	struct vm_wish wish;
	bool answered;			  /* a waiting console command will print how it ends */
	const struct group_page *account; /* NULL: there is no group */
	u64 quota_pages;		  /* quota of `group` */
	u64 quota_surplus;		  /* pages of it to take back: vm_quota.h */
	u64 quota_look_tsc;		  /* when the next attempt to take them back is due */
	u32 quota_looks;		  /* number of such attempts, up to a limit */
	bool overcommits;		  /* its RAM is not promised in full: vm_overcommit.h */
	enum vm_hunger hunger;
	/* the operator was told that the VM is paused, as it has waited long for memory */
	bool hunger_told;
	struct driver_link *link[CONFIG_VM_DISK_MAX]; /* links to its disks; NULL: none */
	struct driver_link *port[CONFIG_VM_NET_MAX];  /* links of its network cards; NULL: none */
	u64 rest_until_tsc; /* no kernel step is made for it until then: vm_turn.h; 0: at once */
	struct vm_trim trim;
	struct vm_saving save;
	struct vm_backup backup;

	handle_t channel_memory;
	struct vm_channel *channel; /* written by the monitor at any time: read each field once */
	struct vm_vsock vsock;
	u32 command_sequence;
	struct vm_report report;
	struct {
		u32 input_written;
		u32 output_read;
		u64 printed; /* bytes printed so far, at the last look: vm_output.h */
	} stream[CHANNEL_STREAM_MAX];

	u32 question_number;	/* number of the vm_query under way; 0: none */
	u64 question_until_tsc; /* when its asker gives up */

	struct vm_config next; /* the configuration that a change under way leads to */

	u64 press_again_tsc;	       /* when the power button is pressed again */
	u64 crash_tsc[VM_CRASH_LIMIT]; /* when it crashed, a ring of the last times */
	u32 crash_count;

	struct group_page final; /* the account of the last monitor at its end */
	u64 final_uptime_tsc;

	struct vm_log log;
};
