/* SPDX-License-Identifier: MIT */
/* One honest end of a link. The other, and the manager, write any bytes at any time. */
#include "tests/fuzz/fuzz.h"

#include "lib/string.c"
#include "vmm/io/link.c"
#include "vmm/io/slots.c"

static struct slot_memory slots;
#define memory slots.link
static struct link_end end;
/* The units that the end has put and taken in this generation. */
static u32 put_count;
static u32 taken_count;

/* Mostly an index that might be believed. */
static void scribble(struct fuzz *fuzz)
{
	struct link_line *line = &memory.line[LINK_ENDS - 1 - end.name];
	u32 value = end.written + (u32)(s8)fuzz_u8(fuzz) * (fuzz_u8(fuzz) & 1 ? 1 : 256);

	switch (fuzz_u8(fuzz) & 7) {
	case 0:
		line->generation = memory.generation;
		break;
	case 1:
		line->written = end.read + value - end.written;
		break;
	case 2:
		line->read = value;
		break;
	case 3:
		line->wake_at = value;
		break;
	case 4:
		memory.generation = fuzz_u8(fuzz) & 3;
		break;
	default:
		((u8 *)&slots)[fuzz_u16(fuzz) % sizeof(slots)] = fuzz_u8(fuzz);
	}
}

static void take(void)
{
	u8 *slot = malloc(end.name == LINK_SERVER ? SLOT_REQUEST_BYTES : SLOT_ANSWER_BYTES);
	u32 before = end.read;

	if (slot_take(&end, slot)) {
		CHECK_THAT(end.read == before + 1 && !end.broken && end.generation != 0);
		taken_count++;
	} else {
		CHECK_THAT(end.read == before);
	}
	free(slot);
}

static void put(void)
{
	u8 *slot = malloc(end.name == LINK_CLIENT ? SLOT_REQUEST_BYTES : SLOT_ANSWER_BYTES);

	CHECK_THAT(link_room(&end) <= SLOT_COUNT);
	if (link_room(&end) != 0) {
		memset(slot, 0x5a, SLOT_ANSWER_BYTES);
		slot_put(&end, slot);
		put_count++;
	}
	free(slot);
}

/* Checks that the end shows its own indices, whatever stood there before. */
static void check_line(void)
{
	const struct link_line *line = link_own_line(&end);

	CHECK_THAT(line->read == end.read && end.read == taken_count);
	CHECK_THAT(end.written == put_count);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct fuzz fuzz = {bytes, size};

	memset(&slots, 0, sizeof(slots));
	slot_open(&end, &memory, fuzz_u8(&fuzz) & 1 ? LINK_SERVER : LINK_CLIENT);
	put_count = taken_count = 0;
	while (fuzz.left > 0) {
		u32 generation = end.generation;

		switch (fuzz_u8(&fuzz) & 7) {
		case 0:
			if (link_renewed(&end))
				CHECK_THAT(end.generation != generation);
			if (end.generation != generation)
				put_count = taken_count = 0;
			break;
		case 1:
			take();
			break;
		case 2:
			put();
			break;
		case 3:
			(void)!link_publish(&end);
			CHECK_THAT(end.published == end.written);
			check_line();
			break;
		case 4:
			(void)!link_may_wait(&end);
			check_line();
			CHECK_THAT(link_own_line(&end)->wake_at == end.read);
			break;
		default:
			scribble(&fuzz);
		}
	}
	return 0;
}
