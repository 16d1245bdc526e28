/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/bus/device.h"

#define FIRMWARE_LOG_PORT  0x402u
#define FIRMWARE_LOG_BYTES 120u

struct firmware_log_state {
	u32 used;
	/* the present line as far as the firmware has written it, without a NUL */
	char line[FIRMWARE_LOG_BYTES];
	u32 reserved;
};

/* The port to which a guest's firmware writes its progress; each line goes to the VM's log. */
struct firmware_log {
	struct device device;
	struct firmware_log_state state;
	void (*say)(void *context, const char *line);
	void *context;
};

/* Attaches the firmware's log port; does nothing for a VM that does not start by firmware. */
enum status firmware_log_attach(struct platform *platform,
				const struct platform_config *config) MUST_CHECK;
