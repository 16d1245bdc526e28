/* SPDX-License-Identifier: MIT */
#include "tests/fuzz/fuzz.h"

#include "vmm/monitor/dev/serial.c"
#include "tests/fuzz/device.h"

static struct serial serial;

static void put(void *context, u8 byte)
{
	(void)context;
	(void)byte;
}

static void input(struct fuzz *fuzz)
{
	u32 space = serial_input_space(&serial);

	CHECK_THAT(serial_input(&serial, fuzz_u8(fuzz)) || space == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static const struct fuzz_range ranges[] = {{UART_COM1, 8}};
	struct fuzz fuzz = {bytes, size};

	fixture_reset();
	serial_init(&serial, &fixture_clock, NULL, 4, put, NULL);
	fuzz_device(&serial.device, ranges, ARRAY_COUNT(ranges), &fuzz, input);
	return 0;
}
