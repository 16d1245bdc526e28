/* SPDX-License-Identifier: MIT */
#include "vmm/manager/command.h"
#include "vmm/manager/driver/driver.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/format.h"

static u32 count_clients(const struct driver *driver)
{
	u32 count = 0;

	for (u32 i = 0; i < DRIVER_CLIENT_MAX; i++)
		count += driver->link[i].used;
	return count;
}

static u64 resident_kib(const struct driver *driver)
{
	return driver_resident_pages(driver) * PAGE_SIZE / KIB;
}

static const char *dma_word(const struct driver *driver)
{
	if (!driver->kind->dma)
		return "none";
	return driver->dma_space != HANDLE_NONE ? "confined by an IOMMU" : "trusted";
}

static void show_json(struct reply *reply, const struct driver *driver)
{
	reply_object_begin(reply);
	json_string(&reply->object, "name", driver->name);
	json_string(&reply->object, "image", driver->kind->image);
	json_string(&reply->object, "state", driver_life_name(driver->life));
	json_string(&reply->object, "reason", driver->reason);
	json_u64(&reply->object, "clients", count_clients(driver));
	json_u64(&reply->object, "starts", driver->starts);
	json_u64(&reply->object, "restart_us", driver->restart_ns / NS_PER_US);
	json_u64(&reply->object, "pause_us", driver_pause_ns(driver) / NS_PER_US);
	json_u64(&reply->object, "resident_kib", resident_kib(driver));
	json_string(&reply->object, "dma", dma_word(driver));
	reply_object_end(reply);
}

static void run(struct reply *reply, const struct arguments *arguments)
{
	(void)arguments;
	if (!reply->json)
		reply_line(reply, "%-16s %-10s %-10s %7s %7s %10s  %s", "NAME", "IMAGE", "STATE",
			   "CLIENTS", "STARTS", "KIB", "DMA");
	DRIVER_FOR_EACH(driver) {
		if (reply->json) {
			show_json(reply, driver);
			continue;
		}
		reply_line(reply, "%-16s %-10s %-10s %7u %7u %10llu  %s", driver->name,
			   driver->kind->image, driver_life_name(driver->life),
			   count_clients(driver), driver->starts,
			   (unsigned long long)resident_kib(driver),
			   !driver->kind->dma || driver->dma_space != HANDLE_NONE
				   ? dma_word(driver)
				   : "trusted: no IOMMU confines its device");
		if (driver->life == DRIVER_LIFE_FAILED)
			reply_line(reply, "  %s", driver->reason);
	}
}

COMMAND(driver_list,
	.name = "driver list",
	.right = MAY_VIEW,
	.arguments = "",
	.summary = "the drivers of disks and network cards, and switches, a process each",
	.detail = "KIB is the memory that a driver takes, a disk in memory included. In JSON: how "
		  "long the last restart took, from the end of the driver's process until its disk "
		  "was known again, and until a guest had an answer.",
	.example = "driver list",
	.keys = "name image state reason clients starts restart_us pause_us "
		"resident_kib dma",
	.run = run);
