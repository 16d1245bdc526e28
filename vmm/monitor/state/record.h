/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/status.h"
#include "lib/types.h"

/*
 * The format SKST of a saved state: a header, then records, each a head and its body, the last of
 * kind STATE_END. Little-endian; what is reserved or fills up is zero, and checked to be.
 */
#define STATE_MAGIC	   0x54534b53u /* "SKST" */
#define STATE_MAJOR	   1u	       /* raised by what an older monitor cannot read */
#define STATE_MINOR	   0u
#define STATE_NAME_BYTES   32u
#define STATE_RECORD_LIMIT 0x100000u /* bytes of a body */
#define STATE_RECORDS_MAX  4096u
#define STATE_SKIPPABLE	   0x80000000u /* in a type: who does not know it leaves it out */

enum state_vendor { STATE_VENDOR_NONE, STATE_VENDOR_VMX, STATE_VENDOR_SVM };

struct state_header {
	u32 magic;
	u16 major;
	u16 minor;
	u32 flags;   /* none yet */
	u16 machine; /* of the configuration: what guests find. 0: the first */
	u16 vendor;  /* enum state_vendor: vCPUs hold exits in its terms */
	u32 record_limit;
	u32 reserved[2];
	u32 check;		     /* CRC32C of the header, with 0 here */
	char name[STATE_NAME_BYTES]; /* of the VM, filled up with zeros */
	u8 snapshot[16];	     /* not used yet, and what follows */
	u8 parent[16];
	u8 salt[32];
};
_Static_assert(sizeof(struct state_header) == 128, "part of the format");

struct state_record {
	u32 type; /* enum state_kind, perhaps with STATE_SKIPPABLE */
	u16 version;
	u16 instance;
	u32 length;   /* bytes of the body, which is filled up to 8 */
	u32 check;    /* CRC32C of head and body, with 0 here */
	u64 sequence; /* from 0 */
	u64 reserved;
};
_Static_assert(sizeof(struct state_record) == 32, "part of the format");

struct state_end {
	u64 record_count; /* this one included */
	u32 check;	  /* CRC32C of all bytes before its head */
	u32 reserved;
};
_Static_assert(sizeof(struct state_end) == 16, "part of the format");

/* Why a state was refused; state_problem_text puts it into words. */
enum state_fault {
	STATE_FINE,
	STATE_SHORT,	/* the bytes end within it */
	STATE_NO_STATE, /* another magic */
	STATE_OTHER_MAJOR,
	STATE_NOT_ZERO,	   /* something reserved is in use */
	STATE_OTHER_CHECK, /* the bytes are others than were written */
	STATE_OUT_OF_ORDER,
	STATE_TOO_LONG,
	STATE_BAD_END, /* the counts of the last record do not agree */
	STATE_SURPLUS, /* bytes or a record that the machine has no place for */
	STATE_MISSING,
	STATE_OTHER_VENDOR,
	STATE_OTHER_VERSION,
	STATE_OTHER_SIZE,
	STATE_INVALID,
	STATE_FAULT_COUNT
};

struct state_problem {
	enum state_fault fault;
	u32 record; /* number of the record; the header's problems: ~0 */
	u32 type;
	u32 instance;
	u32 found; /* version, size, vendor */
	u32 wanted;
	const char *reason; /* STATE_INVALID: in words, or NULL */
};

/* CRC32C (RFC 3720, B.4) of bytes that follow others whose check was `so_far`, at first 0. */
u32 state_check(u32 so_far, const void *bytes, size_t count);

/* Bytes that a record takes. */
static inline u64 state_record_bytes(u32 length)
{
	return sizeof(struct state_record) + (((u64)length + 7) & ~7ull);
}

/* Writes records one after the other; bytes[size] is 8-byte aligned. */
struct state_writer {
	u8 *bytes;
	size_t size;
	size_t used;
	u64 sequence;
};

/* Begins with the header; STATUS_TOO_BIG. `name` is cut off at STATE_NAME_BYTES - 1. */
enum status state_begin(struct state_writer *writer, void *bytes, size_t size, const char *name,
			enum state_vendor vendor) MUST_CHECK;
/* Room for a body of `length` bytes, zeros; NULL: there is none left. */
void *state_body(struct state_writer *writer, u32 type, u16 instance, u16 version, u32 length);
/* The body is filled in. */
void state_seal(struct state_writer *writer);
/* The last record. */
enum status state_finish(struct state_writer *writer) MUST_CHECK;

/*
 * Whether bytes[size], 8-byte aligned and written by nobody else, are a state as a whole: all that
 * can be said without knowing a machine. False with *problem filled in.
 */
bool state_parse(const void *bytes, size_t size, struct state_problem *problem) MUST_CHECK;

/* Of a parsed state: the first record, and the one after, NULL after the last. */
const struct state_record *state_first(const void *bytes);
const struct state_record *state_next(const struct state_record *record);
/*
 * The checksum that stands at the end of bytes[size], which may hold anything; 0: there is none.
 * It tells two parsed states apart.
 */
u32 state_sum(const void *bytes, size_t size);
/* The record of that type and instance, or NULL. */
const struct state_record *state_find(const void *bytes, u32 type, u32 instance);
