/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/bus/device.h"

#define TEST_IO_PORT  0xe0u
#define TEST_IO_BYTES 4u
/* the port of the first interrupt line; each further interrupt line has the next port */
#define TEST_IRQ_PORT	  0x2000u
#define TEST_IRQ_LINES	  24u
#define TEST_MEMORY	  0xff000000ull
#define TEST_MEMORY_BYTES 0x1000ull
/*
 * the port to which a guest writes the number of the page of RAM that shows in the first window; 0:
 * no page does
 */
#define TEST_WINDOW_PORT 0x2100u
#define TEST_WINDOW	 0xff001000ull
#define TEST_WINDOWS	 2u /* the second window's port is 4 higher, its address one page higher */

struct test_device_state {
	u8 port[TEST_IO_BYTES];
	u8 reserved[4];
	u8 memory[TEST_MEMORY_BYTES];
};

/*
 * A device for guests that test the VM itself: ports and a page of device memory that keep written
 * values, so that each such access exercises the emulator, and ports that drive the interrupt
 * lines. A page of RAM can be shown at a second address, in a window, and taken away again while
 * other vCPUs read it. The addresses are a convention among such guests.
 */
struct test_device {
	struct device device;
	struct test_device_state state;
	void (*show)(u64 at, u64 page); /* maps RAM page number `page` at address `at` */
};

/*
 * Attaches the test device; does nothing where the configuration asks for none. `test_show` may be
 * NULL: there is no window.
 */
enum status test_device_attach(struct platform *platform,
			       const struct platform_config *config) MUST_CHECK;
