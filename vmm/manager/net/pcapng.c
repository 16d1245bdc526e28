/* SPDX-License-Identifier: MIT */
/* Writes the blocks of a capture file (pcapng). Called by `net capture`; holds no state. */
#include "vmm/manager/net/pcapng.h"

#include "lib/bits.h"
#include "lib/string.h"

#define BLOCK_SECTION	  0x0a0d0d0au
#define BLOCK_INTERFACE	  1u
#define BLOCK_FRAME	  6u
#define BYTE_ORDER	  0x1a2b3c4du
#define LINK_ETHERNET	  1u
#define OPTION_NAME	  2u /* option of an interface: its name */
#define OPTION_RESOLUTION 9u
#define NANOSECONDS	  9u /* resolution of an interface's times: 10 to the power of -9 */

/* A block that is being written. */
struct writer {
	u8 *block;
	u32 bytes;
};

static void pcapng_put(struct writer *writer, const void *from, u32 bytes)
{
	u32 whole = (u32)align_up(bytes, 4);

	memset(writer->block + writer->bytes, 0, whole);
	memcpy(writer->block + writer->bytes, from, bytes);
	writer->bytes += whole;
}

static void pcapng_put32(struct writer *writer, u32 value)
{
	pcapng_put(writer, &value, sizeof(value));
}

static void pcapng_put16s(struct writer *writer, u32 low, u32 high)
{
	pcapng_put32(writer, low | high << 16);
}

static struct writer pcapng_begin_block(u8 *block, u32 type)
{
	struct writer writer = {block, 0};

	pcapng_put32(&writer, type);
	pcapng_put32(&writer, 0); /* the block's length, which pcapng_end sets */
	return writer;
}

static u32 pcapng_end(struct writer *writer)
{
	u32 bytes = writer->bytes + 4;

	pcapng_put32(writer, bytes);
	memcpy(writer->block + 4, &bytes, sizeof(bytes));
	return bytes;
}

static void pcapng_option(struct writer *writer, u32 code, const void *value, u32 bytes)
{
	pcapng_put16s(writer, code, bytes);
	pcapng_put(writer, value, bytes);
}

u32 pcapng_begin(u8 block[PCAPNG_BLOCK_BYTES], const char *interface)
{
	const u8 resolution = NANOSECONDS;
	struct writer writer = pcapng_begin_block(block, BLOCK_SECTION);
	u32 section;

	pcapng_put32(&writer, BYTE_ORDER);
	pcapng_put16s(&writer, 1, 0); /* version 1.0 of the format */
	pcapng_put32(&writer, ~0u);   /* the section's length is not known */
	pcapng_put32(&writer, ~0u);
	section = pcapng_end(&writer);
	writer = pcapng_begin_block(block + section, BLOCK_INTERFACE);
	pcapng_put16s(&writer, LINK_ETHERNET, 0);
	pcapng_put32(&writer, PCAPNG_SNAP_BYTES);
	pcapng_option(&writer, OPTION_NAME, interface, (u32)strlen(interface));
	pcapng_option(&writer, OPTION_RESOLUTION, &resolution, sizeof(resolution));
	pcapng_put32(&writer, 0); /* the end of the options */
	return section + pcapng_end(&writer);
}

u32 pcapng_frame(u8 block[PCAPNG_BLOCK_BYTES], u64 time_ns, const u8 *frame, u32 kept, u32 bytes)
{
	struct writer writer = pcapng_begin_block(block, BLOCK_FRAME);

	pcapng_put32(&writer, 0); /* number of the interface: 0, as there is only one */
	pcapng_put32(&writer, (u32)(time_ns >> 32));
	pcapng_put32(&writer, (u32)time_ns);
	pcapng_put32(&writer, kept);
	pcapng_put32(&writer, bytes);
	pcapng_put(&writer, frame, kept);
	return pcapng_end(&writer);
}
