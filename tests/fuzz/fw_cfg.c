/* SPDX-License-Identifier: MIT */
/* Fuzzes the fw_cfg device: a guest's accesses to any files, and files with any sizes and names. */
#include "tests/fuzz/fuzz.h"

#include "vmm/monitor/dev/fw_cfg.c"
#include "vmm/monitor/dev/fw_cfg_dma.c"
#include "vmm/monitor/memory/guest_memory.c"
#include "tests/fuzz/device.h"

/* Adds as many files as the input says, with any sizes and names; one too many is refused. */
static void add_files(struct fw_cfg *fw_cfg, struct fuzz *fuzz)
{
	static u8 contents[256];
	char name[2 * FW_CFG_NAME_BYTES] = {0};
	u8 count = fuzz_u8(fuzz) % (FW_CFG_FILE_MAX + 2);

	for (u32 i = 0; i < count; i++) {
		u32 length = fuzz_u8(fuzz) % (sizeof(name) - 1);
		bool fits = length < FW_CFG_NAME_BYTES && fw_cfg->file_count < FW_CFG_FILE_MAX;

		memset(name, 'a', length);
		name[length] = '\0';
		CHECK_THAT(fw_cfg_add_file(fw_cfg, name, contents, fuzz_u8(fuzz)) == fits);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static const struct fuzz_range ranges[] = {{FW_CFG_SELECTOR_PORT, 2}};
	struct fuzz fuzz = {bytes, size};
	struct device *device;

	fixture_reset();
	device = fixture_attach(fw_cfg_attach, &fixture_config);
	add_files(CONTAINER_OF(device, struct fw_cfg, device), &fuzz);
	fuzz_device(device, ranges, ARRAY_COUNT(ranges), &fuzz, NULL);
	return 0;
}
