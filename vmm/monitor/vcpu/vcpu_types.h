/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What a machine and each of its vCPUs keep for the functions of this folder; the headers of those
 * functions include this one.
 */
#include "kernel/abi/vcpu.h"
#include "lib/types.h"
#include "vmm/rt/query.h"

#define MSR_STORED_COUNT     17
#define MSR_MTRR_RANGE_COUNT 8
#define MSR_MTRR_COUNT	     (1 + 2 * MSR_MTRR_RANGE_COUNT + 11)

/* MSRs that only keep a value: there is no device and no CPU register behind them. */
struct msr_state {
	u64 stored[MSR_STORED_COUNT]; /* of the table in msr.c, in its order */
	u64 mtrr[MSR_MTRR_COUNT];     /* of the table in msr_mtrr.c */
};

/*
 * The key `trap` and its kin: what the operator wants logged and counted before it takes effect.
 * The CPU itself then executes an access to a control or debug register, in a single step with the
 * trap off and no interrupts, so that all checks and effects are the CPU's.
 */
struct trap_vcpu {
	bool stepping;
	bool had_tf;	 /* the guest's own trap flag */
	u32 next_target; /* index of the cr3_target to replace next */
};

/*
 * What the last exits of a vCPU were and what they cost: a ring, summed up by reason each time it
 * has been filled. Only exits that reach the monitor are here. This is part of every exit, so
 * recording the commonest takes few instructions; the ring is read when no vCPU is in the guest.
 */
struct trace {
	struct query_trace_entry *next;		   /* where the next exit goes */
	u64 filled;				   /* how often the ring has been full */
	struct query_cost cost[EXIT_REASON_COUNT]; /* summed over those */
	struct query_trace_entry entry[1 + QUERY_TRACE_ENTRIES]; /* the first one is not used */
};

/*
 * Local APICs that the CPU virtualizes: which part of the work it does for each vCPU follows from
 * the state of their APICs (irqchip/lapic_lend.c has the page itself).
 *
 * In xAPIC mode the CPU must find a page at the APIC's address. It is mapped only while all APICs
 * of the machine are in that mode, at one address and software-enabled, so that no vCPU finds it
 * there whose own APIC is elsewhere or takes no interrupts.
 */
struct vapic {
	bool by_cpu; /* set once */
	u32 memory;  /* handle of that page */
	u64 mapped;  /* its guest-physical address, 0: nowhere */
	bool late;   /* it is to be mapped when no vCPU is in the guest */
};

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
