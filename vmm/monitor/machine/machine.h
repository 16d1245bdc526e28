/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/object.h"
#include "vmm/monitor/cpuid/cpuid.h"
#include "vmm/monitor/dev/platform.h"
#include "vmm/monitor/memory/guest_memory.h"
#include "vmm/monitor/load/load.h"
#include "vmm/monitor/machine/machine_time.h"
#include "vmm/monitor/machine/vcpu.h"
#include "vmm/rt/channel.h"
#include "vmm/rt/mutex.h"

#define MACHINE_VCPU_MAX 64

/* A reset the guest did not ask for is a crash; after so many in this time the VM stays down. */
#define CRASH_LIMIT	5
#define CRASH_WINDOW_NS (60 * NS_PER_S)

/* Work that waits until no vCPU is in the guest; meanwhile none enters it. */
enum machine_todo {
	TODO_REPORT = 1 << 0, /* show the manager the state */
	TODO_START = 1 << 1,  /* from power-on */
	TODO_TRAP = 1 << 3,   /* apply new trap settings */
	TODO_QUERY = 1 << 2,  /* answer the manager's question */
	TODO_SAVE = 1 << 4,   /* hand the machine over */
	TODO_HOLD = 1 << 5,   /* hold it for another state */
};

/*
 * A machine goes over to another monitor process. The old one saves its state into memory that the
 * manager gave it, and stands still: no vCPU runs, nothing is taken from a link, the guest's time
 * does not go on. The new one is built from the same configuration, loads that state, and stands
 * still as well. Then the manager ends one of the two and has the other go on. Under the machine's
 * lock.
 */
struct handover {
	bool held;   /* nothing moves until VM_COMMAND_CONTINUE or VM_COMMAND_LOAD */
	bool loaded; /* VM_COMMAND_START does not boot the guest but goes on from a loaded state */
	u32 sum;     /* of the state that VM_COMMAND_LOAD has loaded last; 0: none */
	u64 sum_of;  /* so many bytes */
	u32 number;  /* MONITOR_RENEWAL of a process that has not taken over yet; 0: it has */
};

/*
 * CPU time that the kernel guarantees to each vCPU. Every vCPU's thread asks for its own, in a
 * round; when one of them is refused, all go back to what they had, in a second round. Everything
 * is under the machine's lock.
 */
struct reserve_time {
	u64 budget_ns; /* 0: none */
	u64 period_ns;
};

struct reserve {
	struct reserve_time wanted;
	struct reserve_time kept; /* what every vCPU has */
	u32 round;		  /* grows with each change of `wanted` */
	u32 waiting;		  /* vCPUs that have not asked in this round */
	bool refused;
	u32 refused_vcpu;
	u64 left_permille; /* of a CPU, which the kernel could have granted */
};

/*
 * One virtual machine. Each vCPU has a thread; whatever a thread does to the machine between two
 * runs of its guest it does under `lock`, which is never held while it runs the guest. The devices'
 * timers are vCPU 0's.
 */
struct machine {
	struct mutex lock;

	/* set once */
	handle_t queue;	      /* of vCPU 0; signals from the manager arrive here too */
	handle_t channel_out; /* event: tells the manager to look at the channel */
	struct vm_channel *channel;
	char port_name[CHANNEL_STREAM_MAX][CHANNEL_NAME_BYTES]; /* "": there is none; not of 0 */
	struct guest_memory memory;
	struct cpuid_policy cpuid;
	struct xsave_layout xsave;
	struct load_job job;
	struct vcpu *vcpu; /* vcpu_count of them */
	u32 vcpu_count;
	u32 physical_bits; /* the guest's MAXPHYADDR */
	bool watched;	   /* somebody looks at exits one by one */
	u32 trap_wanted;   /* enum vm_trap; the manager may change it */
	u32 trap_controls; /* enum vcpu_trap */

	/* under the lock */
	enum vm_state state;
	enum vm_state reported; /* what the channel shows */
	u32 todo;		/* enum machine_todo */
	bool fast_path;		/* may_run and not watched: exits may take the fast path */
	u32 guest_count;	/* vCPUs that may be in the guest */
	u32 obeyed;		/* sequence of the command that was last begun */
	u32 heard;		/* number of the question last taken up */
	u32 rebuilt_count;	/* rebuild.h */
	u8 *section;		/* state/inspect.c: what is being shown; NULL: nothing was yet */
	bool signal;		/* the channel has something new for the manager */
	u8 ports_since_output;	/* exits of ports since the guest has printed; `signal` waits */
	u32 crash_count;
	u64 crash_tsc[CRASH_LIMIT]; /* host TSC of the last unasked resets */
	struct machine_time time;
	struct reserve reserve;
	struct handover handover;
	struct debugger debugger;
	struct vapic vapic;
	struct virtio_blk *blk; /* blk_count disks */
	u32 blk_count;
	struct virtio_net *net; /* net_count cards */
	u32 net_count;
	struct platform platform;
};

/* Whether vCPUs may enter the guest, and exits are to be settled. */
static inline bool machine_may_run(const struct machine *machine)
{
	return machine->state == VM_RUNNING && machine->todo == 0 && !machine->debugger.held &&
	       !machine->handover.held;
}

static inline struct lapic *machine_lapic(const struct vcpu *vcpu)
{
	return vcpu->lapic;
}

/* Loads the guest and starts it from power-on; a guest that cannot be loaded is a crashed one. */
void machine_start(struct machine *machine);
void machine_pause(struct machine *machine);
void machine_resume(struct machine *machine);
/* Pauses it, as the host has no page for the guest, until the manager has it go on. */
void machine_starve(struct machine *machine);
/* All vCPUs leave the guest because a debugger holds the machine; they go on when it does not. */
void machine_hold(struct machine *machine);
void machine_let_go(struct machine *machine);
/* Like the reset button: devices as after power-on, the kernel loaded anew, RAM otherwise kept. */
void machine_reset(struct machine *machine);
/* A reset that the guest did not ask for; `what` says what happened to the vCPU. */
void machine_unasked_reset(struct vcpu *vcpu, const char *what);
/* This process cannot take over: `reason` goes to the manager, and nothing of the VM changes. */
void machine_refuse(struct machine *machine, const char *reason);
/* The same; the reason is in the channel. */
void machine_tell_refused(struct machine *machine);
/*
 * Puts the machine into VM_CRASHED, where it stays for inspection. A process that has not taken the
 * machine over refuses to do so instead.
 */
void machine_crash(struct machine *machine, const char *pattern, ...) PRINTF_LIKE(2, 3);
/* The guest has ended its machine; exit_code -1 where it gave none. The process ends soon. */
void machine_stop(struct machine *machine, s32 exit_code, const char *reason);

/* Makes every vCPU's thread look at what is new. */
void machine_wake_all(struct machine *machine);

/* Applies the channel's trap settings as soon as all vCPUs have left the guest. */
void machine_trap(struct machine *machine);
/* Answers the manager's question as soon as all vCPUs have left the guest. */
void machine_query(struct machine *machine);

/* Saves the machine for another process as soon as all vCPUs have left the guest. */
void machine_save(struct machine *machine);

/* Holds the machine as soon as all vCPUs have left the guest. */
void machine_hold_still(struct machine *machine);

/* What the manager knows of the date. */
void machine_take_wall_time(struct machine *machine);
/* Brings the platform's clock up to date. */
void machine_update_clock(struct machine *machine);
/* The same for a device that finds it stale. What it says of the TSC may be another vCPU's. */
void machine_refresh_clock(struct machine_clock *clock, bool wall);

/* A line for the log, without its newline. */
void machine_log(struct machine *machine, const char *pattern, ...) PRINTF_LIKE(2, 3);
