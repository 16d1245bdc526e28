/* SPDX-License-Identifier: MIT */
/*
 * Maps the symbol tables of Skerry's images and finds source lines. Called by `sym`, `perf`, perf.c
 * and completion. Owns the mapped tables.
 */
#include "vmm/manager/inspect/symbols.h"
#include "kernel/abi/image.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/rt/start.h"
#include "vmm/rt/syscall.h"

/* A line of the source: the code from this offset up to the next entry's offset. */
struct symbol_line {
	u32 offset;
	/* offset into the file names in 31:16, line number in 15:0; 0: the code has no line */
	u32 file_line;
};

static const struct symbol_table *tables[SYMBOLS_COUNT];

static const u8 *symbols_map(enum start_kind kind, u64 *bytes)
{
	const struct start_entry *entry = start_find(kind);
	u64 address;

	if (entry == NULL || sys_space_map(start_handle(START_SPACE), 0, entry->handle, 0,
					   align_up(entry->offset + entry->value, PAGE_SIZE),
					   RIGHT_READ, &address) != STATUS_OK)
		return NULL;
	*bytes = entry->value;
	return (const u8 *)address + entry->offset;
}

/* Returns the offset in the table of its list of source lines, as boot/symbols.py lays them out. */
static u64 symbols_lines_offset(const struct symbol_table *table)
{
	return align_up(
		sizeof(*table) + table->count * sizeof(table->symbol[0]) + table->names_bytes, 8);
}

static u64 symbols_table_bytes(const struct symbol_table *table)
{
	u64 bytes = symbols_lines_offset(table);

	if (table->line_count != 0)
		bytes += table->line_count * sizeof(struct symbol_line) + table->files_bytes;
	return align_up(bytes, 16);
}

/*
 * Takes the symbol table at `bytes` for the image if it is complete; returns its length, or `size`
 * if it is not.
 */
static u64 symbols_take(enum symbol_image image, const u8 *bytes, u64 size)
{
	const struct symbol_table *table = (const struct symbol_table *)(const void *)bytes;

	if (!symbols_valid(table, size) || symbols_table_bytes(table) > size)
		return size;
	tables[image] = table;
	return symbols_table_bytes(table);
}

/*
 * Maps all symbol tables. The kernel's has a blob of its own, the others follow the monitor's image
 * (Makefile).
 */
static void symbols_map_all(void)
{
	const struct image_header *header;
	const u8 *bytes;
	u64 size = 0;
	u64 at;

	bytes = symbols_map(START_SYMBOLS, &size);
	if (bytes != NULL)
		(void)symbols_take(SYMBOLS_KERNEL, bytes, size);
	bytes = symbols_map(START_MONITOR_IMAGE, &size);
	if (bytes == NULL)
		return;
	header = (const struct image_header *)(const void *)bytes;
	at = ((u64)header->text_pages + header->rodata_pages + header->data_pages) * PAGE_SIZE;
	if (at < size)
		at += symbols_take(SYMBOLS_MONITOR, bytes + at, size - at);
	if (at < size)
		(void)symbols_take(SYMBOLS_MANAGER, bytes + at, size - at);
}

const struct symbol_table *symbols_of(enum symbol_image image)
{
	static bool mapped;

	if (!mapped)
		symbols_map_all();
	mapped = true;
	return tables[image];
}

const char *symbols_line(const struct symbol_table *table, u64 offset, u32 *line)
{
	const u8 *bytes = (const u8 *)table + symbols_lines_offset(table);
	const struct symbol_line *lines = (const struct symbol_line *)(const void *)bytes;
	const char *files = (const char *)(lines + table->line_count);
	u32 low = 0;
	u32 high = table->line_count;
	u32 found;

	while (low < high) {
		u32 middle = low + (high - low) / 2;

		if (lines[middle].offset <= offset)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0)
		return NULL;
	found = lines[low - 1].file_line;
	*line = found & 0xffff;
	return *line != 0 && found >> 16 < table->files_bytes ? files + (found >> 16) : NULL;
}
