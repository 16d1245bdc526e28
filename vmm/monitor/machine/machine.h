/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The VM as all folders of the monitor see it: its parts, its state, and the work that waits for
 * its vCPUs to leave the guest.
 */
#include "kernel/abi/object.h"
#include "vmm/monitor/cpuid/cpuid.h"
#include "vmm/monitor/dev/platform.h"
#include "vmm/monitor/dev/window.h"
#include "vmm/monitor/memory/guest_memory.h"
#include "vmm/monitor/load/load.h"
#include "vmm/monitor/machine/machine_time.h"
#include "vmm/monitor/machine/quiesce.h"
#include "vmm/monitor/machine/vcpu.h"
#include "vmm/rt/channel.h"
#include "vmm/rt/mutex.h"
#include "vmm/rt/vsock.h"

#define MACHINE_VCPU_MAX 64

/*
 * A reset that the guest did not ask for is a crash; after CRASH_LIMIT crashes within
 * CRASH_WINDOW_NS the VM stays down.
 */
#define CRASH_LIMIT	5
#define CRASH_WINDOW_NS (60 * NS_PER_S)

/*
 * Reset on request (life/window_run.c): the guest asks for a snapshot, and then goes back to it as
 * often as it says, by the device of its window. The machine's lock guards this.
 */
struct window_run {
	u32 wanted;  /* the number of the guest's last request for a snapshot; 0: there was none */
	u32 ring;    /* what to ring after each run, as for WINDOW_RING */
	bool asking; /* the guest waits for that snapshot, and not for going back */
	/* the state at the snapshot of request `saved_for`, in memory of this process */
	u8 *saved;
	u32 saved_for;
	u64 disk_writes; /* how much was written to the VM's disks when the state was saved */
	u32 ended_by;	 /* the call that ends the present run, while the VM goes back */
	u32 runs;
};

struct firmware;

/*
 * Work for the VM, bits of machine->todo, that waits until no vCPU is in the guest; no vCPU enters
 * the guest before it is done.
 */
enum machine_todo {
	TODO_REPORT = 1 << 0, /* show the manager the VM's state */
	TODO_START = 1 << 1,  /* start the guest from power-on */
	TODO_TRAP = 1 << 3,   /* apply the manager's new trap settings */
	TODO_QUERY = 1 << 2,  /* answer the manager's question */
	TODO_SAVE = 1 << 4,   /* save the VM for another monitor process */
	/* hold the VM (no vCPU runs) until another saved state has been loaded */
	TODO_HOLD = 1 << 5,
	TODO_BACK = 1 << 6, /* go back to the snapshot that the guest has asked for */
};

/*
 * The handover of a VM to another monitor process. The old process saves its state into memory that
 * the manager gave it, and stands still: no vCPU runs, no answer is taken from a link, and the
 * guest's time is stopped. The new process is built from the same configuration, loads that state,
 * and stands still as well. Then the manager ends one of the two and lets the other continue. The
 * machine's lock guards this.
 */
struct handover {
	/*
	 * the VM is held: no vCPU runs and time stands still until VM_COMMAND_CONTINUE or
	 * VM_COMMAND_LOAD
	 */
	bool held;
	/* VM_COMMAND_START does not boot the guest, which continues from a loaded state */
	bool loaded;
	/*
	 * checksum of the saved state that VM_COMMAND_LOAD has loaded last; 0: no state was loaded
	 */
	u32 sum;
	u64 sum_of; /* the size in bytes of the saved state with the checksum `sum` */
	/*
	 * the parameter MONITOR_RENEWAL of a process that has yet to take the VM over; 0: this
	 * process has the VM
	 */
	u32 number;
};

/*
 * CPU time that the kernel guarantees to each vCPU. Every vCPU's thread asks the kernel for its
 * own; when all have asked, the round is over. If one of them was refused, all ask for their former
 * guarantees in a second round. The machine's lock guards this.
 */
struct reserve_time {
	u64 budget_ns; /* CPU time in each period_ns; 0: no guarantee */
	u64 period_ns;
};

struct reserve {
	struct reserve_time wanted;
	/*
	 * the present reservation of every vCPU: the kernel granted it to all of them in the last
	 * round without a refusal
	 */
	struct reserve_time kept;
	/* the number of the present round of asking, which grows with each change of `wanted` */
	u32 round;
	u32 waiting; /* the number of vCPUs that have not asked the kernel in this round yet */
	bool refused;
	u32 refused_vcpu;
	/* the thousandths of a CPU that were free to be reserved when the kernel refused */
	u64 left_permille;
};

/*
 * One VM. Each vCPU has a thread; between two runs of the guest, a thread touches this struct only
 * under `lock`, which is never held while a guest runs. vCPU 0's thread serves the devices' timers.
 */
struct machine {
	struct mutex lock;

	/* The fields from here on are set once, in the set-up of the process. */
	handle_t queue;	      /* vCPU 0's queue, where signals from the manager arrive, too */
	handle_t channel_out; /* the event that tells the manager to look at the channel */
	struct vm_channel *channel;
	/*
	 * the memory shared with the manager for the socket device; NULL: there is no such device
	 */
	struct vsock_area *vsock;
	/* the names of the virtio console's ports; "": there is no such port; port 0 has no name */
	char port_name[CHANNEL_STREAM_MAX][CHANNEL_NAME_BYTES];
	struct guest_memory memory;
	struct cpuid_policy cpuid;
	struct xsave_layout xsave;
	struct load_job job;
	/* the files that the firmware reads; NULL: the guest starts by a kernel */
	struct firmware *firmware;
	/* the flash memory with the firmware's variables; NULL: there is none */
	struct flash_memory *flash;
	/*
	 * the link to the disk with the firmware's variables, the VM's disk number flash_number;
	 * NULL: no disk has them
	 */
	struct disk_client *flash_client;
	u64 flash_number;
	struct vcpu *vcpu; /* an array of vcpu_count vCPUs */
	u32 vcpu_count;
	u32 physical_bits; /* the guest's MAXPHYADDR */
	bool watched;	   /* a debugger or the VM's setting `trap` looks at exits one by one */
	/* which events are to exit, bits of enum vm_trap; the manager may change this */
	u32 trap_wanted;
	/*
	 * events that the kernel is to trap in addition, bits of enum vcpu_trap: set by keys of the
	 * VM's configuration
	 */
	u32 trap_controls;

	/* `lock` guards the fields from here on. */
	enum vm_state state;
	enum vm_state reported; /* the VM's state that the channel shows to the manager */
	u32 todo;		/* work that waits, bits of enum machine_todo */
	/* machine_may_run() and not `watched`: the fast path may handle exits */
	bool fast_path;
	u32 guest_count;   /* the number of vCPUs whose threads are in VCPU_IN_GUEST */
	u32 obeyed;	   /* the sequence number of the manager's last command that was begun */
	u32 heard;	   /* the number of the manager's last question that was taken up */
	u32 rebuilt_count; /* how often the vCPU and the devices were rebuilt (rebuild.h) */
	/* the buffer for the state that they are rebuilt from; NULL: none was saved yet */
	u8 *rebuilt_from;
	/* the buffer for the state section that state/inspect.c shows; NULL: none was shown yet */
	u8 *section;
	bool signal; /* the channel has something new for the manager */
	/*
	 * the number of exits for port accesses since the guest last printed, while `signal` is set
	 */
	u8 ports_since_output;
	u32 crash_count;
	u64 crash_tsc[CRASH_LIMIT]; /* host TSC of the last resets that the guest did not ask for */
	struct machine_time time;
	struct reserve reserve;
	struct handover handover;
	struct quiesce quiesce;
	struct debugger debugger;
	struct vapic vapic;
	struct virtio_blk *blk;	 /* an array of blk_count disks */
	struct virtio_blk *seed; /* the drive with cloud-init's files; NULL: there is none */
	u32 blk_count;
	struct virtio_net *net; /* an array of net_count network cards */
	u32 net_count;
	struct window_link window; /* the window shared with other VMs */
	struct window_run run;
	struct platform platform;
};

/* Returns whether vCPUs may enter the guest, and exits be handled. */
static inline bool machine_may_run(const struct machine *machine)
{
	return machine->state == VM_RUNNING && machine->todo == 0 && !machine->debugger.held &&
	       !machine->handover.held;
}

static inline struct lapic *machine_lapic(const struct vcpu *vcpu)
{
	return vcpu->lapic;
}

/* Has the guest loaded and started from power-on; the VM crashes if the guest cannot be loaded. */
void machine_start(struct machine *machine);
void machine_pause(struct machine *machine);
void machine_resume(struct machine *machine);
/* Pauses the VM, for whose guest the host has no free page, until the manager lets it go on. */
void machine_starve(struct machine *machine);
/*
 * Makes all vCPUs leave the guest because a debugger holds the VM; they go on when the debugger
 * lets go.
 */
void machine_hold(struct machine *machine);
void machine_let_go(struct machine *machine);
/* Lets the guest's time go on, after a pause or from the time of a loaded state. */
void machine_time_goes_on(struct machine *machine);
/*
 * Resets the VM like a PC's reset button: devices are as after power-on, the kernel is loaded anew,
 * other RAM is kept.
 */
void machine_reset(struct machine *machine);
/* Handles a reset that the guest did not ask for; `what` is the vCPU's fault in words. */
void machine_unasked_reset(struct vcpu *vcpu, const char *what);
/*
 * Refuses to take the VM over from another monitor process: `reason` goes to the manager, and
 * nothing of the VM changes.
 */
void machine_refuse(struct machine *machine, const char *reason);
/* Refuses to take the VM over, for the reason that is already in the channel. */
void machine_tell_refused(struct machine *machine);
/*
 * Puts the VM into VM_CRASHED, where it stays for inspection. A process that has not taken the VM
 * over yet refuses to do so instead.
 */
void machine_crash(struct machine *machine, const char *pattern, ...) PRINTF_LIKE(2, 3);
/*
 * Stops the VM, as the guest has ended it; exit_code is -1 if the guest gave none. The monitor
 * process ends soon.
 */
void machine_stop(struct machine *machine, s32 exit_code, const char *reason);

/* Makes every vCPU's thread leave the guest, or its sleep, and look for work. */
void machine_wake_all(struct machine *machine);

/*
 * Applies the trap settings that the manager has put into the channel as soon as all vCPUs have
 * left the guest.
 */
void machine_trap(struct machine *machine);
/* Answers the manager's question as soon as all vCPUs have left the guest. */
void machine_query(struct machine *machine);

/* Saves the VM for another monitor process as soon as all vCPUs have left the guest. */
void machine_save(struct machine *machine);

/* Holds the VM (no vCPU runs, time stands still) as soon as all vCPUs have left the guest. */
void machine_hold_still(struct machine *machine);

/* Goes back to the guest's snapshot as soon as all vCPUs have left the guest. */
void machine_go_back(struct machine *machine);

/* Sets the guest's wall time to the date that the manager has published. */
void machine_take_wall_time(struct machine *machine);
/* Brings the platform's clock up to the present time. */
void machine_update_clock(struct machine *machine);
/*
 * Brings the clock up to date for a device that finds it stale. The clock's TSC may then be another
 * vCPU's.
 */
void machine_refresh_clock(struct machine_clock *clock, bool wall);

/* Writes a line to the VM's log; the newline is added. */
void machine_log(struct machine *machine, const char *pattern, ...) PRINTF_LIKE(2, 3);
