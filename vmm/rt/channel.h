/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/object.h"
#include "lib/types.h"
#include "vmm/rt/query.h"

/*
 * What a manager and one monitor share: console byte rings, one command slot and the VM's
 * state. Each field has one writer. A reader takes every index once and masks it, so that a peer
 * gone bad can garble only its own console.
 */
#define CHANNEL_RING_BYTES 4096u
#define CHANNEL_OUT_BYTES  65536u /* kept for whoever attaches later */

#define SAVE_KEY_BYTES	32u
#define SAVE_SALT_BYTES 32u

#define CHANNEL_STREAM_MAX 4u /* the console and three further ports */
#define CHANNEL_NAME_BYTES 32u

/* Bytes to and from a guest: its console, or a port of its virtio console. Indices run freely. */
struct channel_stream {
	/* written by the manager */
	char name[CHANNEL_NAME_BYTES]; /* of the port; "": there is none. The console has no name */
	u32 input_written;
	u32 output_read;

	/* written by the monitor */
	u32 input_read ALIGNED(64);
	u32 output_written; /* the oldest bytes give way: it may be ahead by more than the ring */

	u8 input[CHANNEL_RING_BYTES];
	u8 output[CHANNEL_OUT_BYTES];
};

enum vm_command {
	VM_COMMAND_NONE,
	VM_COMMAND_START,
	VM_COMMAND_PAUSE,
	VM_COMMAND_RESUME,
	VM_COMMAND_RESET,
	VM_COMMAND_POWER_BUTTON,
	VM_COMMAND_TRAP,     /* trap what `trap` says */
	VM_COMMAND_RESERVE,  /* guarantee every vCPU reserve_budget_ns in each period */
	VM_COMMAND_SAVE,     /* save the machine into state_memory, and hold it */
	VM_COMMAND_CONTINUE, /* a machine that is held goes on in this process */
	VM_COMMAND_HOLD,     /* hold it, also when it has crashed */
	VM_COMMAND_LOAD,     /* a machine that is held goes on from the state in state_memory */
};

/* What a monitor logs and counts before it takes effect: the key `trap`. */
enum vm_trap {
	VM_TRAP_CR = 1 << 0,
	VM_TRAP_DR = 1 << 1,
	VM_TRAP_EXCEPTIONS = 1 << 2,
	VM_TRAP_MSR = 1 << 3,
	VM_TRAP_IO = 1 << 4,
	VM_TRAP_COUNT = 5
};

enum vm_state { VM_CREATED, VM_RUNNING, VM_PAUSED, VM_STOPPED, VM_CRASHED, VM_STATE_COUNT };

struct vm_channel {
	/* written by the manager */
	u32 command;	       /* enum vm_command */
	u32 command_sequence;  /* grows by one with each command */
	u64 wall_seconds;      /* Unix time at wall_tsc: what the guest's RTC starts from */
	u64 wall_tsc;	       /* host TSC */
	u64 reserve_budget_ns; /* for VM_COMMAND_RESERVE; 0: none */
	u64 reserve_period_ns;
	u32 trap;	       /* enum vm_trap, for VM_COMMAND_TRAP */
	handle_t state_memory; /* to save to or load, the monitor's own handle, which it closes */
	u64 state_size;	       /* of it, or to load, in bytes */
	u8 save_key[SAVE_KEY_BYTES]; /* of the save that it restores, once; else zero */
	u32 save_key_given;	     /* 1: it is there */

	/* written by the monitor */
	u32 done_sequence; /* of the last command obeyed */
	u32 state;	   /* enum vm_state */
	s32 exit_code;	   /* of VM_STOPPED; -1 without one */
	u32 reset_count;
	u64 started_tsc;   /* host TSC when it last began to run; 0: it does not run */
	u64 running_tsc;   /* TSC cycles it was in state running before started_tsc */
	u64 unknown_ports; /* accesses to ports and addresses without a device */
	u64 unknown_memory;
	u64 unknown_port_last; /* the last of them; undefined while there was none */
	u64 unknown_memory_last;
	u64 injected;
	u64 timer_expirations;
	char reason[128];    /* why it stopped or crashed */
	u32 log_written;     /* lines of text for the log, newline-separated, in `log` */
	u32 ready;	     /* 1: set up, reservations made; commands are obeyed from now on */
	u32 reserve_refused; /* 1: the last VM_COMMAND_RESERVE changed nothing */
	u32 reserve_vcpu;    /* for this vCPU it was refused */
	u32 reserve_left;    /* permille of a CPU that were left */
	u32 unasked_resets;  /* that no guest asked for; the last may have been one too many */
	u64 trapped[VM_TRAP_COUNT]; /* by bit of enum vm_trap */
	u64 state_bytes;     /* that its saved state takes; the same as long as the process */
	u64 state_used;	     /* by the last VM_COMMAND_SAVE; 0: handover_problem says why not */
	u32 taken_renewal;   /* MONITOR_RENEWAL of the process that has loaded the state */
	u32 refused_renewal; /* of the one that could not: handover_problem says why */
	char handover_problem[160];
	u32 held;	/* 1: the guest stands still for that; 0: not, see handover_problem */
	u32 no_memory;	/* 1: it is paused as the host has no page for the guest */
	u32 save_moved; /* grows with each record of a save that was written or read */
	u8 save_salt[SAVE_SALT_BYTES]; /* of the save that it restores, from its header */
	u32 save_key_wanted;	       /* 1: it is there */
	u8 ram_digest[32];   /* SHA-256 of each page that is not zero, behind its number */
	u8 state_digest[32]; /* and of the state */
	u64 held_tsc;	     /* host TSC when the guest last stood still for that */
	u64 continued_tsc;   /* and when it went on */

	u8 log[CHANNEL_RING_BYTES];
	struct channel_stream stream[CHANNEL_STREAM_MAX]; /* the first is the console */

	struct query_area question; /* last: it is touched only when somebody asks */
};
#define CHANNEL_BYTES sizeof(struct vm_channel)

/*
 * Parameters of a monitor in start_info.parameter. RAM size, files and command line come as
 * entries; these are the rest.
 */
enum monitor_parameter {
	MONITOR_VCPUS,
	MONITOR_ID,		   /* number of the VM, as the log shows it */
	MONITOR_FLAGS,		   /* enum monitor_flag */
	MONITOR_RESERVE_BUDGET_NS, /* for each vCPU, guaranteed or the VM is refused; 0: none */
	MONITOR_RESERVE_PERIOD_NS,
	MONITOR_TRAP,	  /* enum vm_trap */
	MONITOR_CONTROLS, /* enum vcpu_trap: the keys preemption_timer, tlb_flush, unrestricted */
	MONITOR_RENEWAL,  /* which process of this VM it is, with START_STATE; else 0 */
	/* a saver's, who alone has them: with this key it seals a save of this salt */
	MONITOR_SAVE_KEY,
	MONITOR_SAVE_SALT = MONITOR_SAVE_KEY + SAVE_KEY_BYTES / 8,
	MONITOR_PARAMETERS = MONITOR_SAVE_SALT + SAVE_SALT_BYTES / 8,
};

enum monitor_flag {
	MONITOR_DEMO = 1 << 0, /* the kernel file is the flat built-in guest, real mode at 0x7c00 */
	MONITOR_TEST_DEVICE = 1 << 1,	/* the guest finds a test device */
	MONITOR_APIC_EMULATED = 1 << 2, /* even if the CPU virtualizes local APICs */
	MONITOR_HPET = 1 << 3,		/* the guest finds an HPET */
	MONITOR_PCI = 1 << 4,		/* the guest finds a PCI bus */
	MONITOR_VIRTIO_RNG = 1 << 5,
	MONITOR_VIRTIO_CONSOLE = 1 << 6,
	MONITOR_VIRTIO_BALLOON = 1 << 7,
	MONITOR_OVERCOMMIT = 1 << 9,   /* the guest waits where the host has no page for it */
	MONITOR_COPIER = 1 << 11,      /* it copies the disks of a VM, and no more: copier_page.h */
	MONITOR_RESTORER = 1 << 12,    /* it writes a disk from backups: restorer_page.h */
	MONITOR_CLOCK_JUMPS = 1 << 13, /* the key clock: time goes on while a state lies there */
	MONITOR_SAVER = 1 << 8, /* it writes the state and the RAM of a VM to a disk, and no more */
	MONITOR_TRANSFER = 1 << 10, /* START_SAVE is no disk's but a transfer: vmm/rt/transfer.h */
	/* a saver's */
	MONITOR_SAVE_OVERWRITES = 1 << 14, /* whatever the disk holds may be lost */
	MONITOR_SAVE_DIGESTS = 1 << 15,	   /* nothing is written, only digested */
	/* the VM goes on: of RAM that holds nothing it gives back pieces of 2 MiB, or pages */
	MONITOR_SAVE_GIVES_BLOCKS = 1 << 16,
	MONITOR_SAVE_GIVES_PAGES = 1 << 17,
};
