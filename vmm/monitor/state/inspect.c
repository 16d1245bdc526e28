/* SPDX-License-Identifier: MIT */
/*
 * Lists the fields of a VM's state by name, read from the bytes that a save would write. Called by
 * query.c; saves into memory of its own and changes nothing of the VM.
 */
#include "vmm/monitor/state/inspect.h"

#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/monitor/state/fields.h"
#include "vmm/monitor/state/machine_state.h"
#include "vmm/monitor/virtio/virtio_blk.h"
#include "vmm/monitor/virtio/virtio_net.h"
#include "vmm/rt/format.h"
#include "vmm/rt/memory.h"

#define SECTION_MAX (128 * KIB)
/*
 * a question's address: the section's number from this bit on, the field's number in the bits below
 */
#define SECTION_SHIFT 32u
_Static_assert(sizeof(struct virtio_scsi_state) <= SECTION_MAX &&
		       sizeof(struct virtio_net_state) <= SECTION_MAX,
	       "the largest sections fit");

/* The progress of copying a section's fields into the answer to a question. */
struct walk_fields {
	struct query_state *answer;
	u64 skip;   /* the number of the section's fields that earlier answers had */
	u64 number; /* number of the next field in its section */
	bool full;
	char path[sizeof(((struct query_field *)0)->path)];
};

static void state_put_value(struct walk_fields *walk, const struct state_field *field,
			    const char *path, const u8 *bytes, u32 count)
{
	struct query_field *to;

	if (walk->full || walk->number++ < walk->skip)
		return;
	if (walk->answer->count == QUERY_FIELDS_MAX) {
		walk->number--;
		walk->full = true;
		return;
	}
	to = &walk->answer->field[walk->answer->count++];
	*to = (struct query_field){.kind = field->kind, .bytes = count};
	format(to->path, sizeof(to->path), "%s", path);
	memcpy(to->value, bytes, count);
}

/*
 * Puts a field that is an array of bytes into the answer in rows, each under the number of its
 * first byte.
 */
static void state_put_bytes(struct walk_fields *walk, const struct state_field *field,
			    const char *path, const u8 *bytes)
{
	char row[sizeof(walk->path)];

	for (u32 at = 0; at < field->count; at += QUERY_FIELD_BYTES) {
		format(row, sizeof(row), "%s[%u]", path, at);
		state_put_value(walk, field, row, bytes + at,
				MIN(field->count - at, QUERY_FIELD_BYTES));
	}
}

static void state_put_fields(struct walk_fields *walk, const struct state_fields *fields,
			     const char *prefix, const u8 *bytes);

static void state_put_field(struct walk_fields *walk, const struct state_field *field,
			    const char *prefix, const u8 *bytes)
{
	char path[sizeof(walk->path)];

	if (field->kind == FIELD_BYTES) {
		format(path, sizeof(path), "%s.%s", prefix, field->name);
		state_put_bytes(walk, field, path, bytes);
		return;
	}
	for (u32 i = 0; i < field->count && !walk->full; i++) {
		const u8 *one = bytes + (size_t)i * field->width;

		if (field->count > 1)
			format(path, sizeof(path), "%s.%s[%u]", prefix, field->name, i);
		else
			format(path, sizeof(path), "%s.%s", prefix, field->name);
		if (field->inner != NULL)
			state_put_fields(walk, field->inner, path, one);
		else
			state_put_value(walk, field, path, one, field->width);
	}
}

/* Puts a struct's fields into the answer, as deep as the tables nest structs: three levels. */
static void state_put_fields(struct walk_fields *walk, const struct state_fields *fields,
			     const char *prefix, const u8 *bytes)
{
	for (u32 i = 0; i < fields->count && !walk->full; i++)
		state_put_field(walk, &fields->field[i], prefix, bytes + fields->field[i].offset);
}

/*
 * Returns the buffer for the bytes of a state section. The buffer is allocated at the first
 * question and kept. NULL: there is no memory.
 */
static u8 *state_section_buffer(struct machine *machine)
{
	handle_t memory;
	u64 address;

	if (machine->section != NULL)
		return machine->section;
	if (memory_take(SECTION_MAX, 0, &memory, &address) != STATUS_OK)
		return NULL;
	sys_handle_close(memory);
	machine->section = (u8 *)(uintptr_t)address;
	return machine->section;
}

static bool state_is_asked_for(const struct state_section *section, const struct query *query)
{
	const u64 name[2] = {query->run, query->step};
	const char *kind = state_kind_name(section->kind);
	char wanted[QUERY_SECTION_NAME + 1] = {0};

	memcpy(wanted, name, QUERY_SECTION_NAME);
	return wanted[0] == '\0' || string_equal(wanted, kind);
}

static void state_put_section(struct walk_fields *walk, struct machine *machine,
			      const struct state_section *section, u8 *buffer)
{
	const struct state_fields *fields = state_fields_of(section->kind);

	if (fields == NULL || section->bytes > SECTION_MAX || fields->bytes > section->bytes)
		return;
	if (section->kind == STATE_VCPU)
		vcpu_need(&machine->vcpu[section->instance], VCPU_ALL & ~(u32)VCPU_EVENT);
	memset(buffer, 0, section->bytes);
	section->save(section->owner, buffer);
	format(walk->path, sizeof(walk->path), "%s.%u", state_kind_name(section->kind),
	       section->instance);
	state_put_fields(walk, fields, walk->path, buffer);
}

enum status state_inspect(struct machine *machine, const struct query *query,
			  struct query_area *area)
{
	struct query_state *answer = (struct query_state *)(void *)area->answer;
	const struct state_choice all = state_choose_all(machine);
	struct walk_fields walk = {.answer = answer, .skip = (u32)query->address};
	struct state_section section;
	u32 index = (u32)(query->address >> SECTION_SHIFT);
	u8 *buffer = state_section_buffer(machine);

	if (buffer == NULL)
		return STATUS_NO_MEMORY;
	if (index != 0 && !state_section_at(machine, &all, index, &section))
		return STATUS_NOT_FOUND;
	*answer = (struct query_state){.next = 0};
	for (; state_section_at(machine, &all, index, &section); index++) {
		walk.number = 0;
		if (state_is_asked_for(&section, query))
			state_put_section(&walk, machine, &section, buffer);
		if (walk.full) {
			answer->next = (u64)index << SECTION_SHIFT | walk.number;
			break;
		}
		walk.skip = 0;
	}
	area->bytes = sizeof(*answer);
	return STATUS_OK;
}
