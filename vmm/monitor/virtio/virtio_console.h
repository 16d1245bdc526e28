/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/virtio/virtio.h"

struct platform_config;

#define VIRTIO_CONSOLE_QUEUE_SIZE 64u
#define VIRTIO_CONSOLE_BURST	  65536u /* bytes of one request that are shown; the rest is lost */

/*
 * Console with one port (virtio 1.2, 5.3): a second way to where the serial port goes. What the
 * guest sends goes to serial_put; what is typed comes here as long as its driver is up.
 */
struct virtio_console {
	struct virtio_device virtio;
	struct virtio_state state;
	void (*put)(void *context, u8 byte);
	void *context;
};

/* Only where it is asked for. */
enum status virtio_console_attach(struct platform *platform,
				  const struct platform_config *config) MUST_CHECK;

/* The guest's driver is up: input belongs here and not to the serial port. */
bool virtio_console_is_open(const struct virtio_console *console);
/*
 * Bytes arrive. Returns how many fit into the buffers that the guest has given; MACHINE_ROOM says
 * when to offer the others again.
 */
u32 virtio_console_input(struct virtio_console *console, const u8 *bytes, u32 count);
