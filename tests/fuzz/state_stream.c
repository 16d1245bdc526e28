/* SPDX-License-Identifier: MIT */
/*
 * Saves on disks: records of any content in any order, changed or not before they are read. What
 * is changed is refused; what is sealed with the right key stays within its bounds.
 */
/* Counted elsewhere: vmm/rt/crypto/hmac.c */
#include "tests/fuzz/fuzz.h"

#include "lib/chacha20.c"
#include "lib/string.c"
#include "vmm/monitor/state/stream.c"
#include "vmm/rt/crypto/chacha20_poly1305.c"
#include "vmm/rt/crypto/hkdf.c"
#include "vmm/rt/crypto/hmac.c"
#include "vmm/rt/crypto/poly1305.c"
#include "vmm/rt/crypto/secret.c"
#include "vmm/rt/crypto/sha256.c"
#include "vmm/rt/format.c"

#define RAM_PAGES 64u

static u8 room[STREAM_RECORD_LIMIT] ALIGNED(8);
static u8 seen[RAM_PAGES];

/*
 * Checks that each page comes once and belongs to this RAM, and that there are as many pages as the
 * record says.
 */
static void check_pages(const struct stream_record *record)
{
	const struct stream_ram *ram = (const void *)(record + 1);

	CHECK_THAT(record->length == stream_ram_bytes(ram->count));
	for (u32 i = 0; i < ram->count; i++) {
		CHECK_THAT(ram->page[i] < RAM_PAGES && !seen[ram->page[i]]);
		seen[ram->page[i]] = 1;
	}
}

/* Makes a record of the input by the writer; returns the record's length. */
static u32 make_record(struct fuzz *fuzz, struct stream *writer)
{
	struct stream_record *record = (struct stream_record *)(void *)room;
	struct stream_ram *ram = (struct stream_ram *)(void *)(record + 1);
	u8 shape = fuzz_u8(fuzz);
	u32 count = fuzz_u8(fuzz) % (STREAM_RAM_PAGES + 1);

	memset(room, 0, sizeof(room));
	if (shape % 4 == STREAM_END && shape < 128)
		return stream_seal_end(writer, record);
	ram->count = shape < 192 ? count : fuzz_u32(fuzz);
	for (u32 i = 0; i < STREAM_RAM_PAGES; i++)
		ram->page[i] = i < count || shape >= 224 ? fuzz_u8(fuzz) % (RAM_PAGES + 1) : 0;
	if (shape % 4 == STREAM_RAM)
		return stream_seal(writer, STREAM_RAM, record, stream_ram_bytes(count));
	if (shape % 16 == STREAM_DISKS)
		return stream_seal(writer, STREAM_DISKS, record, stream_disks_bytes(count));
	return stream_seal(writer, (enum stream_type)(shape % 8), record,
			   (u32)fuzz_number(fuzz) % (STREAM_BODY_MAX + 1));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static const u8 secret[CHACHA20_KEY_BYTES] = {1};
	struct fuzz input = {bytes, size};
	struct stream writer, reader;
	struct stream_header header;
	char text[128];

	memset(seen, 0, sizeof(seen));
	stream_header_make(&header, "alpha", RAM_PAGES * PAGE_SIZE, secret);
	stream_open(&writer, &header, secret);
	if (fuzz_u8(&input) % 8 == 0) {
		fuzz_take(&input, &header, sizeof(header));
		if (stream_header_fault(&header) != STREAM_FINE)
			return 0;
	}
	stream_open(&reader, &header, secret);
	while (input.left > 0) {
		u32 taken = make_record(&input, &writer);
		u32 place = fuzz_u32(&input);
		bool changed = place % 4 == 0;
		u8 *copy = malloc(taken);
		enum stream_fault fault;

		memcpy(copy, room, taken);
		if (changed)
			copy[place / 4 % taken] ^= (u8)(1 | fuzz_u8(&input));
		fault = stream_unseal(&reader, (void *)copy, taken);
		CHECK_THAT(!changed || fault != STREAM_FINE);
		if (fault == STREAM_FINE && ((struct stream_record *)copy)->type == STREAM_RAM)
			check_pages((void *)copy);
		stream_fault_text(&reader, fault, text, sizeof(text));
		CHECK_THAT(text[0] != '\0' && strlen(text) < sizeof(text) - 1);
		free(copy);
		if (fault != STREAM_FINE)
			break;
	}
	return 0;
}
