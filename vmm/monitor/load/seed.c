/* SPDX-License-Identifier: MIT */
/*
 * Writes the CD from which cloud-init configures a new VM (its data source NoCloud): an ISO 9660
 * volume (ECMA-119, whose clauses are cited) of two files. Called by seed_open.c once; writes into
 * the given memory.
 */
#include "vmm/monitor/load/seed.h"

#include "lib/bits.h"
#include "lib/string.h"

#define SEED_BLOCK 2048u
/*
 * The numbers of the volume's blocks that hold something; the first 16 are unused (ECMA-119,
 * 6.2.1).
 */
#define SEED_AT_PRIMARY	   16u
#define SEED_AT_TERMINATOR 17u
#define SEED_AT_PATHS	   18u
#define SEED_AT_PATHS_BIG  19u /* the table of paths again, with big-endian numbers */
#define SEED_AT_ROOT	   20u
#define SEED_AT_FILES	   21u

/* the bytes of a directory record without its name (ECMA-119, 9.1) */
#define SEED_RECORD_BYTES 33u
#define SEED_DIRECTORY	  2u /* the flag of a directory (ECMA-119, 9.1.6) */

/*
 * The bytes behind the type in every volume descriptor: identifier and version (ECMA-119, 8.4.2).
 */
static const u8 seed_standard[] = {'C', 'D', '0', '0', '1', 1};
/* The volume's name, by which cloud-init finds the volume. */
static const u8 seed_name[] = {'c', 'i', 'd', 'a', 't', 'a'};

static u8 *seed_block(u8 *medium, u32 block)
{
	return medium + (u64)block * SEED_BLOCK;
}

static u32 seed_blocks(u64 bytes)
{
	return (u32)(align_up(bytes, SEED_BLOCK) / SEED_BLOCK);
}

u64 seed_bytes(u64 text_bytes)
{
	return (u64)(SEED_AT_FILES + seed_blocks(text_bytes) + 1) * SEED_BLOCK;
}

u32 seed_text_first(void)
{
	return SEED_AT_FILES;
}

u32 seed_text_end(u64 text_bytes)
{
	return SEED_AT_FILES + seed_blocks(text_bytes);
}

/* Writes a number in both byte orders (ECMA-119, 7.2.3, 7.3.3). */
static void seed_put_both(u8 *at, u32 value, u32 bytes)
{
	for (u32 i = 0; i < bytes; i++) {
		at[i] = (u8)(value >> 8 * i);
		at[2 * bytes - 1 - i] = (u8)(value >> 8 * i);
	}
}

/* Writes a directory record and returns its length (ECMA-119, 9.1). */
static u32 seed_put_record(u8 *at, const char *name, u32 name_bytes, u32 block, u32 bytes,
			   bool directory)
{
	u32 length = (u32)align_up(SEED_RECORD_BYTES + name_bytes, 2);

	at[0] = (u8)length;
	seed_put_both(at + 2, block, 4);
	seed_put_both(at + 10, bytes, 4);
	at[18] = 100; /* the file's date is 1 January 2000 */
	at[19] = 1;
	at[20] = 1;
	at[25] = directory ? SEED_DIRECTORY : 0;
	seed_put_both(at + 28, 1, 2);
	at[32] = (u8)name_bytes;
	memcpy(at + SEED_RECORD_BYTES, name, name_bytes);
	return length;
}

/*
 * Writes the primary volume descriptor: the volume's name, and where everything lies (ECMA-119,
 * 8.4).
 */
static void seed_write_primary(u8 *at, u32 blocks)
{
	at[0] = 1;
	memcpy(at + 1, seed_standard, sizeof(seed_standard));
	memset(at + 8, ' ', 64); /* an empty system name, and the volume's name */
	memcpy(at + 40, seed_name, sizeof(seed_name));
	seed_put_both(at + 80, blocks, 4);
	seed_put_both(at + 120, 1, 2); /* a volume set of one volume, of which this is the first */
	seed_put_both(at + 124, 1, 2);
	seed_put_both(at + 128, SEED_BLOCK, 2);
	seed_put_both(at + 132, 10, 4); /* the size of the table of paths in bytes */
	at[140] = SEED_AT_PATHS;
	at[151] = SEED_AT_PATHS_BIG;
	(void)seed_put_record(at + 156, "\0", 1, SEED_AT_ROOT, SEED_BLOCK, true);
	memset(at + 190, ' ', 623); /* names of publisher, files and so on, which stay empty */
	for (u32 i = 0; i < 4; i++) /* four dates that are not specified (ECMA-119, 8.4.26.1) */
		memset(at + 813 + 17ul * i, '0', 16);
	at[881] = 1;
}

static void seed_write_paths(u8 *medium)
{
	/* the table of paths has the root directory only (ECMA-119, 9.4) */
	u8 *small = seed_block(medium, SEED_AT_PATHS);
	u8 *big = seed_block(medium, SEED_AT_PATHS_BIG);

	small[0] = big[0] = 1;
	small[2] = big[5] = SEED_AT_ROOT;
	small[6] = big[7] = 1;
}

/* Writes user-data that asks for nothing, in the length of another text. */
static void seed_put_nothing(u8 *at, u64 text_bytes)
{
	static const char nothing[] = "#cloud-config\n";

	memset(at, '\n', text_bytes);
	memcpy(at, nothing, MIN(sizeof(nothing) - 1, text_bytes));
}

void seed_write(u8 *medium, const u8 *text, u64 text_bytes, const char *meta)
{
	static const char user_name[] = "USER-DATA.;1";
	static const char meta_name[] = "META-DATA.;1";
	u32 meta_bytes = (u32)strlen(meta);
	u32 meta_block = SEED_AT_FILES + seed_blocks(text_bytes);
	u8 *root = seed_block(medium, SEED_AT_ROOT);
	u8 *terminator = seed_block(medium, SEED_AT_TERMINATOR);

	seed_write_primary(seed_block(medium, SEED_AT_PRIMARY), meta_block + 1);
	terminator[0] = 255;
	memcpy(terminator + 1, seed_standard, sizeof(seed_standard));
	seed_write_paths(medium);
	root += seed_put_record(root, "\0", 1, SEED_AT_ROOT, SEED_BLOCK, true);
	root += seed_put_record(root, "\1", 1, SEED_AT_ROOT, SEED_BLOCK, true);
	root += seed_put_record(root, meta_name, sizeof(meta_name) - 1, meta_block, meta_bytes,
				false);
	(void)seed_put_record(root, user_name, sizeof(user_name) - 1, SEED_AT_FILES,
			      (u32)text_bytes, false);
	if (text != NULL)
		memcpy(seed_block(medium, SEED_AT_FILES), text, text_bytes);
	else
		seed_put_nothing(seed_block(medium, SEED_AT_FILES), text_bytes);
	memcpy(seed_block(medium, meta_block), meta, meta_bytes + 1ul);
}
