/* SPDX-License-Identifier: MIT */
/*
 * A small driver of virtio network cards. Called by the guests that send or receive frames; uses
 * memory of its own for the queues.
 */
#include "tests/guest/rt/net.h"

#include "tests/guest/rt/devices.h"

static void copy(u8 *to, const void *from, u32 bytes)
{
	for (u32 i = 0; i < bytes; i++)
		to[i] = ((const u8 *)from)[i];
}

bool net_find(struct net *net, u32 number)
{
	for (u32 slot = 0; slot < PCI_NO_SLOT; slot++) {
		if (pci_get(slot, PCI_VENDOR, 4) != (0x1af4 | (0x1040 + NET_TYPE) << 16))
			continue;
		if (number-- == 0)
			return virtio_find_at(&net->virtio, slot);
	}
	return false;
}

static u32 control_queue(const struct net *net)
{
	return 2 * net->pairs;
}

static void offer(struct net *net, u32 pair, u32 number)
{
	net->queue[2 * pair].table[number] = (struct virtq_descriptor){
		(word)net->buffer[pair][number], net->buffer_bytes, VIRTQ_WRITE, 0};
	virtio_submit(&net->virtio, 2 * pair, &net->queue[2 * pair], (u16)number);
}

bool net_begin(struct net *net, u64 features, u32 buffer_bytes, u16 vector)
{
	u32 queues;

	net->buffer_bytes = buffer_bytes;
	net->features = virtio_begin(&net->virtio, features | VIRTIO_VERSION_1);
	if ((net->features & VIRTIO_VERSION_1) == 0)
		return false;
	net->pairs = (net->features & NET_MQ) != 0 ? NET_PAIRS : 1;
	queues = 2 * net->pairs + ((net->features & NET_CTRL_VQ) != 0);
	for (u32 i = 0; i < queues; i++) {
		net->seen[i] = 0;
		if (!virtio_add_queue(&net->virtio, i, &net->queue[i], vector))
			return false;
	}
	for (u32 i = 0; i < NET_MAC; i++)
		net->mac[i] = (u8)virtio_get(&net->virtio.device, NET_AT_MAC + i, 1);
	if (!virtio_start(&net->virtio))
		return false;
	for (u32 pair = 0; pair < net->pairs; pair++)
		for (u32 i = 0; i < NET_BUFFERS; i++)
			offer(net, pair, i);
	return true;
}

static bool wait_used(struct net *net, u32 queue, u32 limit_us)
{
	u32 start = clock_ticks();

	while (net->queue[queue].used.index == net->seen[queue])
		if (clock_us_since(start) > limit_us)
			return false;
	asm volatile("" ::: "memory");
	net->seen[queue]++;
	return true;
}

bool net_send(struct net *net, u32 pair, const struct net_header *header, const u8 *frame,
	      u32 bytes)
{
	static const struct net_header none;
	u32 queue = 2 * pair + 1;

	copy(net->send, header != NULL ? header : &none, sizeof(*header));
	copy(net->send + sizeof(*header), frame, bytes);
	net->queue[queue].table[0] =
		(struct virtq_descriptor){(word)net->send, (u32)sizeof(*header) + bytes, 0, 0};
	virtio_submit(&net->virtio, queue, &net->queue[queue], 0);
	return wait_used(net, queue, NET_ANSWER_US);
}

/* The next buffer that the device has given back; its bytes. */
static u32 take_buffer(struct net *net, u32 pair, u32 *number)
{
	const struct virtq *queue = &net->queue[2 * pair];
	u32 at = (u16)(net->seen[2 * pair] - 1) % queue->size;

	*number = queue->used.entry[at].head % NET_BUFFERS;
	return queue->used.entry[at].written;
}

u32 net_receive(struct net *net, u32 pair, struct net_header *header, u8 *frame, u32 limit_us)
{
	u32 number;
	u32 bytes;
	u32 done;

	if (!wait_used(net, pair * 2, limit_us))
		return 0;
	bytes = take_buffer(net, pair, &number);
	copy((u8 *)header, net->buffer[pair][number], sizeof(*header));
	done = bytes - (u32)sizeof(*header);
	copy(frame, net->buffer[pair][number] + sizeof(*header), done);
	offer(net, pair, number);
	/* All of a frame's buffers are used by now (5.1.6.4.1). */
	for (u32 i = 1; i < header->buffers && wait_used(net, pair * 2, 0); i++) {
		bytes = take_buffer(net, pair, &number);
		copy(frame + done, net->buffer[pair][number], bytes);
		done += bytes;
		offer(net, pair, number);
	}
	return done;
}

u8 net_command(struct net *net, u8 class, u8 number, const void *data, u32 bytes)
{
	struct virtq *queue = &net->queue[control_queue(net)];

	net->command[0] = class;
	net->command[1] = number;
	copy(net->command + 2, data, bytes);
	net->answer = 0xff;
	queue->table[0] = (struct virtq_descriptor){(word)net->command, 2 + bytes, VIRTQ_NEXT, 1};
	queue->table[1] = (struct virtq_descriptor){(word)&net->answer, 1, VIRTQ_WRITE, 0};
	virtio_submit(&net->virtio, control_queue(net), queue, 0);
	return wait_used(net, control_queue(net), NET_ANSWER_US) ? net->answer : 0xff;
}
