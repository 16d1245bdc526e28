/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Types of fields in struct machine and struct vcpu that belong to the functions of this folder,
 * whose headers include this one.
 */
#include "kernel/abi/vcpu.h"
#include "lib/types.h"
#include "vmm/rt/query.h"

#define MSR_STORED_COUNT     17
#define MSR_MTRR_RANGE_COUNT 8
#define MSR_MTRR_COUNT	     (1 + 2 * MSR_MTRR_RANGE_COUNT + 11)

/* MSRs that only keep a value, without a device or a CPU register behind them. */
struct msr_state {
	u64 stored[MSR_STORED_COUNT]; /* values of the table in msr.c, in its order */
	u64 mtrr[MSR_MTRR_COUNT];     /* values of the table in msr_mtrr.c */
};

/*
 * One vCPU's part of the VM's setting `trap` and related ones: the events that the operator wants
 * logged and counted before they take effect. The CPU itself then executes the access to a control
 * or debug register, in a single step without such exits and interrupts, so that all checks and
 * effects are the CPU's.
 */
struct trap_vcpu {
	bool stepping;
	bool had_tf;	 /* the guest had set the trap flag itself */
	u32 next_target; /* index of the cr3_target to replace next */
};

/*
 * The last exits of a vCPU with their costs in TSC cycles: a ring, summed up by reason each time it
 * is full. It holds only exits that reach the monitor. Recording is part of every exit, so the
 * commonest takes few instructions; the ring is read when no vCPU is in the guest.
 */
struct trace {
	struct query_trace_entry *next;		   /* the ring's entry for the next exit */
	u64 filled;				   /* the number of times the ring has been full */
	struct query_cost cost[EXIT_REASON_COUNT]; /* costs summed over all full rings */
	struct query_trace_entry entry[1 + QUERY_TRACE_ENTRIES]; /* the first entry is not used */
};

/*
 * Local APICs that the CPU virtualizes. Which part of the work it does for a vCPU follows from the
 * state of that vCPU's APIC (irqchip/lapic_lend.c has the page itself). In xAPIC mode the CPU must
 * find a page at the APIC's address. It is mapped only while all APICs of the VM are in that mode,
 * at one address and enabled by software, so that no vCPU finds it there whose own APIC is
 * elsewhere or takes no interrupts.
 */
struct vapic {
	bool by_cpu; /* the host's CPU virtualizes this VM's APICs; set once, in the set-up */
	u32 memory;  /* handle of the page that is mapped in xAPIC mode */
	/* the guest-physical address at which the page `memory` is mapped; 0: it is not mapped */
	u64 mapped;
	bool late; /* the page is to be mapped once no vCPU is in the guest */
};

#define DEBUGGER_SOFTWARE_MAX 64
#define DEBUGGER_HARDWARE_MAX 4

/* A software breakpoint: an INT3 in guest memory, in place of the guest's own byte. */
struct debugger_software {
	bool used;
	u8 saved;
	u8 *host;   /* where the monitor has the breakpoint's byte mapped */
	u64 linear; /* the address by which the debugger named the byte */
};

/*
 * A hardware breakpoint: a debug register, which watches one aligned piece of the range that the
 * debugger named.
 */
struct debugger_hardware {
	bool used;
	u8 type;   /* DR7's R/W field: 0 execute, 1 write, 3 access */
	u8 length; /* the length of the watched piece: 1, 2, 4 or 8 bytes */
	u32 named_length;
	u64 linear;
	u64 named; /* the linear address of the range that the debugger named */
};

/*
 * A debugger's hold on the VM. While it holds, no vCPU runs and the guest's time stands still, as
 * in a pause. #DB and #BP come to the monitor as long as a debugger is attached; those that are not
 * the debugger's are passed on to the guest. The machine's lock guards this.
 */
struct debugger {
	bool attached;
	bool held;
	bool news;  /* the VM has stopped, and the manager was not told yet */
	u64 run;    /* a bit for each vCPU that runs while the debugger does not hold the VM */
	u64 step;   /* a bit for each vCPU that stops after one instruction */
	u64 had_tf; /* a bit for each stepping vCPU whose guest had set RFLAGS.TF itself */
	struct query_stop stop;
	struct debugger_software software[DEBUGGER_SOFTWARE_MAX];
	struct debugger_hardware hardware[DEBUGGER_HARDWARE_MAX];
};
