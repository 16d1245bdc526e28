/* SPDX-License-Identifier: MIT */
#pragma once

/* Saved states of a device of the monitor, for the targets of devices. */

/*
 * Saves the device's state and loads it again, with another byte at `at` if `change`. The device
 * may refuse what was changed.
 */
static void saved_reload(struct fuzz *fuzz, struct device *device, u32 at, bool change)
{
	static u64 saved[(256 * KIB) / 8];

	CHECK_THAT(device_save(device, saved, device->state_bytes) == STATUS_OK);
	if (change)
		((u8 *)saved)[at % device->state_bytes] = fuzz_u8(fuzz);
	(void)!device_load(device, saved, device->state_bytes);
}
