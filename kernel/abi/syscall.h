/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/object.h"
#include "lib/status.h"

/*
 * System calls. RAX holds the number, RDI RSI R8 R9 R10 RBX the arguments; RAX returns an enum
 * status and RDI the call's value, which stands behind -> below, if it has one. RCX, RDX and R11
 * are clobbered. With SYSENTER (Intel) RCX holds the caller's RSP and RDX the address to return to.
 *
 * No call takes a pointer: data that do not fit in registers travel in memory objects that both
 * sides have mapped. Every call checks everything before it changes anything; a refused call has no
 * effect. STATUS_AGAIN means that a bounded step was done: repeat the call unchanged. Handles that
 * do not exist or have the wrong type give STATUS_BAD_HANDLE, missing rights STATUS_NO_RIGHT,
 * unknown call numbers STATUS_NOT_SUPPORTED.
 */
enum syscall {
	/*
	 * (handle). Closes the handle; the object lives on while another handle or the kernel
	 * refers to it.
	 */
	SYS_HANDLE_CLOSE,
	/*
	 * (process, handle, rights) -> handle of the same object, valid in that process, with the
	 * rights in both the original and `rights`. Both handles need RIGHT_GRANT.
	 */
	SYS_HANDLE_GRANT,
	/*
	 * (handle). Ends the object: every handle to it is stale at once. A process loses its
	 * threads, its memory and all that only it refers to; a group all that was charged to it. A
	 * thread that waits on the queue gets STATUS_BAD_HANDLE. The root and a process's space
	 * cannot be destroyed. For a group, STATUS_AGAIN is returned until all its pages have been
	 * freed.
	 */
	SYS_OBJECT_DESTROY,
	/*
	 * (handle, queue, key). From now on the object's signals arrive in the queue with this key:
	 * those of an event or irq; of a process, its end; of the root, growth of the kernel's log;
	 * of a group, that one of its threads found no page left in the group's quota and waits
	 * until SYS_GROUP_SET changes GROUP_QUOTA.
	 */
	SYS_OBJECT_BIND,

	/* (root, quota_pages, weight) -> group, with a limit in pages and a share of the CPUs. */
	SYS_GROUP_CREATE,
	/* (group, enum group_setting, value). Changes a setting of the group. */
	SYS_GROUP_SET,
	/* (group) -> memory: one read-only page, struct group_page, kept up to date. */
	SYS_GROUP_PAGE,

	/* (group, bytes, enum memory_flag) -> memory, all zero; bytes round up to pages. */
	SYS_MEMORY_CREATE,
	/*
	 * (root, hpa, bytes, flags) -> memory object of a device's or the firmware's physical
	 * range, never RAM that the kernel manages.
	 */
	SYS_MEMORY_PHYSICAL,
	/*
	 * (group) -> space: a second-stage table, from a guest's physical addresses to the host's.
	 */
	SYS_SPACE_CREATE,
	/*
	 * (space, at, memory, offset, bytes, rights) -> address of the new mapping. `at`, `offset`
	 * and `bytes` are page-aligned. In a process's space `at` 0 lets the kernel choose an
	 * address at random. Pages are populated at first touch.
	 */
	SYS_SPACE_MAP,
	/*
	 * (space, at, bytes). Removes the mappings in the range, which may not cut one;
	 * STATUS_AGAIN while there is more to remove.
	 */
	SYS_SPACE_UNMAP,

	/*
	 * (group, memory, page) -> process, made from the image (kernel/abi/image.h) that begins
	 * with that page. It has no thread yet.
	 */
	SYS_PROCESS_CREATE,
	/*
	 * (process) -> space: the process's address space, with the rights to read, to map and,
	 * where the process's handle has it, to grant.
	 */
	SYS_PROCESS_SPACE,
	/*
	 * (process, memory). Starts the process's first thread, with the address of the start_info
	 * in RDI.
	 */
	SYS_PROCESS_START,
	/*
	 * (code). Ends the caller's process; SYS_PROCESS_STATUS shows the code to holders of a
	 * handle to it.
	 */
	SYS_PROCESS_EXIT,
	/*
	 * (process, entry, stack, argument) -> thread, which runs. STATUS_TOO_BIG: the process's
	 * group has 256 threads already.
	 */
	SYS_THREAD_CREATE,
	/*
	 * (vcpu or HANDLE_NONE). Yields the CPU to the next thread. With a vCPU, the thread that
	 * runs the vCPU goes ahead of the caller if it is of the same group and waits for the same
	 * CPU; else STATUS_NOT_FOUND is returned, and the caller keeps the CPU.
	 */
	SYS_THREAD_YIELD,
	/*
	 * (thread or HANDLE_NONE: the caller, budget_ns, period_ns) -> the most, in permille of a
	 * CPU, that the thread could reserve besides other threads' reservations. Guarantees the
	 * thread that much CPU time, 50 us or more, in each period, after a change from the next
	 * period on; budget 0 ends the reservation. STATUS_NO_QUOTA, also with that value: the
	 * reservation is more than the group may reserve or any CPU has left. STATUS_AGAIN: the
	 * caller moves to a CPU that has more left, and has lost its old reservation.
	 */
	SYS_THREAD_RESERVE,
	/*
	 * (root, process, first, count). Lets a process use `count` I/O ports of the host from port
	 * `first` on.
	 */
	SYS_PORTS_GRANT,

	/* (group) -> queue, on which one thread at a time can wait. */
	SYS_QUEUE_CREATE,
	/*
	 * (queue, deadline_tsc) -> key of the oldest signal. Waits until there is a signal, or the
	 * TSC reaches the deadline: STATUS_TIMED_OUT. Deadline 0 takes a signal without waiting; ~0
	 * waits for ever. From its return until the thread's next call, the thread's CPU time is
	 * also charged to the group whose event or whose process's end the signal was.
	 */
	SYS_QUEUE_WAIT,
	/* (group) -> event, to be bound to a queue and signalled. */
	SYS_EVENT_CREATE,
	/*
	 * (event). Signals the event, which stays signalled until its key is taken from the queue.
	 */
	SYS_EVENT_SIGNAL,
	/*
	 * (root, gsi, flags of enum irq_flag) -> irq, masked until the first SYS_IRQ_UNMASK. With
	 * IRQ_MSI: (root, host CPU, IRQ_MSI) -> irq that a device raises on that CPU by the message
	 * that SYS_IRQ_MESSAGE returns, never masked. STATUS_IN_USE: 128 such irqs exist already,
	 * or the line has one; STATUS_NOT_SUPPORTED: a message cannot name that CPU.
	 */
	SYS_IRQ_CREATE,
	/*
	 * (irq). Unmasks the line; to be called after each signal, once the device has been served.
	 * The next interrupt goes to the CPU that the caller runs on. A message needs no call.
	 */
	SYS_IRQ_UNMASK,

	/* (group, space) -> vm, whose second stage is the space. */
	SYS_VM_CREATE,
	/*
	 * (vm, memory, offset, queue) -> vcpu. The pages at offset become its shared pages, in the
	 * order of enum vcpu_pages; those from VCPU_PAGES on may be missing. A signal in the queue
	 * makes SYS_VCPU_RUN return EXIT_KICK.
	 */
	SYS_VCPU_CREATE,
	/*
	 * (vcpu). Runs the guest until an exit that the caller must handle; see vcpu.h.
	 * STATUS_NOT_SUPPORTED: the caller's process has I/O ports, whose bitmap a VMX exit would
	 * disable.
	 */
	SYS_VCPU_RUN,
	/* (vcpu). The current or next SYS_VCPU_RUN returns EXIT_KICK. */
	SYS_VCPU_KICK,
	/*
	 * (vcpu, enum vcpu_groups). Copies the vCPU's register groups into its vCPU page, while it
	 * does not run.
	 */
	SYS_VCPU_GET,

	/*
	 * (space, address, level) -> the second-stage entry for the address at enum pt_level
	 * `level` (0: maps 4 KiB, 3: the top), without its host address bits; 0 if there is no such
	 * entry.
	 */
	SYS_SPACE_ENTRY,

	/*
	 * (root, category, level). Sets the lowest level at which the kernel's log keeps a
	 * category's entries; see log.h.
	 */
	SYS_LOG_LEVEL,
	/*
	 * (root, port, value). Resets the host: every CPU leaves VMX or SVM operation; then the
	 * byte is written to the port, if that is not 0, and the host is reset by its keyboard
	 * controller, or else by a triple fault. Does not return on success.
	 */
	SYS_MACHINE_RESET,
	/*
	 * (root, memory, enum audit_what, where, at) -> the `where` (AUDIT_FRAMES) or `at` to
	 * continue with; AUDIT_END after the last record. Fills the first page of the pinned memory
	 * object with a struct audit_page.
	 */
	SYS_AUDIT,

	/*
	 * (irq, number of an IOMMU or IOMMU_NOBODY, requester) -> the message that a device has to
	 * write to raise the irq: the address in bits 63:32 (its upper half is 0), the data in bits
	 * 31:0. Switch the device's MSI off before the irq is freed: the next irq may get the same
	 * message. Where the IOMMU remaps interrupts, only that requester can raise the irq. For a
	 * line, the requester is the line's I/O APIC, and the returned value means nothing: the
	 * line's interrupts go through the IOMMU from now on, the line is unmasked, and the irq
	 * signals once, as an interrupt may have been lost. STATUS_NOT_FOUND: there is no such
	 * IOMMU, or it does not remap; STATUS_BAD_STATE: the requester is attached to no space.
	 */
	SYS_IRQ_MESSAGE,
	/*
	 * (root, memory, offset) -> the host-physical address of that byte of a memory object, for
	 * a device's DMA. The page is populated; its address stays the same until the object or its
	 * group is destroyed, or the last handle and mapping of the object goes.
	 */
	SYS_MEMORY_ADDRESS,

	/*
	 * (root, hpa of its registers, enum iommu_kind, remap) -> number of the IOMMU, which is now
	 * in use, ORed with IOMMU_REMAPS if it remaps interrupts. No device behind the IOMMU
	 * reaches memory until SYS_IOMMU_ATTACH; if `remap` is not 0 and the IOMMU can remap, no
	 * device or I/O APIC interrupts either, except by SYS_IRQ_MESSAGE. The caller keeps the
	 * IOMMU's registers, to read which accesses were refused. STATUS_NOT_SUPPORTED: the IOMMU
	 * lacks queued invalidation, four levels or 64 domains, or needs its write buffer flushed
	 * by hand.
	 */
	SYS_IOMMU_CREATE,
	/*
	 * (root, group, number of an IOMMU) -> space: the memory that one device behind that IOMMU
	 * may reach, empty at first. SYS_SPACE_MAP and SYS_SPACE_UNMAP change it. STATUS_TOO_BIG:
	 * the IOMMU has 63 such spaces already.
	 */
	SYS_IOMMU_SPACE,
	/*
	 * (root, number of an IOMMU, requester: bus << 8 | device << 3 | function, space or
	 * HANDLE_NONE). From now on the device reaches the memory of that space; with HANDLE_NONE,
	 * none. When the call returns, every access that the device made before has ended.
	 * STATUS_IN_USE: another device has that space.
	 */
	SYS_IOMMU_ATTACH,
	/*
	 * (space made by SYS_IOMMU_SPACE, at, RIGHT_READ or RIGHT_WRITE: the device's kind of
	 * access) -> bytes from that page on that the device can now reach. Populates the memory
	 * mapped at `at`, in the largest piece that fits. STATUS_AGAIN: a step of clearing pages
	 * was done, repeat.
	 */
	SYS_SPACE_POPULATE,

	/*
	 * (memory: guest RAM) -> memory: a frozen object with the present contents, which never
	 * change again; its handle has the rights to read and to grant if the given one has them.
	 * The given object lives on, on top of the frozen one: a page is copied when it is first
	 * written to. Stop all vCPUs and processes that write to the object first, else its pages
	 * are frozen at different moments. STATUS_BAD_STATE: not guest RAM, pinned, or a device or
	 * the kernel uses its pages by address; STATUS_TOO_BIG: 4 layers are below it already, or
	 * it is mapped more than 16 times. If nothing was written since the last call, the same
	 * frozen object is returned again. Bits 63:32 of the result: how many frozen objects are
	 * below the given one now.
	 */
	SYS_MEMORY_FREEZE,
	/*
	 * (group, frozen memory) -> memory that begins as a copy of the frozen one, charged to the
	 * group in full and copied page by page when written to. STATUS_BAD_STATE: the memory is
	 * not frozen; STATUS_TOO_BIG: the copy would have more than 4 layers below it. The group
	 * that pays for the frozen memory can end only after the copy.
	 */
	SYS_MEMORY_LAYER,
	/*
	 * (memory). Gives up all that was written to the object before the first step of the call,
	 * since SYS_MEMORY_FREEZE or SYS_MEMORY_LAYER. Until STATUS_OK the object may show either
	 * contents. STATUS_BAD_STATE: the object was neither frozen nor made by SYS_MEMORY_LAYER.
	 */
	SYS_MEMORY_RESET,
	/*
	 * (memory: guest RAM, first page, count, flags) -> how many pages from the first on were
	 * given back to the host: at most as many as fit in a step; the caller continues behind
	 * them. They read as zeros, and touching one takes another page: they stay reserved and
	 * charged. Until STATUS_OK an access may see the old or the new page. With DISCARD_ZEROS
	 * only single pages that hold zeros are given back, which no reader can notice: their
	 * number is in bits 63:32. STATUS_BAD_ARGUMENT: another flag; STATUS_BAD_STATE: not guest
	 * RAM, with layers, or a device or the kernel uses its pages by address; STATUS_TOO_BIG:
	 * mapped more than 8 times; STATUS_BAD_ADDRESS: the range is not all in the object;
	 * STATUS_NO_MEMORY: the call needs a page itself, and none is free until earlier ones have
	 * been freed.
	 */
	SYS_MEMORY_DISCARD,
	/*
	 * (memory). Makes a step of merging into the object the frozen memory directly below, which
	 * must have no handle any more: after STATUS_OK there is one layer less. STATUS_BAD_STATE:
	 * there is no frozen memory below, other memory lies on it too, another group pays for it,
	 * or a reset has not ended. Until STATUS_OK the live memory can neither be frozen nor
	 * reset.
	 */
	SYS_MEMORY_MERGE,
	/*
	 * (process) -> how the process has ended: the code that it passed to SYS_PROCESS_EXIT, or
	 * PROCESS_KILLED. STATUS_BAD_STATE: it has not ended, or was never started.
	 */
	SYS_PROCESS_STATUS,
	SYS_COUNT
};

enum iommu_kind { IOMMU_VTD, IOMMU_AMDVI };

/* bit beside the IOMMU's number that SYS_IOMMU_CREATE returns: the IOMMU remaps interrupts too */
#define IOMMU_REMAPS (1u << 16)
#define IOMMU_NOBODY (~0ull) /* for SYS_IRQ_MESSAGE, in place of an IOMMU's number: no IOMMU */

enum group_setting {
	/* the group's share of CPU time against other groups': 1 to 65535, 256 by default */
	GROUP_WEIGHT,
	/*
	 * the most CPU time of all the group's threads together, in percent of one CPU; 0: no cap
	 */
	GROUP_CAP_PERCENT,
	/*
	 * A bit for each of CPUs 0 to 63 that its threads may use; CPUs with higher numbers are
	 * always allowed. At least one allowed CPU must be running. STATUS_IN_USE: the group has
	 * reservations, which are bound to their CPUs.
	 */
	GROUP_AFFINITY,
	/* the CPU time that the group's threads may reserve together, in 1/1000 of a CPU */
	GROUP_RESERVABLE_PERMILLE,
	/* any number, shown as cpu_counters.tag by CPUs that run the group's threads */
	GROUP_TAG,
	GROUP_QUOTA, /* the group's quota in pages; STATUS_IN_USE: the group uses more than that */
	/*
	 * Makes a step of freeing ended objects of the group that still count against its quota;
	 * the value is ignored. STATUS_IN_USE: there may be more to free.
	 */
	GROUP_TIDY,
};

/*
 * Bit of the exit code of a process that the kernel has killed: bits 7:0 say why (KILL_...), bits
 * 15:8 are the exception's vector.
 */
#define PROCESS_KILLED	     (1ull << 63)
#define PROCESS_KILL_REASON  0xffull
#define PROCESS_VECTOR_SHIFT 8

enum kill_reason {
	KILL_EXCEPTION = 1,
	KILL_PAGE_FAULT,
	KILL_NO_MEMORY,
	KILL_FPU,
	KILL_MACHINE_CHECK, /* a machine check has lost a page of the group's memory */
};

enum memory_flag {
	MEMORY_PINNED = 1 << 0,	  /* populated at once */
	MEMORY_UNCACHED = 1 << 1, /* SYS_MEMORY_PHYSICAL only: mapped with memory type UC */
	MEMORY_GUEST = 1 << 2,	  /* the memory is guest RAM, and counted as such */
	MEMORY_SMALL = 1 << 3,	  /* 4-KiB pages only */
	MEMORY_HUGE = 1 << 4,	  /* made of blocks of 1 GiB, while the host has any left */
	/* together with MEMORY_HUGE: the first touch of a 1-GiB block clears the whole block */
	MEMORY_WHOLE = 1 << 5,
	/*
	 * The memory is reserved and charged page by page, at first touch; so are the layers above
	 * it. Where no page is left, a guest that touches one exits with EXIT_NO_MEMORY, and a
	 * process is killed unless its group is bound to a queue (SYS_OBJECT_BIND).
	 */
	MEMORY_OVERCOMMIT = 1 << 6,
	/* Processes may be made from the memory. Creating it needs RIGHT_CONTROL on the group. */
	MEMORY_IMAGE = 1 << 7,
};

enum discard_flag {
	DISCARD_ZEROS = 1 << 0, /* the call discards only pages that hold zeros */
};

enum irq_flag {
	IRQ_LEVEL = 1 << 0,
	IRQ_ACTIVE_LOW = 1 << 1,
	/* the line raises an NMI on every CPU, which logs where it hit; no signal */
	IRQ_NMI = 1 << 2,
	/* without other flags: the irq is a message that a device writes, in place of a line */
	IRQ_MSI = 1 << 3,
	IRQ_FLAGS = IRQ_LEVEL | IRQ_ACTIVE_LOW | IRQ_NMI | IRQ_MSI,
};
