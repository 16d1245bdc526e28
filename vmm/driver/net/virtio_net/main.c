/* SPDX-License-Identifier: MIT */
/*
 * The program of a virtio network card's driver: binds net_start.c and net_frames.c to the common
 * card driver (card.c), which calls `card_ops`. Owns the card that the manager has given.
 */
#include "vmm/driver/net/virtio_net/net.h"
#include "vmm/rt/format.h"

static struct vnet vnet;

static bool vnet_main_start(struct card *card, char *problem, size_t size)
{
	if (virtio_host_find(&vnet.host))
		return vnet_start(&vnet, card, problem, size);
	format(problem, size, "the card's registers are missing");
	return false;
}

static bool vnet_main_transmit(const u8 *frame, u32 bytes)
{
	return vnet_transmit(&vnet, frame, bytes);
}

static void vnet_main_flush(void)
{
	virtio_ring_tell(&vnet.ring[VNET_TX]);
}

static bool vnet_main_poll(bool look)
{
	const char *failure = look ? virtio_host_failure(&vnet.host) : NULL;

	if (failure == NULL) {
		if (look)
			vnet_look(&vnet);
		vnet_receive(&vnet);
		failure = vnet_failure(&vnet);
	}
	if (failure != NULL)
		driver_give_up("%s", failure);
	return false;
}

static bool vnet_main_may_wait(void)
{
	return virtio_ring_may_wait(&vnet.ring[VNET_RX]);
}

const struct card_ops card_ops = {
	.start = vnet_main_start,
	.transmit = vnet_main_transmit,
	.flush = vnet_main_flush,
	.poll = vnet_main_poll,
	.may_wait = vnet_main_may_wait,
};
