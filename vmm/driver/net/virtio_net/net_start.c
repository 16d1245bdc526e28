/* SPDX-License-Identifier: MIT */
/*
 * Brings a card from any state to one with queues for frames: virtio 1.2, 5.1.5. Called by
 * virtio_net/main.c at the start of the driver; resets the device and sends control commands.
 */
#include "lib/string.h"
#include "vmm/driver/net/virtio_net/net.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/format.h"

#define COMMAND_NS NS_PER_S /* time limit for the card to execute a command */
#define ACK_AT	   16u	    /* offset of the card's answer in the page of control commands */
#define MULTICAST  BIT(0)

static bool vnet_refuse_card(char *problem, size_t size, const char *text)
{
	format(problem, size, "%s", text);
	return false;
}

static bool vnet_card_has(const struct vnet *vnet, u64 feature)
{
	return (vnet->host.features & feature) != 0;
}

static bool vnet_read_card(const struct vnet *vnet, struct card *card, char *problem, size_t size)
{
	u16 mtu = 0;

	if (!vnet_card_has(vnet, VIO_NET_F_MAC) ||
	    !virtio_host_config(&vnet->host, VIO_NET_MAC, &card->mac, NET_MAC_BYTES) ||
	    card->mac == 0 || (card->mac & MULTICAST) != 0)
		return vnet_refuse_card(problem, size, "the card has no address of its own");
	if (!vnet_card_has(vnet, VIO_NET_F_MTU))
		return true;
	if (!virtio_host_config(&vnet->host, VIO_NET_MTU, &mtu, sizeof(mtu)))
		return vnet_refuse_card(problem, size, "the card does not say what its MTU is");
	if (mtu >= card->mtu)
		return true;
	format(problem, size, "the card has an MTU of %u, its network %u", mtu, card->mtu);
	return false;
}

/*
 * Uses as many slots as there are buffers and descriptors for; half of the buffers are for
 * receiving, half for sending.
 */
static void vnet_share_pieces(struct vnet *vnet)
{
	u32 bytes = VIO_NET_HEADER + vnet->frame_max;
	u64 left;

	vnet->piece_bytes = bytes > VNET_PIECE_SHORT ? VNET_PIECE_LONG : VNET_PIECE_SHORT;
	vnet->pieces = (bytes + vnet->piece_bytes - 1) / vnet->piece_bytes;
	left = (vnet->host.memory.pages - VNET_PAGE_PIECES) * PAGE_SIZE / vnet->piece_bytes;
	left = left / vnet->pieces / 2;
	for (u32 i = 0; i < VNET_CONTROL; i++)
		vnet->slots[i] =
			(u32)MIN(MIN(left, VNET_SLOT_MAX), vnet->ring[i].size / vnet->pieces);
	vnet->free_count = vnet->slots[VNET_TX];
	for (u32 i = 0; i < vnet->free_count; i++)
		vnet->free_slot[i] = (u16)i;
}

static bool vnet_open_queues(struct vnet *vnet, char *problem, size_t size)
{
	u16 count = vnet_card_has(vnet, VIO_NET_F_CTRL_VQ) ? VNET_QUEUES : VNET_CONTROL;

	for (u16 i = 0; i < count; i++) {
		if (!virtio_host_open(&vnet->host, &vnet->ring[i], i,
				      VNET_PAGE_RINGS + i * (u64)VIRTIO_HOST_RING_PAGES, problem,
				      size))
			return false;
	}
	return true;
}

/* Sends the card one control command (virtio 1.2, 5.1.6.5) and ignores whether it has obeyed. */
static void vnet_command(struct vnet *vnet, u8 class, u8 what, u8 value)
{
	u8 *page = vnet->host.memory.memory + VNET_PAGE_COMMAND * PAGE_SIZE;
	u64 at = virtio_host_address(&vnet->host, VNET_PAGE_COMMAND * PAGE_SIZE);
	const struct virtio_part parts[] = {
		{at, 2, false}, {at + 2, 1, false}, {at + ACK_AT, 1, true}};
	u64 until = clock_tsc() + clock_ns_to_tsc(COMMAND_NS);
	u32 bytes;
	u16 id;

	page[0] = class;
	page[1] = what;
	page[2] = value;
	if (!virtio_ring_add(&vnet->ring[VNET_CONTROL], parts, ARRAY_COUNT(parts), &id))
		return;
	virtio_ring_tell(&vnet->ring[VNET_CONTROL]);
	while (!virtio_ring_take(&vnet->ring[VNET_CONTROL], &id, &bytes) && clock_tsc() < until)
		process_pause();
}

/*
 * Makes the card receive frames for any address, as a switch is behind it. A card without control
 * commands does so anyway.
 */
static void vnet_open_for_all(struct vnet *vnet)
{
	if (!vnet_card_has(vnet, VIO_NET_F_CTRL_VQ) || !vnet_card_has(vnet, VIO_NET_F_CTRL_RX))
		return;
	virtio_ring_hush(&vnet->ring[VNET_CONTROL]);
	vnet_command(vnet, VIO_NET_CTRL_RX, VIO_NET_RX_PROMISCUOUS, 1);
}

bool vnet_start(struct vnet *vnet, struct card *card, char *problem, size_t size)
{
	const u64 wanted = VIO_NET_F_MAC | VIO_NET_F_MTU | VIO_NET_F_STATUS | VIO_NET_F_CTRL_VQ |
			   VIO_NET_F_CTRL_RX;

	if (vnet->host.memory.pages < VNET_PAGES_MIN)
		return vnet_refuse_card(problem, size, "no memory that the card could use");
	vnet->frame_max = card_frame_bytes(card->mtu);
	if (!virtio_host_begin(&vnet->host, wanted, problem, size) ||
	    !vnet_read_card(vnet, card, problem, size) || !vnet_open_queues(vnet, problem, size))
		return false;
	string_copy(card->model, sizeof(card->model), "virtio network card");
	vnet_share_pieces(vnet);
	virtio_ring_hush(&vnet->ring[VNET_TX]);
	virtio_host_go(&vnet->host);
	vnet_open_for_all(vnet);
	vnet_give_all(vnet);
	vnet_look(vnet);
	return true;
}
