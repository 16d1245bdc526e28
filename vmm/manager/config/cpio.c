/* SPDX-License-Identifier: MIT */
/*
 * Walks the members of cpio archives and checks every header. Called by files.c; holds no state
 * beyond the given walk.
 */
#include "vmm/manager/config/cpio.h"
#include "lib/bits.h"
#include "lib/checked.h"
#include "vmm/manager/text/parse_number.h"

#define HEADER_BYTES 110u
#define MAGIC_BYTES  6u
#define FIELD_BYTES  8u
#define ALIGNMENT    4u
#define MODE_TYPE    0170000u
#define MODE_REGULAR 0100000u
#define TRAILER	     "TRAILER!!!"

enum field { /* indices of the header's fields behind the magic, each of eight hexadecimal digits */
	     FIELD_INODE = 0,
	     FIELD_MODE = 1,
	     FIELD_LINKS = 4,
	     FIELD_SIZE = 6,
	     FIELD_MAJOR = 7,
	     FIELD_MINOR = 8,
	     FIELD_NAME_SIZE = 11,
};

void cpio_start(struct cpio *cpio, const void *archive, u64 size)
{
	*cpio = (struct cpio){.archive = archive, .size = size};
}

static enum cpio_result cpio_broken(struct cpio *cpio, const char *problem)
{
	cpio->problem = problem;
	return CPIO_BROKEN;
}

static bool cpio_parse_field(const char *header, enum field field, u64 *value)
{
	char digits[2 + FIELD_BYTES] = "0x";

	memcpy(digits + 2, header + MAGIC_BYTES + (size_t)field * FIELD_BYTES, FIELD_BYTES);
	return parse_u64((struct text){digits, sizeof(digits)}, value);
}

/* Checks the name at `start`; `size` includes its terminator. Returns what is wrong, or NULL. */
static const char *cpio_take_name(struct cpio *cpio, u64 start, u64 size, struct text *name)
{
	if (size == 0)
		return "a member without a name";
	if (!range_within(start, size, cpio->size))
		return "truncated inside a member's name";
	*name = (struct text){cpio->archive + start, size - 1};
	if (name->start[name->length] != '\0' || strnlen(name->start, size) != name->length)
		return "a member's name is not terminated where its length says";
	while (name->length > 1 && name->start[0] == '.' && name->start[1] == '/') {
		name->start += 2;
		name->length -= 2;
	}
	while (name->length > 1 && name->start[0] == '/') {
		name->start++;
		name->length--;
	}
	return NULL;
}

/* Reads whether a member is a file, which one, and whether it has several names. */
static bool cpio_take_identity(const char *header, struct cpio_member *member)
{
	struct cpio_identity *identity = &member->identity;
	u64 mode, links, inode, major, minor;

	if (!cpio_parse_field(header, FIELD_MODE, &mode) ||
	    !cpio_parse_field(header, FIELD_LINKS, &links) ||
	    !cpio_parse_field(header, FIELD_INODE, &inode) ||
	    !cpio_parse_field(header, FIELD_MAJOR, &major) ||
	    !cpio_parse_field(header, FIELD_MINOR, &minor))
		return false;
	*identity = (struct cpio_identity){(u32)inode, (u32)major, (u32)minor};
	member->is_file = (mode & MODE_TYPE) == MODE_REGULAR;
	member->is_linked = member->is_file && links > 1;
	return true;
}

/* Moves to the next archive behind the trailer, whose entry ends at offset `end`. */
static enum cpio_result cpio_pass_trailer(struct cpio *cpio, u64 end)
{
	while (end < cpio->size && cpio->archive[end] == '\0')
		end++;
	cpio->offset = MIN(end, cpio->size);
	if (cpio->offset == cpio->size)
		return CPIO_END;
	if (!is_aligned(cpio->offset, ALIGNMENT))
		return cpio_broken(cpio, "something follows the trailer; only zeros, and another "
					 "archive at a multiple of 4 bytes, may");
	return CPIO_NEXT;
}

enum cpio_result cpio_next(struct cpio *cpio, struct cpio_member *member)
{
	const char *header = cpio->archive + cpio->offset;
	const char *problem;
	u64 name_size;
	u64 data;

	if (cpio->offset == cpio->size)
		return cpio_broken(cpio, "the trailer is missing");
	if (!range_within(cpio->offset, MAGIC_BYTES, cpio->size))
		return cpio_broken(cpio, "truncated inside a member's header");
	if (memcmp(header, "070701", MAGIC_BYTES) != 0 &&
	    memcmp(header, "070702", MAGIC_BYTES) != 0)
		return cpio_broken(cpio, "bad magic, 070701 (newc, not compressed) is expected");
	if (!range_within(cpio->offset, HEADER_BYTES, cpio->size))
		return cpio_broken(cpio, "truncated inside a member's header");
	if (!cpio_take_identity(header, member) ||
	    !cpio_parse_field(header, FIELD_SIZE, &member->size) ||
	    !cpio_parse_field(header, FIELD_NAME_SIZE, &name_size))
		return cpio_broken(cpio, "a header field is not hexadecimal");
	problem = cpio_take_name(cpio, cpio->offset + HEADER_BYTES, name_size, &member->name);
	if (problem != NULL)
		return cpio_broken(cpio, problem);

	/* No sum wraps: each is below the archive's size plus 2^32. */
	data = align_up(cpio->offset + HEADER_BYTES + name_size, ALIGNMENT);
	if (text_equal(member->name, TRAILER))
		return cpio_pass_trailer(cpio, data);
	if (!range_within(data, member->size, cpio->size))
		return cpio_broken(cpio, "truncated inside a member's data");
	member->offset = data;
	cpio->offset = MIN(align_up(data + member->size, ALIGNMENT), cpio->size);
	return CPIO_MEMBER;
}

/*
 * Fills those of the wanted members that are the same file as the member that has the bytes.
 * Returns a bit for each.
 */
static u64 cpio_fill(struct cpio_member *members, u64 wanted, const struct cpio_member *from)
{
	u64 filled = 0;

	for (; wanted != 0; wanted &= wanted - 1) {
		struct cpio_member *member = &members[bit_lowest(wanted)];

		if (memcmp(&from->identity, &member->identity, sizeof(from->identity)) != 0)
			continue;
		member->offset = from->offset;
		member->size = from->size;
		filled |= wanted & -wanted;
	}
	return filled;
}

u64 cpio_find_bytes(struct cpio cpio, struct cpio_member *members, u64 wanted)
{
	struct cpio_member other;
	u64 found = 0;

	while (cpio_next(&cpio, &other) == CPIO_MEMBER) {
		if (other.is_linked && other.size != 0)
			found |= cpio_fill(members, wanted, &other);
	}
	return found;
}
