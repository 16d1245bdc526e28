/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/* The owners of the host's pages. */
enum page_owner {
	PAGE_FREE,
	/*
	 * pages that are not usable RAM: firmware, holes in the address space, and the array of
	 * struct page itself
	 */
	PAGE_RESERVED,
	PAGE_IMAGE,   /* the kernel image and the programs built into it */
	PAGE_MODULE,  /* boot modules */
	PAGE_KERNEL,  /* stacks, object caches, log rings */
	PAGE_TABLE,   /* page tables, first and second stage */
	PAGE_PROCESS, /* memory objects of processes */
	PAGE_GUEST,   /* guest RAM */
	PAGE_CONTROL, /* VMCSs, VMCBs, I/O and MSR bitmaps, XSAVE areas */
	PAGE_OWNER_COUNT
};

/*
 * 1/KERNEL_SHARE of all memory is kept for the kernel and its tables: SYS_MEMORY_CREATE cannot take
 * it.
 */
#define KERNEL_SHARE 64

#define CPU_MAX	 256
#define NODE_MAX 8

struct cpu_counters {
	u64 exits;	/* VM exits */
	u64 wakeups;	/* times that the CPU returned from the HLT in which it idles */
	u64 interrupts; /* host interrupts taken */
	u64 switches;	/* threads switched to */
	u64 syscalls;	/* number of system calls except SYS_VCPU_RUN, which `exits` counts */
	u64 idle_tsc;	/* TSC cycles that the CPU spent halted */
	u64 ipis;
	u64 idle_since_tsc; /* TSC when the CPU's present halt began; 0: it is not halted */
	u64 tag;	    /* GROUP_TAG of the running thread's group */
	/* TSC up to which the running group's cpu_tsc counts; 0: no thread runs */
	u64 running_since_tsc;
};

/*
 * The host's counters, which the kernel updates and the manager may only read. All count since
 * boot.
 */
struct kernel_page {
	u64 boot_tsc; /* TSC when the kernel started */
	u64 tsc_khz;
	u64 page_count; /* number of the host's pages that the kernel's allocator manages */
	u64 pages[PAGE_OWNER_COUNT];
	struct node_counters {
		u64 pages; /* the number of the node's managed pages */
		u64 free;
	} nodes[NODE_MAX]; /* NUMA nodes; memory that the SRAT does not name is in the first */
	u32 cpu_count;
	u32 log_bytes;	     /* size of one CPU's struct log_ring */
	u64 entropy_sources; /* enum entropy_source */
	/* bits of enum host_feature; above them, those of enum host_speculation */
	u64 features;
	u64 arch_capabilities; /* IA32_ARCH_CAPABILITIES of the boot CPU; 0: it has no such MSR */
	u64 opt_ctrl;	       /* IA32_MCU_OPT_CTRL of the boot CPU; 0: it has no such MSR */
	u64 microcode;	       /* revision of the boot CPU's microcode (AMD: patch level) */
	struct lock_counters {
		u64 taken;
		u64 waited; /* acquisitions that found a lock of the rank taken */
	} locks[16];	    /* by enum lock_rank (lib/lock.h); all 0 unless built with DEBUG=1 */
	struct cpu_counters cpu[];
};

enum entropy_source {
	ENTROPY_RDSEED = 1 << 0,
	ENTROPY_RDRAND = 1 << 1,
	ENTROPY_TSC_JITTER = 1 << 2,
	ENTROPY_LOADER = 1 << 3,
};

enum host_feature {
	HOST_SPLIT_TABLES = 1 << 0, /* ring 3 runs on tables without the direct map (Meltdown) */
};

/* One group's counters, which the holders of a handle of the group may only read. */
struct group_page {
	u64 exits_by_reason[64]; /* enum exit_reason */
	u64 quota_pages;
	u64 used_pages;
	u64 pages[PAGE_OWNER_COUNT];
	/* TSC cycles that the group's threads ran, in ring 3, the kernel or a guest */
	u64 cpu_tsc;
	u64 guest_tsc;	  /* the part of cpu_tsc that was spent inside the guest */
	u64 kernel_exits; /* the guest's exits that the kernel handled without the monitor */
	u64 injected;	  /* interrupts and exceptions injected into the guest */
	u64 weight;
	u64 reserved_permille; /* 1/1000 of a CPU, reserved by the group's threads together */
	u64 waited_tsc;	       /* TSC cycles that the group's threads waited for a CPU */
	/* reservations' deadlines that passed before the thread had its reserved time */
	u64 missed;
	/*
	 * the part of used_pages that is reserved for memory objects, but whose pages do not exist
	 * yet
	 */
	u64 absent_pages;
};
