/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/device.h"

#define TEST_IO_PORT	0xe0u
#define TEST_IO_BYTES	4u
#define TEST_IRQ_PORT	0x2000u /* and one for each further interrupt line */
#define TEST_IRQ_LINES	24u
#define TEST_MEMORY	0xff000000ull
#define TEST_MEMORY_BYTES 0x1000ull

struct test_device_state {
	u8 port[TEST_IO_BYTES];
	u8 reserved[4];
	u8 memory[TEST_MEMORY_BYTES];
};

/*
 * For guests that try out a machine: ports and a page of device memory that keep what is written
 * to them, so that each such access is the emulator's work, and ports that move the interrupt
 * lines. Where they are is a convention among such guests.
 */
struct test_device {
	struct device device;
	struct test_device_state state;
};

void test_device_init(struct test_device *test, struct irqchip *irqchip);
