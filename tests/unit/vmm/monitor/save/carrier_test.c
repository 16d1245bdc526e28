/* SPDX-License-Identifier: MIT */
/*
 * The process of a rekey: what it writes by the new key in the first round and in a later one, and
 * what a list of changes or a volume that lies makes of it. Then that of an export or an import.
 */
#include "tests/unit/vmm/monitor/save/save_process_fixture.h"

#include "vmm/monitor/disk/disk_cipher.c"
#include "vmm/monitor/save/carrier.c"
#include "vmm/rt/crypto/adiantum.h"
#include "vmm/rt/crypto/aes.h"
#include "vmm/rt/crypto/hkdf.h"
#include "vmm/rt/crypto/hmac.h"
#include "vmm/rt/crypto/poly1305.h"
#include "vmm/rt/crypto/secret.h"
#include "vmm/rt/crypto/sha256.h"
#include "vmm/rt/crypto/xchacha.h"
#include "vmm/rt/format.h"

#define BLOCKS 4u /* of 64 KiB */
#define BYTES  (BLOCKS * BLOCK_REQUEST_BYTES)

static u8 old_volume[BYTES], new_volume[BYTES];
static struct content_page the_page;
static struct disk_keys the_keys;
static u64 changes[512];
static u32 writes, flushes;
static u8 salt_now; /* the salt that is drawn next */

enum status memory_map(u64 bytes, u64 *at)
{
	static struct carrier_room room_memory;

	assert_true(bytes >= sizeof(room_memory));
	memset(&room_memory, 0, sizeof(room_memory));
	*at = (u64)(uintptr_t)&room_memory;
	return STATUS_OK;
}

void random_init(void)
{
}

void random_draw(void *bytes, size_t count)
{
	memset(bytes, ++salt_now, count);
}

bool save_disk_open_link(struct save_disk *disk, struct disk_client *client,
			 const struct start_entry *entry, handle_t queue)
{
	(void)client, (void)queue;
	assert_int_equal(entry->kind, START_DISK);
	disk->bytes = BYTES;
	return true;
}

bool save_disk_open_target(struct save_disk *disk, struct disk_client *client,
			   const struct start_entry *entry, handle_t queue)
{
	(void)client, (void)queue;
	assert_int_equal(entry->kind, START_SAVE);
	disk->bytes = BYTES;
	return true;
}

static u8 *volume_of(const struct save_disk *disk, u64 offset, u32 count)
{
	assert_true(offset <= BYTES && count <= BYTES - offset);
	return (disk == &room->to ? new_volume : old_volume) + offset;
}

bool save_disk_read(struct save_disk *disk, u64 offset, void *bytes, u32 count)
{
	memcpy(bytes, volume_of(disk, offset, count), count);
	return true;
}

bool save_disk_write(struct save_disk *disk, u64 offset, const void *bytes, u32 count)
{
	assert_ptr_equal(disk, &room->to); /* the volume itself is never written to */
	memcpy(volume_of(disk, offset, count), bytes, count);
	writes++;
	return true;
}

bool save_disk_flush(struct save_disk *disk)
{
	assert_ptr_equal(disk, &room->to);
	flushes++;
	return true;
}

bool transfer_read(struct transfer_end *end, void *bytes, u32 count, u32 *read)
{
	(void)end, (void)bytes, (void)count, (void)read;
	return false;
}

bool transfer_write(struct transfer_end *end, const void *bytes, u32 count)
{
	(void)end, (void)bytes, (void)count;
	return false;
}

bool transfer_finish(struct transfer_end *end)
{
	(void)end;
	return false;
}

enum status sys_object_bind(handle_t object, handle_t queue, u64 key)
{
	(void)object, (void)queue, (void)key;
	return STATUS_OK;
}

static void open_by(struct disk_cipher *cipher, const u8 *volume, u32 key)
{
	struct disk_secret_header header;
	u8 bytes[DISK_KEY_BYTES];

	memset(bytes, (int)(0x11 * (key + 1)), sizeof(bytes));
	memcpy(&header, volume, sizeof(header));
	assert_null(disk_cipher_open(cipher, bytes, &header));
	cipher->sparse = true;
}

/* The guest writes a block of 4 KiB, or has zeros written there. */
static void guest_writes(u32 block, u8 with)
{
	u8 *at = old_volume + (block + 1) * DISK_SECRET_BYTES;
	static struct disk_cipher cipher;

	open_by(&cipher, old_volume, CONTENT_KEY_OLD);
	memset(cipher.block, with, DISK_SECRET_BYTES);
	disk_cipher_encrypt(&cipher, (u64)block * DISK_SECRET_SECTORS);
	memcpy(at, cipher.block, DISK_SECRET_BYTES);
	if (with == 0)
		memset(at, 0, DISK_SECRET_BYTES);
}

/* What the block of the new volume holds, by the new key, if all of it is the same byte. */
static int holds(u32 block)
{
	static struct disk_cipher cipher;

	open_by(&cipher, new_volume, CONTENT_KEY_NEW);
	memcpy(cipher.block, new_volume + (block + 1) * DISK_SECRET_BYTES, DISK_SECRET_BYTES);
	disk_cipher_decrypt(&cipher, (u64)block * DISK_SECRET_SECTORS);
	for (u32 i = 1; i < DISK_SECRET_BYTES; i++) {
		if (cipher.block[i] != cipher.block[0])
			return -1;
	}
	return cipher.block[0];
}

/* Runs the process; `list`: it is given the blocks of 64 KiB that have changed. */
static enum content_state run(bool list, u64 most)
{
	memset(&start, 0, sizeof(start));
	the_page = (struct content_page){.operation = CONTENT_REKEY, .bytes = BYTES, .most = most};
	for (u32 i = 0; i < 2; i++) {
		the_keys.disk[i].given = DISK_KEY_VOLUME;
		memset(the_keys.disk[i].key, (int)(0x11 * (i + 1)), DISK_KEY_BYTES);
	}
	start.info.parameter[MONITOR_FLAGS] = MONITOR_CARRIER;
	add(START_CHANNEL, 0, &the_page, "");
	add(START_DISK, 0, NULL, "");
	add(START_SAVE, 0, NULL, "");
	add(START_DISK_FILE, 0, &the_keys, "");
	if (list)
		add(START_STATE, sizeof(changes), changes, "");
	writes = flushes = 0;
	if (setjmp(the_end) == 0)
		carrier_run();
	assert_int_equal(the_keys.disk[1].key[0], 0); /* the page is wiped, however it ends */
	assert_int_equal(room->keys.disk[1].key[0], 0);
	return (enum content_state)the_page.state;
}

static int volumes(void **state)
{
	u8 key[DISK_KEY_BYTES], salt[DISK_SECRET_SALT_BYTES];

	(void)state;
	memset(old_volume, 0, sizeof(old_volume));
	memset(new_volume, 0, sizeof(new_volume));
	memset(changes, 0, sizeof(changes));
	memset(key, 0x11, sizeof(key));
	memset(salt, 0x77, sizeof(salt));
	disk_cipher_make_header(key, salt, (struct disk_secret_header *)(void *)old_volume);
	guest_writes(0, 1);
	guest_writes(20, 2);
	guest_writes(62, 3);
	return 0;
}

static void first_round(void **state)
{
	(void)state;
	assert_int_equal(run(false, 0), CONTENT_DONE);
	assert_int_equal(holds(0), 1);
	assert_int_equal(holds(20), 2);
	assert_int_equal(holds(62), 3);
	assert_int_equal(holds(1), 0);
	assert_int_equal(writes, 3); /* the third block of 64 KiB holds zeros */
	assert_int_equal(flushes, 1);
	assert_memory_not_equal(old_volume, new_volume, DISK_SECRET_BYTES);
}

/* A later round copies what the list names and nothing else, zeros too, by the header of the first.
 */
static void later_round(void **state)
{
	struct disk_secret_header header;

	(void)state;
	assert_int_equal(run(false, 0), CONTENT_DONE);
	memcpy(&header, new_volume, sizeof(header));
	guest_writes(0, 4);
	guest_writes(20, 5);
	guest_writes(62, 0);
	changes[0] = BIT(0) | BIT(3);
	assert_int_equal(run(true, 2 * BLOCK_REQUEST_BYTES), CONTENT_DONE);
	assert_int_equal(writes, 2);
	assert_int_equal(the_page.moved, 2 * BLOCK_REQUEST_BYTES);
	assert_memory_equal(&header, new_volume, sizeof(header));
	assert_int_equal(holds(0), 4);
	assert_int_equal(holds(20), 2); /* the list has not named it */
	assert_int_equal(holds(62), 0);
	assert_int_equal(new_volume[63 * DISK_SECRET_BYTES], 0);
}

static void too_much(void **state)
{
	static u8 before[BYTES];

	(void)state;
	assert_int_equal(run(false, 0), CONTENT_DONE);
	memcpy(before, new_volume, sizeof(before));
	changes[0] = BIT(0) | BIT(3) | BIT(40); /* the last one lies beyond the volume */
	assert_int_equal(run(true, 2 * BLOCK_REQUEST_BYTES - 1), CONTENT_TOO_MUCH);
	assert_int_equal(writes, 0);
	assert_memory_equal(before, new_volume, sizeof(before));
	assert_int_equal(run(true, 2 * BLOCK_REQUEST_BYTES), CONTENT_DONE);
}

/* A volume whose header is another one's, or that of the round before is lost: nothing is written.
 */
static void wrong_headers(void **state)
{
	(void)state;
	changes[0] = BIT(1);
	assert_int_equal(run(true, 0), CONTENT_FAILED); /* there was no round before */
	assert_int_equal(writes, 0);
	old_volume[0] ^= 1;
	assert_int_equal(run(false, 0), CONTENT_FAILED);
	assert_string_equal(the_page.problem, "it begins with something that is not encrypted");
	memset(old_volume, 0, DISK_SECRET_BYTES);
	assert_int_equal(run(false, 0), CONTENT_FAILED);
	assert_string_equal(the_page.problem, "it has no header, but holds something");
	memset(old_volume, 0, sizeof(old_volume));
	assert_int_equal(run(false, 0), CONTENT_DONE);
	assert_int_equal(writes, 0);
}

/* Runs the process of an export or an import of so many bytes. */
static enum content_state run_copy(enum content_operation operation, u64 bytes)
{
	memset(&start, 0, sizeof(start));
	the_page = (struct content_page){.operation = operation, .bytes = bytes};
	start.info.parameter[MONITOR_FLAGS] = MONITOR_CARRIER;
	add(START_CHANNEL, 0, &the_page, "");
	add(START_DISK, 0, NULL, "");
	add(START_SAVE, 0, NULL, "");
	writes = flushes = 0;
	if (setjmp(the_end) == 0)
		carrier_run();
	return (enum content_state)the_page.state;
}

/* All is copied as it is, to a whole sector at the end; a new volume is not given zeros. */
static void copies(void **state)
{
	(void)state;
	memset(old_volume, 0, sizeof(old_volume));
	memset(new_volume, 0xee, sizeof(new_volume));
	old_volume[0] = 1;
	old_volume[3 * BLOCK_REQUEST_BYTES + 511] = 2;
	assert_int_equal(run_copy(CONTENT_EXPORT, 3 * BLOCK_REQUEST_BYTES + 512), CONTENT_DONE);
	assert_memory_equal(new_volume, old_volume, 3 * BLOCK_REQUEST_BYTES + 512);
	assert_int_equal(new_volume[3 * BLOCK_REQUEST_BYTES + 512], 0xee);
	assert_int_equal(writes, 4);
	assert_int_equal(flushes, 1);
	assert_int_equal(the_page.moved, 3 * BLOCK_REQUEST_BYTES + 512);
	memset(new_volume, 0, sizeof(new_volume));
	assert_int_equal(run_copy(CONTENT_IMPORT, BYTES), CONTENT_DONE);
	assert_memory_equal(new_volume, old_volume, BYTES);
	assert_int_equal(writes, 2);
	assert_int_equal(flushes, 1);
}

/* What has too little room, or has become smaller, is not written to. */
static void too_small(void **state)
{
	(void)state;
	for (u32 i = CONTENT_EXPORT; i <= CONTENT_IMPORT; i++) {
		assert_int_equal(run_copy(i, BYTES + 512), CONTENT_FAILED);
		assert_int_equal(writes, 0);
		assert_string_equal(the_page.problem,
				    "it takes 262656 bytes, and there are 262144 to read and "
				    "262144 to write");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(first_round, volumes),
		cmocka_unit_test_setup(later_round, volumes),
		cmocka_unit_test_setup(too_much, volumes),
		cmocka_unit_test_setup(wrong_headers, volumes),
		cmocka_unit_test(copies),
		cmocka_unit_test(too_small),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
