/* SPDX-License-Identifier: MIT */
#pragma once

/* The virtio console, with the guest's console at port 0 and named ports for its programs. */
#include "vmm/monitor/virtio/virtio.h"
#include "vmm/rt/channel.h"

struct platform_config;

#define VIRTIO_CONSOLE_QUEUE_SIZE 64u
/* the most bytes of one request of the guest that reach the console; the rest is lost */
#define VIRTIO_CONSOLE_BURST 65536u
#define VIRTIO_CONSOLE_PORTS CHANNEL_STREAM_MAX

/* Control messages about a port that are still to be sent to the guest, in this order. */
enum console_message {
	CONSOLE_ADD = 1 << 0,
	CONSOLE_IS_CONSOLE = 1 << 1,
	CONSOLE_NAME = 1 << 2,
	CONSOLE_OPEN = 1 << 3,
};

struct virtio_console_state {
	struct virtio_state virtio;
	u8 messages[VIRTIO_CONSOLE_PORTS]; /* enum console_message */
	u8 open[VIRTIO_CONSOLE_PORTS];	   /* 1: a program of the guest has opened the port */
};

/*
 * A console (virtio 1.2, 5.3). Port 0 leads to the same console as the serial port, and gets typed
 * input as long as its driver is up. Further ports have names and nothing to do with the console; a
 * guest that does not know VIRTIO_CONSOLE_F_MULTIPORT has port 0 only.
 */
struct virtio_console {
	struct virtio_device virtio;
	struct virtio_console_state state;
	bool exists[VIRTIO_CONSOLE_PORTS];
	const char (*name)[CHANNEL_NAME_BYTES];
	void (*put)(void *context, u32 port, u8 byte);
	void *context;
};

/* Attaches the console; does nothing where the configuration asks for none. */
enum status virtio_console_attach(struct platform *platform,
				  const struct platform_config *config) MUST_CHECK;

/* Returns whether the guest's driver is up and reads that port, so that the port takes input. */
bool virtio_console_is_open(const struct virtio_console *console, u32 port);
/*
 * Gives input to an open port. Returns the number of bytes that fitted into the guest's buffers;
 * the event MACHINE_ROOM tells when to offer the rest again.
 */
u32 virtio_console_input(struct virtio_console *console, u32 port, const u8 *bytes, u32 count);
