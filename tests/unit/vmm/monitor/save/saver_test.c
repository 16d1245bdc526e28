/* SPDX-License-Identifier: MIT */
/* The process that saves a VM: what lies in its place when it is done, and whenever it is not. */
#include "tests/unit/vmm/monitor/save/save_process_fixture.h"

#include "lib/chacha20.h"
#include "vmm/monitor/save/digest.c"
#include "vmm/monitor/save/save_store.c"
#include "vmm/monitor/save/saver.c"
#include "vmm/monitor/state/record.h"
#include "vmm/rt/crc32c.h"
#include "vmm/monitor/state/stream.c"
#include "vmm/rt/crypto/chacha20_poly1305.h"
#include "vmm/rt/crypto/hkdf.h"
#include "vmm/rt/crypto/hmac.h"
#include "vmm/rt/crypto/poly1305.h"
#include "vmm/rt/crypto/secret.h"
#include "vmm/rt/crypto/sha256.h"
#include "vmm/rt/format.h"

#define PAGES	    70u
#define USED_PAGES  40u /* the used pages, of which the odd ones hold zeros */
#define STATE_BYTES (2 * STREAM_BODY_MAX + 1000)
#define PLACE_BYTES MIB
#define NUMBER	    5u /* the number of the process */

static u8 ram[PAGES * PAGE_SIZE];
static u8 saved_state[STATE_BYTES];
static u8 place[PLACE_BYTES];
static u64 sent; /* the bytes of the place that a transfer has sent */
static u32 writes_left;
static bool dirty; /* written since the last flush */
static u64 pages_given;
static struct vm_channel own_channel;

bool save_disk_open(struct save_disk *disk, handle_t queue)
{
	(void)queue;
	disk->bytes = sizeof(place);
	return true;
}

bool save_disk_open_link(struct save_disk *disk, struct disk_client *client,
			 const struct start_entry *entry, handle_t queue)
{
	(void)disk, (void)client, (void)entry, (void)queue;
	return false;
}

bool save_disk_read(struct save_disk *disk, u64 offset, void *bytes, u32 count)
{
	assert_true(offset + count <= disk->bytes);
	memcpy(bytes, place + offset, count);
	return true;
}

static bool is_written(char *problem, u64 offset, const void *bytes, u32 count)
{
	assert_true(offset + count <= sizeof(place));
	if (writes_left-- == 0) {
		format(problem, 64, "gone");
		return false;
	}
	memcpy(place + offset, bytes, count);
	return true;
}

/* The header waits until all else is on the medium. */
bool save_disk_write(struct save_disk *disk, u64 offset, const void *bytes, u32 count)
{
	assert_true(offset != 0 || !dirty);
	dirty = true;
	return is_written(disk->problem, offset, bytes, count);
}

bool save_disk_flush(struct save_disk *disk)
{
	(void)disk;
	dirty = false;
	return true;
}

bool transfer_write(struct transfer_end *end, const void *bytes, u32 count)
{
	sent += count;
	return is_written(end->problem, sent - count, bytes, count);
}

void transfer_works(struct transfer_end *end)
{
	(void)end;
}

bool transfer_finish(struct transfer_end *end)
{
	return is_written(end->problem, 0, place, 0);
}

bool transfer_read(struct transfer_end *end, void *bytes, u32 count, u32 *read)
{
	(void)end, (void)bytes, (void)count, (void)read;
	return false;
}

const struct start_entry *disk_sum_next(const struct start_entry *entry)
{
	(void)entry;
	return NULL;
}

bool disk_sum(struct save_disk *disk, const struct stream *stream, u32 number, void (*moved)(void),
	      u8 sum[STREAM_SUM_BYTES])
{
	(void)disk, (void)stream, (void)number, (void)moved, (void)sum;
	return false;
}

enum status sys_space_map(handle_t space, u64 at, handle_t memory, u64 offset, u64 bytes,
			  u32 rights, u64 *address)
{
	(void)space, (void)at, (void)offset, (void)bytes, (void)rights;
	*address = memory == start_handle(START_CHANNEL) ? (u64)(uintptr_t)&own_channel
							 : (u64)(uintptr_t)ram;
	return STATUS_OK;
}

enum status sys_memory_discard(handle_t memory, u64 first, u64 count)
{
	(void)memory, (void)first;
	pages_given += count;
	return STATUS_OK;
}

enum status sys_event_signal(handle_t event)
{
	(void)event;
	return STATUS_OK;
}

enum status sys_object_bind(handle_t object, handle_t queue, u64 key)
{
	(void)object, (void)queue, (void)key;
	return STATUS_OK;
}

/* Stands for the end of the saver: it has told the manager, which ends it. */
enum status sys_queue_wait(handle_t queue, u64 until, u64 *key)
{
	(void)queue, (void)until, (void)key;
	longjmp(the_end, 1);
}

static void set_up(u64 flags)
{
	static u8 salt;

	memset(&start, 0, sizeof(start));
	memset(&own_channel, 0, sizeof(own_channel));
	memset(&saver, 0, sizeof(saver));
	memset(zero_blocks, 0, sizeof(zero_blocks));
	memset(ram, 0, sizeof(ram));
	start.info.parameter[MONITOR_FLAGS] = MONITOR_SAVER | flags;
	start.info.parameter[MONITOR_RENEWAL] = NUMBER;
	add(START_RAM, sizeof(ram), NULL, "");
	start.entry[0].handle = 7;
	add(START_STATE, STATE_BYTES, saved_state, "");
	add(START_SAVE, 0, NULL, "alpha");
	memset(&start.info.parameter[MONITOR_SAVE_KEY], 0x5a, SAVE_KEY_BYTES);
	memset(&start.info.parameter[MONITOR_SAVE_SALT], ++salt, SAVE_SALT_BYTES);
	for (u32 i = 0; i < STATE_BYTES; i++)
		saved_state[i] = (u8)(i * 7);
	for (u32 i = 0; i < USED_PAGES; i += 2)
		memset(ram + i * PAGE_SIZE, (int)(i + 1), PAGE_SIZE);
	writes_left = 1000;
	sent = pages_given = 0;
	dirty = false;
	assert_true(saver_wanted());
}

/* Returns whether the saver says that it has saved all; it always says one thing or the other. */
static bool runs(void)
{
	if (setjmp(the_end) == 0)
		saver_run();
	assert_int_equal(own_channel.taken_renewal + own_channel.refused_renewal, NUMBER);
	return own_channel.taken_renewal == NUMBER;
}

/* Returns whether the place holds a whole save of this VM. */
static bool holds_all(void)
{
	static u8 record[STREAM_RECORD_LIMIT] ALIGNED(8);
	struct stream_record *in = (void *)record;
	u8 key[SAVE_KEY_BYTES];
	struct stream_header header;
	u64 at = STREAM_BLOCK_BYTES;
	u64 state_bytes = 0;
	struct stream stream;
	u64 pages = 0;

	memcpy(&header, place, sizeof(header));
	if (stream_header_fault(&header) != STREAM_FINE)
		return false;
	memset(key, 0x5a, sizeof(key));
	stream_open(&stream, &header, key);
	do {
		u32 there = (u32)MIN(sizeof(place) - at, sizeof(record));
		const struct stream_ram *some = (const void *)(in + 1);

		memcpy(record, place + at, there);
		if (stream_unseal(&stream, in, there) != STREAM_FINE)
			return false;
		at += stream_record_bytes(in->length);
		if (in->type == STREAM_STATE) {
			assert_memory_equal(in + 1, saved_state + state_bytes, in->length);
			state_bytes += in->length;
		}
		for (u32 i = 0; in->type == STREAM_RAM && i < some->count; i++, pages++)
			assert_memory_equal(some->bytes[i], ram + some->page[i] * PAGE_SIZE,
					    PAGE_SIZE);
	} while (in->type != STREAM_END);
	assert_int_equal(state_bytes, STATE_BYTES);
	assert_int_equal(pages, USED_PAGES / 2);
	return true;
}

static void saves_all(void **state)
{
	(void)state;
	memset(place, 0, sizeof(place));
	set_up(0);
	assert_true(runs());
	assert_true(holds_all());
	assert_false(dirty);
	assert_int_equal(pages_given, 0);
	/* each piece of RAM that is looked at, and each record that is written */
	assert_int_equal(own_channel.save_moved, 1 + 3 + 2 + 1);
	set_up(MONITOR_TRANSFER);
	assert_true(runs());
	assert_true(holds_all());
}

/* A VM that goes on need not have what it does not use, be it looked at once or twice. */
static void gives_back(void **state)
{
	(void)state;
	memset(place, 0, sizeof(place));
	set_up(MONITOR_SAVE_GIVES_PAGES);
	assert_true(runs());
	assert_int_equal(pages_given, 2 * (PAGES - USED_PAGES / 2));
	set_up(MONITOR_SAVE_GIVES_BLOCKS);
	memset(ram, 0, sizeof(ram));
	assert_true(runs());
	assert_int_equal(pages_given, PAGES);
}

/*
 * Whenever the disk goes: unless all is there it holds no save, not the older one either. Only as
 * long as nothing was written that one is what it was.
 */
static void is_cut_off(void **state)
{
	u32 writes;

	(void)state;
	for (writes = 0;; writes++) {
		memset(place, 0, sizeof(place));
		set_up(0);
		assert_true(runs());
		set_up(MONITOR_SAVE_OVERWRITES);
		ram[0]++;
		writes_left = writes;
		if (runs())
			break;
		assert_string_equal(own_channel.handover_problem, "gone");
		if (writes == 0)
			ram[0]--;
		assert_int_equal(is_zero(place, STREAM_BLOCK_BYTES), writes != 0);
		assert_int_equal(holds_all(), writes == 0);
	}
	assert_true(writes > 6);
	assert_true(holds_all());
}

/* And whenever the store goes, which may be behind the last byte. */
static void store_goes(void **state)
{
	u32 writes;

	(void)state;
	for (writes = 0;; writes++) {
		memset(place, 0, sizeof(place));
		set_up(MONITOR_TRANSFER);
		writes_left = writes;
		if (runs())
			break;
		assert_string_equal(own_channel.handover_problem, "gone");
	}
	assert_true(writes > 6);
	assert_true(holds_all());
}

static void refuses(const char *words)
{
	static u8 before[PLACE_BYTES];

	memcpy(before, place, sizeof(before));
	assert_false(runs());
	if (strstr(own_channel.handover_problem, words) == NULL)
		fail_msg("%s", own_channel.handover_problem);
	assert_memory_equal(before, place, sizeof(before));
}

static void looks_first(void **state)
{
	(void)state;
	memset(place, 0, sizeof(place));
	place[100] = 1;
	set_up(0);
	refuses("the disk holds something else; use an empty one or one with a save");
	place[100] = 0;
	set_up(0);
	for (u32 i = 0; i < PAGES; i++)
		memset(ram + i * PAGE_SIZE, 1, PAGE_SIZE);
	start.entry[1].value = MIB;
	refuses("the disk has 1024 KiB, but the save takes at least 1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(saves_all),   cmocka_unit_test(gives_back),
		cmocka_unit_test(is_cut_off),  cmocka_unit_test(store_goes),
		cmocka_unit_test(looks_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
