/* SPDX-License-Identifier: MIT */
/*
 * Reads the variables of UEFI firmware: a firmware volume (UEFI PI 1.7, volume 3, 3.2.1) that holds
 * a list of variables, to which the firmware appends. Called by flash_open.c; trusts no byte of the
 * volume, and changes nothing.
 */
#include "vmm/monitor/load/variables.h"

#include "lib/bits.h"
#include "lib/checked.h"
#include "lib/string.h"
#include "vmm/hw/cfi_flash.h"

struct volume_header {
	u8 zero[16];
	u8 file_system[16];
	u64 bytes;
	u32 signature;
	u32 attributes;
	u16 header_bytes;
	u16 checksum; /* makes the sum of the header's 16-bit words 0 */
	u16 more_at;
	u8 reserved;
	u8 revision;
	u32 block_count; /* the first entry of the map of blocks, whose last entry is zeros */
	u32 block_bytes;
} PACKED;
_Static_assert(sizeof(struct volume_header) == 64, "PI 1.7, volume 3, 3.2.1");

#define VOLUME_SIGNATURE 0x4856465fu /* the text "_FVH" */

/*
 * The header of the list of variables. The list lies behind the volume's header; 4-byte aligned
 * variables follow, up to the list's end.
 */
struct list_header {
	u8 format_id[16];
	u32 bytes;
	u8 format;
	u8 state;
	u8 reserved[6];
} PACKED;
_Static_assert(sizeof(struct list_header) == 28, "as variables follow it");

#define LIST_FORMATTED 0x5au
#define LIST_HEALTHY   0xfeu

/* The identifiers of the list's two formats: variables with a time of signing, and without. */
static const u8 list_signed[16] = {0x78, 0x2c, 0xf3, 0xaa, 0x7b, 0x94, 0x9a, 0x43,
				   0xa1, 0x80, 0x2e, 0x14, 0x4e, 0xc3, 0x77, 0x92};
static const u8 list_plain[16] = {0x16, 0x36, 0xcf, 0xdd, 0x75, 0x32, 0x64, 0x41,
				  0x98, 0xb6, 0xfe, 0x85, 0x70, 0x7f, 0xfe, 0x7d};

#define VARIABLE_START	   0x55aau
#define VARIABLE_AT_STATE  2u
#define VARIABLE_ALIGNMENT 4u
#define VARIABLE_GUID	   16u
/*
 * The offset in a variable's header of the sizes of name and data, behind which the vendor's GUID
 * lies.
 */
#define VARIABLE_SIZES_SIGNED 36u
#define VARIABLE_SIZES_PLAIN  8u
/* a size in a variable's header that was not written before the power was cut */
#define VARIABLE_UNWRITTEN (~0u)
/*
 * Bits of a variable's state, which are cleared: 0x40 once the variable is complete, 0x02 once it
 * is dropped.
 */
#define VARIABLE_INCOMPLETE 0x40u
#define VARIABLE_KEPT	    0x02u

/* Variables count as full if less room than this, in bytes, is left for new ones. */
#define ROOM_WANTED (2 * KIB)

static u16 variables_sum(const u8 *bytes, u32 count)
{
	u16 sum = 0;
	u16 word;

	for (u32 i = 0; i + 2 <= count; i += 2) {
		memcpy(&word, bytes + i, 2);
		sum = (u16)(sum + word);
	}
	return sum;
}

static const char *variables_check_volume(const u8 *bytes, u64 size, struct volume_header *header)
{
	if (size < sizeof(*header))
		return "they are too short";
	memcpy(header, bytes, sizeof(*header));
	if (header->signature != VOLUME_SIGNATURE)
		return "no volume of UEFI firmware begins there";
	if (header->header_bytes < sizeof(*header) || header->header_bytes % 2 != 0 ||
	    header->header_bytes > size || variables_sum(bytes, header->header_bytes) != 0)
		return "the checksum of their header is wrong";
	if (header->bytes > size || header->bytes < header->header_bytes ||
	    !is_aligned(header->bytes, FLASH_BLOCK_BYTES))
		return "they are cut off";
	if (header->block_bytes != FLASH_BLOCK_BYTES)
		return "their blocks are not of 4 KiB";
	return NULL;
}

static const char *variables_check_list(const u8 *bytes, const struct volume_header *volume,
					struct list_header *list)
{
	if (volume->bytes - volume->header_bytes < sizeof(*list))
		return "they are too short";
	memcpy(list, bytes + volume->header_bytes, sizeof(*list));
	if (memcmp(list->format_id, list_signed, sizeof(list_signed)) != 0 &&
	    memcmp(list->format_id, list_plain, sizeof(list_plain)) != 0)
		return "the volume holds something else";
	if (list->format != LIST_FORMATTED || list->state != LIST_HEALTHY)
		return "they are not formatted";
	if (list->bytes < sizeof(*list) || list->bytes > volume->bytes - volume->header_bytes)
		return "they are cut off";
	return NULL;
}

/* Returns the size of a variable's name and data; 0 if its header was not written to the end. */
static u64 variables_data_bytes(const u8 *variable, u32 sizes_at)
{
	u32 name;
	u32 data;

	memcpy(&name, variable + sizes_at, 4);
	memcpy(&data, variable + sizes_at + 4, 4);
	return name == VARIABLE_UNWRITTEN || data == VARIABLE_UNWRITTEN ? 0 : (u64)name + data;
}

static void variables_count(struct variables *about, u8 state, u64 bytes)
{
	if ((state & VARIABLE_INCOMPLETE) != 0 || (state & VARIABLE_KEPT) == 0) {
		about->dead_bytes += bytes;
		return;
	}
	about->live_bytes += bytes;
	about->count++;
}

/*
 * Counts the variables between offsets `at` and `end`. All bytes behind the last variable must be
 * erased; if not, or if a variable passes the end, sets about->torn_at.
 */
static void variables_walk(const u8 *bytes, u64 at, u64 end, u32 sizes_at, struct variables *about)
{
	u64 head = sizes_at + 8ull + VARIABLE_GUID;
	u16 start;

	at = align_up(at, VARIABLE_ALIGNMENT);
	for (u64 next; at < end; at = next) {
		if (end - at < head)
			break;
		memcpy(&start, bytes + at, 2);
		if (start != VARIABLE_START)
			break;
		next = align_up(at + head + variables_data_bytes(bytes + at, sizes_at),
				VARIABLE_ALIGNMENT);
		if (next > end) {
			about->torn_at = at;
			return;
		}
		variables_count(about, bytes[at + VARIABLE_AT_STATE], next - at);
	}
	for (u64 i = at; i < end && about->torn_at == 0; i++)
		if (bytes[i] != FLASH_ERASED)
			about->torn_at = i;
}

const char *variables_read(const u8 *bytes, u64 size, struct variables *about)
{
	struct volume_header volume;
	struct list_header list;
	const char *problem = variables_check_volume(bytes, size, &volume);
	u64 at;

	*about = (struct variables){0};
	if (problem != NULL)
		return problem;
	about->bytes = volume.bytes;
	problem = variables_check_list(bytes, &volume, &list);
	if (problem != NULL)
		return problem;
	at = volume.header_bytes + sizeof(list);
	about->room_bytes = list.bytes - sizeof(list);
	variables_walk(bytes, at, (u64)volume.header_bytes + list.bytes,
		       memcmp(list.format_id, list_signed, sizeof(list_signed)) == 0
			       ? VARIABLE_SIZES_SIGNED
			       : VARIABLE_SIZES_PLAIN,
		       about);
	return NULL;
}

bool variables_is_blank(const u8 *bytes, u64 size)
{
	if (size == 0 || (bytes[0] != 0 && bytes[0] != FLASH_ERASED))
		return size == 0;
	for (u64 i = 1; i < size; i++)
		if (bytes[i] != bytes[0])
			return false;
	return true;
}

bool variables_is_full(const struct variables *about)
{
	return about->room_bytes < about->live_bytes + ROOM_WANTED;
}
