/* SPDX-License-Identifier: MIT */
#include "tests/fuzz/fuzz.h"

#include "vmm/monitor/dev/fw_cfg.c"
#include "tests/fuzz/device.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static const struct fuzz_range ranges[] = {{FW_CFG_SELECTOR_PORT, 2}};
	struct fuzz fuzz = {bytes, size};
	static struct fw_cfg fw_cfg;

	fixture_reset();
	fw_cfg_init(&fw_cfg, 5 * GIB, 3);
	fuzz_device(&fw_cfg.device, ranges, ARRAY_COUNT(ranges), &fuzz, NULL);
	return 0;
}
