/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/vcpu.h"
#include "vmm/rt/query.h"

struct machine;
struct vcpu;

#define DEBUGGER_SOFTWARE_MAX 64
#define DEBUGGER_HARDWARE_MAX 4

/* An INT3 in guest memory, in place of the guest's own byte. */
struct debugger_software {
	bool used;
	u8 saved;
	u8 *host;   /* where it lies */
	u64 linear; /* as the debugger named it */
};

/* A debug register: one aligned piece of the range that the debugger named. */
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
 * those that are not the debugger's are passed on to the guest. Under the machine's lock.
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
enum status debugger_answer(struct machine *machine, const struct query *query);

/* Whether this vCPU may go on; while it steps it takes no interrupt. */
bool debugger_may_run(const struct vcpu *vcpu);
bool debugger_steps(const struct vcpu *vcpu);

/* An exception has caused an exit: true when it was the debugger's. */
bool debugger_exception(struct vcpu *vcpu);
/* The monitor has settled an exit: that ends a step if it carried out an instruction. */
void debugger_settled(struct vcpu *vcpu);

/*
 * The machine is held: stops that other vCPUs reached at the same time are dropped. A breakpoint
 * will be hit again, if it is still there by then; a step has ended.
 */
void debugger_gather(struct machine *machine);
/* The vCPU has taken RESET or INIT: a step under way now covers its next instruction. */
void debugger_restarted(struct vcpu *vcpu);

/* Guest memory at `host` as it would be without the debugger's INT3s, which stay in place. */
void debugger_read(const struct machine *machine, const u8 *host, u8 *to, u64 length);
void debugger_write(struct machine *machine, u8 *host, const u8 *from, u64 length);

/* Takes general registers and groups from `from`, where the debugger has changed them. */
void debugger_registers_set(struct vcpu *vcpu, const struct vcpu_page *from, u32 groups);
