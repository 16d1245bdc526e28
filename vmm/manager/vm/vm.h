/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/object.h"
#include "kernel/abi/pages.h"
#include "vmm/manager/config/config.h"
#include "vmm/manager/disk/guid.h"
#include "vmm/manager/text/text.h"
#include "vmm/manager/vm/vm_backup.h"
#include "vmm/manager/vm/vm_handover.h"
#include "vmm/manager/vm/vm_life.h"
#include "vmm/manager/vm/vm_log.h"
#include "vmm/manager/vm/vm_renew.h"
#include "vmm/manager/vm/vm_save.h"
#include "vmm/manager/vm/vm_share.h"
#include "vmm/manager/vm/vm_snapshot.h"
#include "vmm/manager/vm/vm_trim.h"
#include "vmm/rt/channel.h"

struct driver_link;

#define VM_MAX CONFIG_VM_MAX
#define VM_CRASH_LIMIT 5u               /* so many within the window: not restarted again */
/* A guest on its way up has nobody yet who heeds the button. */
#define VM_PRESS_AGAIN_NS (5 * NS_PER_S)
#define VM_CRASH_WINDOW_NS (60 * NS_PER_S)

/* As a VM's kernel: the guest that is part of the image. */
#define VM_KERNEL_BUILT_IN "built-in"

/* What happens once the kernel has taken everything back. */
enum vm_after {
	AFTER_NOTHING,
	AFTER_START,  /* a fresh boot */
	AFTER_CREATE, /* a new monitor, which waits for a start */
	AFTER_REMOVE, /* it leaves the list */
};

/*
 * A VM in the list. Its kernel objects all belong to `group` and come and go with the monitor; the
 * channel, with what the guest has printed, stays until the VM is destroyed.
 */
struct vm {
	u32 id; /* never used again; 0: the slot is free */
	char uuid[GUID_TEXT_BYTES]; /* of this VM, for as long as it is in the list */
	u32 boots;		    /* how often a monitor was made for it */
	u32 revision;		    /* how often its configuration has changed since it is there */
	struct vm_config config;
	enum vm_state state;
	s32 exit_code; /* -1: none */
	char reason[sizeof(((struct vm_channel *)NULL)->reason)];

	handle_t group;          /* HANDLE_NONE: there is no monitor */
	handle_t ram;            /* its memory, for windows; goes with the group */
	struct vm_monitor monitor; /* likewise */
	struct vm_handover handover; /* likewise */
	struct vm_renewal renewal;
	struct vm_snapshots snapshots;
	u32 clone_of;            /* the VM of whose snapshot its RAM is a layer; 0: none */
	u32 clone_layer;         /* of that snapshot */
	const struct vm_snapshot *origin; /* while its monitor is made from that; NULL: it boots */
	u64 paced_tsc;
	u64 deaf_until_tsc;      /* 0: the monitor is heard */
	bool dying;              /* the group is being taken back */
	bool leaving_drivers;	 /* before that they have to be done with it */
	const char *kept_by;	 /* a driver whose device may still write to its memory */
	bool kept_by_clones;	 /* the group has ended but for what they read, or views of disks */
	bool kept_by_kernel;	 /* likewise: some of its pages do not come back, which is logged */
	enum vm_after after;
	char end_reason[24];     /* why it leaves the list */
	bool fresh;              /* its first monitor is not set up yet: it may never come to be */
	bool start_wanted;       /* as soon as the monitor is set up */
	bool pause_asked;        /* by the last command that changes its state */
	bool reset_asked;        /* likewise, and no reset was reported since */
	bool answered;           /* a command at the console waits, and says how it ends */
	const struct group_page *account; /* NULL: none */
	u64 quota_pages;         /* promised to `group` */
	u64 quota_surplus;	 /* of these: taken back as soon as they are used no more */
	u64 quota_look_tsc;	 /* then that is tried again */
	u32 quota_looks;	 /* so often that was tried */
	bool overcommits;	 /* its RAM is not: vm_overcommit.h */
	bool starved;		 /* it waits for pages */
	bool parked;		 /* so does a thread of its monitor, which cannot say so */
	bool hungers;		 /* for longer: it was said that it is paused */
	struct driver_link *link[CONFIG_VM_DISK_MAX]; /* to its disks; NULL: none */
	struct driver_link *port[CONFIG_VM_NET_MAX];  /* of its cards; NULL: none */
	struct vm_trim trim;
	struct vm_saving save;
	struct vm_backup backup;

	handle_t channel_memory;
	struct vm_channel *channel; /* written by the monitor at any time: read each field once */
	u32 command_sequence;
	struct {
		u32 input_written;
		u32 output_read;
		u64 printed; /* bytes, as last looked at: vm_output.h */
	} stream[CHANNEL_STREAM_MAX];
	u32 resets_told;
	u32 unasked_told;

	u32 question_number;	/* of the vm_query under way; 0: none */
	u64 question_until_tsc; /* how long its asker waits */

	enum vm_change_phase change_phase;
	struct vm_config next;   /* what it is being changed to */
	char change_problem[160];

	u64 stop_deadline_tsc; /* 0: no stop under way */
	u64 press_again_tsc;   /* when the power button is pressed the next time */
	u64 crash_tsc[VM_CRASH_LIMIT]; /* a ring of the last ones */
	u32 crash_count;

	struct group_page final; /* the account when the last monitor ended */
	u64 final_uptime_tsc;

	struct vm_log log;
};

/* The VM at a place in the list, 0 to VM_MAX - 1; NULL: nobody is there. */
struct vm *vm_at(u64 place);
/* Walks the list; NULL after the last. */
struct vm *vm_next(struct vm *vm);
#define VM_FOR_EACH(each) for (struct vm *each = vm_next(NULL); each != NULL; each = vm_next(each))
struct vm *vm_find(const char *name);
struct vm *vm_by_id(u32 id);
/* Of the one whose id has these low bits, "" for none. */
const char *vm_name_by_low_id(u16 low_id);
/* NULL: there are VM_MAX already. */
struct vm *vm_free_slot(void);

/* Whether no guest runs, nor may run before the next start. */
static inline bool vm_has_ended(const struct vm *vm)
{
	return vm->state == VM_STOPPED || vm->state == VM_CRASHED;
}

const char *vm_state_name(enum vm_state state);
/* Time in state running since the last fresh boot. */
u64 vm_uptime_tsc(const struct vm *vm);
u64 vm_uptime_ns(const struct vm *vm);
/* The account in force, or that of the last monitor. */
const struct group_page *vm_account(const struct vm *vm);
/* All exits, whoever settled them. */
static inline u64 vm_exits(const struct vm *vm)
{
	const struct group_page *account = vm_account(vm);
	u64 sum = 0;

	for (u32 i = 0; i < ARRAY_COUNT(account->exits_by_reason); i++)
		sum += account->exits_by_reason[i];
	return sum;
}
/* What it takes of the machine at present; memory that was promised counts from its first touch. */
static inline u64 vm_resident_bytes(const struct vm *vm)
{
	u64 used = vm->account != NULL ? vm->account->used_pages : 0;
	u64 absent = vm->account != NULL ? vm->account->absent_pages : 0;

	return (used - MIN(used, absent)) * PAGE_SIZE; /* read one after the other */
}
/* CPU time up to now, also of threads that have run for long without the kernel looking. */
u64 vm_cpu_ns(const struct vm *vm);
/* Whether the monitor has not yet done what it was last told, or everything is being taken back. */
bool vm_busy(const struct vm *vm);

/* Whether others still have its memory, for as long as they like: nobody waits for that. */
static inline bool vm_is_kept(const struct vm *vm)
{
	return vm->kept_by != NULL || vm->kept_by_clones || vm->kept_by_kernel;
}

/* Whether the monitor has done the last command. */
bool vm_command_done(const struct vm *vm);
/* Whether the monitor is set up. */
bool vm_ready(const struct vm *vm);

/*
 * Puts a VM into the list; its monitor sets itself up. NULL: nothing is left of it, `problem` says
 * why. A monitor that cannot be set up takes the VM with it: vm_refusal then says why.
 */
struct vm *vm_create(const struct vm_config *config, char *problem, size_t size);
/* As vm_net.number, for each card; 0: it is on the same network as the other VM's. */
struct vm_clone_nets {
	u8 number[CONFIG_VM_NET_MAX];
};
/*
 * The same for a clone, which begins to run as another VM was at a snapshot: under its own name,
 * with its own memory above that of the snapshot. A card that goes to another network has the
 * address that its guest knows; the others have addresses of their own, which it does not know yet.
 */
struct vm *vm_clone(struct vm *from, const struct vm_snapshot *snapshot, const char *name,
		    const struct vm_clone_nets *nets, char *problem, size_t size);
/* For vm.c and its parts: a monitor, of a VM that has never run; false: `problem` says why not. */
bool vm_boot(struct vm *vm, char *problem, size_t size);
/* Likewise: ends the monitor, if there is one, in vm_step; then comes what `after` says. */
void vm_release(struct vm *vm, enum vm_after after);
/* Likewise: takes over that its guest was set back; false: vm->reason says why it was not. */
bool vm_was_reset(struct vm *vm);
/* Why the VM of that id, which is no more, was not created after all. */
const char *vm_refusal(u32 id);

/* Tells the monitor to do something. */
void vm_send(struct vm *vm, enum vm_command command);

/* Whether its state has room for the action. */
bool vm_allows(const struct vm *vm, enum vm_action action);

/*
 * Does an action or says why not, in `problem`. What takes time goes on in vm_step and with the
 * monitor's signals; vm_busy tells.
 */
bool vm_act(struct vm *vm, enum vm_action action, char *problem, size_t size);

/* It waits for pages and there are none: says so, once. */
void vm_hungers(struct vm *vm);

/* Its guest has ended, for that reason; everything is taken back. */
void vm_end(struct vm *vm, const char *reason);

/*
 * Its guest cannot go on, for that reason. The monitor, when it is still alive, is kept for
 * inspection as long as the crash is held.
 */
void vm_crash(struct vm *vm, const char *reason, bool monitor_alive);

/* Signals of a monitor: something changed in its channel; its process ended. */
void vm_channel_signalled(struct vm *vm);
void vm_process_ended(struct vm *vm);

/* One bounded step of what is under way; true when there is more to do at once. */
bool vm_step(void);
/* The TSC at which vm_step has to be called at the latest, ~0: no need. */
u64 vm_deadline(void);

/* The place of a port in the configuration, from 1 on; 0: there is none of that name. */
u32 vm_port_find(const struct vm *vm, const char *name);

/*
 * The console of a guest, 0, or one of its further ports by their place in the configuration, from
 * 1 on. Both return how many bytes were moved.
 */
u32 vm_console_read(struct vm *vm, u32 port, u8 *bytes, u32 size);
u32 vm_console_write(struct vm *vm, u32 port, const u8 *bytes, u32 count);
bool vm_console_waiting(const struct vm *vm, u32 port);
