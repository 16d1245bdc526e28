/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/io/driver_channel.h"

/*
 * Starts all disks of the device and publishes their sizes and partitions to the manager. Ends the
 * process if the device has no usable disk.
 */
void driver_start(struct driver_channel *channel);
