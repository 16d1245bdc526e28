/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/driver/driver.h"

/*
 * Windows through which a disk's device reaches its clients' RAM. The RAM is mapped once, when the
 * window opens. To close a window, the driver is told first: it takes no more requests through the
 * window and reports when the last one has ended; then the RAM is unmapped, which the IOMMU
 * confirms; then the client is told. Each window has a new number, by which the driver notices that
 * its knowledge of an earlier one is void.
 */

/*
 * Asks for the link's window to be open, or closed; later turns of the event loop do the steps to
 * that.
 */
void disk_window_want(struct driver_link *link, bool wanted);
/* Writes the description of the link's window for the driver. */
void disk_window_fill(const struct driver_link *link, struct disk_client_part *part);
/*
 * Returns the window's number for the client: that of the window that the device may use now, or 0.
 */
u32 disk_window_shown(const struct driver *driver, const struct driver_link *link);
/* Returns "open" or "closing", or "none" if data is copied. */
const char *disk_window_name(const struct driver_link *link);
/*
 * For the life of drivers: disk_windows_signalled() handles a driver's signal, disk_windows_ended()
 * the end of a driver's process once the device is detached.
 */
void disk_windows_signalled(struct driver *driver);
void disk_windows_ended(struct driver *driver);
