/* SPDX-License-Identifier: MIT */
/*
 * Chains of any shape, to a driver that takes them by pages, by the pool, or not yet: the data that
 * the guest has in the end are those of the disk, and no other byte of its RAM changes.
 */
#include "tests/unit/virtio_blk_fixture.h"

#include "tests/random.h"

#define ROUNDS	  150u
#define SEGMENTS  VIRTIO_BLK_DATA_MAX
#define LOW_AT	  0x100000u /* RAM below the hole, from this address to HIGH_RAM */
#define HIGH_AT	  (4 * GIB)
#define HIGH_RAM  0x280000u
#define TABLE_AT  0x58000u
#define DATA_MOST (700 * 1024u)

static u64 seed = RANDOM_SEED;
static u8 wanted[RAM_BYTES];
static u8 disk_wanted[sizeof(disk_bytes)];
static u32 direct_count, pool_count, large_count;

static u32 below(u32 count)
{
	return (u32)(random_step(&seed) >> 20) % count;
}

/* Returns the place in the RAM of a guest-physical address of data. */
static u64 place_of(u64 gpa)
{
	return gpa >= HIGH_AT ? gpa - HIGH_AT + HIGH_RAM : gpa;
}

static u32 any_length(void)
{
	static const u32 lengths[] = {
		0,    512,  512,  1024,	 3584,	       4096,	   4096,       4096,	   4096,
		4608, 8192, 8192, 65536, 65536 + 4096, 128 * 1024, 132 * 1024, 136 * 1024,
	};

	return lengths[below(ARRAY_COUNT(lengths))];
}

/* Makes segments that do not overlap. Returns how many; *bytes is the sum of their sizes. */
static u32 make_segments(struct virtio_segment *segment, u32 *bytes)
{
	u32 style = below(4), most = 1 + below(SEGMENTS), count = 0;
	u64 at = below(2) != 0 ? LOW_AT : HIGH_AT;

	for (*bytes = 0; count < most; count++) {
		u32 length = style == 0 ? PAGE_SIZE : style == 1 ? 128 * 1024 : any_length();
		u64 gap = below(3) == 0 ? below(3) * PAGE_SIZE : 0;

		at = style != 3 || below(3) != 0 ? align_up(at, PAGE_SIZE) : at + below(2) * 512;
		at += gap;
		if (at < HIGH_AT && at + length > HIGH_RAM)
			at = HIGH_AT;
		if ((at >= HIGH_AT && at + length > HIGH_AT + RAM_BYTES - HIGH_RAM) ||
		    *bytes + length > DATA_MOST)
			break;
		segment[count] = (struct virtio_segment)SEGMENT(at, length);
		at += length;
		*bytes += length;
	}
	return count;
}

/* The manager closes a window or opens another, and the driver says anything of itself. */
static void change_driver(void)
{
	static const u32 pages[] = {0, 1, 2, 15, 16, 17, 31, 32, 32, 33, ~0u};
	static const u32 boundaries[] = {0, 0, 0, 8, 128, 2048};

	if (below(4) == 0)
		disk_about()->direct_pages = pages[below(ARRAY_COUNT(pages))];
	if (below(16) == 0)
		disk_about()->boundary = boundaries[below(ARRAY_COUNT(boundaries))];
	if (below(8) == 0)
		disk_about()->window = below(3);
}

static void move(u8 *data, u64 sector, u64 bytes, bool reads)
{
	u8 *at = disk_bytes + sector * BLOCK_SECTOR_BYTES;

	memcpy(reads ? data : at, reads ? at : data, bytes);
}

static void do_direct(const struct block_request *request)
{
	u64 bytes = (u64)request->sectors * BLOCK_SECTOR_BYTES;
	u64 done = 0;

	assert_true(bytes <= BLOCK_DIRECT_PAGES * PAGE_SIZE);
	direct_count++;
	large_count += request->sectors > 128;
	for (u32 i = 0; done < bytes; i++) {
		u64 part = MIN(bytes - done, PAGE_SIZE);

		assert_true(request->page[i] < RAM_BYTES / PAGE_SIZE);
		move(ram + request->page[i] * PAGE_SIZE, request->sector + done / 512, part,
		     request->operation == BLOCK_READ);
		done += part;
	}
}

/* Does a request, or says as what it is to come again. Returns the status to answer with. */
static u32 serve_one(const struct block_request *request)
{
	u64 bytes = (u64)request->sectors * BLOCK_SECTOR_BYTES;

	assert_true(request->operation <= BLOCK_WRITE && bytes != 0);
	assert_true(request->sector < DISK_SECTORS &&
		    request->sectors <= DISK_SECTORS - request->sector);
	if (request->window != 0) {
		if (below(6) == 0)
			return below(2) != 0 ? BLOCK_COPY : BLOCK_COPY_ONCE;
		do_direct(request);
		return BLOCK_OK;
	}
	assert_true(bytes <= BLOCK_REQUEST_BYTES);
	pool_count++;
	move(disk_pool(request), request->sector, bytes, request->operation == BLOCK_READ);
	return BLOCK_OK;
}

/* The driver serves the guest, while what it says of itself changes, or a new one comes. */
static void serve_all(void)
{
	struct block_request request;

	do {
		virtio_blk_poll_link(&blk);
		change_driver();
		if (below(20) == 0)
			disk_new_driver();
		virtio_blk_poll_link(&blk);
		if (!slot_take(&disk_server, &request))
			break;
		(void)!link_publish(&disk_server);
		disk_answer(request.id, serve_one(&request));
	} while (true);
}

static void add_indirect(const struct virtio_segment *segment, u32 count, u32 readable)
{
	struct virtio_segment table = SEGMENT(TABLE_AT, count * 16);
	u16 head = next_descriptor[0];

	for (u32 i = 0; i < count; i++) {
		poke(TABLE_AT + i * 16, segment[i].gpa.value, 8);
		poke(TABLE_AT + i * 16 + 8, segment[i].bytes, 4);
		poke(TABLE_AT + i * 16 + 12, (i + 1 < count ? 1 : 0) | (i >= readable ? 2 : 0), 2);
		poke(TABLE_AT + i * 16 + 14, i + 1, 2);
	}
	add_chain(0, &table, 1, 1);
	poke(RINGS_AT + head * 16u + 12, 4, 2);
}

/* One request of the guest, in one chain, from its segments to its end. */
static void one_round(void)
{
	struct virtio_segment segment[SEGMENTS + 2];
	u32 bytes, count = make_segments(segment + 1, &bytes);
	bool reads = below(2) != 0;
	u64 sector = below(DISK_SECTORS - DATA_MOST / 512);
	u32 header = make_header(reads ? BLK_T_IN : BLK_T_OUT, sector);
	u64 at = sector * 512;

	if (bytes == 0)
		return;
	segment[0] = (struct virtio_segment)SEGMENT(header, 16);
	segment[count + 1] = (struct virtio_segment)SEGMENT(header + 32, 1);
	for (u32 i = 1; i <= count; i++) {
		u8 *data = ram + place_of(segment[i].gpa.value);

		for (u32 j = 0; j < segment[i].bytes; j++)
			data[j] = (u8)(j + i * 3 + j / 512 * 5 + sector);
	}
	memcpy(wanted + LOW_AT, ram + LOW_AT, RAM_BYTES - LOW_AT);
	memcpy(disk_wanted, disk_bytes, sizeof(disk_bytes));
	for (u32 i = 1; i <= count; at += segment[i++].bytes) {
		u64 place = place_of(segment[i].gpa.value);

		if (reads)
			memcpy(wanted + place, disk_bytes + at, segment[i].bytes);
		else
			memcpy(disk_wanted + at, ram + place, segment[i].bytes);
	}
	if (below(2) != 0)
		add_indirect(segment, count + 2, reads ? 1 : count + 1);
	else
		add_chain(0, segment, count + 2, reads ? 1 : count + 1);
	notify(0);
	serve_all();
	expect_done(header, BLK_S_OK, reads ? bytes + 1 : 1);
	assert_memory_equal(wanted + LOW_AT, ram + LOW_AT, RAM_BYTES - LOW_AT);
	assert_memory_equal(disk_wanted, disk_bytes, sizeof(disk_bytes));
}

static void any_chain(void **state)
{
	(void)state;
	guest = (struct guest_memory){
		.count = 3,
		.host = ram,
		.region = {{GPA(LOW_AT), HIGH_RAM - LOW_AT, ram + LOW_AT},
			   {GPA(HIGH_AT), RAM_BYTES - HIGH_RAM, ram + HIGH_RAM},
			   {GPA(0), 0xa0000, ram}}};
	disk_about()->window = 1;
	disk_about()->direct_pages = BLOCK_DIRECT_PAGES;
	for (u32 i = 0; i < ROUNDS; i++)
		one_round();
	assert_true(large_count > 20 && direct_count > large_count && pool_count > direct_count);
}

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(any_chain)};

	if (getenv("SEED") != NULL)
		seed = strtoull(getenv("SEED"), NULL, 0) * 2 + 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
