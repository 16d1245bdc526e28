/* SPDX-License-Identifier: MIT */
/* Saves on disks: what is written is read with its key; changed, cut, moved, spliced it is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/chacha20.h"
#include "lib/string.h"
#include "vmm/monitor/state/stream.c"
#include "vmm/rt/crypto/chacha20_poly1305.h"
#include "vmm/rt/crypto/hkdf.h"
#include "vmm/rt/crypto/hmac.h"
#include "vmm/rt/crypto/poly1305.h"
#include "vmm/rt/crypto/secret.h"
#include "vmm/rt/crypto/sha256.h"
#include "tests/unit/vmm/monitor/state/golden.h"
#include "vmm/rt/format.h"

#define RAM_BYTES (64ull * PAGE_SIZE)
#define RECORDS	  5u

static const u8 secret[CHACHA20_KEY_BYTES] = "thirty-two bytes that are secret";

/* A save: state in two records, two pages in one, the end. Each record has room of its own. */
struct save {
	struct stream_header header;
	struct stream stream;
	u32 taken[RECORDS];
	u8 bytes[RECORDS][STREAM_RECORD_LIMIT] ALIGNED(8);
};

static struct save one, other, copy;

/* Returns the key of a save, another one for each salt, as the manager makes them. */
static const u8 *key_of(const struct stream_header *header)
{
	static u8 key[CHACHA20_KEY_BYTES];

	memcpy(key, secret, sizeof(key));
	key[0] ^= header->salt[0];
	return key;
}

static struct stream_record *record_of(struct save *save, u32 number)
{
	return (struct stream_record *)(void *)save->bytes[number];
}

static void put_state(struct save *save, u32 number, u8 fill, u32 length)
{
	memset(record_of(save, number) + 1, fill, length);
	save->taken[number] =
		stream_seal(&save->stream, STREAM_STATE, record_of(save, number), length);
}

/* Writes a record with the numbers of two pages, and the length of one that has `pages`. */
static void put_ram(struct save *save, u32 number, u32 count, u32 first, u32 second, u32 pages)
{
	struct stream_ram *ram = (struct stream_ram *)(void *)(record_of(save, number) + 1);

	memset(ram, 0, offsetof(struct stream_ram, bytes));
	ram->count = count;
	ram->page[0] = first;
	ram->page[1] = second;
	memset(ram->bytes, 0x77, pages * PAGE_SIZE);
	save->taken[number] = stream_seal(&save->stream, STREAM_RAM, record_of(save, number),
					  stream_ram_bytes(pages));
}

/* Says `count`, and has as many bytes as `length` of them take. */
static void put_disks(struct save *save, u32 number, u64 count, u64 length)
{
	struct stream_disks *disks = (struct stream_disks *)(void *)(record_of(save, number) + 1);

	memset(disks, 0, sizeof(*disks));
	disks->count = count;
	memcpy(disks->disk[0].name, "data", 4);
	save->taken[number] = stream_seal(&save->stream, STREAM_DISKS, record_of(save, number),
					  stream_disks_bytes(length));
}

static void begin(struct save *save, u8 salt)
{
	u8 salts[STREAM_SALT_BYTES];

	memset(salts, salt, sizeof(salts));
	stream_header_make(&save->header, "alpha", RAM_BYTES, salts);
	stream_open(&save->stream, &save->header, key_of(&save->header));
}

static void write_save(struct save *save, u8 salt)
{
	begin(save, salt);
	put_state(save, 0, 'a', STREAM_BODY_MAX);
	put_state(save, 1, 'b', 100);
	put_ram(save, 2, 2, 3, 63, 2);
	save->taken[3] = stream_seal_end(&save->stream, record_of(save, 3));
}

/* The first `count` records: the text of the first fault, "" for none. */
static const char *read_save(struct save *save, u32 count)
{
	static char text[128];
	struct stream stream;

	stream_open(&stream, &save->header, key_of(&save->header));
	for (u32 i = 0; i < count; i++) {
		enum stream_fault fault =
			stream_unseal(&stream, record_of(save, i), save->taken[i]);

		if (fault == STREAM_FINE)
			continue;
		stream_fault_text(&stream, fault, text, sizeof(text));
		return text;
	}
	return "";
}

static void is_read(void **state)
{
	const struct stream_ram *ram = (const void *)(record_of(&copy, 2) + 1);

	(void)state;
	write_save(&one, 1);
	copy = one;
	assert_int_equal(stream_header_fault(&copy.header), STREAM_FINE);
	assert_int_equal(copy.taken[0], STREAM_RECORD_LIMIT);
	assert_int_equal(copy.taken[1], STREAM_BLOCK_BYTES);
	assert_int_equal(copy.taken[2], 3 * STREAM_BLOCK_BYTES);
	assert_string_equal(read_save(&copy, 4), "");
	assert_int_equal(copy.bytes[0][sizeof(struct stream_record)], 'a');
	assert_int_equal(copy.bytes[1][sizeof(struct stream_record) + 99], 'b');
	assert_int_equal(ram->count, 2);
	assert_int_equal(ram->page[1], 63);
	assert_int_equal(ram->bytes[1][PAGE_SIZE - 1], 0x77);
	/* on the disk the body is something else, and another one in each save */
	write_save(&other, 2);
	assert_memory_not_equal(one.bytes[1] + 32, "bbbbbbbb", 8);
	assert_memory_not_equal(one.bytes[1] + 32, other.bytes[1] + 32, 100);
}

/* A byte in each place of what counts, in the header and in each record. */
static void every_byte_counts(void **state)
{
	(void)state;
	write_save(&one, 1);
	for (size_t i = 0; i < sizeof(one.header); i++) {
		copy = one;
		((u8 *)&copy.header)[i] ^= 4;
		if (stream_header_fault(&copy.header) == STREAM_FINE &&
		    read_save(&copy, 1)[0] == '\0')
			fail_msg("byte %zu of the header may be another", i);
	}
	for (u32 record = 0; record < 4; record++) {
		for (size_t i = 0; i < one.taken[record]; i += i < 64 ? 1 : 509) {
			copy = one;
			copy.bytes[record][i] ^= 4;
			if (read_save(&copy, 4)[0] == '\0')
				fail_msg("byte %zu of record %u may be another", i, record);
		}
	}
}

static void check_read(u32 count, const char *text)
{
	assert_string_equal(read_save(&copy, count), text);
}

static void swap(u32 a, u32 b)
{
	memcpy(copy.bytes[a], one.bytes[b], STREAM_RECORD_LIMIT);
	memcpy(copy.bytes[b], one.bytes[a], STREAM_RECORD_LIMIT);
	copy.taken[a] = one.taken[b];
	copy.taken[b] = one.taken[a];
}

static void whole_records(void **state)
{
	(void)state;
	write_save(&one, 1);
	write_save(&other, 2);
	copy = one;
	swap(0, 1);
	check_read(4, "record 0: another record lies there");
	/* with the number that belongs there, too */
	record_of(&copy, 0)->sequence = 0;
	check_read(4, "record 0: it was saved with another key, or changed");
	copy = one; /* a record is repeated */
	memcpy(copy.bytes[1], one.bytes[0], STREAM_RECORD_LIMIT);
	copy.taken[1] = one.taken[0];
	check_read(4, "record 1: another record lies there");
	copy = one; /* a record is left out */
	memcpy(copy.bytes[2], one.bytes[3], STREAM_RECORD_LIMIT);
	copy.taken[2] = one.taken[3];
	check_read(3, "record 2: another record lies there");
	copy = one; /* a record of another save with the same key */
	memcpy(copy.bytes[1], other.bytes[1], STREAM_RECORD_LIMIT);
	check_read(4, "record 1: it was changed");
	copy = one; /* with the other save's header */
	copy.header = other.header;
	check_read(4, "record 0: it was saved with another key, or changed");
	copy = one;
	copy.taken[2] = STREAM_BLOCK_BYTES;
	check_read(4, "record 2: the save ends within it");
	copy = one;
	copy.taken[2] = 31;
	check_read(4, "record 2: the save ends within it");
	copy = one;
	record_of(&copy, 1)->length = ~0u;
	check_read(4, "record 1: it is longer than a record may be");
	copy = one;
	copy.bytes[1][4095] = 1;
	check_read(4, "record 1: its padding is not zero");
	copy = one; /* the record reaches beyond the save's end */
	memcpy(copy.bytes[4], one.bytes[3], STREAM_RECORD_LIMIT);
	copy.taken[4] = one.taken[3];
	check_read(5, "record 4: another record lies there");
}

static void another_key(void **state)
{
	u8 wrong[CHACHA20_KEY_BYTES];
	struct stream stream;

	(void)state;
	write_save(&one, 1);
	for (u32 bit = 0; bit < 8 * sizeof(wrong); bit++) {
		memcpy(wrong, key_of(&one.header), sizeof(wrong));
		wrong[bit / 8] ^= (u8)(1 << bit % 8);
		copy = one;
		stream_open(&stream, &copy.header, wrong);
		assert_int_equal(stream_unseal(&stream, record_of(&copy, 1), copy.taken[1]),
				 STREAM_OUT_OF_ORDER);
		assert_int_equal(stream_unseal(&stream, record_of(&copy, 0), copy.taken[0]),
				 STREAM_CHANGED);
	}
}

/* Checks records in their right places, sealed with the right key. */
static void check_ram(u32 count, u32 first, u32 second, u32 pages, const char *text)
{
	begin(&copy, 3);
	put_state(&copy, 0, 0, 8);
	put_ram(&copy, 1, count, first, second, pages);
	check_read(2, text);
}

static void well_sealed_nonsense(void **state)
{
	static const char bad[] = "record 1: its pages lie outside this RAM, or come twice";
	struct stream_end *end = (struct stream_end *)(void *)(record_of(&copy, 1) + 1);

	(void)state;
	check_ram(2, 0, 63, 2, "");
	check_ram(0, 0, 0, 0, bad);
	check_ram(2, 0, 64, 2, bad);
	check_ram(2, 5, 5, 2, bad);
	check_ram(2, 5, 4, 2, bad);
	check_ram(1, 5, 6, 1, bad);
	check_ram(2, 5, 6, 1, bad);
	check_ram(16, 5, 6, 2, bad);
	check_ram(~0u, 5, 6, 2, bad);
	begin(&copy, 3);
	put_state(&copy, 0, 0, 8);
	put_ram(&copy, 1, 2, 5, 6, 2);
	put_ram(&copy, 2, 1, 6, 0, 1);
	check_read(3, "record 2: its pages lie outside this RAM, or come twice");
	begin(&copy, 3);
	put_state(&copy, 0, 0, 8);
	*end = (struct stream_end){3, 0};
	copy.taken[1] = stream_seal(&copy.stream, STREAM_END, record_of(&copy, 1), sizeof(*end));
	check_read(2, "record 1: it does not agree with what comes before it");
	begin(&copy, 3);
	put_state(&copy, 0, 0, 8);
	*end = (struct stream_end){2, 1};
	copy.taken[1] = stream_seal(&copy.stream, STREAM_END, record_of(&copy, 1), sizeof(*end));
	check_read(2, "record 1: it does not agree with what comes before it");
	begin(&copy, 3);
	put_state(&copy, 0, 0, 8);
	copy.taken[1] = stream_seal(&copy.stream, STREAM_STATE + 7, record_of(&copy, 1), 8);
	check_read(2, "record 1: no record of its type belongs there");
	for (u32 i = 0; i < 4; i++) {
		static const u64 counts[][2] = {{0, 0}, {1, 2}, {17, 17}, {~0ull, 1}};

		begin(&copy, 3);
		put_state(&copy, 0, 0, 8);
		put_disks(&copy, 1, counts[i][0], counts[i][1]);
		check_read(2, "record 1: its list of disks is impossible");
	}
	begin(&copy, 3);
	put_disks(&copy, 0, 1, 1);
	check_read(1, "record 0: no record of its type belongs there");
	begin(&copy, 3);
	put_state(&copy, 0, 0, 8);
	put_disks(&copy, 1, 1, 1);
	put_disks(&copy, 2, 1, 1);
	check_read(3, "record 2: no record of its type belongs there");
	begin(&copy, 3);
	copy.taken[0] = stream_seal_end(&copy.stream, record_of(&copy, 0));
	check_read(1, "record 0: no record of its type belongs there");
	begin(&copy, 3);
	put_state(&copy, 0, 0, 8);
	copy.taken[1] = stream_seal_end(&copy.stream, record_of(&copy, 1));
	put_state(&copy, 2, 0, 8);
	check_read(3, "record 2: no record of its type belongs there");
}

static void headers(void **state)
{
	static u8 block[STREAM_BLOCK_BYTES];
	static const u8 salt[STREAM_SALT_BYTES] = {1};
	struct stream_header header;
	char text[96];

	(void)state;
	assert_true(stream_may_overwrite(block));
	block[STREAM_BLOCK_BYTES - 1] = 1;
	assert_false(stream_may_overwrite(block));
	stream_header_make(&header, "a name that is longer than 31 bytes", RAM_BYTES, salt);
	assert_string_equal(header.name, "a name that is longer than 31 b");
	assert_int_equal(stream_header_fault(&header), STREAM_FINE);
	memcpy(block, &header, sizeof(header));
	assert_true(stream_may_overwrite(block));
	header.version = 1;
	assert_int_equal(stream_header_fault(&header), STREAM_OTHER_VERSION);
	stream_fault_text(NULL, STREAM_OTHER_VERSION, text, sizeof(text));
	assert_string_equal(text, "header: another version of Skerry saved it, and can restore it");
	header.version = STREAM_VERSION;
	header.ram_bytes++;
	assert_int_equal(stream_header_fault(&header), STREAM_BAD_HEADER);
	header.ram_bytes = 1ull << 45;
	assert_int_equal(stream_header_fault(&header), STREAM_BAD_HEADER);
	header.magic[0] = 's';
	assert_int_equal(stream_header_fault(&header), STREAM_NO_SAVE);
}

/* Version 2: a change of a byte that it writes, or no longer reads, needs another version. */
static void golden(void **state)
{
	static u8 bytes[5 * STREAM_BLOCK_BYTES], file[5 * STREAM_BLOCK_BYTES];
	size_t at = STREAM_BLOCK_BYTES;

	(void)state;
	begin(&one, 1);
	put_state(&one, 0, 's', 1000);
	put_ram(&one, 1, 1, 3, 0, 1);
	one.taken[2] = stream_seal_end(&one.stream, record_of(&one, 2));
	memcpy(bytes, &one.header, sizeof(one.header));
	for (u32 i = 0; i < 3; at += one.taken[i++])
		memcpy(bytes + at, one.bytes[i], one.taken[i]);
	assert_int_equal(at, sizeof(bytes));
	assert_true(golden_is("tests/unit/golden/save_2.bin", bytes, sizeof(bytes), file));
	memcpy(&copy.header, file, sizeof(copy.header));
	assert_int_equal(stream_header_fault(&copy.header), STREAM_FINE);
	at = STREAM_BLOCK_BYTES;
	for (u32 i = 0; i < 3; at += copy.taken[i++]) {
		copy.taken[i] = one.taken[i];
		memcpy(copy.bytes[i], file + at, copy.taken[i]);
	}
	assert_string_equal(read_save(&copy, 3), "");
	assert_int_equal(copy.bytes[0][sizeof(struct stream_record) + 999], 's');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_read),
		cmocka_unit_test(every_byte_counts),
		cmocka_unit_test(whole_records),
		cmocka_unit_test(another_key),
		cmocka_unit_test(well_sealed_nonsense),
		cmocka_unit_test(headers),
		cmocka_unit_test(golden),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
