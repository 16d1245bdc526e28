/* SPDX-License-Identifier: MIT */
/* The tables of fields: every section has one, and it shows all of its struct. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/state_layouts.h"
#include "vmm/monitor/state/fields_device.c"
#include "vmm/monitor/state/fields_machine.c"

#define RESERVED_MAX 9u	 /* bytes that fill up a struct, and what is left for later */
#define UNUSED_MAX   12u /* between two registers of an APIC */

static u32 fields_seen;

static void check_gap(const struct state_fields *fields, u32 from, u32 to)
{
	u32 allowed = fields == &fields_lapic_row ? UNUSED_MAX : RESERVED_MAX;

	if (fields == &fields_lapic_rows) /* registers end with the first KiB of the page */
		return;
	if (to < from || to - from > allowed)
		fail_msg("bytes %u to %u before or after %s are not shown", from, to,
			 fields->field[0].name);
}

static void check_fields(const struct state_fields *fields)
{
	u32 end = 0;

	assert_true(fields->count > 0);
	for (u32 i = 0; i < fields->count; i++) {
		const struct state_field *field = &fields->field[i];

		check_gap(fields, end, field->offset);
		assert_true(field->count > 0 && field->width > 0);
		end = field->offset + field->count * field->width;
		assert_true(end <= fields->bytes);
		fields_seen++;
		if (field->inner != NULL) {
			assert_int_equal(field->inner->bytes, field->width);
			check_fields(field->inner);
		} else {
			assert_true(field->width <= (field->kind == FIELD_BYTES ? 1u : 8u));
		}
	}
	check_gap(fields, end, fields->bytes);
}

static void every_section_shows_all(void **state)
{
	(void)state;
	for (u32 kind = 1; kind < STATE_KIND_COUNT; kind++) {
		const struct state_fields *fields = state_fields_of(kind);

		if (kind == STATE_END)
			continue;
		/* in the CPU's own format, and in the firmware's */
		if (kind == STATE_XSAVE || kind == STATE_FLASH_CONTENT) {
			assert_null(fields);
			continue;
		}
		assert_non_null(fields);
		check_fields(fields);
	}
	assert_true(fields_seen > 200);
	assert_null(state_fields_of(STATE_END));
	assert_null(state_fields_of(~0u));
}

/* A section is as long as the struct that is shown of it. */
static void sizes(void **state)
{
	(void)state;
	assert_int_equal(state_fields_of(STATE_VCPU)->bytes, sizeof(struct vcpu_saved));
	assert_int_equal(state_fields_of(STATE_PIT)->bytes, sizeof(struct pit_state));
	assert_true(state_fields_of(STATE_LAPIC)->bytes <= sizeof(struct lapic_saved));
	assert_int_equal(state_fields_of(STATE_VIRTIO_BLK)->bytes, sizeof(struct virtio_blk_state));
}

static u32 mixed(u32 hash, u32 value)
{
	return (hash ^ value) * 0x01000193u; /* FNV-1a, a word at a time */
}

static u32 layout_hash(u32 hash, const struct state_fields *fields)
{
	hash = mixed(hash, fields->bytes);
	for (u32 i = 0; i < fields->count; i++) {
		const struct state_field *field = &fields->field[i];

		hash = mixed(mixed(mixed(hash, field->offset), field->width), field->count);
		if (field->inner != NULL)
			hash = layout_hash(hash, field->inner);
	}
	return hash;
}

/* A layout is that of its version for ever: states of it have been saved. */
static void layouts_have_versions(void **state)
{
	u32 wrong = 0;

	(void)state;
	for (u32 kind = 1; kind < STATE_KIND_COUNT; kind++) {
		const struct state_fields *fields = state_fields_of(kind);
		u32 hash = fields != NULL ? layout_hash(0x811c9dc5u, fields) : 0;

		if (hash == state_layouts[kind].hash)
			continue;
		print_message("kind %u has another layout than version %u: raise .version, then "
			      "[%u] = {%u, 0x%08x}\n",
			      kind, state_layouts[kind].version, kind,
			      state_layouts[kind].version + 1, hash);
		wrong++;
	}
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_section_shows_all),
		cmocka_unit_test(sizes),
		cmocka_unit_test(layouts_have_versions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
