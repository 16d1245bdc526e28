/* SPDX-License-Identifier: MIT */
/*
 * The record format SKST of saved states: header, records and sums (record.h). Called by list.c,
 * machine_state.c, digest.c and handover.c; checks untrusted bytes.
 */
#include "vmm/monitor/state/record.h"

#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/monitor/state/section_types.h"
#include "vmm/rt/crc32c.h"
#include "vmm/rt/zero.h"

static u32 state_header_check(struct state_header header)
{
	header.check = 0;
	return crc32c(0, &header, sizeof(header));
}

/* Returns the CRC32C of a record that takes `taken` bytes, with 0 in its field `check`. */
static u32 record_check(const struct state_record *record, size_t taken)
{
	struct state_record head = *record;

	head.check = 0;
	return crc32c(crc32c(0, &head, sizeof(head)), record + 1, taken - sizeof(head));
}

enum status state_begin(struct state_writer *writer, void *bytes, size_t size, const char *name,
			enum state_vendor vendor)
{
	struct state_header header = {
		.magic = STATE_MAGIC,
		.major = STATE_MAJOR,
		.minor = STATE_MINOR,
		.vendor = (u16)vendor,
		.record_limit = STATE_RECORD_LIMIT,
	};

	*writer = (struct state_writer){.bytes = bytes, .size = size};
	if (size < sizeof(header))
		return STATUS_TOO_BIG;
	for (u32 i = 0; i < STATE_NAME_BYTES - 1 && name[i] != '\0'; i++)
		header.name[i] = name[i];
	header.check = state_header_check(header);
	memcpy(bytes, &header, sizeof(header));
	writer->used = sizeof(header);
	return STATUS_OK;
}

void *state_body(struct state_writer *writer, u32 type, u16 instance, u16 version, u32 length)
{
	struct state_record *record = (struct state_record *)(void *)(writer->bytes + writer->used);
	u64 needed = state_record_bytes(length);

	if (length > STATE_RECORD_LIMIT || needed > writer->size - writer->used ||
	    writer->sequence >= STATE_RECORDS_MAX)
		return NULL;
	memset(record, 0, needed);
	*record = (struct state_record){.type = type,
					.version = version,
					.instance = instance,
					.length = length,
					.sequence = writer->sequence};
	return record + 1;
}

void state_seal(struct state_writer *writer)
{
	struct state_record *record = (struct state_record *)(void *)(writer->bytes + writer->used);
	size_t taken = state_record_bytes(record->length);

	record->check = record_check(record, taken);
	writer->used += taken;
	writer->sequence++;
}

enum status state_finish(struct state_writer *writer)
{
	struct state_end *end = state_body(writer, STATE_END, 0, 1, sizeof(*end));

	if (end == NULL)
		return STATUS_TOO_BIG;
	end->record_count = writer->sequence + 1;
	end->check = crc32c(0, writer->bytes, writer->used);
	state_seal(writer);
	return STATUS_OK;
}

static enum state_fault state_header_fault(const struct state_header *header, size_t size,
					   struct state_problem *problem)
{
	bool ended = false;

	if (size < sizeof(*header))
		return STATE_SHORT;
	if (header->magic != STATE_MAGIC)
		return STATE_NO_STATE;
	problem->found = header->major;
	problem->wanted = STATE_MAJOR;
	if (header->major != STATE_MAJOR)
		return STATE_OTHER_MAJOR;
	if (header->check != state_header_check(*header))
		return STATE_OTHER_CHECK;
	for (u32 i = 0; i < STATE_NAME_BYTES; i++) {
		if (ended && header->name[i] != '\0')
			return STATE_NOT_ZERO;
		ended |= header->name[i] == '\0';
	}
	if (header->flags != 0 || header->machine != 0 || header->reserved[0] != 0 ||
	    header->reserved[1] != 0 ||
	    !is_zero(header->snapshot, sizeof(*header) - offsetof(struct state_header, snapshot)))
		return STATE_NOT_ZERO;
	return ended && header->record_limit == STATE_RECORD_LIMIT ? STATE_FINE : STATE_TOO_LONG;
}

/*
 * Checks the record number `sequence` at the beginning of bytes[left]: if it has no fault, it lies
 * within those bytes and takes *taken of them.
 */
static enum state_fault record_fault(const u8 *bytes, size_t left, u64 sequence, size_t *taken,
				     struct state_problem *problem)
{
	const struct state_record *record = (const void *)bytes;
	u32 length;

	if (left < sizeof(*record))
		return STATE_SHORT;
	length = record->length;
	problem->type = record->type & ~STATE_SKIPPABLE;
	problem->instance = record->instance;
	problem->found = length;
	problem->wanted = STATE_RECORD_LIMIT;
	if (length > STATE_RECORD_LIMIT || sequence >= STATE_RECORDS_MAX)
		return STATE_TOO_LONG;
	if (length > left - sizeof(*record))
		return STATE_SHORT;
	/*@ split length; */ /* a note to Frama-C: `make verify` splits its proof by this value */
	*taken = state_record_bytes(length);
	if (*taken > left)
		return STATE_SHORT;
	if (record->check != record_check(record, *taken))
		return STATE_OTHER_CHECK;
	if (record->sequence != sequence)
		return STATE_OUT_OF_ORDER;
	if (record->reserved != 0 ||
	    !is_zero(bytes + sizeof(*record) + length, *taken - sizeof(*record) - length))
		return STATE_NOT_ZERO;
	return STATE_FINE;
}

/*
 * Checks the end of the saved state in bytes[size], in which the last record takes the `taken`
 * bytes from `at` on.
 */
static enum state_fault state_end_fault(const u8 *bytes, size_t at, size_t taken, size_t size)
{
	const struct state_record *record = (const void *)(bytes + at);
	const struct state_end *end = (const void *)(record + 1);

	if (taken != state_record_bytes(sizeof(*end)) || record->length != sizeof(*end) ||
	    record->instance != 0 || end->reserved != 0 ||
	    end->record_count != record->sequence + 1 || end->check != crc32c(0, bytes, at))
		return STATE_BAD_END;
	return at + taken == size ? STATE_FINE : STATE_SURPLUS;
}

bool state_parse(const void *bytes, size_t size, struct state_problem *problem)
{
	const u8 *start = bytes;
	size_t at = sizeof(struct state_header);
	size_t taken;

	*problem = (struct state_problem){.record = ~0u};
	problem->fault = state_header_fault(bytes, size, problem);
	for (u32 i = 0; problem->fault == STATE_FINE; i++) {
		/* a note to Frama-C: `make verify` splits its proof by this value */
		/*@ split at; */
		problem->record = i;
		problem->fault = record_fault(start + at, size - at, i, &taken, problem);
		if (problem->fault != STATE_FINE)
			break;
		if (((const struct state_record *)(const void *)(start + at))->type == STATE_END) {
			problem->fault = state_end_fault(start, at, taken, size);
			break;
		}
		at += taken;
	}
	return problem->fault == STATE_FINE;
}

u32 state_sum(const void *bytes, size_t size)
{
	struct state_end end;

	if (size < sizeof(struct state_header) + sizeof(end))
		return 0;
	memcpy(&end, (const u8 *)bytes + size - sizeof(end), sizeof(end));
	return end.check;
}

const struct state_record *state_first(const void *bytes)
{
	return (const void *)((const u8 *)bytes + sizeof(struct state_header));
}

const struct state_record *state_next(const struct state_record *record)
{
	if (record->type == STATE_END)
		return NULL;
	return (const void *)((const u8 *)record + state_record_bytes(record->length));
}

const struct state_record *state_find(const void *bytes, u32 type, u32 instance)
{
	const struct state_record *record = state_first(bytes);

	while (record != NULL && (record->type != type || record->instance != instance))
		record = state_next(record);
	return record;
}
