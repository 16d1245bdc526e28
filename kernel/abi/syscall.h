/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/object.h"
#include "lib/status.h"

/*
 * System calls. RAX holds the number, RDI RSI R8 R9 R10 RBX the arguments; RAX returns an enum
 * status and RDI, where the call has one, its value. RCX, RDX and R11 are lost.
 * With SYSENTER (Intel) RCX holds the caller's RSP and RDX the address to return to.
 *
 * No call takes a pointer: what is larger than registers travels in memory objects that both sides
 * have mapped. Every call checks everything before it changes anything; a refused call has no
 * effect. STATUS_AGAIN means that a bounded step was done: repeat the call unchanged.
 * Handles that do not exist or have another type give STATUS_BAD_HANDLE, missing rights
 * STATUS_NO_RIGHT, calls without a number STATUS_NOT_SUPPORTED.
 */
enum syscall {
	/* (handle). The object lives on while another handle or the kernel refers to it. */
	SYS_HANDLE_CLOSE,
	/*
	 * (process, handle, rights) -> handle, valid in that process, rights narrowed by AND. Both
	 * need RIGHT_GRANT.
	 */
	SYS_HANDLE_GRANT,
	/*
	 * (handle). Ends the object: every handle to it is stale at once. A process loses its
	 * threads, its memory and all it alone refers to; a group all that was charged to it.
	 * Who waits on a queue gets STATUS_BAD_HANDLE; the root and the space of a process cannot
	 * be destroyed. STATUS_AGAIN until all pages are back.
	 */
	SYS_OBJECT_DESTROY,
	/*
	 * (handle, queue, key). From now on the object's signals arrive in the queue under key: an
	 * event's or irq's, a process's end, and of the root that the kernel's log has grown.
	 */
	SYS_OBJECT_BIND,

	/* (root, quota_pages, weight) -> group. */
	SYS_GROUP_CREATE,
	/* (group, enum group_setting, value). */
	SYS_GROUP_SET,
	/* (group) -> memory: one read-only page, struct group_page, kept up to date. */
	SYS_GROUP_PAGE,

	/* (group, bytes, enum memory_flag) -> memory, all zero; bytes round up to pages. */
	SYS_MEMORY_CREATE,
	/* (root, hpa, bytes, flags) -> memory: a device's or the firmware's, never RAM in use. */
	SYS_MEMORY_PHYSICAL,
	/* (group) -> space: a second-stage table. */
	SYS_SPACE_CREATE,
	/*
	 * (space, at, memory, offset, bytes, rights) -> address. All page-aligned. In a process's
	 * space `at` 0 lets the kernel choose at random. Pages are put in at first touch.
	 */
	SYS_SPACE_MAP,
	/* (space, at, bytes). Whole mappings only. STATUS_AGAIN while there is more to do. */
	SYS_SPACE_UNMAP,

	/*
	 * (group, memory) -> process, from an image in the form of kernel/abi/image.h.
	 * The value's process has no thread yet.
	 */
	SYS_PROCESS_CREATE,
	/* (process) -> space: its address space. */
	SYS_PROCESS_SPACE,
	/* (process, memory). Starts its first thread; RDI holds where the start_info is. */
	SYS_PROCESS_START,
	/* (code). Ends the caller's process; watchers of the process see the code. */
	SYS_PROCESS_EXIT,
	/* (process, entry, stack, argument) -> thread; of 256 at most, else STATUS_TOO_BIG. */
	SYS_THREAD_CREATE,
	/*
	 * (vcpu or HANDLE_NONE). Gives the CPU to the next thread; where the thread that runs the
	 * vCPU is of the caller's group and waits for the same CPU, that one goes before the
	 * caller. STATUS_NOT_FOUND, and the caller goes on: it does not wait here.
	 */
	SYS_THREAD_YIELD,
	/*
	 * (thread or HANDLE_NONE: the caller, budget_ns, period_ns) -> permille of a CPU that the
	 * thread could have reserved at most, other threads' reservations taken off. Guarantees
	 * it the budget in each period; 0 gives it up. STATUS_NO_QUOTA, with that value too: more
	 * than the group may reserve, or than a CPU has left. STATUS_AGAIN: the caller has moved
	 * to a CPU that has more left, without the reservation it had.
	 */
	SYS_THREAD_RESERVE,
	/* (root, process, first, count). Opens host I/O ports to a process. */
	SYS_PORTS_GRANT,

	/* (group) -> queue. */
	SYS_QUEUE_CREATE,
	/*
	 * (queue, deadline_tsc) -> key of the oldest signal. Waits until there is one or the TSC
	 * has passed the deadline: STATUS_TIMED_OUT. Deadline 0 only looks; ~0 waits for ever.
	 */
	SYS_QUEUE_WAIT,
	/* (group) -> event. */
	SYS_EVENT_CREATE,
	/* (event). Sticky until the key has been taken from the queue. */
	SYS_EVENT_SIGNAL,
	/* (root, gsi, flags of enum irq_flag) -> irq, masked until the first SYS_IRQ_UNMASK. */
	SYS_IRQ_CREATE,
	/*
	 * (irq). To be called after each signal, when the device is quiet again. The next
	 * interrupt comes to the CPU that the caller runs on.
	 */
	SYS_IRQ_UNMASK,

	/* (group, space) -> vm. */
	SYS_VM_CREATE,
	/*
	 * (vm, memory, offset, queue) -> vcpu. The page at offset becomes its struct vcpu_page, the
	 * next its local APIC page, and one more, if there is one, its table for CPUID. A signal in
	 * the queue makes vcpu_run return EXIT_KICK.
	 */
	SYS_VCPU_CREATE,
	/*
	 * (vcpu). Runs the guest until an exit that is the caller's to settle; see vcpu.h.
	 * STATUS_NOT_SUPPORTED: its process has ports, which an exit of VMX takes from the CPU.
	 */
	SYS_VCPU_RUN,
	/* (vcpu). The present or next SYS_VCPU_RUN returns EXIT_KICK. */
	SYS_VCPU_KICK,
	/* (vcpu, enum vcpu_groups). Brings the groups into the vCPU page. */
	SYS_VCPU_GET,

	/*
	 * (space, address, level) -> the entry of a second-stage table at enum pt_level `level`
	 * (0: maps 4 KiB, 3: the top) that translates address, without the bits of a host address;
	 * 0: there is none.
	 */
	SYS_SPACE_ENTRY,

	/* (root, category, level). What the kernel's log keeps of it; LOG_LEVEL_COUNT: nothing. */
	SYS_LOG_LEVEL,
	/* (root, enum machine_stop, port, value, width). Does not return on success. */
	SYS_MACHINE_STOP,
	/*
	 * (root, memory, enum audit_what, where, at) -> where or at to go on with, AUDIT_END: that
	 * was all. Fills the object's first page, a pinned one, with a struct audit_page.
	 */
	SYS_AUDIT,
	SYS_COUNT
};

enum group_setting {
	GROUP_WEIGHT,      /* 1 to 65535, 256 by default */
	GROUP_CAP_PERCENT, /* of one CPU, all threads together; 0: none */
	/*
	 * A bit for each of CPUs 0 to 63 that its threads may use; one of them is there.
	 * STATUS_IN_USE while the group has reservations: the CPUs they were made on keep them.
	 */
	GROUP_AFFINITY,
	GROUP_RESERVABLE_PERMILLE, /* of one CPU, what its threads may reserve together */
	GROUP_TAG, /* any number: cpu_counters.tag of the CPUs that run its threads */
};

enum memory_flag {
	MEMORY_PINNED = 1 << 0,   /* populate at once */
	MEMORY_UNCACHED = 1 << 1, /* physical only: memory type UC */
	MEMORY_GUEST = 1 << 2,    /* guest RAM: counted as such */
	MEMORY_SMALL = 1 << 3,    /* pages of 4 KiB alone */
	MEMORY_HUGE = 1 << 4,     /* put in by 1 GiB, where the machine has such a block left */
	MEMORY_WHOLE = 1 << 5,    /* and all of that is cleared at its first touch */
};

enum irq_flag {
	IRQ_LEVEL = 1 << 0,
	IRQ_ACTIVE_LOW = 1 << 1,
	IRQ_ISA = 1 << 2, /* gsi is an ISA line: the MADT says what its other flags are */
	IRQ_NMI = 1 << 3, /* an NMI for every CPU, logged with where it hit; no signal */
};

/* Before any of them every CPU leaves VMX or SVM operation. */
enum machine_stop {
	MACHINE_STOP_OUT,   /* write value to port (ACPI power-off or reset), then halt */
	MACHINE_STOP_RESET, /* keyboard controller, then triple fault */
	MACHINE_STOP_HALT,
};
