/* SPDX-License-Identifier: MIT */
/*
 * A machine's devices loaded from a state of which some bytes are the fuzzer's, with checksums that
 * fit: it is refused without effect, or no guest can do harm with what was loaded.
 */
/*
 * Counted elsewhere: vmm/monitor/irqchip/ vmm/monitor/dev/ vmm/monitor/pci/ vmm/monitor/virtio/
 * vmm/monitor/bus vmm/io/
 */
#define PLATFORM_ALONE
#include "tests/fuzz/platform.c"

#define CHANGES_MAX 32u

static u64 state_before[8192];
static u64 state_given[8192];
static u64 state_after[8192];

static size_t save_to(u64 *bytes, size_t size)
{
	size_t used;

	CHECK_THAT(platform_save(&platform, 3, bytes, size, &used) == STATUS_OK);
	return used;
}

static void change(u8 *bytes, size_t size, struct fuzz *fuzz)
{
	u32 count = fuzz_u8(fuzz) % CHANGES_MAX;

	for (u32 i = 0; i < count; i++)
		bytes[fuzz_u16(fuzz) % size] = fuzz_u8(fuzz);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct fuzz fuzz = {bytes, size};
	size_t used;

	start(fuzz_u8(&fuzz));
	used = save_to(state_before, sizeof(state_before));
	memcpy(state_given, state_before, used);
	change((u8 *)state_given, used, &fuzz);
	if (platform_load(&platform, 3, state_given, used) != STATUS_OK) {
		CHECK_THAT(platform_problem.fault != STATE_FINE);
		CHECK_THAT(save_to(state_after, sizeof(state_after)) == used);
		CHECK_THAT(memcmp(state_before, state_after, used) == 0);
		return 0;
	}
	be_used(&fuzz);
	return 0;
}
