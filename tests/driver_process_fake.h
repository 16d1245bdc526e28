/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What the manager gives to a device's driver, as the driver's process shows it, for tests that
 * play the device.
 */
#include <stdlib.h>
#include <string.h>

#include "vmm/driver/process.h"

static struct {
	struct {
		const char *name; /* NULL: whatever the name */
		volatile u8 *at;
		u64 bytes;
	} registers[4];
	struct driver_dma memory;
	bool has_interrupt;
	u16 command_port, control_port, dma_port;
	struct start_info info;
} process_given;

const struct start_info *start_info = &process_given.info;

volatile u8 *process_registers(const char *name, u64 *bytes)
{
	for (u32 i = 0; i < ARRAY_COUNT(process_given.registers); i++) {
		const char *known = process_given.registers[i].name;

		if (known != NULL && strcmp(known, name) != 0)
			continue;
		*bytes = process_given.registers[i].bytes;
		return process_given.registers[i].at;
	}
	*bytes = 0;
	return NULL;
}

u16 process_ports(const char *name)
{
	if (strcmp(name, DRIVER_PORTS_COMMAND) == 0)
		return process_given.command_port;
	if (strcmp(name, DRIVER_PORTS_CONTROL) == 0)
		return process_given.control_port;
	return process_given.dma_port;
}

bool process_has_interrupt(void)
{
	return process_given.has_interrupt;
}

bool process_has_line(void)
{
	return false;
}

struct driver_dma driver_dma(void)
{
	return process_given.memory;
}

void driver_give_up(const char *pattern, ...)
{
	(void)pattern;
	abort();
}
