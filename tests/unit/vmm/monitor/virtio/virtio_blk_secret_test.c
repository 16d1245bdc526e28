/* SPDX-License-Identifier: MIT */
/* An encrypted disk: what of it the driver sees, and what the guest is offered. */
#include <string.h>

#include "tests/unit/virtio_blk_fixture.h"

#define HEADER_SECTORS DISK_SECRET_SECTORS

static const u8 key[DISK_KEY_BYTES] = {1, 2, 3};
static const u8 salt[DISK_SECRET_SALT_BYTES] = {4, 5, 6};
static struct disk_cipher cipher;

static int setup_secret(void **state)
{
	static struct disk_secret_header header;

	(void)state;
	disk_cipher_make_header(key, salt, &header);
	assert_null(disk_cipher_open(&cipher, key, &header));
	fixture_cipher = &cipher;
	return setup_with(DISK_FLUSH | DISK_DISCARD | DISK_WRITE_ZEROES);
}

/* What a block of the disk is for whoever has the key, by the cipher's own function. */
static void decrypted(u64 block, u8 *text)
{
	u8 tweak[ADIANTUM_TWEAK_BYTES] = {0};
	u64 sector = block * DISK_SECRET_SECTORS;

	memcpy(tweak, &sector, sizeof(sector));
	memcpy(text, disk_bytes + (block + 1) * DISK_SECRET_BYTES, DISK_SECRET_BYTES);
	adiantum_decrypt(&cipher.key, tweak, text, DISK_SECRET_BYTES);
}

/* Each block for itself, behind the header; no piece of the text is in the link or on the disk. */
static void writes_nothing_plain(void **state)
{
	static u8 text[DISK_SECRET_BYTES];
	struct block_request request;
	u32 header;

	(void)state;
	memset(ram + DATA_AT, 0x5a, 2 * DISK_SECRET_BYTES);
	header = send(BLK_T_OUT, 16, 2 * DISK_SECRET_BYTES);
	request = disk_take();
	assert_int_equal(request.sector, 16 + HEADER_SECTORS);
	assert_int_equal(request.sectors, 16);
	for (u32 i = 0; i + 8 <= BLOCK_LINK_BYTES; i++)
		assert_memory_not_equal((u8 *)disk_memory + i, ram + DATA_AT, 8);
	disk_do(&request);
	virtio_blk_poll_link(&blk);
	expect_done(header, BLK_S_OK, 1);
	assert_memory_not_equal(disk_bytes + 3 * DISK_SECRET_BYTES,
				disk_bytes + 4 * DISK_SECRET_BYTES, DISK_SECRET_BYTES);
	for (u64 block = 2; block < 4; block++) {
		decrypted(block, text);
		assert_memory_equal(text, ram + DATA_AT, DISK_SECRET_BYTES);
	}
	memset(ram + DATA_AT, 0, 2 * DISK_SECRET_BYTES);
	header = send(BLK_T_IN, 16, 2 * DISK_SECRET_BYTES);
	settle();
	expect_done(header, BLK_S_OK, 2 * DISK_SECRET_BYTES + 1);
	assert_memory_equal(text, ram + DATA_AT, DISK_SECRET_BYTES);
	assert_memory_equal(text, ram + DATA_AT + DISK_SECRET_BYTES, DISK_SECRET_BYTES);
}

/* More than the link takes at once goes piece by piece. */
static void large_requests(void **state)
{
	u32 bytes = 40 * DISK_SECRET_BYTES;
	static u8 text[40 * DISK_SECRET_BYTES];
	u32 header;

	(void)state;
	for (u32 i = 0; i < bytes; i++)
		ram[DATA_AT + i] = (u8)(i >> 9 ^ i);
	memcpy(text, ram + DATA_AT, bytes);
	header = send(BLK_T_OUT, 8, bytes);
	settle();
	expect_done(header, BLK_S_OK, 1);
	memset(ram + DATA_AT, 0, bytes);
	header = send(BLK_T_IN, 8, bytes);
	settle();
	expect_done(header, BLK_S_OK, bytes + 1);
	assert_memory_equal(ram + DATA_AT, text, bytes);
}

/* The header moves what the guest writes against the chunks of a store; no piece lies in two of
 * them. */
static void keeps_to_chunks(void **state)
{
	const u32 chunk = 128;
	u32 pieces = 0;
	u32 header;

	(void)state;
	disk_about()->boundary = chunk;
	power_on();
	start_device();
	header = send(BLK_T_OUT, 112, 32 * DISK_SECRET_BYTES);
	while (status_of(header) == NO_STATUS) {
		struct block_request request = disk_take();

		assert_true(request.sector % chunk + request.sectors <= chunk);
		disk_do(&request);
		virtio_blk_poll_link(&blk);
		pieces++;
	}
	expect_done(header, BLK_S_OK, 1);
	assert_int_equal(pieces, 3);
}

/* Where the device could reach the RAM, it is not asked to. */
static void has_no_window(void **state)
{
	struct block_request request;

	(void)state;
	guest.host = ram;
	disk_about()->window = 7;
	(void)send(BLK_T_IN, 0, DISK_SECRET_BYTES);
	request = disk_take();
	assert_int_equal(request.window, 0);
}

static void refuses_parts(void **state)
{
	(void)state;
	expect_done(send(BLK_T_IN, 1, DISK_SECRET_BYTES), BLK_S_IOERR, 1);
	expect_done(send(BLK_T_IN, 0, 512), BLK_S_IOERR, 1);
	expect_done(send(BLK_T_OUT, 0, 512), BLK_S_IOERR, 1);
	/* the last block is before the end that the driver has */
	expect_done(send(BLK_T_IN, DISK_SECTORS - HEADER_SECTORS, DISK_SECRET_BYTES), BLK_S_IOERR,
		    1);
	disk_expect_nothing();
}

static void offers_less(void **state)
{
	(void)state;
	assert_int_equal(blk.virtio.features & (BIT(BLK_F_DISCARD) | BIT(BLK_F_WRITE_ZEROES)), 0);
	assert_int_equal(blk.state.capacity, DISK_SECTORS - HEADER_SECTORS);
	assert_int_equal(virtio_blk_config_read(&blk.virtio, 20, 4), DISK_SECRET_BYTES);
	disk_about()->sectors = DISK_SECTORS + 9;
	virtio_blk_poll_link(&blk);
	assert_int_equal(blk.state.capacity, DISK_SECTORS - HEADER_SECTORS + 8);
}

static void zeros_are_not_left_to_the_disk(void **state)
{
	(void)state;
	poke(DATA_AT, 0, 8);
	poke(DATA_AT + 8, 8, 8);
	expect_done(send(BLK_T_DISCARD, 0, 16), BLK_S_UNSUPP, 1);
	expect_done(send(BLK_T_WRITE_ZEROES, 0, 16), BLK_S_UNSUPP, 1);
	disk_expect_nothing();
}

static u64 saved[(256 * KIB) / 8];
static size_t saved_bytes;

static struct virtio_blk_state *save_machine(void)
{
	assert_int_equal(platform_save(&platform, 1, saved, sizeof(saved), &saved_bytes),
			 STATUS_OK);
	return (struct virtio_blk_state *)(platform_find(saved, STATE_VIRTIO_BLK, 0) + 1);
}

/*
 * A crafted state must not lead to the header with the disk's key: neither by a request at the very
 * end of what 64 bits can count, nor by a disk of such a size.
 */
static void a_state_does_not_lead_to_the_header(void **state)
{
	struct virtio_blk_state *crafted;

	(void)state;
	(void)send(BLK_T_OUT, 8, DISK_SECRET_BYTES);
	crafted = save_machine();
	crafted->request[0].sector = 0 - (u64)HEADER_SECTORS;
	assert_int_equal(platform_load(&platform, 1, saved, saved_bytes), STATUS_BAD_FORMAT);
	crafted = save_machine();
	crafted->capacity = ~0ull;
	assert_int_equal(platform_load(&platform, 1, saved, saved_bytes), STATUS_BAD_FORMAT);
}

static int setup_volume(void **state)
{
	cipher.sparse = true;
	return setup_secret(state);
}

/* Of a volume zeros on the disk are zeros in the guest: whole blocks go there, behind the header.
 */
static void volumes_are_discarded(void **state)
{
	static const u32 types[] = {BLK_T_DISCARD, BLK_T_WRITE_ZEROES};
	const u64 both = BIT(BLK_F_DISCARD) | BIT(BLK_F_WRITE_ZEROES);
	struct block_request request;
	u32 header;

	(void)state;
	assert_int_equal(blk.virtio.features & both, both);
	for (u32 i = 0; i < ARRAY_COUNT(types); i++) {
		poke(DATA_AT, 8, 8);
		poke(DATA_AT + 8, 16, 8);
		header = send(types[i], 0, 16);
		request = disk_take();
		assert_int_equal(request.operation, i == 0 ? BLOCK_DISCARD : BLOCK_WRITE_ZEROES);
		assert_int_equal(request.sector, 8 + HEADER_SECTORS);
		assert_int_equal(request.sectors, 16);
		disk_do(&request);
		virtio_blk_poll_link(&blk);
		expect_done(header, BLK_S_OK, 1);
		for (u32 at = 0; at <= 4; at += 4) { /* from or to the middle of a block */
			poke(DATA_AT, at, 8);
			poke(DATA_AT + 8, 12, 8);
			expect_done(send(types[i], 0, 16), BLK_S_IOERR, 1);
		}
		disk_expect_nothing();
	}
	cipher.sparse = false;
}

/* What nobody has written to a volume is zeros, as it is on no other disk. */
static void volumes_begin_with_zeros(void **state)
{
	u32 header;

	(void)state;
	for (u32 round = 0; round < 2; round++) {
		cipher.sparse = round == 1;
		memset(disk_bytes + 3 * DISK_SECRET_BYTES, 0, 2 * DISK_SECRET_BYTES);
		disk_bytes[5 * DISK_SECRET_BYTES - 1] = 1;
		header = send(BLK_T_IN, 16, 2 * DISK_SECRET_BYTES);
		settle();
		expect_done(header, BLK_S_OK, 2 * DISK_SECRET_BYTES + 1);
		assert_int_equal(is_zero(ram + DATA_AT, DISK_SECRET_BYTES), round == 1);
		assert_false(is_zero(ram + DATA_AT + DISK_SECRET_BYTES, DISK_SECRET_BYTES));
	}
	cipher.sparse = false;
}

/* Another key, and any bit of the header, are found out. */
static void wrong_keys(void **state)
{
	static const u8 other[DISK_KEY_BYTES] = {1, 2, 4};
	static struct disk_secret_header header;
	static struct disk_cipher opened;

	(void)state;
	disk_cipher_make_header(key, salt, &header);
	assert_true(disk_cipher_is_header(&header));
	assert_non_null(strstr(disk_cipher_open(&opened, other, &header), "the key is wrong"));
	for (u32 bit = 192; bit < 8 * 96; bit++) {
		((u8 *)&header)[bit / 8] ^= (u8)(1u << bit % 8);
		assert_non_null(disk_cipher_open(&opened, key, &header));
		((u8 *)&header)[bit / 8] ^= (u8)(1u << bit % 8);
	}
	header.version++;
	assert_non_null(strstr(disk_cipher_open(&opened, key, &header), "another version"));
	for (u32 i = 0; i < sizeof(opened); i++)
		assert_int_equal(((u8 *)&opened)[i], 0);
}

/* A disk that is made anew has other keys: what it held before is lost. */
static void salts_differ(void **state)
{
	static const u8 fresh[DISK_SECRET_SALT_BYTES] = {7};
	static struct disk_secret_header header;
	static struct disk_cipher opened;

	(void)state;
	disk_cipher_make_header(key, fresh, &header);
	assert_null(disk_cipher_open(&opened, key, &header));
	assert_memory_not_equal(opened.key.stream_key, cipher.key.stream_key, 32);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(writes_nothing_plain, setup_secret),
		cmocka_unit_test_setup(large_requests, setup_secret),
		cmocka_unit_test_setup(keeps_to_chunks, setup_secret),
		cmocka_unit_test_setup(has_no_window, setup_secret),
		cmocka_unit_test_setup(refuses_parts, setup_secret),
		cmocka_unit_test_setup(offers_less, setup_secret),
		cmocka_unit_test_setup(zeros_are_not_left_to_the_disk, setup_secret),
		cmocka_unit_test_setup(a_state_does_not_lead_to_the_header, setup_secret),
		cmocka_unit_test_setup(volumes_begin_with_zeros, setup_secret),
		cmocka_unit_test_setup(volumes_are_discarded, setup_volume),
		cmocka_unit_test_setup(wrong_keys, setup_secret),
		cmocka_unit_test_setup(salts_differ, setup_secret),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
