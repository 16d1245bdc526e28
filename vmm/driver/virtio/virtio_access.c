/* SPDX-License-Identifier: MIT */
/*
 * Accesses the virtio registers that the manager has mapped, each in its own width (virtio 1.2,
 * 4.1.3.1). Called by virtio_host.c; unit tests replace it by a model of the device.
 */
#include "vmm/driver/virtio/virtio_host.h"

u32 virtio_host_in(const struct virtio_host *host, enum vio_common at, u32 bytes)
{
	volatile u8 *field = host->common + at;

	if (bytes == 1)
		return *field;
	return bytes == 2 ? *(volatile u16 *)field : *(volatile u32 *)field;
}

void virtio_host_out(const struct virtio_host *host, enum vio_common at, u32 bytes, u32 value)
{
	volatile u8 *field = host->common + at;

	if (bytes == 1)
		*field = (u8)value;
	else if (bytes == 2)
		*(volatile u16 *)field = (u16)value;
	else
		*(volatile u32 *)field = value;
}
