/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/vcpu.h"
#include "vmm/rt/query.h"

struct machine;
struct vcpu;

#define DEBUGGER_SOFTWARE_MAX 64
#define DEBUGGER_HARDWARE_MAX 4

/* An INT3 that stands in the guest's memory instead of its own byte. */
struct debugger_software {
	bool used;
	u8 saved;
	u8 *host;   /* where it lies */
	u64 linear; /* as the debugger named it */
};

/* A debug register: an aligned piece of what the debugger has named. */
struct debugger_hardware {
	bool used;
	u8 type;   /* DR7's R/W field: 0 execute, 1 write, 3 access */
	u8 length; /* 1, 2, 4, 8 */
	u32 named_length;
	u64 linear;
	u64 named; /* linear address */
};

/*
 * A debugger's hold on the machine. While it is held no vCPU runs and the guest's time stands
 * still, as in a pause; #DB and #BP come to the monitor as long as a debugger is attached, and
 * those that are not its own go on to the guest. Under the machine's lock.
 */
struct debugger {
	bool attached;
	bool held;
	bool news;  /* a stop that the manager has not been shown */
	u64 run;    /* vCPUs that run while it is not held */
	u64 step;   /* those of them that stop after one instruction */
	u64 had_tf; /* those whose guest had RFLAGS.TF set itself */
	struct query_stop stop;
	struct debugger_software software[DEBUGGER_SOFTWARE_MAX];
	struct debugger_hardware hardware[DEBUGGER_HARDWARE_MAX];
};

/* Answer to QUERY_DEBUG: every vCPU is out of the guest and has its registers valid. */
enum status debugger_obey(struct machine *machine, const struct query *query);

/* Whether this vCPU may go on; while it steps it takes no interrupt. */
bool debugger_may_run(const struct vcpu *vcpu);
bool debugger_steps(const struct vcpu *vcpu);

/* An exception has exited: true when it was the debugger's. */
bool debugger_exception(struct vcpu *vcpu);
/* The monitor has settled an exit: the end of a step, if it did an instruction. */
void debugger_settled(struct vcpu *vcpu);

/*
 * The machine is held: what other vCPUs have come to at the same time counts as not yet come to. A
 * breakpoint comes again, if it is still there by then; a step has ended.
 */
void debugger_gather(struct machine *machine);
/* The vCPU's registers are those of RESET or INIT: its step is of what comes next. */
void debugger_restarted(struct vcpu *vcpu);

/* What stands at `host` but for the debugger's own breakpoints; and writing behind them. */
void debugger_read(const struct machine *machine, const u8 *host, u8 *to, u64 length);
void debugger_write(struct machine *machine, u8 *host, const u8 *from, u64 length);

/* New values of groups that the debugger has put into the page. */
void debugger_registers_set(struct vcpu *vcpu, const struct vcpu_page *from, u32 groups);
