/* SPDX-License-Identifier: MIT */
/*
 * The command `driver list`: shows the processes of drivers and switches. Run by command.c; only
 * reads.
 */
#include "vmm/manager/command/command.h"
#include "vmm/manager/driver/driver.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/format.h"

#define HEADING "%-14s %-11s %-8s %7s %6s %8s %7s  %s"
#define COLUMNS "%-14s %-11s %-8s %7u %6u %8s %7llu  %s"

static u32 command_driver_list_count_clients(const struct driver *driver)
{
	u32 count = 0;

	for (u32 i = 0; i < DRIVER_CLIENT_MAX; i++)
		count += driver->link[i].used;
	return count;
}

static u64 command_driver_list_resident_kib(const struct driver *driver)
{
	return driver_resident_pages(driver) * PAGE_SIZE / KIB;
}

static const char *command_driver_list_dma_word(const struct driver *driver)
{
	if (!driver->kind->dma)
		return "none";
	return driver->dma_space != HANDLE_NONE ? "confined by an IOMMU" : "trusted";
}

static const char *command_driver_list_dma_text(const struct driver *driver)
{
	if (!driver->kind->dma)
		return "none";
	return driver->dma_space != HANDLE_NONE ? "confined"
						: "trusted: no IOMMU confines its device";
}

static void command_driver_list_show_json(struct reply *reply, const struct driver *driver)
{
	reply_object_begin(reply);
	json_string(&reply->object, "name", driver->name);
	json_string(&reply->object, "image", driver->kind->image);
	json_string(&reply->object, "state", driver_life_name(driver->life));
	json_string(&reply->object, "reason", driver->reason);
	json_u64(&reply->object, "clients", command_driver_list_count_clients(driver));
	json_u64(&reply->object, "starts", driver->starts);
	json_u64(&reply->object, "restart_us", driver->restart_ns / NS_PER_US);
	json_u64(&reply->object, "pause_us", driver_pause_ns(driver) / NS_PER_US);
	json_u64(&reply->object, "resident_kib", command_driver_list_resident_kib(driver));
	json_u64(&reply->object, "cpu_ns", driver_cpu_ns(driver));
	json_string(&reply->object, "dma", command_driver_list_dma_word(driver));
	reply_object_end(reply);
}

static void command_driver_list_show_text(struct reply *reply, const struct driver *driver)
{
	u64 cpu_ms = driver_cpu_ns(driver) / NS_PER_MS;
	char cpu[24];

	format(cpu, sizeof(cpu), "%llu.%03llu", cpu_ms / 1000ull, cpu_ms % 1000ull);
	reply_line(reply, COLUMNS, driver->name, driver->kind->image,
		   driver_life_name(driver->life), command_driver_list_count_clients(driver),
		   driver->starts, cpu,
		   (unsigned long long)command_driver_list_resident_kib(driver),
		   command_driver_list_dma_text(driver));
	if (driver->life == DRIVER_LIFE_FAILED)
		reply_line(reply, "  %s", driver->reason);
}

static void command_driver_list_run(struct reply *reply, const struct arguments *arguments)
{
	(void)arguments;
	if (!reply->json)
		reply_line(reply, HEADING, "NAME", "IMAGE", "STATE", "CLIENTS", "STARTS", "CPU",
			   "KIB", "DMA");
	DRIVER_FOR_EACH(driver) {
		if (reply->json)
			command_driver_list_show_json(reply, driver);
		else
			command_driver_list_show_text(reply, driver);
	}
}

COMMAND(driver_list,
	.name = "driver list",
	.right = MAY_VIEW,
	.arguments = "",
	.summary = "the drivers of disks and network cards, and switches, a process each",
	.detail = "CPU is for how many seconds its processes have run. KIB is the memory that a "
		  "driver takes, a disk in memory included. In JSON: how "
		  "long the last restart took, from the end of the driver's process until its disk "
		  "was known again, and until a guest had an answer.",
	.example = "driver list",
	.keys = "name image state reason clients starts restart_us pause_us "
		"resident_kib cpu_ns dma",
	.run = command_driver_list_run);
