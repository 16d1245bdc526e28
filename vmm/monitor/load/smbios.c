/* SPDX-License-Identifier: MIT */
/*
 * Writes SMBIOS tables (SMBIOS 2.8; clauses are that specification's) for a VM that starts by
 * firmware: the firmware places the tables in memory, and adds its own table of type 0. Called by
 * firmware.c once; writes into the given buffer.
 */
#include "vmm/monitor/load/smbios.h"

#include "lib/bits.h"
#include "lib/string.h"

#define SMBIOS_HEADER_BYTES 4u
#define SMBIOS_HANDLE_STEP  0x100u /* a structure's handle is its type times this number */
/* a memory device of this size in KiB or more has its size in another field */
#define SMBIOS_KIB_LIMIT 0x80000000u
#define SMBIOS_MIB_LIMIT 0x7fffu
#define SMBIOS_UNKNOWN	 2u	 /* "unknown" in every enumeration used below */
#define SMBIOS_SLOT_NONE 0xfffeu /* a handle that means: no information about memory errors */

enum smbios_type {
	SMBIOS_SYSTEM = 1,
	SMBIOS_CHASSIS = 3,
	SMBIOS_PROCESSOR = 4,
	SMBIOS_MEMORY_ARRAY = 16,
	SMBIOS_MEMORY_DEVICE = 17,
	SMBIOS_MEMORY_ADDRESS = 19,
	SMBIOS_BOOT = 32,
	SMBIOS_END = 127,
};

/*
 * The structure that is being written: first its fields, then the texts to which they refer by
 * number.
 */
struct smbios_writer {
	struct smbios *smbios;
	u32 start;	/* the offset in the table of the structure that is being written */
	u32 texts;	/* the number of the structure's texts so far */
	u32 text_bytes; /* how many bytes of `text` are used */
	u32 structures;
	u32 largest;
	char text[4 * FIRMWARE_TEXT_BYTES];
};

/* Writes a number to offset `at` of the structure. */
static void smbios_put(struct smbios_writer *writer, u32 at, u64 value, u32 bytes)
{
	memcpy(writer->smbios->table + writer->start + at, &value, bytes);
}

static void smbios_begin(struct smbios_writer *writer, enum smbios_type type, u32 bytes)
{
	writer->start = writer->smbios->bytes;
	writer->texts = 0;
	writer->text_bytes = 0;
	writer->smbios->bytes += bytes;
	smbios_put(writer, 0, type, 1);
	smbios_put(writer, 1, bytes, 1);
	smbios_put(writer, 2, (u64)type * SMBIOS_HANDLE_STEP, 2);
}

/*
 * Adds a text to the structure, and writes its number to offset `at` of the structure; an empty
 * text is left out.
 */
static void smbios_text(struct smbios_writer *writer, u32 at, const char *text)
{
	size_t bytes = strlen(text) + 1;

	if (bytes == 1)
		return;
	memcpy(writer->text + writer->text_bytes, text, bytes);
	writer->text_bytes += (u32)bytes;
	smbios_put(writer, at, ++writer->texts, 1);
}

/*
 * Ends the structure with its texts and an empty text; without any text, with two zeros (SMBIOS
 * 2.8, 6.1.3).
 */
static void smbios_end(struct smbios_writer *writer)
{
	struct smbios *smbios = writer->smbios;

	memcpy(smbios->table + smbios->bytes, writer->text, writer->text_bytes);
	smbios->bytes += writer->text_bytes + (writer->texts == 0 ? 2 : 1);
	writer->structures++;
	writer->largest = MAX(writer->largest, smbios->bytes - writer->start);
}

static void smbios_write_system(struct smbios_writer *writer,
				const struct firmware_settings *settings)
{
	smbios_begin(writer, SMBIOS_SYSTEM, 27); /* SMBIOS 2.8, 7.2 */
	smbios_text(writer, 4, settings->vendor);
	smbios_text(writer, 5, settings->product);
	smbios_text(writer, 7, settings->serial);
	memcpy(writer->smbios->table + writer->start + 8, settings->uuid, sizeof(settings->uuid));
	smbios_put(writer, 24, 6, 1); /* wake-up type 6: the power switch */
	smbios_end(writer);
}

static void smbios_write_chassis(struct smbios_writer *writer,
				 const struct firmware_settings *settings)
{
	smbios_begin(writer, SMBIOS_CHASSIS, 22); /* SMBIOS 2.8, 7.4 */
	smbios_text(writer, 4, settings->vendor);
	smbios_put(writer, 5, 1, 1);	 /* the chassis's type: "other" */
	for (u32 at = 9; at <= 12; at++) /* the chassis's states: unknown */
		smbios_put(writer, at, SMBIOS_UNKNOWN, 1);
	smbios_end(writer);
}

static void smbios_write_processors(struct smbios_writer *writer, u32 vcpu_count)
{
	smbios_begin(writer, SMBIOS_PROCESSOR, 42); /* SMBIOS 2.8, 7.5 */
	smbios_text(writer, 4, "CPU 0");
	smbios_put(writer, 5, 3, 1); /* the type: a central processor */
	smbios_put(writer, 6, SMBIOS_UNKNOWN, 1);
	smbios_put(writer, 24, 0x41, 1); /* the socket is populated, and the CPU enabled */
	smbios_put(writer, 25, SMBIOS_UNKNOWN, 1);
	for (u32 at = 26; at <= 30; at += 2) /* no handles of caches are given */
		smbios_put(writer, at, 0xffff, 2);
	for (u32 at = 35; at <= 37; at++)
		smbios_put(writer, at, vcpu_count, 1);
	smbios_put(writer, 38, SMBIOS_UNKNOWN, 2);
	smbios_put(writer, 40, SMBIOS_UNKNOWN, 2);
	smbios_end(writer);
}

/* Describes all RAM as one device in one array, at addresses from 0 on. */
static void smbios_write_memory(struct smbios_writer *writer, u64 ram_bytes)
{
	u64 kib = ram_bytes / KIB;
	u64 mib = ram_bytes / MIB;

	smbios_begin(writer, SMBIOS_MEMORY_ARRAY, 23); /* SMBIOS 2.8, 7.17 */
	smbios_put(writer, 4, 1, 1); /* the location of the memory array is "other" */
	smbios_put(writer, 5, 3, 1); /* the array's use: system memory */
	smbios_put(writer, 6, 3, 1); /* the RAM has no error correction */
	smbios_put(writer, 7, kib < SMBIOS_KIB_LIMIT ? kib : SMBIOS_KIB_LIMIT, 4);
	smbios_put(writer, 11, SMBIOS_SLOT_NONE, 2);
	smbios_put(writer, 13, 1, 2);
	smbios_put(writer, 15, kib < SMBIOS_KIB_LIMIT ? 0 : ram_bytes, 8);
	smbios_end(writer);
	smbios_begin(writer, SMBIOS_MEMORY_DEVICE, 40); /* SMBIOS 2.8, 7.18 */
	smbios_put(writer, 4, (u64)SMBIOS_MEMORY_ARRAY * SMBIOS_HANDLE_STEP, 2);
	smbios_put(writer, 6, SMBIOS_SLOT_NONE, 2);
	smbios_put(writer, 8, 0xffff, 2);
	smbios_put(writer, 10, 0xffff, 2);
	smbios_put(writer, 12, mib < SMBIOS_MIB_LIMIT ? mib : SMBIOS_MIB_LIMIT, 2);
	smbios_put(writer, 14, 9, 1); /* the form factor: a DIMM */
	smbios_text(writer, 16, "DIMM 0");
	smbios_put(writer, 18, 7, 1); /* the type: RAM */
	smbios_put(writer, 19, SMBIOS_UNKNOWN, 2);
	smbios_put(writer, 28, mib < SMBIOS_MIB_LIMIT ? 0 : mib, 4);
	smbios_end(writer);
	smbios_begin(writer, SMBIOS_MEMORY_ADDRESS, 31); /* SMBIOS 2.8, 7.20 */
	smbios_put(writer, 4, ~0u, 4); /* all ones: the addresses stand at offsets 15 and 23 */
	smbios_put(writer, 8, ~0u, 4);
	smbios_put(writer, 12, (u64)SMBIOS_MEMORY_ARRAY * SMBIOS_HANDLE_STEP, 2);
	smbios_put(writer, 14, 1, 1);
	smbios_put(writer, 23, ram_bytes - 1, 8);
	smbios_end(writer);
}

static u8 smbios_sum(const u8 *bytes, u32 count)
{
	u8 sum = 0;

	for (u32 i = 0; i < count; i++)
		sum = (u8)(sum + bytes[i]);
	return (u8)-sum;
}

/*
 * Writes the anchor (entry point) of the SMBIOS tables, whose address and checksums the firmware
 * sets later (SMBIOS 2.8, 5.2.1).
 */
static void smbios_write_anchor(struct smbios *smbios, const struct smbios_writer *writer)
{
	static const u8 entry_name[] = {'_', 'S', 'M', '_'};
	static const u8 table_name[] = {'_', 'D', 'M', 'I', '_'};
	u8 *anchor = smbios->anchor;

	memset(anchor, 0, SMBIOS_ANCHOR_BYTES);
	memcpy(anchor, entry_name, sizeof(entry_name));
	anchor[5] = SMBIOS_ANCHOR_BYTES;
	anchor[6] = 2;
	anchor[7] = 8;
	memcpy(anchor + 8, &writer->largest, 2);
	memcpy(anchor + 16, table_name, sizeof(table_name));
	memcpy(anchor + 22, &smbios->bytes, 2);
	memcpy(anchor + 28, &writer->structures, 2);
	anchor[30] = 0x28;
	anchor[21] = smbios_sum(anchor + 16, SMBIOS_ANCHOR_BYTES - 16);
	anchor[4] = smbios_sum(anchor, SMBIOS_ANCHOR_BYTES);
}

void smbios_write(struct smbios *smbios, const struct firmware_settings *settings, u32 vcpu_count,
		  u64 ram_bytes)
{
	struct smbios_writer writer = {.smbios = smbios};

	memset(smbios, 0, sizeof(*smbios));
	smbios_write_system(&writer, settings);
	smbios_write_chassis(&writer, settings);
	smbios_write_processors(&writer, vcpu_count);
	smbios_write_memory(&writer, ram_bytes);
	smbios_begin(&writer, SMBIOS_BOOT, 11); /* status 0: no errors at boot (SMBIOS 2.8, 7.33) */
	smbios_end(&writer);
	smbios_begin(&writer, SMBIOS_END, SMBIOS_HEADER_BYTES);
	smbios_end(&writer);
	smbios_write_anchor(smbios, &writer);
}
