/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/driver/driver.h"

/*
 * Services: programs of the boot bundle that serve disks as drivers do, without a device. Each has
 * a section [service NAME]: its process gets the file and the memory of that, links to its clients,
 * and nothing else.
 */

/*
 * The driver of the service of that name; *fresh: it was not there yet. `class` is what it serves.
 * NULL: `problem` says why there is none.
 */
struct driver *service_driver(const char *name, const struct driver_class *class, bool *fresh,
			      char *problem, size_t size);
/* Logs which of the services that the configuration has nobody has asked for. */
void services_check(void);
