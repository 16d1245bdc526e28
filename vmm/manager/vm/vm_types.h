/* SPDX-License-Identifier: MIT */
#pragma once

/* The structure of a VM in the manager, and the phases, wishes and reasons that it holds. */
#include "kernel/abi/object.h"
#include "vmm/manager/config/config.h"
#include "vmm/manager/text/guid.h"
#include "vmm/manager/log/vm_events.h"
#include "vmm/manager/vm/memory/vm_trim_types.h"
#include "vmm/manager/vm/operation/backup/vm_backup_types.h"
#include "vmm/manager/vm/operation/backup/vm_schedule_types.h"
#include "vmm/manager/vm/operation/media/vm_media_types.h"
#include "vmm/manager/vm/operation/save/vm_renew_types.h"
#include "vmm/manager/vm/operation/save/vm_save_types.h"
#include "vmm/manager/vm/operation/snapshot/vm_snapshot_types.h"
#include "vmm/manager/vm/operation/stop/vm_stop_types.h"
#include "vmm/manager/vm/process/vm_report_types.h"
#include "vmm/manager/vm/process/vm_share_types.h"
#include "vmm/manager/vm/process/vm_user_data_types.h"
#include "vmm/manager/vm/process/vm_window_types.h"
#include "vmm/manager/vm/vm_handover_types.h"
#include "vmm/manager/vm/vm_life_types.h"
#include "vmm/manager/vm/vm_log_types.h"
#include "vmm/manager/vm/vm_operation_types.h"
#include "vmm/manager/vm/vm_quiesce_types.h"
#include "vmm/manager/vm/vm_peers_types.h"
#include "vmm/manager/vm/vm_vsock_types.h"
#include "vmm/rt/channel.h"

struct driver_link;

#define VM_MAX CONFIG_VM_MAX
/* Room for the owner of a run, as the machine channel has it for an actor, with the NUL. */
#define VM_RUN_OF_BYTES 65u
/* Unasked resets and crashes within VM_CRASH_WINDOW_NS after which on_crash stops restarting. */
#define VM_CRASH_LIMIT	   5u
#define VM_CRASH_WINDOW_NS (60 * NS_PER_S)

/* A value of `kernel`: the guest that is part of Skerry's image. */
#define VM_KERNEL_BUILT_IN "built-in"

/* The task that follows once the kernel has taken back all memory and objects of a VM. */
enum vm_after {
	AFTER_NOTHING,
	AFTER_START,  /* boot the VM anew */
	AFTER_CREATE, /* make a new monitor, which waits for a start */
	AFTER_REMOVE, /* remove the VM from the list */
};

enum vm_phase {
	VM_PHASE_KNOWN,	 /* the VM was reported as created */
	VM_PHASE_NEW,	 /* the VM's first monitor is not ready, and may yet fail */
	VM_PHASE_ENDING, /* the VM's memory group is being destroyed */
	/* the VM's memory group is being destroyed, and the VM was never reported as created */
	VM_PHASE_REFUSED,
};

/* The user of a VM's memory because of which its memory group cannot be destroyed yet. */
enum vm_holder {
	HELD_BY_NOBODY,
	HELD_BY_DRIVERS, /* drivers still use the VM's memory */
	HELD_BY_CLONES,	 /* clones still read the VM's memory, or see its disks through views */
	HELD_BY_KERNEL,	 /* the kernel cannot free some of its pages; this was logged */
};

/* The stages of a VM's wait for pages of memory while the host has none free. */
enum vm_hunger {
	VM_FED,
	VM_STARVED, /* the guest was stopped for lack of pages */
	VM_PARKED,  /* a thread of the monitor waits for pages and cannot report so itself */
};

/* An operator's requests that the VM's monitor has not confirmed yet. */
struct vm_wish {
	bool start; /* start the guest as soon as the monitor is ready */
	bool pause; /* the operator's last command that changes the VM's state was a pause */
	bool reset; /* a reset was asked for and is not yet reported */
};

/* A wait for room in a store: vm_volume_full.c. */
struct vm_full {
	/* a store has no room for the guest's writes; the guest was paused for it */
	bool waits;
	char reason[sizeof(((struct vm_channel *)NULL)->reason)]; /* of that pause, for operators */
};

/*
 * A VM in the list. Its kernel objects all belong to `group` and come and go with the monitor; the
 * channel, with the guest's output, stays until the VM is destroyed.
 */
struct vm {
	u32 id;			    /* the VM's id, never used again; 0: this entry is free */
	char uuid[GUID_TEXT_BYTES]; /* constant while the VM is in the list */
	u32 boots;		    /* the number of monitors that were made to boot the VM */
	/*
	 * boot files with user-data for cloud-init: the one that the present start was given, and
	 * the one that the guest has used in an earlier start; "": none
	 */
	char seed_offered[CONFIG_FILE_BYTES];
	char seed_used[CONFIG_FILE_BYTES];
	struct vm_user_data user_data; /* the text of a seed that came with `vm create` */
	bool booted_once; /* an earlier start had boot.once: firmware may have kept that order */
	/* the number of changes of the VM's configuration since its creation */
	u32 revision;
	struct vm_config config;
	enum vm_state state;
	s32 exit_code; /* the exit code that the guest has reported; -1: none */
	char reason[sizeof(((struct vm_channel *)NULL)->reason)];

	/* the VM's memory group; HANDLE_NONE: the VM has no monitor */
	handle_t group;
	handle_t ram;		   /* the VM's RAM; destroyed with `group` */
	struct vm_monitor monitor; /* the VM's present monitor; destroyed with `group` */
	/* a saved state on its way between monitors; destroyed with `group` */
	struct vm_handover handover;
	struct vm_quiesce quiesce;
	/* the state of each operation, by enum vm_operation_kind */
	struct vm_operation operation[OPERATION_COUNT];
	struct vm_renewal renewal;
	struct vm_snapshots snapshots;
	u32 clone_of; /* id of the VM on whose snapshot this VM's RAM lies; 0: none */
	/*
	 * whose run the VM is, by the word of whoever made the clone, in printable characters; "":
	 * it is no run
	 */
	char run_of[VM_RUN_OF_BYTES];
	/* `layer` of the snapshot from which a clone was made */
	u32 clone_layer;
	/* the snapshot from which the VM's monitor is made; NULL: the VM boots */
	const struct vm_snapshot *origin;
	u64 paced_tsc;
	/*
	 * the TSC until which the monitor's signals do not wake the manager: vm_pace.h; 0: they do
	 */
	u64 deaf_until_tsc;
	enum vm_phase phase;
	enum vm_holder held_by; /* a remaining user of an ending VM's memory */
	/* name of a driver whose DMA may still reach the VM's memory; NULL: none */
	const char *kept_by;
	enum vm_after after;
	char end_reason[24]; /* why the VM was destroyed, for the event that reports it */
	struct vm_wish wish;
	bool answered; /* a command that waits at the console will print how the VM ends */
	/* the kernel's counts for `group`; NULL: there is no group */
	const struct group_page *account;
	u64 quota_pages; /* quota of `group` */
	/* pages by which the quota is to be lowered when they are free: vm_quota.h */
	u64 quota_surplus;
	/* TSC at which the next attempt to lower the quota by the surplus is due */
	u64 quota_look_tsc;
	/* number of attempts so far to lower the quota by the surplus, up to a limit */
	u32 quota_looks;
	/* the VM's RAM is not promised in full: vm_overcommit.h */
	bool overcommits;
	enum vm_hunger hunger;
	/* the operator knows that the VM is paused, as it has waited long for memory */
	bool hunger_told;
	struct vm_full full;
	struct driver_link *link[CONFIG_VM_DISK_MAX]; /* the links to the VM's disks; NULL: none */
	/* the links of the VM's network cards; NULL: none */
	struct driver_link *port[CONFIG_VM_NET_MAX];
	/*
	 * the cards' addresses on networks with `dhcp`, in a frame's order of bytes: kept from the
	 * first boot on; 0: the card has none
	 */
	u32 lease[CONFIG_VM_NET_MAX];
	/*
	 * the TSC until which the manager makes no turn of kernel calls for the VM: vm_turn.h; 0:
	 * it does
	 */
	u64 rest_until_tsc;
	struct vm_trim trim;
	struct vm_saving save;
	struct vm_backup backup;
	struct vm_schedule schedule;
	struct vm_media media;

	handle_t channel_memory;
	struct vm_channel *channel; /* written by the monitor at any time: read each field once */
	struct vm_vsock vsock;
	struct vm_peers peers;
	struct vm_window window;
	u32 command_sequence;
	struct vm_report report;
	struct {
		u32 input_written;
		u32 output_read;
		/*
		 * number of bytes that the guest had printed when the manager last counted:
		 * vm_output.h
		 */
		u64 printed;
	} stream[CHANNEL_STREAM_MAX];

	u32 question_number;	/* number of the vm_query under way; 0: none */
	u64 question_until_tsc; /* the TSC at which the asker of the question gives up */

	struct vm_config next; /* the new configuration, while a change to it is under way */

	/* the TSC at which `vm stop` presses the power button again */
	u64 press_again_tsc;
	u64 crash_tsc[VM_CRASH_LIMIT]; /* ring of the TSCs at which the VM crashed the last times */
	u32 crash_count;

	/* the kernel's account of the VM's last memory group, as it was at that group's end */
	struct group_page final;
	u64 final_uptime_tsc;

	struct vm_log log;
};
