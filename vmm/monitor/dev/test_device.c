/* SPDX-License-Identifier: MIT */
#include "vmm/monitor/dev/test_device.h"

#include "lib/string.h"
#include "vmm/monitor/irqchip/irqchip.h"

/* The bytes behind an address; NULL: an interrupt line's port. */
static u8 *test_device_bytes(struct test_device_state *state, u64 address)
{
	if (address >= TEST_MEMORY)
		return state->memory + (address - TEST_MEMORY);
	if (address < TEST_IRQ_PORT)
		return state->port + (address - TEST_IO_PORT);
	return NULL;
}

static u64 test_device_read(struct device *device, u64 address, u32 size)
{
	const u8 *bytes = test_device_bytes(device->state, address);
	u64 value = 0;

	if (bytes != NULL)
		memcpy(&value, bytes, size);
	return value;
}

static void test_device_write(struct device *device, u64 address, u32 size, u64 value)
{
	const struct test_device *test = CONTAINER_OF(device, struct test_device, device);
	u8 *bytes = test_device_bytes(device->state, address);

	if (bytes != NULL)
		memcpy(bytes, &value, size);
	else if (address >= TEST_WINDOW_PORT && test->show != NULL)
		test->show(TEST_WINDOW + (address - TEST_WINDOW_PORT) / 4 * PAGE_SIZE, value);
	else if (address < TEST_WINDOW_PORT)
		irqchip_set_line(device->irqchip, (u32)(address - TEST_IRQ_PORT), value != 0);
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

static const struct device_ops test_device_ops = {
	.widest = 8,
	.read = test_device_read,
	.write = test_device_write,
	.reset = test_device_reset,
	.valid = test_device_valid,
};

void test_device_init(struct test_device *test, struct irqchip *irqchip,
		      void (*show)(u64 at, u64 page))
{
	test->show = show;
	test->device = (struct device){
		.name = "test",
		.ops = &test_device_ops,
		.state = &test->state,
		.state_bytes = sizeof(test->state),
		.irqchip = irqchip,
	};
	device_reset(&test->device);
}
