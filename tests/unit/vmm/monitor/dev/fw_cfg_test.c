/* SPDX-License-Identifier: MIT */
/* The fw_cfg device's traditional interface behaves as QEMU's docs/specs/fw_cfg describes it. */
#include "tests/unit/device_fixture.h"

#include "vmm/monitor/memory/guest_memory.h"

#include "vmm/monitor/dev/fw_cfg.c"
#include "vmm/monitor/dev/fw_cfg_dma.c"

static struct fw_cfg *fw_cfg;
static struct device *device;

static void select_key(u32 key)
{
	fixture_write(device, 0x510, 2, key);
}

static u64 number(u32 bytes)
{
	u64 value = 0;

	for (u32 i = 0; i < bytes; i++)
		value |= (u64)in8(device, 0x511) << (i * 8);
	return value;
}

static int setup(void **state)
{
	(void)state;
	fixture_reset();
	device = fixture_attach(fw_cfg_attach, &fixture_config);
	fw_cfg = CONTAINER_OF(device, struct fw_cfg, device);
	return 0;
}

static void numbers_and_signature(void **state)
{
	(void)state;
	select_key(FW_CFG_SIGNATURE);
	assert_int_equal(number(4), 'Q' | 'E' << 8 | 'M' << 16 | 'U' << 24);
	assert_int_equal(number(4), 0); /* past the item's end */
	select_key(FW_CFG_ID);
	assert_int_equal(number(4), 1);
	select_key(FW_CFG_RAM_SIZE);
	assert_int_equal(number(8), 5 * GIB);
	select_key(FW_CFG_CPU_COUNT);
	assert_int_equal(number(2), 3);
	select_key(FW_CFG_CPU_MAX);
	assert_int_equal(number(2), 3);
	select_key(0x8003);
	assert_int_equal(number(4), 0);
}

/* The selector is written as one word, the data read as bytes; the two ports overlap. */
static void widths(void **state)
{
	(void)state;
	assert_int_equal(device->ops->widest, 2);
	select_key(FW_CFG_SIGNATURE);
	assert_int_equal(in8(device, 0x511), 'Q');
	/* Bytes select nothing, nor does a word to the data; the offset stays, too. */
	out8(device, 0x510, FW_CFG_CPU_COUNT);
	out8(device, 0x511, FW_CFG_CPU_COUNT);
	fixture_write(device, 0x511, 2, FW_CFG_CPU_COUNT);
	assert_int_equal(in8(device, 0x511), 'E');
	/* Words read as 0, and so does the selector; no byte of the item is used up. */
	assert_int_equal(fixture_read(device, 0x511, 2), 0);
	assert_int_equal(fixture_read(device, 0x510, 2), 0);
	assert_int_equal(in8(device, 0x510), 0);
	assert_int_equal(in8(device, 0x511), 'M');
	/* With bit 14 the key selects the same item; writing the item is ignored since QEMU 2.4. */
	select_key(1 << 14 | FW_CFG_CPU_COUNT);
	out8(device, 0x511, 7);
	assert_int_equal(number(2), 3);
}

static void files(void **state)
{
	static const u8 text[] = {'h', 'i', '!'};
	char name[FW_CFG_NAME_BYTES + 1];

	(void)state;
	select_key(FW_CFG_DIRECTORY);
	assert_int_equal(number(8), 0);

	memset(name, 'n', sizeof(name));
	name[FW_CFG_NAME_BYTES] = 0;
	assert_false(fw_cfg_add_file(fw_cfg, name, text, 3));
	assert_true(fw_cfg_add_file(fw_cfg, "opt/text", text, 3));
	select_key(FW_CFG_DIRECTORY);
	assert_int_equal(number(4), 0x01000000); /* 1 in big-endian order */
	assert_int_equal(number(4), 0x03000000); /* the size */
	assert_int_equal(number(2), FW_CFG_FILE_FIRST << 8);
	assert_int_equal(number(2), 0);
	assert_int_equal(number(8), 0x747865742f74706f); /* the name "opt/text" */
	assert_int_equal(number(8), 0);
	select_key(FW_CFG_FILE_FIRST);
	assert_int_equal(number(4), 'h' | 'i' << 8 | '!' << 16);
	select_key(FW_CFG_FILE_FIRST + 1);
	assert_int_equal(number(4), 0);
	for (u32 i = 1; i < FW_CFG_FILE_MAX; i++)
		assert_true(fw_cfg_add_file(fw_cfg, "more", text, 3));
	select_key(FW_CFG_DIRECTORY);
	(void)number(DIRECTORY_HEADER_BYTES);
	for (u32 i = 0; i < FW_CFG_FILE_MAX * DIRECTORY_ENTRY_BYTES; i++)
		(void)number(1);
	for (u32 i = 0; i < 2 * DIRECTORY_ENTRY_BYTES; i++)
		assert_int_equal(number(1), 0);
	assert_false(fw_cfg_add_file(fw_cfg, "more", text, 3));
}

static void save_and_load(void **state)
{
	(void)state;
	select_key(FW_CFG_RAM_SIZE);
	(void)number(4);
	assert_round_trip(device);
	assert_int_equal(number(4), 5 * GIB >> 32);
	device_reset(device);
	assert_int_equal(in8(device, 0x511), 'Q');
	/* The last offset does not wrap to the start. */
	fw_cfg->state.offset = ~0u;
	assert_int_equal(number(2), 0);
	assert_int_equal(fw_cfg->state.offset, ~0u);
}

static u8 ram[8 * KIB];
static struct guest_memory memory;

/* Attaches the device of a machine that starts by firmware, with a file of 8 KiB. */
static struct device *attach_dma(void)
{
	static u8 contents[2 * sizeof(ram)];
	static struct fw_cfg_file file = {"opt/x", contents, sizeof(contents)};
	struct platform_config config = fixture_config;

	for (size_t i = 0; i < sizeof(contents); i++)
		contents[i] = (u8)(i % 251);
	memset(ram, 0x5a, sizeof(ram));
	memory = (struct guest_memory){.region[0] = {GPA(0), sizeof(ram), ram}, .count = 1};
	config.firmware = true;
	config.memory = &memory;
	config.firmware_file = &file;
	config.firmware_file_count = 1;
	fixture_reset();
	assert_true(fw_cfg_attach(&fixture_platform, &config) == STATUS_OK);
	assert_int_equal(fixture_platform.device_count, 2);
	device = fixture_platform.device[0];
	fw_cfg = CONTAINER_OF(device, struct fw_cfg, device);
	return fixture_platform.device[1];
}

/* Asks for a transfer by a structure at 0x100; returns what its control word says afterwards. */
static u32 transfer(struct device *dma, u32 control, u32 length, u64 address)
{
	const struct fw_cfg_dma_access access = {
		__builtin_bswap32(control), __builtin_bswap32(length), __builtin_bswap64(address)};
	u32 result;

	memcpy(ram + 0x100, &access, sizeof(access));
	fixture_write(dma, 0x514, 4, 0);
	fixture_write(dma, 0x518, 4, __builtin_bswap32(0x100));
	memcpy(&result, ram + 0x100, sizeof(result));
	return __builtin_bswap32(result);
}

#define SELECT_FILE (CONTROL_SELECT | FW_CFG_FILE_FIRST << CONTROL_KEY_SHIFT)

static void dma_reads_items(void **state)
{
	struct device *dma = attach_dma();

	(void)state;
	select_key(FW_CFG_ID);
	assert_int_equal(number(4), 3);
	assert_int_equal(fixture_read(dma, 0x514, 4), 'Q' | 'E' << 8 | 'M' << 16 | 'U' << 24);
	assert_int_equal(transfer(dma, SELECT_FILE | CONTROL_READ, 300, 0x200), 0);
	assert_memory_equal(ram + 0x200, fw_cfg->file[0].bytes, 300);
	assert_int_equal(ram[0x200 + 300], 0x5a);
	assert_int_equal(transfer(dma, CONTROL_SKIP, 100, 0), 0);
	assert_int_equal(transfer(dma, CONTROL_READ, 8, 0x200), 0);
	assert_memory_equal(ram + 0x200, fw_cfg->file[0].bytes + 400, 8);
	/* an item ends in zeros */
	assert_int_equal(transfer(dma, CONTROL_SELECT | CONTROL_READ, 6, 0x200), 0);
	assert_memory_equal(ram + 0x200, "QEMU\0\0", 6);
}

/* What is none of the guest's memory, too long, or to be written is refused. */
static void dma_refuses(void **state)
{
	static const u64 places[] = {sizeof(ram) - 7, sizeof(ram), ~0ull - 3, ~0ull};
	struct device *dma = attach_dma();

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(places); i++)
		assert_int_equal(transfer(dma, SELECT_FILE | CONTROL_READ, 8, places[i]),
				 CONTROL_ERROR);
	assert_int_equal(transfer(dma, SELECT_FILE | CONTROL_READ, ~0u, 0x200), CONTROL_ERROR);
	assert_int_equal(transfer(dma, SELECT_FILE | CONTROL_WRITE, 8, 0x200), CONTROL_ERROR);
	for (size_t i = 0x200; i < sizeof(ram); i++)
		assert_int_equal(ram[i], 0x5a);
	/* a structure outside of the memory */
	fixture_write(dma, 0x514, 4, __builtin_bswap32(7));
	fixture_write(dma, 0x518, 4, __builtin_bswap32(0x100));
	assert_int_equal(fw_cfg->dma_state.address_high, 0);
	assert_round_trip(dma);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(numbers_and_signature, setup),
		cmocka_unit_test_setup(widths, setup),
		cmocka_unit_test_setup(files, setup),
		cmocka_unit_test_setup(save_and_load, setup),
		cmocka_unit_test(dma_reads_items),
		cmocka_unit_test(dma_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
