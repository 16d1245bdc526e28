/* SPDX-License-Identifier: MIT */
/*
 * Writes, makes and compares GUIDs. Called by disk_partition.c, by `disk list` and `disk
 * partitions`, and by vm_create.c for UUIDs of VMs. Holds no state.
 */
#include "vmm/manager/text/guid.h"

#include "vmm/manager/text/text.h"
#include "vmm/rt/format.h"

/* The index in a GUID of each byte of its text, whose first three fields are little-endian. */
static const u8 guid_order[16] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};

static bool guid_has_dash_before(u32 byte)
{
	return byte == 4 || byte == 6 || byte == 8 || byte == 10;
}

bool guid_parse(const char *text, u8 id[16])
{
	for (u32 i = 0; i < 16; i++) {
		u32 high;
		u32 low;

		if (guid_has_dash_before(i) && *text++ != '-')
			return false;
		high = char_hex_value(text[0]);
		low = high <= 15 ? char_hex_value(text[1]) : high;
		if (high > 15 || low > 15)
			return false;
		id[guid_order[i]] = (u8)(high << 4 | low);
		text += 2;
	}
	return *text == '\0';
}

void guid_text(const u8 id[16], char text[GUID_TEXT_BYTES])
{
	size_t length = 0;

	for (u32 i = 0; i < 16; i++)
		length += format(text + length, GUID_TEXT_BYTES - length, "%s%02x",
				 guid_has_dash_before(i) ? "-" : "", id[guid_order[i]]);
}

void guid_make(u8 random[16], char text[GUID_TEXT_BYTES])
{
	random[7] = (u8)((random[7] & 0x0f) | 0x40); /* version 4, in the high byte of its field */
	random[8] = (u8)((random[8] & 0x3f) | 0x80);
	guid_text(random, text);
}

static char guid_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

bool guid_equal(const char *one, const char *other)
{
	while (*one != '\0' && guid_lower(*one) == guid_lower(*other)) {
		one++;
		other++;
	}
	return *one == *other;
}
