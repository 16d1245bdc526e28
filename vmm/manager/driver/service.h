/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/driver/driver.h"

/*
 * Services: programs of the boot bundle that serve disks as drivers do, without a device. Each has
 * a section [service NAME]: its process gets the file and the memory of that, links to its clients,
 * and nothing else.
 */

/*
 * What the driver of the service of that name is made of; `class` is what it serves, *file the one
 * that it may read, *memory_bytes as its section has it. NULL: `problem` says why there is none.
 */
const struct driver_kind *service_find(const char *name, const struct driver_class *class,
				       const struct file **file, u64 *memory_bytes, char *problem,
				       size_t size);
/* Logs which of the services that the configuration has nobody has asked for. */
void services_check(void);
