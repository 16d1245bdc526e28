/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes a guest's flash memory: any commands and states, with a medium that fails now and then.
 * What the flash holds is then read as firmware's variables.
 */
#include "tests/fuzz/fuzz.h"

#include "vmm/monitor/dev/flash.c"
#include "vmm/monitor/load/variables.c"
#include "tests/fuzz/device.h"

#define BASE  0xfff00000u
#define BYTES (16u * FLASH_BLOCK_BYTES)

static u8 content[BYTES];
static u8 medium[BYTES];
static u32 asked;

static void show(void *context, bool shown)
{
	(void)context, (void)shown;
}

static bool keep(void *context, u64 changed[FLASH_WORDS])
{
	(void)context;
	if (++asked % 16 == 0)
		return false;
	for (u64 block = 0; block < FLASH_BLOCKS; block++) {
		if ((changed[block / 64] >> block % 64 & 1) == 0)
			continue;
		CHECK_THAT(block < BYTES / FLASH_BLOCK_BYTES);
		memcpy(medium + block * FLASH_BLOCK_BYTES, content + block * FLASH_BLOCK_BYTES,
		       FLASH_BLOCK_BYTES);
	}
	memset(changed, 0, FLASH_WORDS * sizeof(*changed));
	return true;
}

static void check_variables(struct fuzz *fuzz)
{
	struct variables about;
	u64 bytes = fuzz_number(fuzz) % (BYTES + 1);

	if (variables_read(content, bytes, &about) == NULL) {
		CHECK_THAT(about.bytes <= bytes && about.torn_at < bytes);
		CHECK_THAT(about.live_bytes + about.dead_bytes <= about.room_bytes);
		(void)variables_is_full(&about);
	}
	(void)variables_is_blank(content, bytes);
}

/* A volume of variables with a few bytes of anything in it. */
static void spoil(struct fuzz *fuzz)
{
	static const u8 header[100] = {
		[34] = 1,  [40] = '_',	'F',  'V',  'H',  0xff, 0xfe, 4,    0,
		72,	   0,		0,    0,    0,	  0,	0,    2,    16,
		[61] = 16, [72] = 0x78, 0x2c, 0xf3, 0xaa, 0x7b, 0x94, 0x9a, 0x43,
		0xa1,	   0x80,	0x2e, 0x14, 0x4e, 0xc3, 0x77, 0x92, 0xb8,
		0x3f,	   0,		0,    0x5a, 0xfe};
	u32 count = fuzz_u8(fuzz);
	u16 sum;

	memset(content, 0xff, sizeof(content));
	memcpy(content, header, sizeof(header));
	for (u32 i = 0; i < count && fuzz->left != 0; i++)
		content[100 + i] = fuzz_u8(fuzz);
	content[fuzz_u8(fuzz)] = fuzz_u8(fuzz);
	sum = (u16)-variables_sum(content, 72);
	content[50] = (u8)(content[50] + sum);
	content[51] = (u8)(content[51] + (sum >> 8));
}

static void outside(struct fuzz *fuzz)
{
	if (fuzz_u8(fuzz) % 4 == 0)
		fuzz_device_save_load(fixture_platform.device[1]);
	if (fuzz_u8(fuzz) % 2 == 0)
		spoil(fuzz);
	check_variables(fuzz);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static const struct flash_config flash = {
		.base = BASE, .bytes = BYTES, .content = content, .show = show, .keep = keep};
	static const struct fuzz_range ranges[] = {
		{BASE, 256}, {BASE + FLASH_BLOCK_BYTES - 128, 256}, {BASE + BYTES - 256, 256}};
	struct platform_config config = fixture_config;
	struct fuzz fuzz = {bytes, size};

	config.flash = &flash;
	memset(content, 0xff, sizeof(content));
	fixture_reset();
	CHECK_THAT(flash_attach(&fixture_platform, &config) == STATUS_OK);
	fuzz_device(fixture_platform.device[0], ranges, ARRAY_COUNT(ranges), &fuzz, outside);
	return 0;
}
