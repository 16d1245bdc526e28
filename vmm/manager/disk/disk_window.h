/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/driver/driver.h"

/*
 * Windows through which a disk's device reaches its clients' RAM. The RAM is mapped once, when the
 * window opens. To close it the driver is told first, which takes no more requests through it and
 * says when the last one has ended; then it is unmapped, which the IOMMU confirms; then the client
 * is told. Each one that opens has another number, with which all that a driver knew is void.
 */

/* It shall be open, or not; what is under way for that goes on by itself. */
void disk_window_want(struct driver_link *link, bool wanted);
/* What the driver is told. */
void disk_window_fill(const struct driver_link *link, struct disk_client_part *part);
/* What the client is told: the window that the device may be using now; 0: none. */
u32 disk_window_shown(const struct driver *driver, const struct driver_link *link);
/* "open", "closing"; "none": data is copied. */
const char *disk_window_name(const struct driver_link *link);
/* For the driver's life: its device has been detached when its process has ended. */
void disk_windows_signalled(struct driver *driver);
void disk_windows_ended(struct driver *driver);
