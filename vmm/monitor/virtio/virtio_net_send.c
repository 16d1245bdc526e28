/* SPDX-License-Identifier: MIT */
/*
 * Moves frames from the guest's queues into the link (virtio 1.2, 5.1.6.2). Called by virtio_net.c;
 * reads guest RAM, which the guest may change at any time.
 */
#include "vmm/monitor/virtio/virtio_net_parts.h"

#include "lib/bits.h"
#include "vmm/monitor/virtio/virtqueue_batch.h"

/*
 * The free bytes of the link's ring at which the switch is to signal after the ring was full: one
 * signal for many frames.
 */
#define NET_ROOM_WANTED (FRAMES_RING_BYTES / 2)

/*
 * Sets how the frame is to be segmented: only as the guest's driver has negotiated, and never
 * without a checksum to be put in (virtio 1.2, 5.1.6.2.1).
 */
static bool net_segments_of(const struct virtio_net *net, const struct net_header *header,
			    struct frame_header *frame)
{
	u32 feature = header->segmentation == NET_GSO_TCP4 ? NET_F_HOST_TSO4 : NET_F_HOST_TSO6;

	if (header->segmentation != NET_GSO_TCP4 && header->segmentation != NET_GSO_TCP6)
		return false;
	frame->segments = header->segmentation == NET_GSO_TCP4 ? FRAME_TCP4 : FRAME_TCP6;
	frame->segment_bytes = header->segment_bytes;
	return virtio_has(&net->virtio, feature) && header->segment_bytes != 0 &&
	       (frame->flags & FRAME_NEEDS_CHECKSUM) != 0;
}

/*
 * Makes the link's header of a frame from the guest's virtio header. Returns false if that cannot
 * be true. Unknown flags are ignored.
 */
static bool net_header_from_guest(const struct virtio_net *net, const struct net_header *header,
				  struct frame_header *frame)
{
	if ((header->flags & NET_HEADER_NEEDS_CHECKSUM) != 0) {
		if (!virtio_has(&net->virtio, NET_F_CSUM) ||
		    header->checksum_start + header->checksum_offset + 2u > frame->bytes)
			return false;
		frame->flags = FRAME_NEEDS_CHECKSUM;
		frame->checksum_start = header->checksum_start;
		frame->checksum_offset = header->checksum_offset;
	}
	return header->segmentation == NET_GSO_NONE || net_segments_of(net, header, frame);
}

/*
 * Returns why a chain of the guest cannot be sent: it is no frame, or the card's wire is down;
 * NET_LOSS_COUNT if it can.
 */
static enum net_loss net_loss_of(const struct virtio_net *net, const struct virtio_chain *chain)
{
	if (chain->readable_bytes < net_header_size(net) + FRAME_BYTES_MIN)
		return NET_LOSS_SHORT;
	if (chain->readable_bytes > net_header_size(net) + FRAME_BYTES_MAX)
		return NET_LOSS_LONG;
	return net_is_connected(net) ? NET_LOSS_COUNT : NET_LOSS_NOBODY;
}

static void net_note_sent(struct virtio_net *net, u32 pair, const u8 *frame, u32 bytes)
{
	net->counts.sent_frames++;
	net->counts.sent_bytes += bytes;
	if (net_pairs(net) > 1)
		net->flow[net_flow_of(frame, bytes)] = (u8)pair;
}

/*
 * Returns whether the frame, which lies in the link and is not added to it yet, is for the DHCP
 * server, for which the card answers. A new answer replaces one for which the guest had no buffer.
 */
static bool net_is_for_server(struct virtio_net *net, const u8 *frame,
			      const struct frame_header *header)
{
	u32 bytes;

	if (!net_dhcp_take(&net->lease, net->state.own_mac, frame, header->bytes,
			   (header->flags & FRAME_NEEDS_CHECKSUM) != 0, net->answer, &bytes))
		return false;
	if (bytes != 0)
		net->answer_bytes = bytes;
	return true;
}

static ALWAYS_INLINE void net_add(struct virtio_net *net, const u8 *frame,
				  const struct frame_header *header)
{
	if (likely(net->lease.address == 0) || !net_is_for_server(net, frame, header))
		frames_add(&net->end, header);
}

/* Puts one frame of the guest into the link. Returns false if the link has no room for it now. */
static bool net_send_one(struct virtio_net *net, u32 pair, const struct virtio_chain *chain)
{
	enum net_loss loss = net_loss_of(net, chain);
	struct frame_header frame = {0};
	struct net_header header;
	u32 size = net_header_size(net);
	u8 *to;

	if (unlikely(loss != NET_LOSS_COUNT)) {
		net->counts.lost[loss]++;
		return true;
	}
	frame.bytes = (u32)(chain->readable_bytes - size);
	if (virtio_chain_read(net->virtio.memory, chain, 0, &header, size) != size ||
	    !net_header_from_guest(net, &header, &frame)) {
		net->counts.lost[NET_LOSS_HEADER]++;
		return true;
	}
	to = frames_reserve(&net->end, frame.bytes);
	if (to == NULL)
		return false;
	if (virtio_chain_read(net->virtio.memory, chain, size, to, frame.bytes) != frame.bytes) {
		net->counts.lost[NET_LOSS_SHORT]++;
		return true;
	}
	net_add(net, to, &frame);
	net_note_sent(net, pair, to, frame.bytes);
	return true;
}

/*
 * Puts a frame that lies in one piece of guest memory into the link. Returns false if something is
 * wrong with it, or the link has no room.
 */
static ALWAYS_INLINE bool net_send_piece(struct virtio_net *net, u32 pair,
					 const struct virtqueue_piece *piece)
{
	struct frame_header frame = {0};
	struct net_header header;
	u8 *to;

	if (piece->bytes < sizeof(header) + FRAME_BYTES_MIN ||
	    piece->bytes > sizeof(header) + FRAME_BYTES_MAX)
		return false;
	guest_words_read(piece->at, &header, sizeof(header));
	frame.bytes = piece->bytes - (u32)sizeof(header);
	if (((header.flags & NET_HEADER_NEEDS_CHECKSUM) != 0 ||
	     header.segmentation != NET_GSO_NONE) &&
	    !net_header_from_guest(net, &header, &frame))
		return false;
	to = frames_reserve(&net->end, frame.bytes);
	if (unlikely(to == NULL))
		return false;
	memcpy(to, piece->at + sizeof(header), frame.bytes);
	net_add(net, to, &frame);
	net_note_sent(net, pair, to, frame.bytes);
	return true;
}

/*
 * Sends up to `left` frames in succession that lie in one piece each. Returns how many of `left`
 * remain.
 */
static u32 net_send_batch(struct virtio_net *net, u32 pair, u32 left)
{
	struct virtqueue_batch batch;
	struct virtqueue_piece piece;

	if (!net_is_connected(net) || unlikely(!net_header_is_whole(net)) ||
	    !virtqueue_batch_begin(&batch, &net->virtio, net_send_queue(pair)))
		return left;
	for (; left > 0 && virtqueue_batch_front(&batch, false, &piece); left--) {
		if (unlikely(!net_send_piece(net, pair, &piece)))
			break;
		virtqueue_batch_give(&batch, piece.head, 0);
	}
	virtqueue_batch_end(&batch);
	return left;
}

void net_send(struct virtio_net *net, u32 pair)
{
	struct virtio_device *device = &net->virtio;
	u32 queue = net_send_queue(pair);
	/* other vCPUs may add frames as fast as this thread takes them */
	u32 left = VIRTIO_NET_QUEUE_SIZE;

	net->full &= ~(1u << pair);
	for (;; left--) {
		left = net_send_batch(net, pair, left);
		if (left == 0 || !virtqueue_pop(device, queue, &net->chain))
			break;
		if (likely(net_send_one(net, pair, &net->chain))) {
			virtqueue_put(device, queue, net->chain.head, 0);
			continue;
		}
		virtqueue_unpop(device, queue, net->chain.head);
		if (link_await_room(&net->end, NET_ROOM_WANTED)) {
			net->full |= 1u << pair;
			break;
		}
	}
	if (left == 0)
		virtio_look_again(device, queue);
	net_publish(net);
	virtqueue_show(device, queue);
	virtqueue_announce(device, queue);
}

/*
 * Lets the queue pairs that wait send first, in turn, then the others as far as the link has room
 * left.
 */
void net_send_waiting(struct virtio_net *net)
{
	u32 full = net->full;
	u32 first = net->turn;

	if (likely(full == 0) || (net_is_connected(net) && link_room(&net->end) < NET_ROOM_WANTED))
		return;
	while ((full >> first & 1) == 0)
		first = (first + 1) % VIRTIO_NET_PAIRS;
	net->turn = (first + 1) % VIRTIO_NET_PAIRS;
	for (u32 i = 0; i < VIRTIO_NET_PAIRS; i++) {
		u32 pair = (first + i) % VIRTIO_NET_PAIRS;

		if ((full >> pair & 1) != 0)
			net_send(net, pair);
	}
}
