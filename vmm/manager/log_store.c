/* SPDX-License-Identifier: MIT */
#include "vmm/manager/log_store.h"
#include "lib/bits.h"

/* Precedes the VM's name and the text; a record never wraps round the end of the ring. */
struct record {
	u64 sequence;
	u64 time_ns;
	u16 bytes; /* of the whole record */
	u8 cpu;
	u8 level;
	u8 category;
	u8 vm_length;
	u16 text_length;
};
_Static_assert(sizeof(struct record) == 24, "records stay 8-byte aligned");

#define RECORD_BYTES_MAX align_up(sizeof(struct record) + LOG_VM_BYTES + LOG_TEXT_BYTES, 8)

void log_store_init(struct log_store *store)
{
	store->written = 0;
	store->oldest = 0;
	store->oldest_sequence = 1;
	store->next_sequence = 1;
	store->added_bytes = 0;
}

/* The bytes up to the end of the ring when no record fits there any more, else 0. */
static u64 gap_at(u64 position)
{
	u64 left = LOG_STORE_BYTES - position % LOG_STORE_BYTES;

	return left < RECORD_BYTES_MAX ? left : 0;
}

static const struct record *record_at(const struct log_store *store, u64 position)
{
	return (const struct record *)(const void *)&store->bytes[position % LOG_STORE_BYTES];
}

/* Writer and readers skip the same gap, so that it needs no record of its own. */
static u64 skip_gap(u64 position)
{
	return position + gap_at(position);
}

static void drop_oldest(struct log_store *store)
{
	u64 position = skip_gap(store->oldest);

	store->oldest = position + record_at(store, position)->bytes;
	store->oldest_sequence++;
}

static void copy_clean(u8 *to, struct text text)
{
	for (size_t i = 0; i < text.length; i++)
		to[i] = char_is_printable(text.start[i]) ? (u8)text.start[i] : '?';
}

void log_store_add(struct log_store *store, const struct log_line *line)
{
	struct text vm = {line->vm.start, MIN(line->vm.length, LOG_VM_BYTES)};
	struct text text = {line->text.start, MIN(line->text.length, LOG_TEXT_BYTES)};
	u64 bytes = align_up(sizeof(struct record) + vm.length + text.length, 8);
	u64 position = skip_gap(store->written);
	struct record record = {
		.sequence = store->next_sequence,
		.time_ns = line->time_ns,
		.bytes = (u16)bytes,
		.cpu = line->cpu,
		.level = line->level,
		.category = line->category,
		.vm_length = (u8)vm.length,
		.text_length = (u16)text.length,
	};
	u8 *to;

	while (position + bytes - store->oldest > LOG_STORE_BYTES)
		drop_oldest(store);
	to = &store->bytes[position % LOG_STORE_BYTES];
	memcpy(to, &record, sizeof(record));
	copy_clean(to + sizeof(record), vm);
	copy_clean(to + sizeof(record) + vm.length, text);
	store->written = position + bytes;
	store->next_sequence++;
	store->added_bytes += bytes;
}

bool log_store_next(const struct log_store *store, struct log_cursor *cursor,
		    struct log_line *line, u64 *lost)
{
	const struct record *record;
	const char *text;

	if (cursor->sequence < store->oldest_sequence) {
		if (cursor->sequence != 0)
			*lost += store->oldest_sequence - cursor->sequence;
		cursor->sequence = store->oldest_sequence;
		cursor->position = store->oldest;
	}
	if (cursor->sequence >= store->next_sequence)
		return false;
	cursor->position = skip_gap(cursor->position);
	record = record_at(store, cursor->position);
	text = (const char *)(record + 1);
	*line = (struct log_line){
		.sequence = record->sequence,
		.time_ns = record->time_ns,
		.cpu = record->cpu,
		.level = record->level,
		.category = record->category,
		.vm = {text, record->vm_length},
		.text = {text + record->vm_length, record->text_length},
	};
	cursor->sequence++;
	cursor->position += record->bytes;
	return true;
}

void log_store_clear(struct log_store *store)
{
	store->oldest = store->written;
	store->oldest_sequence = store->next_sequence;
}
