/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/object.h"

#define START_MAGIC 0x7472617453796b53ull
#define START_BYTES (4 * PAGE_SIZE)

enum syscall_method {
	SYSCALL_METHOD_SYSCALL,
	SYSCALL_METHOD_SYSENTER,
};

/* The purposes of the handles and mappings that a process starts with. */
enum start_kind {
	START_NONE,
	START_SELF,  /* process: the process that starts has this handle to itself */
	START_SPACE, /* space: the process's own address space */
	START_GROUP, /* group: the group that the process is charged to */
	/* The entries from here on are for the manager only. */
	START_ROOT,
	START_KERNEL_PAGE,   /* memory: struct kernel_page */
	START_LOG,	     /* memory: struct log_ring of CPU `value` */
	START_LOG_FORMATS,   /* memory: the kernel's format texts */
	START_SYMBOLS,	     /* memory: the kernel's symbol table, struct symbol_table */
	START_MONITOR_IMAGE, /* memory: image of the monitor */
	/*
	 * memory: the programs besides manager and monitor (programs.h); `value` its size in bytes
	 */
	START_PROGRAMS,
	START_DEMO_GUEST, /* memory: the built-in guest; `value` its size in bytes */
	START_MODULE,	  /* memory: a boot module; `value` its size in bytes, `name` its name */
	/* The entries from here on are for a monitor. */
	START_VM_SPACE, /* space: the guest's second stage */
	START_VM,
	START_RAM,     /* memory: the guest's RAM; `value` its size in bytes */
	START_CHANNEL, /* memory: struct vm_channel, shared with the manager */
	/* event by which the manager signals the monitor, which binds it to its queue */
	START_CHANNEL_IN,
	START_CHANNEL_OUT, /* event by which the monitor signals the manager */
	/* no handle: the kernel file is mapped read-only at address `offset`, with `value` bytes */
	START_FILE_KERNEL,
	/* no handle: the initrd is mapped read-only at address `offset`, with `value` bytes */
	START_FILE_INITRD,
	/*
	 * The entries from here on are for drivers, and for a monitor's disks and networks. Their
	 * addresses are those of mappings that exist when the process starts.
	 */
	/* driver: the DMA memory of its device, mapped at address `offset`, with `value` bytes */
	START_DMA,
	START_DMA_ADDRESSES, /* driver: the host-physical address of each page of START_DMA */
	/* driver: space of the memory that its device reaches; the driver may only populate it */
	START_DMA_SPACE,
	/*
	 * the file of the bundle that a memory disk's driver serves, or the encryption keys of a
	 * monitor's disks, at address `offset`; `value`: its size in bytes
	 */
	START_DISK_FILE,
	START_REGISTERS, /* driver: BAR `name` of its device, mapped at `offset`; `value`: bytes */
	START_PORTS,	 /* driver: `value` I/O ports that it may use, from `offset` on */
	START_IRQ,	 /* driver: the irq object of its device */
	START_DISK,	 /* monitor: link of disk `value` at address `offset` */
	/* monitor: event that the driver of disk `value` signals; to be bound to a queue */
	START_DISK_BELL,
	START_DISK_DOORBELL, /* monitor: event by which the monitor signals disk `value` */
	START_NET,	     /* monitor, driver: link `value` to a switch at address `offset` */
	/* event that the switch signals for link `value`; to be bound to a queue */
	START_NET_BELL,
	START_NET_DOORBELL, /* event by which the switch is signalled for link `value` */
	/* monitor: the VM's saved state, mapped at address `offset`; `value`: bytes */
	START_STATE,
	/*
	 * monitor: link to a disk, or ring of a transfer (vmm/rt/transfer.h), mapped at `offset`,
	 * by which a VM or disk called `name` is saved, restored or copied
	 */
	START_SAVE,
	/* monitor: event that the disk's driver signals, to be bound to a queue */
	START_SAVE_BELL,
	START_SAVE_DOORBELL, /* monitor: event by which the monitor signals the disk's driver */
	/*
	 * monitor: first memory shared with other VMs, `value` its size in bytes plus the VM's
	 * place; then the event of each place `value`, of which the VM's own is to be bound and the
	 * others are to be signalled
	 */
	START_WINDOW,
};

struct start_entry {
	u32 kind; /* enum start_kind */
	handle_t handle;
	u64 offset;
	u64 value;
	char name[40];
};
_Static_assert(sizeof(struct start_entry) == 64, "a cache line");

/*
 * The memory that a process's first thread finds mapped read-only at the address in RDI,
 * START_BYTES long.
 */
struct start_info {
	u64 magic; /* START_MAGIC */
	u32 abi_version;
	u32 syscall_method;
	u64 tsc_khz;
	u8 entropy[32];
	u32 entry_count;
	u32 reserved;
	/*
	 * the command line of the kernel (for the manager), the guest (for a monitor) or the
	 * service itself
	 */
	char command_line[1024];
	char backend[16]; /* name of the back end: "SVM/NPT" or "VMX/EPT" */
	/* for the manager: the address at which the kernel image runs; 0 for others */
	u64 kernel_base;
	u8 rsdp[40]; /* for the manager: a copy of the host's RSDP; zero if there is none */
	/*
	 * for a monitor or driver: values whose meaning it and the manager agree on (enum
	 * monitor_parameter)
	 */
	u64 parameter[16];
	struct start_entry entry[];
};
#define START_ENTRY_MAX ((START_BYTES - sizeof(struct start_info)) / sizeof(struct start_entry))
