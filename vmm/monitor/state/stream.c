/* SPDX-License-Identifier: MIT */
/*
 * The sealed stream of a save: header, keys, and encrypted records (stream.h). Called by
 * save_store.c, saver.c and restore.c; trusts nothing of a stream that its key does not confirm.
 */
#include "vmm/monitor/state/stream.h"

#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/rt/crypto/hkdf.h"
#include "vmm/rt/format.h"
#include "vmm/rt/zero.h"

static const char stream_magic[8] = {'S', 'K', 'E', 'R', 'R', 'Y', 'S', 'V'};
/*
 * the purpose for which the key for a disk's sum is derived; the disk's number replaces the
 * question mark
 */
static const char disk_purpose[] = "skerry disk 1 ?";

/* The data that are authenticated with a record besides its body. */
struct about {
	struct stream_header header;
	u32 type;
	u32 length;
	u64 sequence;
};
_Static_assert(sizeof(struct about) == 144, "without padding");

void stream_header_make(struct stream_header *header, const char *name, u64 ram_bytes,
			const u8 salt[STREAM_SALT_BYTES])
{
	*header = (struct stream_header){
		.version = STREAM_VERSION,
		.record_limit = STREAM_RECORD_LIMIT,
		.ram_bytes = ram_bytes,
	};
	memcpy(header->magic, stream_magic, sizeof(stream_magic));
	memcpy(header->name, name, strnlen(name, STREAM_NAME_BYTES - 1));
	memcpy(header->salt, salt, STREAM_SALT_BYTES);
}

enum stream_fault stream_header_fault(const struct stream_header *header)
{
	size_t length = strnlen(header->name, STREAM_NAME_BYTES);

	if (memcmp(header->magic, stream_magic, sizeof(stream_magic)) != 0)
		return STREAM_NO_SAVE;
	if (header->version != STREAM_VERSION)
		return STREAM_OTHER_VERSION;
	if (header->record_limit != STREAM_RECORD_LIMIT || length == STREAM_NAME_BYTES ||
	    !is_zero(header->name + length, STREAM_NAME_BYTES - length) ||
	    !is_zero(header->reserved, sizeof(header->reserved)) ||
	    header->ram_bytes % PAGE_SIZE != 0 || header->ram_bytes / PAGE_SIZE > ~0u)
		return STREAM_BAD_HEADER;
	return STREAM_FINE;
}

bool stream_may_overwrite(const u8 block[STREAM_BLOCK_BYTES])
{
	return memcmp(block, stream_magic, sizeof(stream_magic)) == 0 ||
	       is_zero(block, STREAM_BLOCK_BYTES);
}

void stream_open(struct stream *stream, const struct stream_header *header,
		 const u8 key[CHACHA20_KEY_BYTES])
{
	*stream = (struct stream){.header = *header};
	memcpy(stream->key, key, sizeof(stream->key));
}

void stream_disk_key(const struct stream *stream, u32 number, u8 key[POLY1305_KEY_BYTES])
{
	char purpose[sizeof(disk_purpose)];

	memcpy(purpose, disk_purpose, sizeof(purpose));
	purpose[sizeof(purpose) - 2] = (char)number;
	hkdf(stream->key, sizeof(stream->key), stream->header.salt, sizeof(stream->header.salt),
	     purpose, sizeof(purpose) - 1, key, POLY1305_KEY_BYTES);
}

static struct about stream_about_of(const struct stream *stream, const struct stream_record *record)
{
	return (struct about){stream->header, record->type, record->length, record->sequence};
}

static void stream_make_nonce(u64 sequence, u8 nonce[CHACHA20_NONCE_BYTES])
{
	memset(nonce, 0, CHACHA20_NONCE_BYTES);
	memcpy(nonce, &sequence, sizeof(sequence));
}

u32 stream_seal(struct stream *stream, enum stream_type type, struct stream_record *record,
		u32 length)
{
	u8 *body = (u8 *)(record + 1);
	u32 taken = stream_record_bytes(length);
	u8 nonce[CHACHA20_NONCE_BYTES];
	struct about about;

	*record = (struct stream_record){
		.type = type, .length = length, .sequence = stream->sequence++};
	about = stream_about_of(stream, record);
	stream_make_nonce(record->sequence, nonce);
	chacha20_poly1305_seal(stream->key, nonce, &about, sizeof(about), body, length,
			       record->tag);
	memset(body + length, 0, taken - sizeof(*record) - length);
	if (type == STREAM_RAM)
		stream->page_count += (length - stream_ram_bytes(0)) / PAGE_SIZE;
	return taken;
}

u32 stream_seal_end(struct stream *stream, struct stream_record *record)
{
	struct stream_end *end = (struct stream_end *)(void *)(record + 1);

	*end = (struct stream_end){stream->sequence + 1, stream->page_count};
	return stream_seal(stream, STREAM_END, record, sizeof(*end));
}

/*
 * Returns whether a record of that type may follow one of type `last`. The state comes first, so
 * that it is known to fit before RAM is touched.
 */
static bool stream_may_follow(u32 last, u32 type)
{
	switch (type) {
	case STREAM_STATE:
		return last == 0 || last == STREAM_STATE;
	case STREAM_DISKS:
		return last == STREAM_STATE;
	case STREAM_RAM:
	case STREAM_END:
		return last == STREAM_STATE || last == STREAM_DISKS || last == STREAM_RAM;
	default:
		return false;
	}
}

static enum stream_fault stream_ram_fault(struct stream *stream, const struct stream_ram *ram,
					  u32 length)
{
	if (length < stream_ram_bytes(0) || ram->count == 0 || ram->count > STREAM_RAM_PAGES ||
	    length != stream_ram_bytes(ram->count))
		return STREAM_BAD_PAGES;
	for (u32 i = 0; i < STREAM_RAM_PAGES; i++) {
		if (i >= ram->count && ram->page[i] != 0)
			return STREAM_BAD_PAGES;
		if (i >= ram->count)
			continue;
		if (ram->page[i] < stream->next_page ||
		    ram->page[i] >= stream->header.ram_bytes / PAGE_SIZE)
			return STREAM_BAD_PAGES;
		stream->next_page = (u64)ram->page[i] + 1;
	}
	stream->page_count += ram->count;
	return STREAM_FINE;
}

static enum stream_fault stream_disks_fault(const struct stream_disks *disks, u32 length)
{
	if (length < stream_disks_bytes(0) || disks->count == 0 || disks->count > STREAM_DISK_MAX ||
	    length != stream_disks_bytes(disks->count))
		return STREAM_BAD_DISKS;
	for (u64 i = 0; i < disks->count; i++) {
		if (strnlen(disks->disk[i].name, STREAM_NAME_BYTES) == STREAM_NAME_BYTES ||
		    !is_zero(disks->disk[i].reserved, sizeof(disks->disk[i].reserved)))
			return STREAM_BAD_DISKS;
	}
	return STREAM_FINE;
}

/* Checks a decrypted record. Its writer had the key, but may be broken or hostile. */
static enum stream_fault stream_body_fault(struct stream *stream,
					   const struct stream_record *record)
{
	const struct stream_end *end = (const void *)(record + 1);

	if (!stream_may_follow(stream->last_type, record->type))
		return STREAM_MISPLACED;
	stream->last_type = record->type;
	if (record->type == STREAM_RAM)
		return stream_ram_fault(stream, (const void *)(record + 1), record->length);
	if (record->type == STREAM_DISKS)
		return stream_disks_fault((const void *)(record + 1), record->length);
	if (record->type == STREAM_END &&
	    (record->length != sizeof(*end) || end->record_count != stream->sequence ||
	     end->page_count != stream->page_count))
		return STREAM_BAD_COUNT;
	return STREAM_FINE;
}

static enum stream_fault stream_open_record(struct stream *stream, struct stream_record *record,
					    size_t size)
{
	const struct about about = stream_about_of(stream, record);
	u8 *body = (u8 *)(record + 1);
	u8 nonce[CHACHA20_NONCE_BYTES];

	if (record->length > STREAM_BODY_MAX)
		return STREAM_BAD_LENGTH;
	if (stream_record_bytes(record->length) > size)
		return STREAM_CUT;
	if (record->sequence != stream->sequence)
		return STREAM_OUT_OF_ORDER;
	stream_make_nonce(record->sequence, nonce);
	if (!chacha20_poly1305_open(stream->key, nonce, &about, sizeof(about), body, record->length,
				    record->tag))
		return STREAM_CHANGED;
	if (!is_zero(body + record->length,
		     stream_record_bytes(record->length) - sizeof(*record) - record->length))
		return STREAM_BAD_FILL;
	return STREAM_FINE;
}

enum stream_fault stream_unseal(struct stream *stream, struct stream_record *record, size_t size)
{
	enum stream_fault fault = STREAM_CUT;

	if (size >= sizeof(*record))
		fault = stream_open_record(stream, record, size);
	if (fault != STREAM_FINE)
		return fault;
	stream->sequence++;
	return stream_body_fault(stream, record);
}

static const char *const stream_fault_texts[STREAM_FAULT_COUNT] = {
	[STREAM_FINE] = "nothing is wrong",
	[STREAM_NO_SAVE] = "this is no save",
	[STREAM_OTHER_VERSION] = "another version of Skerry saved it, and can restore it",
	[STREAM_BAD_HEADER] = "it was changed",
	[STREAM_CUT] = "the save ends within it",
	[STREAM_BAD_LENGTH] = "it is longer than a record may be",
	[STREAM_OUT_OF_ORDER] = "another record lies there",
	[STREAM_CHANGED] = "it was changed",
	[STREAM_BAD_FILL] = "its padding is not zero",
	[STREAM_MISPLACED] = "no record of its type belongs there",
	[STREAM_BAD_PAGES] = "its pages lie outside this RAM, or come twice",
	[STREAM_BAD_COUNT] = "it does not agree with what comes before it",
	[STREAM_BAD_DISKS] = "its list of disks is impossible",
};

void stream_fault_text(const struct stream *stream, enum stream_fault fault, char *text,
		       size_t size)
{
	const char *what = stream_fault_texts[fault < STREAM_FAULT_COUNT ? fault : STREAM_FINE];
	u64 record;

	if (stream == NULL) {
		format(text, size, "header: %s", what);
		return;
	}
	/* the sequence number already counts a record that could be decrypted */
	record = stream->sequence - (fault >= STREAM_MISPLACED && stream->sequence > 0);
	if (fault == STREAM_CHANGED && record == 0)
		what = "it was saved with another key, or changed";
	format(text, size, "record %llu: %s", (unsigned long long)record, what);
}
