/* SPDX-License-Identifier: MIT */
/* The format of saved states: what is written is read, and nothing else is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "lib/string.h"
#include "vmm/monitor/state/list.h"
#include "vmm/monitor/state/record.c"
#include "vmm/rt/crc32c.h"
#include "vmm/rt/format.h"

static u64 state_bytes[128];
static size_t used;
static struct state_problem problem;

static void write_two(void)
{
	struct state_writer writer;
	u8 *body;

	assert_int_equal(
		state_begin(&writer, state_bytes, sizeof(state_bytes), "alpha", STATE_VENDOR_SVM),
		STATUS_OK);
	body = state_body(&writer, STATE_PIT, 0, 3, 5);
	memcpy(body, "12345", 5);
	state_seal(&writer);
	body = state_body(&writer, 77 | STATE_SKIPPABLE, 2, 1, 8);
	memcpy(body, "12345678", 8);
	state_seal(&writer);
	assert_int_equal(state_finish(&writer), STATUS_OK);
	used = writer.used;
}

static void checksum(void **state)
{
	u8 rising[32];
	u32 by_bytes = 0;

	(void)state;
	assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283); /* RFC 3720's CRC32C */
	assert_int_equal(crc32c(crc32c(0, "1234", 4), "56789", 5), 0xe3069283);
	/* by the table, and in words by the CPU where it can */
	for (u32 i = 0; i < sizeof(rising); i++) {
		rising[i] = (u8)i;
		by_bytes = crc32c(by_bytes, &rising[i], 1);
	}
	assert_int_equal(by_bytes, 0x46dd794e); /* RFC 3720, B.4 */
	assert_int_equal(crc32c(0, rising, sizeof(rising)), by_bytes);
}

static void is_read(void **state)
{
	const struct state_record *record;

	(void)state;
	write_two();
	assert_true(state_parse(state_bytes, used, &problem));
	assert_string_equal(((const struct state_header *)state_bytes)->name, "alpha");
	record = state_find(state_bytes, STATE_PIT, 0);
	assert_non_null(record);
	assert_int_equal(record->version, 3);
	assert_memory_equal(record + 1, "12345\0\0", 8);
	assert_null(state_find(state_bytes, STATE_PIT, 1));
	record = state_next(state_next(state_first(state_bytes)));
	assert_int_equal(record->type, STATE_END);
	assert_null(state_next(record));
}

static void every_byte_counts(void **state)
{
	(void)state;
	write_two();
	for (size_t i = 0; i < used; i++) {
		((u8 *)state_bytes)[i] ^= 0x10;
		if (state_parse(state_bytes, used, &problem))
			fail_msg("byte %zu may be another", i);
		((u8 *)state_bytes)[i] ^= 0x10;
	}
	for (size_t size = 0; size < used; size++)
		if (state_parse(state_bytes, size, &problem))
			fail_msg("%zu bytes are enough", size);
	assert_false(state_parse(state_bytes, used + 8, &problem));
	assert_int_equal(problem.fault, STATE_SURPLUS);
	assert_true(state_parse(state_bytes, used, &problem));
}

static struct state_record *record_at(u32 number)
{
	const struct state_record *record = state_first(state_bytes);

	while (number-- > 0)
		record = state_next(record);
	return (struct state_record *)(uintptr_t)record;
}

static void seal(struct state_record *record)
{
	record->check = record_check(record, state_record_bytes(record->length));
}

static void expect(enum state_fault fault, u32 record, const char *text)
{
	char shown[128];

	assert_false(state_parse(state_bytes, used, &problem));
	state_problem_text(&problem, shown, sizeof(shown));
	assert_string_equal(shown, text);
	assert_int_equal(problem.fault, fault);
	assert_int_equal(problem.record, record);
}

static void well_sealed_nonsense(void **state)
{
	struct state_header *header = (void *)state_bytes;

	(void)state;
	write_two();
	record_at(1)->sequence = 2;
	seal(record_at(1));
	expect(STATE_OUT_OF_ORDER, 1, "record 1 (unknown 2): records are out of order");
	write_two();
	record_at(0)->reserved = 1;
	seal(record_at(0));
	expect(STATE_NOT_ZERO, 0, "record 0 (pit 0): a reserved field is in use");
	write_two();
	((u8 *)(record_at(0) + 1))[5] = 1; /* a byte behind the body */
	seal(record_at(0));
	expect(STATE_NOT_ZERO, 0, "record 0 (pit 0): a reserved field is in use");
	write_two();
	record_at(0)->length = ~0u;
	expect(STATE_TOO_LONG, 0, "record 0 (pit 0): it is longer than a record may be");
	write_two();
	((struct state_end *)(record_at(2) + 1))->record_count++;
	seal(record_at(2));
	expect(STATE_BAD_END, 2, "record 2 (end 0): it does not agree with what comes before it");
	write_two();
	header->major++;
	header->check = state_header_check(*header);
	expect(STATE_OTHER_MAJOR, ~0u, "header: format: it is 2, but has to be 1");
	write_two();
	header->name[8] = 'x';
	header->check = state_header_check(*header);
	expect(STATE_NOT_ZERO, ~0u, "header: a reserved field is in use");
	write_two();
	header->flags = 1;
	header->check = state_header_check(*header);
	expect(STATE_NOT_ZERO, ~0u, "header: a reserved field is in use");
}

/* A list of one section, five bytes. */
static u8 owned[5];
static u16 list_version = 3;

static void save_owned(const void *owner, void *bytes)
{
	memcpy(bytes, owner, sizeof(owned));
}

static bool owned_valid(const void *owner, const void *bytes, const char **reason)
{
	(void)owner;
	*reason = "it does not begin with 1";
	return *(const u8 *)bytes == '1';
}

static void load_owned(void *owner, const void *bytes)
{
	memcpy(owner, bytes, sizeof(owned));
}

static bool list_at(void *owner, u32 index, struct state_section *section)
{
	*section = (struct state_section){
		.name = "pit",
		.kind = index == 0 ? 0 : STATE_PIT,
		.version = list_version,
		.bytes = sizeof(owned),
		.owner = owner,
		.save = save_owned,
		.valid = owned_valid,
		.load = load_owned,
	};
	return index < 2;
}

static const struct state_list list = {owned, list_at};

static void refuses(const char *text)
{
	char shown[128];

	memset(owned, 0, sizeof(owned));
	assert_false(state_list_load(&list, STATE_VENDOR_SVM, state_bytes, used, &problem));
	state_problem_text(&problem, shown, sizeof(shown));
	assert_string_equal(shown, text);
	assert_int_equal(owned[0], 0);
}

static void lists(void **state)
{
	(void)state;
	write_two(); /* two records, and one that is to be skipped */
	assert_true(state_list_load(&list, STATE_VENDOR_SVM, state_bytes, used, &problem));
	assert_memory_equal(owned, "12345", 5);
	list_version = 4;
	refuses("record 0 (pit 0): version: it is 3, but has to be 4");
	list_version = 3;
	record_at(1)->type &= ~STATE_SKIPPABLE;
	seal(record_at(1));
	refuses("record 2 (end 0): it does not agree with what comes before it");
	((struct state_end *)(record_at(2) + 1))->check =
		crc32c(0, state_bytes, (size_t)((u8 *)record_at(2) - (u8 *)state_bytes));
	seal(record_at(2));
	refuses("record 1 (unknown 2): the machine has no place for it");

	memcpy(owned, "1abcd", 5);
	assert_int_equal(state_list_save(&list, "", STATE_VENDOR_SVM, state_bytes,
					 sizeof(state_bytes), &used),
			 STATUS_OK);
	assert_true(state_list_load(&list, STATE_VENDOR_SVM, state_bytes, used, &problem));
	owned[0] = '2';
	assert_int_equal(state_list_save(&list, "", STATE_VENDOR_SVM, state_bytes,
					 sizeof(state_bytes), &used),
			 STATUS_OK);
	refuses("record 0 (pit 0): it does not begin with 1");
	assert_int_equal(state_list_save(&list, "", STATE_VENDOR_SVM, state_bytes, used - 1, &used),
			 STATUS_TOO_BIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(checksum),
		cmocka_unit_test(is_read),
		cmocka_unit_test(every_byte_counts),
		cmocka_unit_test(well_sealed_nonsense),
		cmocka_unit_test(lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
