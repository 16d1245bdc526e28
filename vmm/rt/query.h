/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/vcpu.h"
#include "lib/status.h"

/*
 * Questions of the manager's to a monitor, and the answers: one at a time, apart from the commands
 * that move a VM through its life. The manager writes `question` and then `asked`; the monitor
 * answers when no vCPU is in the guest, then sets `answered` to the same number. Everything is of
 * fixed size, and who reads the other's part copies it first.
 */
#define QUERY_BYTES 8192u

enum query_kind {
	QUERY_NONE,
	QUERY_REGISTERS, /* of `vcpu` -> struct query_registers */
	QUERY_TRANSLATE, /* linear `address` of `vcpu` -> struct query_translation */
	QUERY_READ,	 /* `length` bytes at `address` -> as many of them as are there */
	QUERY_KIND_COUNT
};

enum query_flag {
	QUERY_LINEAR = 1 << 0, /* `address` is linear, by the tables of `vcpu`; else physical */
};

struct query {
	u32 kind; /* enum query_kind */
	u32 vcpu;
	u32 flags; /* enum query_flag */
	u32 length;
	u64 address;
};

/*
 * QUERY_REGISTERS: all groups are valid in the page, and so is the dump. RIP is behind an
 * instruction that is settled already.
 */
struct query_registers {
	u32 vcpu_count;
	u32 physical_bits;
	u32 halted; /* it waits in HLT */
	u32 reserved;
	struct vcpu_page page;
};

#define QUERY_LEVELS_MAX 5u

/* One level of a walk. */
struct query_level {
	u32 level;  /* 1: its entries map 4 KiB */
	u32 in_ram; /* the entry could be read */
	u64 at;     /* guest-physical address of the entry; 0 in the second stage */
	u64 entry;  /* in the second stage without the host's addresses */
};

enum query_mapping {
	QUERY_UNMAPPED, /* an entry stops the way */
	QUERY_RAM,
	QUERY_DEVICE,  /* nothing is behind it but what the monitor emulates */
};

/* QUERY_TRANSLATE: each list from the top down to where the walk ended. */
struct query_translation {
	u32 paging;	   /* levels of the guest's tables; 0: paging is off */
	u32 level_count;
	u32 mapping;	   /* enum query_mapping */
	u32 second_count;
	u32 error_code;	   /* QUERY_UNMAPPED: of the #PF that a read would raise */
	u32 writable;	   /* by all of the guest's levels */
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

struct query_area {
	/* written by the manager */
	u32 asked; /* number of the question; 0: none yet */
	u32 pad0;
	struct query query;
	u32 pad1[6];

	/* written by the monitor */
	u32 answered; /* number of the question that the answer is to */
	u32 status;   /* enum status; the answer is empty when it is not STATUS_OK */
	u32 bytes;
	u32 pad2[13];
	u8 answer[QUERY_BYTES] ALIGNED(64);
};
_Static_assert(sizeof(struct query_registers) <= QUERY_BYTES &&
		       sizeof(struct query_translation) <= QUERY_BYTES,
	       "answers fit");
