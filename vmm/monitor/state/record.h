/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/status.h"
#include "lib/types.h"

/*
 * The format SKST of a saved state: a header, then records, each a head and its body, the last of
 * kind STATE_END. Numbers are little-endian; reserved fields and padding are zero, and checked to
 * be.
 */
#define STATE_MAGIC 0x54534b53u /* the format's magic number, "SKST" */
/* the format's major version, raised by a change that an older monitor cannot read */
#define STATE_MAJOR	   1u
#define STATE_MINOR	   0u
#define STATE_NAME_BYTES   32u
#define STATE_RECORD_LIMIT 0x100000u /* the most bytes of a record's body */
#define STATE_RECORDS_MAX  4096u
/* a bit of a record's type: a reader that does not know the type leaves the record out */
#define STATE_SKIPPABLE 0x80000000u

enum state_vendor { STATE_VENDOR_NONE, STATE_VENDOR_VMX, STATE_VENDOR_SVM };

struct state_header {
	u32 magic;
	u16 major;
	u16 minor;
	u32 flags;   /* flags of the format, of which none exist yet */
	u16 machine; /* the kind of PC that guests find; 0: the first kind */
	/* enum state_vendor of the CPU, as saved exits of vCPUs are in the vendor's terms */
	u16 vendor;
	u32 record_limit;
	u32 reserved[2];
	u32 check;		     /* CRC32C of the header, computed with 0 in this field */
	char name[STATE_NAME_BYTES]; /* the VM's name, padded with zeros */
	u8 snapshot[16];	     /* `snapshot`, `parent` and `salt` are not used yet */
	u8 parent[16];
	u8 salt[32];
};
_Static_assert(sizeof(struct state_header) == 128, "part of the format");

struct state_record {
	u32 type; /* the kind of section, enum state_kind, perhaps with STATE_SKIPPABLE */
	u16 version;
	u16 instance;
	/* the bytes of the body, without the padding to a multiple of 8 that follows */
	u32 length;
	u32 check;    /* CRC32C of head and body, computed with 0 in this field */
	u64 sequence; /* the record's number, from 0 on */
	u64 reserved;
};
_Static_assert(sizeof(struct state_record) == 32, "part of the format");

struct state_end {
	u64 record_count; /* the number of records, this record included */
	u32 check;	  /* CRC32C of all bytes before this record's head */
	u32 reserved;
};
_Static_assert(sizeof(struct state_end) == 16, "part of the format");

/* Why a saved state was refused; state_problem_text puts it into words. */
enum state_fault {
	STATE_FINE,
	STATE_SHORT,	/* the bytes of the state end within a record */
	STATE_NO_STATE, /* the header's magic is not STATE_MAGIC */
	STATE_OTHER_MAJOR,
	STATE_NOT_ZERO,	   /* a reserved field is in use */
	STATE_OTHER_CHECK, /* a checksum is wrong */
	STATE_OUT_OF_ORDER,
	STATE_TOO_LONG,
	/* number of records or checksum in the last record do not agree with the state */
	STATE_BAD_END,
	/* there are bytes behind the state, or a record for which the VM has no section */
	STATE_SURPLUS,
	STATE_MISSING,
	STATE_OTHER_VENDOR,
	STATE_OTHER_VERSION,
	STATE_OTHER_SIZE,
	STATE_INVALID,
	STATE_FAULT_COUNT
};

struct state_problem {
	enum state_fault fault;
	u32 record; /* the number of the record with the fault; ~0: the header has it */
	u32 type;
	u32 instance;
	u32 found; /* the version, size or vendor that the state has */
	u32 wanted;
	const char *reason; /* for STATE_INVALID: the reason in words, or NULL */
};

/* Returns the number of bytes that a record with a body of `length` bytes takes. */
static inline u64 state_record_bytes(u32 length)
{
	return sizeof(struct state_record) + (((u64)length + 7) & ~7ull);
}

/* The writer of a state's records, one after the other, to bytes[size], which is 8-byte aligned. */
struct state_writer {
	u8 *bytes;
	size_t size;
	size_t used;
	u64 sequence;
};

/*
 * Begins a saved state with its header; returns STATUS_TOO_BIG if bytes[size] has no room for that.
 * `name` is cut off at STATE_NAME_BYTES - 1.
 */
enum status state_begin(struct state_writer *writer, void *bytes, size_t size, const char *name,
			enum state_vendor vendor) MUST_CHECK;
/*
 * Begins a record, and returns room for its body of `length` bytes, set to zero; NULL if
 * bytes[size] has no room for it.
 */
void *state_body(struct state_writer *writer, u32 type, u16 instance, u16 version, u32 length);
/* Completes the record whose body has been filled in. */
void state_seal(struct state_writer *writer);
/* Writes the state's last record. */
enum status state_finish(struct state_writer *writer) MUST_CHECK;

/*
 * Checks whether bytes[size], which are 8-byte aligned and have no other writer, are a complete
 * saved state: all that can be checked without knowing the VM. Returns false with *problem filled
 * in.
 */
bool state_parse(const void *bytes, size_t size, struct state_problem *problem) MUST_CHECK;

/* Return the first record of a parsed state and the next one; NULL after the last. */
const struct state_record *state_first(const void *bytes);
const struct state_record *state_next(const struct state_record *record);
/*
 * Returns the checksum that stands at the end of bytes[size], which may hold anything; 0 if there
 * is none. It tells two parsed states apart.
 */
u32 state_sum(const void *bytes, size_t size);
/* Returns the record of that type and instance, or NULL. */
const struct state_record *state_find(const void *bytes, u32 type, u32 instance);
