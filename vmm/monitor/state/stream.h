/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/object.h"
#include "vmm/rt/crypto/chacha20_poly1305.h"

/*
 * A machine at rest, state and RAM, as it lies on a disk: a block with the header, then encrypted
 * records, each in whole blocks: the state (SKST, in pieces), the RAM, STREAM_END. Their key is of
 * this save alone, a record's nonce is its number, and the header is authenticated with each:
 * records cannot be changed, left out, moved, repeated, nor come from another save. Functions over
 * buffers; who reads or writes the disk is elsewhere.
 */
#define STREAM_BLOCK_BYTES  4096u
#define STREAM_RECORD_LIMIT 0x10000u /* bytes of a record, in blocks */
#define STREAM_SALT_BYTES   32u
#define STREAM_NAME_BYTES   32u
#define STREAM_VERSION	    2u	/* 1: all with one key, made of the host's */
#define STREAM_RAM_PAGES    15u /* of a record */
#define STREAM_SUM_BYTES    POLY1305_TAG_BYTES
#define STREAM_DISK_MAX	    16u

struct stream_header {
	char magic[8]; /* "SKERRYSV" */
	u32 version;
	u32 record_limit;
	char name[STREAM_NAME_BYTES]; /* of the VM, filled up with zeros */
	u64 ram_bytes;
	u8 reserved[40];
	u8 salt[STREAM_SALT_BYTES]; /* another one for each save */
};
_Static_assert(sizeof(struct stream_header) == 128, "part of the format");

enum stream_type {
	STREAM_STATE = 1,
	STREAM_RAM = 2,
	STREAM_END = 3,
	STREAM_DISKS = 4, /* before the RAM, where the VM may write to disks */
};

/* The body follows, encrypted, then zeros up to the end of the block. */
struct stream_record {
	u32 type;     /* enum stream_type */
	u32 length;   /* bytes of the body */
	u64 sequence; /* from 0 */
	u8 tag[POLY1305_TAG_BYTES];
};
_Static_assert(sizeof(struct stream_record) == 32, "part of the format");

#define STREAM_BODY_MAX (STREAM_RECORD_LIMIT - (u32)sizeof(struct stream_record))

/* The body of STREAM_RAM: pages in rising order, also over records. Those left out are zero. */
struct stream_ram {
	u32 count;
	u32 page[STREAM_RAM_PAGES]; /* their numbers; zero behind the last */
	u8 bytes[STREAM_RAM_PAGES][PAGE_SIZE];
};
_Static_assert(sizeof(struct stream_ram) <= STREAM_BODY_MAX, "a record");
/* What is written of it. */
static inline u32 stream_ram_bytes(u32 count)
{
	return (u32)offsetof(struct stream_ram, bytes) + count * (u32)PAGE_SIZE;
}

/* The body of STREAM_DISKS: what the disks held that the VM may write to. */
struct stream_disk {
	char name[STREAM_NAME_BYTES]; /* in the configuration, filled up with zeros */
	u64 bytes;
	u8 sum[STREAM_SUM_BYTES]; /* Poly1305 over all of it, with stream_disk_key */
	u8 reserved[8];
};
_Static_assert(sizeof(struct stream_disk) == 64, "part of the format");

struct stream_disks {
	u64 count;
	struct stream_disk disk[STREAM_DISK_MAX]; /* so many of them are there */
};
_Static_assert(sizeof(struct stream_disks) <= STREAM_BODY_MAX, "a record");
static inline u32 stream_disks_bytes(u64 count)
{
	return (u32)(offsetof(struct stream_disks, disk) + count * sizeof(struct stream_disk));
}

struct stream_end {
	u64 record_count; /* this one included */
	u64 page_count;
};

/* Why a save was refused; stream_fault_text puts it into words. */
enum stream_fault {
	STREAM_FINE,
	STREAM_NO_SAVE, /* another magic */
	STREAM_OTHER_VERSION,
	STREAM_BAD_HEADER,
	STREAM_CUT, /* the bytes end within it */
	STREAM_BAD_LENGTH,
	STREAM_OUT_OF_ORDER, /* another number than the next */
	STREAM_CHANGED,	     /* or sealed with another key */
	STREAM_BAD_FILL,
	STREAM_MISPLACED, /* no record of that type comes here */
	STREAM_BAD_PAGES,
	STREAM_BAD_COUNT,
	STREAM_BAD_DISKS,
	STREAM_FAULT_COUNT
};

/* One that is being written or read. */
struct stream {
	struct stream_header header;
	u8 key[CHACHA20_KEY_BYTES];
	u64 sequence; /* of the next record */
	u64 page_count;
	u64 next_page; /* no page below comes any more */
	u32 last_type; /* enum stream_type; 0: none yet */
};

/* A header; `name` is cut off at STREAM_NAME_BYTES - 1. */
void stream_header_make(struct stream_header *header, const char *name, u64 ram_bytes,
			const u8 salt[STREAM_SALT_BYTES]);
enum stream_fault stream_header_fault(const struct stream_header *header) MUST_CHECK;
/* Whether the block may be lost without a question: a save's, also of another version, or zeros. */
bool stream_may_overwrite(const u8 block[STREAM_BLOCK_BYTES]) MUST_CHECK;

/*
 * With a header that has no fault, and the key that the manager makes of the host's, the VM's name
 * and the header's salt; the caller forgets the stream in the end (secret_forget).
 */
void stream_open(struct stream *stream, const struct stream_header *header,
		 const u8 key[CHACHA20_KEY_BYTES]);

/* For the sum of the disk of that number, in STREAM_DISKS: another one for each disk and save. */
void stream_disk_key(const struct stream *stream, u32 number, u8 key[POLY1305_KEY_BYTES]);

/* Bytes that a record takes, in blocks. */
static inline u32 stream_record_bytes(u32 length)
{
	return ((u32)sizeof(struct stream_record) + length + STREAM_BLOCK_BYTES - 1) &
	       ~(STREAM_BLOCK_BYTES - 1);
}

/*
 * Seals the body of `length` bytes, at most STREAM_BODY_MAX, that lies behind the record. Returns
 * what the record takes; up to there it is filled with zeros.
 */
u32 stream_seal(struct stream *stream, enum stream_type type, struct stream_record *record,
		u32 length);
/* The last record. */
u32 stream_seal_end(struct stream *stream, struct stream_record *record);

/*
 * Decrypts the next record, of which `size` bytes are there, in place, and checks all that can be
 * said of it. STREAM_RECORD_LIMIT bytes are always enough. With a fault the stream is over.
 */
enum stream_fault stream_unseal(struct stream *stream, struct stream_record *record,
				size_t size) MUST_CHECK;
/* "record 7: it was changed"; in the header's case the stream is NULL. */
void stream_fault_text(const struct stream *stream, enum stream_fault fault, char *text,
		       size_t size);
