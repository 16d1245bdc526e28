/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/object.h"
#include "vmm/monitor/cpuid.h"
#include "vmm/monitor/dev/platform.h"
#include "vmm/monitor/guest_memory.h"
#include "vmm/monitor/load/load.h"
#include "vmm/monitor/machine_time.h"
#include "vmm/monitor/vcpu.h"
#include "vmm/rt/channel.h"

#define MACHINE_VCPU_MAX 1

/* An unasked reset is a crash; this many within this time and the machine is not started again. */
#define CRASH_LIMIT	5
#define CRASH_WINDOW_NS (60 * NS_PER_S)

/*
 * One virtual machine. Each vCPU has a thread; whatever a thread does to the machine between two
 * runs of its guest it does under `lock`.
 */
struct machine {
	u32 lock;

	/* set once */
	handle_t queue;	      /* of vCPU 0; signals from the manager arrive here too */
	handle_t channel_out; /* event: tells the manager to look at the channel */
	struct vm_channel *channel;
	struct guest_memory memory;
	struct cpuid_policy cpuid;
	struct load_job job;
	u32 vcpu_count;
	u32 physical_bits; /* the guest's MAXPHYADDR */

	/* under the lock */
	enum vm_state state;
	bool signal; /* the channel has something new for the manager */
	u32 crash_count;
	u64 crash_tsc[CRASH_LIMIT]; /* host TSC of the last unasked resets */
	u64 deadline_ns; /* guest time of the next timer */
	struct machine_time time;
	struct platform platform;
	struct vcpu vcpu[MACHINE_VCPU_MAX];
};

void machine_lock(struct machine *machine);
void machine_unlock(struct machine *machine);

/* Loads the guest and starts it from power-on; a guest that cannot be loaded is a crashed one. */
void machine_start(struct machine *machine);
void machine_pause(struct machine *machine);
void machine_resume(struct machine *machine);
/* As the reset button: devices as after power-on, the kernel loaded anew, RAM otherwise kept. */
void machine_reset(struct machine *machine);
/* A reset that the guest did not ask for; `what` says what happened. */
void machine_unasked_reset(struct machine *machine, const char *what);
/* Holds the machine for inspection. */
void machine_crash(struct machine *machine, const char *pattern, ...) PRINTF_LIKE(2, 3);
/* The guest has ended its machine; exit_code -1 where it gave none. The process ends soon. */
void machine_stop(struct machine *machine, s32 exit_code, const char *reason);

/* Brings the platform's clock up to date. */
void machine_update_clock(struct machine *machine);

/*
 * What is to be done between two runs: commands and input from the manager, due timers, what the
 * guest has asked of its devices. Ends the process when the machine has stopped.
 */
void machine_attend(struct machine *machine);

/* A line for the log, without its newline. */
void machine_log(struct machine *machine, const char *pattern, ...) PRINTF_LIKE(2, 3);
