/* SPDX-License-Identifier: MIT */
/* A guest's flash obeys its commands, and the medium has what was written in the order of writing.
 */
#include <string.h>

#include "tests/unit/device_fixture.h"

#include "vmm/monitor/dev/flash.c"

#define BASE   0xfff00000u
#define BLOCKS 70u

static u8 content[BLOCKS * FLASH_BLOCK_BYTES];
static u8 medium[sizeof(content)];
static bool shown;
static u32 kept_times;
static bool medium_fails;

static void show(void *context, bool wanted)
{
	assert_ptr_equal(context, content);
	shown = wanted;
}

static bool keep(void *context, u64 changed[FLASH_WORDS])
{
	assert_ptr_equal(context, content);
	kept_times++;
	if (medium_fails)
		return false;
	for (u64 block = 0; block < FLASH_BLOCKS; block++)
		if ((changed[block / 64] >> block % 64 & 1) != 0) {
			assert_true(block < BLOCKS);
			memcpy(medium + block * FLASH_BLOCK_BYTES,
			       content + block * FLASH_BLOCK_BYTES, FLASH_BLOCK_BYTES);
		}
	memset(changed, 0, FLASH_WORDS * sizeof(*changed));
	return true;
}

static const struct flash_config flash_config = {
	.base = BASE,
	.bytes = sizeof(content),
	.content = content,
	.context = content,
	.show = show,
	.keep = keep,
};

static struct device *attach(void)
{
	struct platform_config config = fixture_config;

	config.flash = &flash_config;
	memset(content, 0xff, sizeof(content));
	memset(medium, 0xff, sizeof(medium));
	kept_times = 0;
	medium_fails = false;
	shown = false;
	fixture_reset();
	assert_int_equal(flash_attach(&fixture_platform, &config), STATUS_OK);
	assert_int_equal(fixture_platform.device_count, 2);
	return fixture_platform.device[0];
}

static void write8(u64 offset, u8 value)
{
	bus_write(&fixture_platform.memory, BASE + offset, 1, value);
}

static u64 read8(u64 offset)
{
	return bus_read(&fixture_platform.memory, BASE + offset, 1);
}

static void program(u64 offset, u8 value)
{
	write8(offset, 0x10);
	write8(offset, value);
}

static void is_found_as_flash(void **state)
{
	(void)state;
	attach();
	assert_true(shown);
	write8(3, 0x50);
	assert_true(shown);
	assert_int_equal(read8(3), 0xff);
	write8(3, 0x70);
	assert_false(shown);
	assert_int_equal(read8(3), 0);
	write8(3, 0xff);
	assert_true(shown);
	assert_int_equal(content[3], 0xff);
}

static void programming_clears_bits(void **state)
{
	(void)state;
	attach();
	program(5, 0x0f);
	assert_false(shown);
	assert_int_equal(read8(9), FLASH_STATUS_READY);
	write8(5, 0x40);
	write8(5, 0xfc);
	write8(0, 0xff);
	assert_true(shown);
	assert_int_equal(read8(5), 0x0c);
	assert_int_equal(medium[5], 0x0c);
	/* commands are values to what waits for one */
	program(6, 0xff);
	program(6, 0x20);
	write8(0, 0xff);
	assert_int_equal(content[6], 0x20);
}

static void erasing_is_confirmed(void **state)
{
	(void)state;
	attach();
	memset(content, 0, sizeof(content));
	write8(FLASH_BLOCK_BYTES + 17, 0x20);
	write8(FLASH_BLOCK_BYTES + 17, 0xff);
	assert_int_equal(read8(0), FLASH_STATUS_READY | FLASH_STATUS_SEQUENCE_ERROR);
	assert_int_equal(content[FLASH_BLOCK_BYTES], 0);
	write8(0, 0x50);
	write8(FLASH_BLOCK_BYTES + 17, 0x20);
	write8(FLASH_BLOCK_BYTES + 17, 0xd0);
	assert_int_equal(read8(0), FLASH_STATUS_READY);
	assert_int_equal(content[FLASH_BLOCK_BYTES - 1], 0);
	assert_int_equal(content[FLASH_BLOCK_BYTES], 0xff);
	assert_int_equal(content[2 * FLASH_BLOCK_BYTES - 1], 0xff);
	assert_int_equal(content[2 * FLASH_BLOCK_BYTES], 0);
	assert_int_equal(medium[2 * FLASH_BLOCK_BYTES - 1], 0xff);
}

static void unknown_commands_are_errors(void **state)
{
	(void)state;
	attach();
	write8(1, 0xe8);
	assert_true(shown);
	write8(1, 0x70);
	assert_int_equal(read8(1), FLASH_STATUS_SEQUENCE_ERROR);
}

/* The bytes of one block go to the medium together, before those of another and before a read. */
static void the_medium_keeps_the_order(void **state)
{
	(void)state;
	attach();
	program(0, 1);
	program(1, 2);
	assert_int_equal(kept_times, 0);
	program(FLASH_BLOCK_BYTES * 69, 3);
	assert_int_equal(kept_times, 1);
	assert_int_equal(medium[1], 2);
	assert_int_equal(medium[FLASH_BLOCK_BYTES * 69], 0xff);
	(void)read8(0);
	assert_int_equal(kept_times, 2);
	assert_int_equal(medium[FLASH_BLOCK_BYTES * 69], 3);
	write8(0, 0xff);
	assert_int_equal(kept_times, 2);
}

static void a_medium_that_fails_is_told_and_tried_again(void **state)
{
	(void)state;
	attach();
	medium_fails = true;
	program(7, 1);
	assert_int_equal(read8(0), FLASH_STATUS_READY | FLASH_STATUS_PROGRAM_ERROR);
	medium_fails = false;
	write8(0, 0x50);
	assert_int_equal(medium[7], 1);
}

static void content_outlives_a_reset(void **state)
{
	struct device *device = attach();

	(void)state;
	program(8, 1);
	device_reset(device);
	assert_true(shown);
	assert_int_equal(read8(8), 1);
	assert_int_equal(medium[8], 1);
}

static void states_come_back(void **state)
{
	struct device *device = attach();
	struct device *of_content = fixture_platform.device[1];
	u64 *saved = malloc(sizeof(content));

	(void)state;
	assert_round_trip(of_content);
	program(8, 1);
	assert_int_equal(device_save(of_content, saved, sizeof(content)), STATUS_OK);
	assert_round_trip(device);
	assert_false(shown);
	assert_load_refused(device, offsetof(struct flash_state, mode), FLASH_MODE_COUNT);
	assert_load_refused(device, offsetof(struct flash_state, pad), 1);
	program(8, 0);
	write8(0, 0xff);
	assert_int_equal(medium[8], 0);
	/* the medium is of another time than the state */
	memset(medium, 0x33, sizeof(medium));
	assert_int_equal(device_load(of_content, saved, sizeof(content)), STATUS_OK);
	assert_int_equal(content[8], 1);
	write8(0, 0xff);
	assert_memory_equal(medium, content, sizeof(content));
	free(saved);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_found_as_flash),
		cmocka_unit_test(programming_clears_bits),
		cmocka_unit_test(erasing_is_confirmed),
		cmocka_unit_test(unknown_commands_are_errors),
		cmocka_unit_test(the_medium_keeps_the_order),
		cmocka_unit_test(a_medium_that_fails_is_told_and_tried_again),
		cmocka_unit_test(content_outlives_a_reset),
		cmocka_unit_test(states_come_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
