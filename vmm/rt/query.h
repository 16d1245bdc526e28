/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/vcpu.h"
#include "lib/status.h"

/*
 * The manager's questions to a monitor and the answers: one at a time, apart from the commands of
 * vmm/rt/channel.h. The manager writes `question` and then `asked`; the monitor answers when no
 * vCPU is in the guest, then sets `answered` to the number in `asked`. All fields have fixed sizes,
 * and each reader copies the other process's fields before use.
 */
#define QUERY_BYTES	  8192u
#define QUERY_INPUT_BYTES 4096u

enum query_kind {
	QUERY_NONE,
	QUERY_REGISTERS, /* registers of `vcpu` -> struct query_registers */
	/* translates linear `address` by the tables of `vcpu` -> struct query_translation */
	QUERY_TRANSLATE,
	/* reads `length` bytes at `address` -> as many of these bytes as there are */
	QUERY_READ,
	QUERY_TRACE, /* the last exits of `vcpu` -> struct query_trace */
	QUERY_COSTS, /* -> struct query_costs */
	/*
	 * writes `length` bytes of `input` to `address`; STATUS_BAD_ADDRESS: not all of them is RAM
	 */
	QUERY_WRITE,
	/*
	 * sets registers of `vcpu`, the register groups in `flags` and the general ones, from a
	 * vCPU page in `input`
	 */
	QUERY_SET,
	/*
	 * The questions from here down to QUERY_UNBREAK are a debugger's; QUERY_ATTACH must be the
	 * first asked.
	 */
	QUERY_ATTACH, /* attaches the debugger, and holds the VM */
	QUERY_DETACH, /* detaches the debugger, removes its breakpoints, and lets the VM go on */
	QUERY_HOLD,   /* stops every vCPU for a debugger */
	/*
	 * lets the vCPUs in `run` go on, and those in `step` execute one instruction, a bit for
	 * each vCPU
	 */
	QUERY_RELEASE,
	/*
	 * sets a breakpoint at linear `address`, translated by the tables of `vcpu`; `flags` tell
	 * its kind
	 */
	QUERY_BREAK,
	QUERY_UNBREAK,
	/* the monitor's counts for its network cards -> struct net_cards (vmm/io/net_cards.h) */
	QUERY_CARDS,
	/* reads fields of the VM's state, from field number `address` on -> struct query_state */
	QUERY_STATE,
	/*
	 * returns the state of the balloon; if `flags` has QUERY_AIM, first asks the guest to give
	 * up `address` pages of RAM -> struct query_balloon
	 */
	QUERY_BALLOON,
	/*
	 * empties the CD-ROM drive with disk number `address`; if `flags` has QUERY_AIM, puts its
	 * medium back -> struct query_drive
	 */
	QUERY_DRIVE,
	QUERY_KIND_COUNT
};

enum query_flag {
	/*
	 * `address` is linear, translated by the guest's tables on `vcpu`; otherwise it is
	 * guest-physical
	 */
	QUERY_LINEAR = 1 << 0,
	QUERY_AIM = 1 << 1, /* see QUERY_BALLOON and QUERY_DRIVE */
	/* the breakpoint uses a debug register; bits 1:0 of the flags are its R/W field in DR7 */
	QUERY_BREAK_HARDWARE = 1 << 2,
};

/* The reasons for which a VM that a debugger let go on is held (paused) again. */
enum query_stop_kind {
	QUERY_STOP_ASKED,
	QUERY_STOP_STEP,
	QUERY_STOP_SOFTWARE, /* an INT3 that the debugger has set was executed */
	QUERY_STOP_HARDWARE,
	QUERY_STOP_WRITE, /* the guest wrote to an address that the debugger watches */
	QUERY_STOP_ACCESS,
};

struct query_stop {
	u32 sequence; /* grows with each time that the debugged VM is held */
	u32 cpu;
	u32 kind; /* enum query_stop_kind */
	u32 reserved;
	u64 address;
};

struct query {
	u32 kind; /* enum query_kind */
	u32 vcpu;
	u32 flags; /* enum query_flag */
	u32 length;
	u64 address;
	u64 run; /* QUERY_RELEASE: the vCPUs to let go on, a bit each */
	u64 step;
};

/*
 * The answer to QUERY_REGISTERS: all register groups are valid in its vCPU page, and so is the
 * dump. RIP is past an instruction that the monitor has handled already.
 */
struct query_registers {
	u32 vcpu_count;
	u32 physical_bits;
	u32 halted; /* 1: the vCPU waits in HLT */
	u32 reserved;
	struct vcpu_page page;
};

#define QUERY_LEVELS_MAX 5u

/* One level of a walk through the guest's page tables. */
struct query_level {
	u32 level;  /* the level of the table; 1: its entries map 4 KiB */
	u32 in_ram; /* 1: the entry lies in RAM and was read */
	u64 at;	    /* guest-physical address of the table's entry; 0 in the second stage */
	u64 entry;  /* the table's entry; in the second stage without the host's address in it */
};

enum query_mapping {
	QUERY_UNMAPPED, /* an entry of the guest's page tables stops the walk */
	QUERY_RAM,
	QUERY_DEVICE, /* there is no RAM at the address: the monitor emulates the access */
};

/*
 * The answer to QUERY_TRANSLATE: each list of levels goes from the top table down to the one where
 * the walk ended.
 */
struct query_translation {
	u32 paging; /* number of levels of the guest's page tables; 0: paging is off */
	u32 level_count;
	u32 mapping; /* enum query_mapping */
	u32 second_count;
	u32 error_code; /* for QUERY_UNMAPPED: the error code of the #PF that a read would raise */
	u32 writable;	/* 1: all levels of the guest's page tables permit writes */
	u32 user;
	u32 executable;
	u64 gpa;
	u64 page_bytes;
	u64 cr0;
	u64 cr3;
	u64 pat;
	struct query_level level[QUERY_LEVELS_MAX];
	struct query_level second[4];
};

#define QUERY_TRACE_ENTRIES 64u

/*
 * An exit that reached the monitor, as words of struct vcpu_exit. The reason says which words are
 * valid; for EXIT_IO gpa, qualification, vector and rcx are left over from an earlier exit.
 */
struct query_trace_entry {
	u64 tsc; /* host TSC at the exit */
	u64 rip;
	u64 rax;
	u32 reason; /* enum exit_reason */
	/*
	 * TSC cycles from the exit until the guest continued or had nothing to do; 0: not yet known
	 */
	u32 spent;
	u32 access;
	u16 io_port;
	u8 io_size;
	u8 io_flags;
	u64 gpa;
	u64 qualification;
	u32 vector;
	u32 rcx;
};
_Static_assert(sizeof(struct query_trace_entry) == 64, "a cache line");

/* The answer to QUERY_TRACE: the vCPU's last exits, the oldest first. */
struct query_trace {
	u32 count;
	u32 reserved;
	u64 seen; /* the number of all exits of the vCPU since the monitor began */
	struct query_trace_entry entry[QUERY_TRACE_ENTRIES];
};

/*
 * The answer to QUERY_COSTS: the cost of the exits of each reason together, in TSC cycles from the
 * exit until it was handled.
 */
struct query_cost {
	u64 count;
	u64 tsc;
};

struct query_costs {
	struct query_cost cost[EXIT_REASON_COUNT];
};

/*
 * The number of statistics that a guest reports about its memory (virtio 1.2, 5.5.6.3), by tag; in
 * bytes or as a count.
 */
#define BALLOON_STATS 10u

/*
 * The answer to QUERY_BALLOON; all amounts are in pages. STATUS_NOT_FOUND: there is no balloon;
 * STATUS_TOO_BIG: the question asked the guest to give up more pages than its RAM has.
 */
struct query_balloon {
	u32 live;    /* 1: the guest has a driver for the balloon */
	u32 reports; /* 1: the guest's driver reports which pages are free */
	u64 ram;
	u64 target;
	u64 actual;
	/* pages that the guest has given up by inflating the balloon since power-on */
	u64 inflated;
	/*
	 * pages that the guest has reported as free, and that were given back to the host, since
	 * power-on
	 */
	u64 reported;
	u64 refused;
	u64 stats_seen; /* a bit for each entry of `stats` whose value the guest has told */
	u64 stats[BALLOON_STATS];
	u64 stats_age_ns;
};

/* The answer to QUERY_DRIVE. STATUS_NOT_FOUND: there is no such drive. */
struct query_drive {
	u32 full;
	/*
	 * 1: the medium is still in the drive, which the guest has locked; the guest was asked to
	 * eject it
	 */
	u32 kept;
	u32 reads; /* number of reads of the medium that are still under way */
};

#define QUERY_FIELD_BYTES 16u
#define QUERY_FIELDS_MAX  84u
/*
 * The bytes of `run` and `step`, which for QUERY_STATE hold the name of a section of the VM's
 * state; if the name is not empty, only the sections of that name are read.
 */
#define QUERY_SECTION_NAME 16u

enum query_field_kind { FIELD_HEX, FIELD_NUMBER, FIELD_BYTES };

/* One field of the VM's state: its path is "vcpu.0.rip" or "pit.0.channel[1].count". */
struct query_field {
	char path[72]; /* the field's path, terminated by 0 */
	u32 kind;      /* enum query_field_kind */
	u32 bytes;     /* the size of `value` in bytes; of a number at most 8 */
	u8 value[QUERY_FIELD_BYTES];
};

/*
 * The answer to QUERY_STATE, with as many fields as fit. `next` is the `address` of the question
 * for the fields that follow; 0: there are no more.
 */
struct query_state {
	u64 next;
	u32 count;
	u32 reserved;
	struct query_field field[QUERY_FIELDS_MAX];
};

struct query_area {
	/* The manager writes the fields from here on. */
	u32 asked; /* the number of the question; 0: no question was asked yet */
	u32 pad0;
	struct query query;
	u32 pad1[2];
	u8 input[QUERY_INPUT_BYTES] ALIGNED(64);

	/* The monitor writes the fields from here on. */
	u32 answered; /* number of the question that the answer is to */
	u32 status;   /* enum status of the question; the answer is empty unless it is STATUS_OK */
	u32 bytes;
	u32 pad2[1];
	/* the last stop of a debugged VM, which the monitor may write at any time */
	struct query_stop stop;
	u8 answer[QUERY_BYTES] ALIGNED(64);
};
_Static_assert(sizeof(struct vcpu_page) <= QUERY_INPUT_BYTES, "a page of registers fits");
_Static_assert(sizeof(struct query_registers) <= QUERY_BYTES &&
		       sizeof(struct query_translation) <= QUERY_BYTES &&
		       sizeof(struct query_trace) <= QUERY_BYTES &&
		       sizeof(struct query_costs) <= QUERY_BYTES &&
		       sizeof(struct query_state) <= QUERY_BYTES,
	       "answers fit");
