/* SPDX-License-Identifier: MIT */
/* Fuzzes fw_cfg's DMA: any requests at any place of the guest's memory, which others overwrite. */
#include "tests/fuzz/fuzz.h"

#include "vmm/monitor/dev/fw_cfg.c"
#include "vmm/monitor/dev/fw_cfg_dma.c"
#include "vmm/monitor/memory/guest_memory.c"
#include "tests/fuzz/device.h"

static u8 ram[2 * PAGE_SIZE];

static struct device *attach(const struct guest_memory *memory)
{
	static const u8 contents[700] = {1, 2, 3};
	static const struct fw_cfg_file file = {"etc/x", contents, sizeof(contents)};
	struct platform_config config = fixture_config;

	config.firmware = true;
	config.memory = memory;
	config.firmware_file = &file;
	config.firmware_file_count = 1;
	fixture_reset();
	CHECK_THAT(fw_cfg_attach(&fixture_platform, &config) == STATUS_OK);
	return fixture_platform.device[1];
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static const struct guest_memory memory = {.region[0] = {GPA(PAGE_SIZE), sizeof(ram), ram},
						   .count = 1};
	struct fuzz fuzz = {bytes, size};
	struct device *dma = attach(&memory);

	for (u32 round = 0; round < 64 && fuzz.left != 0; round++) {
		u32 at = fuzz_u8(&fuzz) * 37u;

		/* the request, or what is left of the one before */
		for (u32 i = 0; i < sizeof(struct fw_cfg_dma_access); i++)
			ram[at % sizeof(ram)] = fuzz_u8(&fuzz), at++;
		dma->ops->write(dma, 0, fuzz_u8(&fuzz) % 2 * 4, 4, fuzz_u8(&fuzz));
		dma->ops->write(dma, 0, ADDRESS_LOW, 4,
				__builtin_bswap32((u32)PAGE_SIZE + fuzz_u8(&fuzz) * 37u));
		CHECK_THAT(dma->ops->valid(dma->state));
	}
	return 0;
}
