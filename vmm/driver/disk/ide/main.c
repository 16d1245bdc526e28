/* SPDX-License-Identifier: MIT */
/*
 * The program of an IDE driver: binds ide_start.c and ide_request.c to the common disk driver
 * (driver.c), which calls `driver_ops`. Owns one disk and the ports that the manager has given.
 */
#include "lib/string.h"
#include "vmm/driver/disk/ide/ide.h"
#include "vmm/rt/format.h"
#include "vmm/rt/start.h"
#include "vmm/rt/syscall.h"

static struct ide ide;

void ide_pause(void)
{
	(void)!sys_thread_yield(HANDLE_NONE);
}

/* Returns the first port of the range with that name; 0: there is no such range. */
static u16 ide_find_ports(const char *name)
{
	for (const struct start_entry *entry = start_find(START_PORTS); entry != NULL;
	     entry = start_next(entry)) {
		if (strcmp(entry->name, name) == 0)
			return (u16)entry->offset;
	}
	return 0;
}

static bool ide_main_start(struct driver_disk *disk, char *problem, size_t size)
{
	ide.command_port = ide_find_ports(DRIVER_PORTS_COMMAND);
	ide.control_port = ide_find_ports(DRIVER_PORTS_CONTROL);
	ide.dma_port = ide_find_ports(DRIVER_PORTS_DMA);
	ide.slave = start_info->parameter[DRIVER_UNIT] != 0;
	ide.memory = driver_dma();
	if (ide.command_port != 0 && ide.control_port != 0)
		return ide_start(&ide, disk, problem, size);
	format(problem, size, "the controller's ports are missing");
	return false;
}

static bool ide_main_submit(struct driver_request *request)
{
	return ide_submit(&ide, request);
}

static void ide_main_poll(void)
{
	ide_poll(&ide);
	if (ide.failure != NULL)
		driver_give_up("%s", ide.failure);
}

const struct driver_ops driver_ops = {
	.start = ide_main_start, .submit = ide_main_submit, .poll = ide_main_poll};
