/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/disk/driver.h"

/*
 * The driver of the disk controller that the configuration calls `name`: nvme0 for the first of
 * its kind, or a PCI address. It is started when nobody named it before. NULL: `problem` says why
 * there is none.
 */
struct driver *controller_driver(const char *name, char *problem, size_t size);
