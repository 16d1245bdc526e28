/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/object.h"
#include "lib/types.h"
#include "vmm/rt/query.h"

/*
 * The memory that the manager and one monitor share: console byte rings, one command slot and the
 * VM's state. Each field has one writer. A reader takes every index once and masks it, so that a
 * broken manager or monitor can garble only that VM's console.
 */
#define CHANNEL_RING_BYTES 4096u
/* bytes of a stream's output ring, kept for a console that is opened later */
#define CHANNEL_OUT_BYTES 65536u

#define SAVE_KEY_BYTES	32u
#define SAVE_SALT_BYTES 32u

/* the most streams: the console and three ports of the virtio console */
#define CHANNEL_STREAM_MAX 4u
#define CHANNEL_NAME_BYTES 32u

/*
 * Bytes to and from a guest: its console, or a port of its virtio console. Indices run freely, and
 * are taken modulo the ring's size.
 */
struct channel_stream {
	/* The manager writes the fields from here on. */
	/*
	 * name of the virtio console's port; "": there is no such port. Unused for stream 0, the
	 * console.
	 */
	char name[CHANNEL_NAME_BYTES];
	u32 input_written;
	u32 output_read;

	/* The monitor writes the fields from here on. */
	u32 input_read ALIGNED(64);
	/*
	 * index at which the guest's output ends; it may be ahead of output_read by more than the
	 * ring's size, as the oldest bytes give way
	 */
	u32 output_written;

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
	VM_COMMAND_TRAP, /* logs and counts from now on the guest's events in `trap` */
	/* reserves reserve_budget_ns of CPU time in each period for every vCPU */
	VM_COMMAND_RESERVE,
	/* writes the VM's state into state_memory, and keeps the VM held (paused) */
	VM_COMMAND_SAVE,
	VM_COMMAND_CONTINUE, /* lets a VM that is held (paused) go on in this process */
	VM_COMMAND_HOLD,     /* holds (pauses) the VM, also after a crash: no vCPU runs */
	/* lets a VM that is held (paused) go on from the state in state_memory */
	VM_COMMAND_LOAD,
	/* has the guest's agent freeze the guest's file systems; see `quiesce` */
	VM_COMMAND_QUIESCE,
	/* has it thaw them, as holding and continuing the VM do, too */
	VM_COMMAND_THAW,
};

/*
 * The events that a monitor logs and counts before they take effect; the key `trap` of the VM's
 * configuration chooses them, a bit each.
 */
enum vm_trap {
	VM_TRAP_CR = 1 << 0,
	VM_TRAP_DR = 1 << 1,
	VM_TRAP_EXCEPTIONS = 1 << 2,
	VM_TRAP_MSR = 1 << 3,
	VM_TRAP_IO = 1 << 4,
	VM_TRAP_COUNT = 5
};

/* How far VM_COMMAND_QUIESCE is. */
enum quiesce_state {
	QUIESCE_STATE_NONE,
	QUIESCE_STATE_ASKED,   /* the agent has not answered yet */
	QUIESCE_STATE_FROZEN,  /* it has frozen quiesce_frozen file systems */
	QUIESCE_STATE_REFUSED, /* it has refused, or was asked to thaw before it had answered */
	QUIESCE_STATE_CLOSED,  /* no agent reads its port, or the VM has none */
	QUIESCE_STATE_BUSY,    /* it has not answered the last thaw yet */
};

enum vm_state { VM_CREATED, VM_RUNNING, VM_PAUSED, VM_STOPPED, VM_CRASHED, VM_STATE_COUNT };

struct vm_channel {
	/* The manager writes the fields from here on. */
	u32 command; /* enum vm_command */
	/*
	 * grows by one with each command; the monitor obeys `command` when it differs from
	 * done_sequence
	 */
	u32 command_sequence;
	/* Unix time at wall_tsc in seconds, from which the guest's RTC starts */
	u64 wall_seconds;
	u64 wall_tsc; /* the host's TSC at the moment of wall_seconds */
	/* VM_COMMAND_RESERVE: CPU time for each vCPU in ns; 0: no reservation */
	u64 reserve_budget_ns;
	u64 reserve_period_ns;
	u32 trap; /* VM_COMMAND_TRAP: the events to log and count, bits of enum vm_trap */
	/*
	 * memory object to save the state to or load it from: a handle of the monitor's, which the
	 * monitor closes
	 */
	handle_t state_memory;
	/* size in bytes: VM_COMMAND_SAVE: of state_memory, VM_COMMAND_LOAD: of the state in it */
	u64 state_size;
	/*
	 * The key that decrypts the save that the monitor restores, which the monitor takes once;
	 * otherwise zero.
	 */
	u8 save_key[SAVE_KEY_BYTES];
	u32 save_key_given; /* 1: the manager has written the key to save_key */
	/* the request window_wanted for which the next VM_COMMAND_SAVE saves the state */
	u32 window_save;
	/*
	 * the request whose snapshot lies on top of the VM's RAM: the monitor may go back to it by
	 * itself; 0: there is none
	 */
	u32 window_snapshot;
	u32 window_refused; /* the last request that was refused */

	/* The monitor writes the fields from here on. */
	u32 done_sequence; /* command_sequence of the last command obeyed */
	u32 state;	   /* enum vm_state */
	s32 exit_code;	   /* the guest's exit code, in VM_STOPPED; -1: the guest gave none */
	u32 reset_count;
	u64 started_tsc; /* host TSC when the VM last began to run; 0: it does not run */
	u64 running_tsc; /* TSC cycles that the VM ran before started_tsc */
	/*
	 * number of the guest's accesses to ports that no device has; unknown_memory: to addresses
	 */
	u64 unknown_ports;
	u64 unknown_memory;
	/* the last accessed port without a device; undefined as long as there was none */
	u64 unknown_port_last;
	u64 unknown_memory_last;
	u64 injected;
	u64 timer_expirations;
	char reason[128]; /* why the VM stopped or crashed */
	/* index in the ring `log` at which the monitor's lines for the manager's log end */
	u32 log_written;
	/* 1: the VM is set up and reservations are made; commands are obeyed from now on */
	u32 ready;
	/*
	 * 1: the last VM_COMMAND_RESERVE was refused and changed no reservation; the next two
	 * fields say why
	 */
	u32 reserve_refused;
	u32 reserve_vcpu; /* number of the vCPU to which a reservation was refused */
	u32 reserve_left; /* permille of a CPU that were left to reserve for that vCPU */
	/*
	 * resets that the guest did not ask for (triple fault, INIT); after too many the VM crashes
	 * instead
	 */
	u32 unasked_resets;
	/* how often each event of enum vm_trap came, by the number of its bit */
	u64 trapped[VM_TRAP_COUNT];
	/*
	 * size in bytes of the VM's state when saved, which never changes in the life of this
	 * process
	 */
	u64 state_bytes;
	/*
	 * the size in bytes of the state that the last VM_COMMAND_SAVE wrote; 0: it failed, see
	 * handover_problem
	 */
	u64 state_used;
	u32 taken_renewal; /* MONITOR_RENEWAL of the monitor that has loaded the VM's saved state */
	/*
	 * MONITOR_RENEWAL of the monitor that could not load the VM's saved state: see
	 * handover_problem
	 */
	u32 refused_renewal;
	char handover_problem[160];
	/*
	 * 1: the guest stands still for a handover of its state; 0: the guest does not, for the
	 * reason in handover_problem
	 */
	u32 held;
	u32 no_memory; /* 1: the VM is paused as the host has no page for its guest */
	/*
	 * grows with each record of the VM's save that was written or read: the monitor is making
	 * progress
	 */
	u32 save_moved;
	/*
	 * the salt of the save that the monitor restores, from the save's header; save_key is
	 * derived with it
	 */
	u8 save_salt[SAVE_SALT_BYTES];
	u32 save_key_wanted; /* 1: save_salt is set, and the monitor waits for the key */
	u8 ram_digest[32];   /* SHA-256 over each page that is not zero, behind its number */
	u8 state_digest[32]; /* SHA-256 over the state */
	u32 seed_taken; /* 1: the guest has used its seed, which it is not given at another start */
	u64 held_tsc;	/* host TSC when the guest last stood still for a handover */
	u64 continued_tsc;  /* host TSC when the guest last went on after it was held */
	u32 quiesce;	    /* enum quiesce_state, of the last VM_COMMAND_QUIESCE */
	u32 quiesce_frozen; /* number of file systems, in QUIESCE_STATE_FROZEN, as the guest says */
	u32 window_wanted;  /* grows with each snapshot that the guest asks for by its window */

	u8 log[CHANNEL_RING_BYTES];
	/* the first stream is the guest's console */
	struct channel_stream stream[CHANNEL_STREAM_MAX];

	/*
	 * The questions of vmm/rt/query.h: last in the struct, as its pages are touched only when
	 * the manager asks one.
	 */
	struct query_area question;
};
#define CHANNEL_BYTES sizeof(struct vm_channel)

/*
 * Indices of a monitor's parameters in start_info.parameter; RAM size, files and command line come
 * as start entries.
 */
enum monitor_parameter {
	MONITOR_VCPUS,
	MONITOR_ID,    /* number of the VM, which the log shows */
	MONITOR_FLAGS, /* enum monitor_flag */
	/*
	 * CPU time in ns reserved for each vCPU in each period, else the VM is not started; 0: no
	 * reservation
	 */
	MONITOR_RESERVE_BUDGET_NS,
	MONITOR_RESERVE_PERIOD_NS,
	MONITOR_TRAP, /* enum vm_trap */
	/*
	 * bits of enum vcpu_trap, by the keys preemption_timer, tlb_flush and unrestricted of the
	 * VM's configuration
	 */
	MONITOR_CONTROLS,
	/*
	 * number of the renewal, the change of the VM's monitor process, that has started this
	 * process with a START_STATE; 0: none has
	 */
	MONITOR_RENEWAL,
	/* Only for a saver: the key and the salt with which it encrypts a save. */
	MONITOR_SAVE_KEY,
	MONITOR_SAVE_SALT = MONITOR_SAVE_KEY + SAVE_KEY_BYTES / 8,
	MONITOR_PARAMETERS = MONITOR_SAVE_SALT + SAVE_SALT_BYTES / 8,
};

/*
 * The bits of MONITOR_FLAGS from this one on: one for each disk that is the medium of a CD-ROM
 * drive.
 */
#define MONITOR_DRIVE_SHIFT 32u
/* From this bit on: one for each disk that is a unit of the VM's SCSI host. */
#define MONITOR_SCSI_SHIFT 48u
/*
 * From this bit on, in MONITOR_FLASH_BITS bits, the number of the disk with the firmware's
 * variables, plus 1; 0: there is none.
 */
#define MONITOR_FLASH_SHIFT 22u
#define MONITOR_FLASH_BITS  5u

enum monitor_flag {
	/* the VM's kernel file is the built-in guest, flat code for real mode at 0x7c00 */
	MONITOR_DEMO = 1 << 0,
	MONITOR_TEST_DEVICE = 1 << 1, /* the guest finds a device for tests of the monitor */
	/* local APICs are emulated even if the CPU virtualizes them */
	MONITOR_APIC_EMULATED = 1 << 2,
	MONITOR_HPET = 1 << 3, /* the guest finds an HPET */
	MONITOR_PCI = 1 << 4,  /* the guest finds a PCI bus */
	MONITOR_VIRTIO_RNG = 1 << 5,
	MONITOR_VIRTIO_CONSOLE = 1 << 6,
	MONITOR_VIRTIO_BALLOON = 1 << 7,
	/* RAM is overcommitted: the guest waits while the host has no page for it */
	MONITOR_OVERCOMMIT = 1 << 9,
	/* the process copies the disks of a VM, and does nothing else: vmm/io/copier_page.h */
	MONITOR_COPIER = 1 << 11,
	/* the process writes a disk from backups: vmm/io/restorer_page.h */
	MONITOR_RESTORER = 1 << 12,
	/*
	 * the key clock = jump: a loaded guest's clocks jump ahead by the time since it was saved
	 */
	MONITOR_CLOCK_JUMPS = 1 << 13,
	/* the process writes a VM's state and RAM to a disk, and does nothing else */
	MONITOR_SAVER = 1 << 8,
	/* the start entry START_SAVE is not a disk but a transfer: vmm/rt/transfer.h */
	MONITOR_TRANSFER = 1 << 10,
	/* The flags from here on are for a saver. */
	/* the saver may overwrite the contents of the destination disk */
	MONITOR_SAVE_OVERWRITES = 1 << 14,
	MONITOR_SAVE_DIGESTS = 1 << 15, /* the saver writes nothing, and only computes digests */
	/*
	 * The VM continues after the save: RAM that holds only zeros is given back to the host, in
	 * pieces of 2 MiB or pages.
	 */
	MONITOR_SAVE_GIVES_BLOCKS = 1 << 16,
	MONITOR_SAVE_GIVES_PAGES = 1 << 17,
	/* the VM's kernel file is a PC's firmware (the VM's key boot = bios) */
	MONITOR_FIRMWARE = 1 << 18,
	MONITOR_UEFI = 1 << 19,	     /* the firmware is UEFI's: boot = uefi */
	MONITOR_SEED_GONE = 1 << 21, /* the guest has used its seed: its text is gone */
	MONITOR_CARRIER = 1 << 20,   /* the process moves a volume's content: content_page.h */
};
