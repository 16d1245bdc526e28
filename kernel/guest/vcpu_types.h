/* SPDX-License-Identifier: MIT */
#pragma once

#include "arch/x86_64/virt/virt.h"
#include "mm/object.h"

struct group_page;
struct memory;
struct queue;
struct thread;
struct vm;

/* A virtual CPU: the VMX or SVM back end's state, and the pages shared with its monitor. */
struct vcpu {
	struct object object;
	struct vm *vm; /* the vCPU's VM, to which it holds a reference */
	/* the queue of the vCPU's thread, with a reference; a signal in it ends a run */
	struct queue *queue;
	/* the memory object of the pages shared with the monitor, with a reference */
	struct memory *memory;
	/*
	 * the thread that first ran the vCPU, while that thread lives; guarded by the object lock
	 */
	struct thread *thread;
	/* the thread that runs or reads the vCPU now, atomic; NULL: no thread does */
	struct thread *runner;
	struct group_page *account; /* the counters of the vCPU's group */
	/* the shared pages with the table of CPUID answers; NULL: the monitor handles CPUID */
	const struct vcpu_cpuid_entry *cpuid;
	/* the shared page of the group VCPU_XSAVE; NULL: the vCPU has none */
	void *xsave;
	struct virt_vcpu virt;
	u64 deadline_tsc; /* the monitor's deadline for this run; 0: the run has no deadline */
	u64 space_seen;	  /* the space's generation at the last entry (tlb_must_flush) */
	/*
	 * guest-physical address of the last byte of the page of the last fault that no mapping
	 * covered; 0: none
	 */
	u64 nowhere;
	u64 nowhere_generation; /* the space's generation at that fault */
	u32 nowhere_mappings;	/* the space's mapping_count at that fault */
	u32 requested;		/* the requests of this run, enum vcpu_request */
	/*
	 * The flags that each need vcpu_begin_specially before an entry, tested together as one
	 * word.
	 */
	union {
		struct {
			bool preempted; /* MARK_PREEMPTED was written */
			/* the vCPU was kicked; stays set until a run returns EXIT_KICK */
			bool kicked;
			bool signalled; /* the queue of the vCPU's thread holds a signal */
			bool reserved;
		};
		u32 special;
	};
};
