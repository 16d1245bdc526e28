/* SPDX-License-Identifier: MIT */
/*
 * Keeps lines of the log in segments of one size. Called by log.c and by `log rotate`, `log clear`
 * and `log stat`. Holds no state beyond the given store.
 */
#include "vmm/manager/log/log_store.h"
#include "lib/bits.h"
#include "vmm/manager/log/log_chain.h"

/*
 * The record of a line, followed by the hash (if lines are chained), the VM's name and the text;
 * all of it lies in one segment.
 */
struct record {
	u64 sequence;
	u64 time_ns;
	u16 bytes; /* size of the whole record, with the texts behind it */
	u8 cpu;
	u8 level;
	u8 category;
	u8 vm_length;
	u16 text_length;
};
_Static_assert(sizeof(struct record) == 24, "records stay 8-byte aligned");
_Static_assert(sizeof(struct record) + LOG_CHAIN_BYTES + LOG_VM_BYTES + LOG_TEXT_BYTES <
		       LOG_SEGMENT_BYTES_MIN,
	       "any line fits a segment");

static struct log_segment *log_store_segment_of(struct log_store *store, u64 number)
{
	return &store->segment[number % store->segment_count];
}

const struct log_segment *log_store_segment(const struct log_store *store, u64 number)
{
	return &store->segment[number % store->segment_count];
}

static u8 *log_store_segment_start(const struct log_store *store, u64 number)
{
	return store->bytes + number % store->segment_count * store->segment_bytes;
}

static void log_store_begin_segment(struct log_store *store, u64 number)
{
	*log_store_segment_of(store, number) =
		(struct log_segment){.first_index = store->next_index};
	store->newest = number;
}

void log_store_init(struct log_store *store, void *bytes, u32 segment_count, u32 segment_bytes,
		    u64 age_ns)
{
	*store = (struct log_store){
		.bytes = bytes,
		.segment_bytes = segment_bytes,
		.segment_count = segment_count,
		.age_ns = age_ns,
		.oldest = 1,
		.next_index = 1,
	};
	log_store_begin_segment(store, 1);
}

void log_store_chain(struct log_store *store)
{
	store->chained = true;
}

static u32 log_store_chain_bytes(const struct log_store *store)
{
	return store->chained ? LOG_CHAIN_BYTES : 0;
}

bool log_store_rotate(struct log_store *store)
{
	if (log_store_segment_of(store, store->newest)->line_count == 0)
		return false;
	if (store->newest + 1 - store->oldest == store->segment_count) {
		store->overwritten_count += log_store_segment_of(store, store->oldest)->line_count;
		store->oldest++;
	}
	log_store_begin_segment(store, store->newest + 1);
	return true;
}

static void log_store_copy_clean(u8 *to, struct text text)
{
	for (size_t i = 0; i < text.length; i++)
		to[i] = char_is_printable(text.start[i]) ? (u8)text.start[i] : '?';
}

static bool log_store_too_old(const struct log_store *store, const struct log_segment *segment,
			      u64 now_ns)
{
	return store->age_ns != 0 && segment->line_count > 0 && now_ns > segment->first_ns &&
	       now_ns - segment->first_ns > store->age_ns;
}

/* Returns the line whose record begins at address `at`. */
static struct log_line log_store_view(const struct log_store *store, const u8 *at)
{
	const struct record *record = (const struct record *)(const void *)at;
	const char *text = (const char *)at + sizeof(*record) + log_store_chain_bytes(store);

	return (struct log_line){
		.sequence = record->sequence,
		.time_ns = record->time_ns,
		.cpu = record->cpu,
		.level = record->level,
		.category = record->category,
		.vm = {text, record->vm_length},
		.text = {text + record->vm_length, record->text_length},
		.chain = store->chained ? at + sizeof(*record) : NULL,
	};
}

void log_store_add(struct log_store *store, const struct log_line *line)
{
	struct text vm = {line->vm.start, MIN(line->vm.length, LOG_VM_BYTES)};
	struct text text = {line->text.start, MIN(line->text.length, LOG_TEXT_BYTES)};
	u32 before = sizeof(struct record) + log_store_chain_bytes(store);
	u32 bytes = (u32)align_up(before + vm.length + text.length, 8);
	struct log_segment *segment = log_store_segment_of(store, store->newest);
	struct record record = {
		.sequence = line->sequence,
		.time_ns = line->time_ns,
		.bytes = (u16)bytes,
		.cpu = line->cpu,
		.level = line->level,
		.category = line->category,
		.vm_length = (u8)vm.length,
		.text_length = (u16)text.length,
	};
	u8 *to;

	if (segment->bytes + bytes > store->segment_bytes ||
	    log_store_too_old(store, segment, line->time_ns))
		log_store_rotate(store);
	segment = log_store_segment_of(store, store->newest);
	to = log_store_segment_start(store, store->newest) + segment->bytes;
	memcpy(to, &record, sizeof(record));
	log_store_copy_clean(to + before, vm);
	log_store_copy_clean(to + before + vm.length, text);
	if (store->chained) {
		struct log_line kept = log_store_view(store, to);

		log_chain_add(store->chain, &kept);
		memcpy(to + sizeof(record), store->chain, LOG_CHAIN_BYTES);
	}
	if (segment->line_count++ == 0)
		segment->first_ns = line->time_ns;
	segment->last_ns = line->time_ns;
	segment->bytes += bytes;
	store->next_index++;
	store->added_bytes += bytes;
}

u64 log_store_catch_up(const struct log_store *store, struct log_cursor *cursor)
{
	u64 first_index = log_store_segment(store, store->oldest)->first_index;
	u64 lost = 0;

	if (cursor->segment >= store->oldest)
		return 0;
	if (cursor->index != 0)
		lost = first_index - cursor->index;
	*cursor = (struct log_cursor){.index = first_index, .segment = store->oldest};
	return lost;
}

bool log_store_next(const struct log_store *store, struct log_cursor *cursor, struct log_line *line)
{
	const u8 *at;

	log_store_catch_up(store, cursor);
	if (cursor->index >= store->next_index)
		return false;
	while (cursor->position == log_store_segment(store, cursor->segment)->bytes) {
		cursor->segment++;
		cursor->position = 0;
	}
	at = log_store_segment_start(store, cursor->segment) + cursor->position;
	*line = log_store_view(store, at);
	cursor->index++;
	cursor->position += ((const struct record *)(const void *)at)->bytes;
	return true;
}

void log_store_clear(struct log_store *store)
{
	log_store_begin_segment(store, store->newest + 1);
	store->oldest = store->newest;
}

u64 log_store_line_count(const struct log_store *store)
{
	return store->next_index - log_store_segment(store, store->oldest)->first_index;
}

u64 log_store_bytes(const struct log_store *store)
{
	u64 bytes = 0;

	for (u64 i = store->oldest; i <= store->newest; i++)
		bytes += log_store_segment(store, i)->bytes;
	return bytes;
}
