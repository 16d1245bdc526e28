/* SPDX-License-Identifier: MIT */
/* Fuzzes the serial port: a guest's accesses, input from the console, and saved states. */
#include "tests/fuzz/fuzz.h"

#include "vmm/monitor/dev/serial.c"
#include "tests/fuzz/device.h"

static void put(void *context, u8 byte)
{
	(void)context;
	(void)byte;
}

static void input(struct fuzz *fuzz)
{
	u32 space = serial_input_space(fixture_platform.serial);

	CHECK_THAT(serial_input(fixture_platform.serial, fuzz_u8(fuzz)) || space == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static const struct fuzz_range ranges[] = {{UART_COM1, 8}};
	static const struct platform_config config = {.serial_put = put};
	struct fuzz fuzz = {bytes, size};
	struct device *device;

	fixture_reset();
	device = fixture_attach(serial_attach, &config);
	fuzz_device(device, ranges, ARRAY_COUNT(ranges), &fuzz, input);
	return 0;
}
