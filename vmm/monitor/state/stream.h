/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/object.h"
#include "vmm/rt/crypto/chacha20_poly1305.h"

/*
 * A saved VM, state and RAM, as it lies on a disk: a block with the header, then encrypted records,
 * each in whole blocks: the state (SKST, in pieces), the RAM, STREAM_END. Each save has its own
 * key, a record's nonce is its number, and the header is authenticated with each record: records
 * cannot be changed, left out, moved, repeated, or taken from another save. The functions work on
 * buffers; their callers read and write the disk.
 */
#define STREAM_BLOCK_BYTES  4096u
#define STREAM_RECORD_LIMIT 0x10000u /* the most bytes of a record, in whole blocks */
#define STREAM_SALT_BYTES   32u
#define STREAM_NAME_BYTES   32u
/* the format's version; in version 1 all saves had one key, made from the host's key */
#define STREAM_VERSION	 2u
#define STREAM_RAM_PAGES 15u /* the most pages of RAM in one record */
#define STREAM_SUM_BYTES POLY1305_TAG_BYTES
#define STREAM_DISK_MAX	 16u

struct stream_header {
	char magic[8]; /* the magic "SKERRYSV" */
	u32 version;
	u32 record_limit;
	char name[STREAM_NAME_BYTES]; /* the VM's name, padded with zeros */
	u64 ram_bytes;
	u8 reserved[40];
	u8 salt[STREAM_SALT_BYTES]; /* the salt of the save's key, which differs for each save */
};
_Static_assert(sizeof(struct stream_header) == 128, "part of the format");

enum stream_type {
	STREAM_STATE = 1,
	STREAM_RAM = 2,
	STREAM_END = 3,
	/*
	 * the sums of the disks to which the VM may write, before the RAM; missing if there are
	 * none
	 */
	STREAM_DISKS = 4,
};

/* The head of a record. The encrypted body follows, then zeros up to the end of the block. */
struct stream_record {
	u32 type;     /* enum stream_type */
	u32 length;   /* the number of bytes of the body */
	u64 sequence; /* the record's number, from 0 on */
	u8 tag[POLY1305_TAG_BYTES];
};
_Static_assert(sizeof(struct stream_record) == 32, "part of the format");

#define STREAM_BODY_MAX (STREAM_RECORD_LIMIT - (u32)sizeof(struct stream_record))

/*
 * The body of STREAM_RAM: pages of RAM, whose numbers rise over all such records. Pages left out
 * are zero.
 */
struct stream_ram {
	u32 count;
	u32 page[STREAM_RAM_PAGES]; /* the pages' numbers; zero behind the last page */
	u8 bytes[STREAM_RAM_PAGES][PAGE_SIZE];
};
_Static_assert(sizeof(struct stream_ram) <= STREAM_BODY_MAX, "a record");
/* Returns how many bytes of struct stream_ram are written for `count` pages. */
static inline u32 stream_ram_bytes(u32 count)
{
	return (u32)offsetof(struct stream_ram, bytes) + count * (u32)PAGE_SIZE;
}

/* The body of STREAM_DISKS: which content the disks to which the VM may write had at the save. */
struct stream_disk {
	char name[STREAM_NAME_BYTES]; /* the disk's name in the configuration, padded with zeros */
	u64 bytes;
	/* Poly1305 of the whole disk, with the key of stream_disk_key */
	u8 sum[STREAM_SUM_BYTES];
	u8 reserved[8];
};
_Static_assert(sizeof(struct stream_disk) == 64, "part of the format");

struct stream_disks {
	u64 count;
	/* the VM's disks; a save holds only as many entries as there are disks */
	struct stream_disk disk[STREAM_DISK_MAX];
};
_Static_assert(sizeof(struct stream_disks) <= STREAM_BODY_MAX, "a record");
static inline u32 stream_disks_bytes(u64 count)
{
	return (u32)(offsetof(struct stream_disks, disk) + count * sizeof(struct stream_disk));
}

struct stream_end {
	u64 record_count; /* the number of records, this record included */
	u64 page_count;
};

/* Why a save was refused; stream_fault_text puts it into words. */
enum stream_fault {
	STREAM_FINE,
	STREAM_NO_SAVE, /* the header's magic is not that of a save */
	STREAM_OTHER_VERSION,
	STREAM_BAD_HEADER,
	STREAM_CUT, /* the bytes that were read end within the record */
	STREAM_BAD_LENGTH,
	STREAM_OUT_OF_ORDER, /* the record's number is not the next one */
	STREAM_CHANGED,	     /* the record was changed, or sealed with another key */
	STREAM_BAD_FILL,
	STREAM_MISPLACED, /* no record of that type may follow the one before it */
	STREAM_BAD_PAGES,
	STREAM_BAD_COUNT,
	STREAM_BAD_DISKS,
	STREAM_FAULT_COUNT
};

/* A saved VM's stream that is being written or read. */
struct stream {
	struct stream_header header;
	u8 key[CHACHA20_KEY_BYTES];
	u64 sequence; /* the number of the next record */
	u64 page_count;
	u64 next_page; /* the lowest number of a page that may still come */
	/* the type of the last record, enum stream_type; 0: there was no record yet */
	u32 last_type;
};

/* Makes a header; `name` is cut off at STREAM_NAME_BYTES - 1. */
void stream_header_make(struct stream_header *header, const char *name, u64 ram_bytes,
			const u8 salt[STREAM_SALT_BYTES]);
enum stream_fault stream_header_fault(const struct stream_header *header) MUST_CHECK;
/*
 * Returns whether a disk whose first block this is may be overwritten without a question: the block
 * belongs to a save of any version, or is zero.
 */
bool stream_may_overwrite(const u8 block[STREAM_BLOCK_BYTES]) MUST_CHECK;

/*
 * Opens a stream with a header that has no fault, and with the key that the manager makes of the
 * host's key, the VM's name and the header's salt. The caller has to forget the stream in the end
 * (secret_forget).
 */
void stream_open(struct stream *stream, const struct stream_header *header,
		 const u8 key[CHACHA20_KEY_BYTES]);

/* Makes the key for the sum of a disk in STREAM_DISKS: each disk of each save has its own. */
void stream_disk_key(const struct stream *stream, u32 number, u8 key[POLY1305_KEY_BYTES]);

/* Returns the bytes that a record takes, in whole blocks. */
static inline u32 stream_record_bytes(u32 length)
{
	return ((u32)sizeof(struct stream_record) + length + STREAM_BLOCK_BYTES - 1) &
	       ~(STREAM_BLOCK_BYTES - 1);
}

/*
 * Encrypts and authenticates the body of `length` bytes, at most STREAM_BODY_MAX, that lies behind
 * the record's head. Returns the bytes that the record takes; it is padded with zeros up to there.
 */
u32 stream_seal(struct stream *stream, enum stream_type type, struct stream_record *record,
		u32 length);
/* Encrypts and authenticates the last record, STREAM_END. */
u32 stream_seal_end(struct stream *stream, struct stream_record *record);

/*
 * Decrypts in place the next record, of which `size` bytes are there, and checks its form as far as
 * possible without the VM. STREAM_RECORD_LIMIT bytes are always enough. After a fault the stream
 * cannot be used.
 */
enum stream_fault stream_unseal(struct stream *stream, struct stream_record *record,
				size_t size) MUST_CHECK;
/*
 * Puts a fault into words, as "record 7: it was changed"; for a fault of the header the stream is
 * NULL.
 */
void stream_fault_text(const struct stream *stream, enum stream_fault fault, char *text,
		       size_t size);
