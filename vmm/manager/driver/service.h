/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/driver/driver.h"

/*
 * Services: programs of the boot bundle that serve disks as drivers do, without a device. Each has
 * a section [service NAME]: its process gets the section's file and memory, links to its clients,
 * and nothing else.
 */

/*
 * Returns the driver kind of the service of that name; `class` is the class of drivers that it
 * belongs to, *file the file that it may read, *memory_bytes its memory. Returns NULL, with the
 * reason in `problem`, if there is none.
 */
const struct driver_kind *service_find(const char *name, const struct driver_class *class,
				       const struct file **file, u64 *memory_bytes, char *problem,
				       size_t size);
/* Logs the configured services that no disk uses. */
void services_check(void);
