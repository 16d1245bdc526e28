/* SPDX-License-Identifier: MIT */
/*
 * A device for test guests (test_device.h): registers that keep values, ports that move interrupt
 * lines, and windows onto RAM. Attached by platform.c when configured; may map pages of RAM.
 */
#include "vmm/monitor/dev/test_device.h"

#include "lib/string.h"
#include "vmm/monitor/platform/platform_add.h"
#include "vmm/monitor/irqchip/irqchip.h"

enum test_device_region { TEST_REGION_IO, TEST_REGION_IRQ, TEST_REGION_WINDOW, TEST_REGION_MEMORY };

/*
 * Returns the bytes behind a register that keeps written values; NULL for a register with an
 * effect.
 */
static u8 *test_device_bytes(struct test_device_state *state, u32 region, u64 offset)
{
	if (region == TEST_REGION_MEMORY)
		return state->memory + offset;
	return region == TEST_REGION_IO ? state->port + offset : NULL;
}

static u64 test_device_read(struct device *device, u32 region, u64 offset, u32 size)
{
	const u8 *bytes = test_device_bytes(device->state, region, offset);
	u64 value = 0;

	if (bytes != NULL)
		memcpy(&value, bytes, size);
	return value;
}

static void test_device_write(struct device *device, u32 region, u64 offset, u32 size, u64 value)
{
	const struct test_device *test = CONTAINER_OF(device, struct test_device, device);
	u8 *bytes = test_device_bytes(device->state, region, offset);

	if (bytes != NULL)
		memcpy(bytes, &value, size);
	else if (region == TEST_REGION_IRQ)
		irqchip_set_line(device->irqchip, (u32)offset, value != 0);
	else if (test->show != NULL)
		test->show(TEST_WINDOW + offset / 4 * PAGE_SIZE, value);
}

static void test_device_reset(struct device *device)
{
	memset(device->state, 0, device->state_bytes);
}

static bool test_device_valid(const void *bytes)
{
	(void)bytes;
	return true;
}

static const struct device_region test_device_regions[] = {
	[TEST_REGION_IO] = {DEVICE_PORTS, TEST_IO_PORT, TEST_IO_BYTES},
	[TEST_REGION_IRQ] = {DEVICE_PORTS, TEST_IRQ_PORT, TEST_IRQ_LINES},
	[TEST_REGION_WINDOW] = {DEVICE_PORTS, TEST_WINDOW_PORT, TEST_WINDOWS * sizeof(u32)},
	[TEST_REGION_MEMORY] = {DEVICE_MEMORY, TEST_MEMORY, TEST_MEMORY_BYTES},
};

static const struct device_ops test_device_ops = {
	.widest = 8,
	.read = test_device_read,
	.write = test_device_write,
	.reset = test_device_reset,
	.valid = test_device_valid,
};

enum status test_device_attach(struct platform *platform, const struct platform_config *config)
{
	struct test_device *test;

	if (!config->test_device)
		return STATUS_OK;
	test = platform_take(platform, sizeof(*test));
	if (test == NULL)
		return STATUS_NO_MEMORY;
	test->show = config->test_show;
	test->device = (struct device){
		.name = "test",
		.ops = &test_device_ops,
		.regions = test_device_regions,
		.region_count = ARRAY_COUNT(test_device_regions),
		.state = &test->state,
		.state_bytes = sizeof(test->state),
		.kind = STATE_TEST_DEVICE,
		.version = 1,
	};
	return platform_add(platform, &test->device);
}
