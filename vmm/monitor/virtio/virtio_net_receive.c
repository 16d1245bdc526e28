/* SPDX-License-Identifier: MIT */
/*
 * Moves frames from the link into the guest's queues (virtio 1.2, 5.1.6.3, 5.1.6.4). Called by
 * virtio_net.c; writes guest RAM.
 */
#include "vmm/monitor/virtio/virtio_net_parts.h"

#include "lib/string.h"
#include "vmm/monitor/virtio/virtqueue_batch.h"

/* The most frames in the link's ring: the shortest ones, each behind its header. */
#define NET_FRAMES_MAX	     (FRAMES_RING_BYTES / (2 * FRAME_ALIGN))
#define NET_TCP_HEADER_BYTES 20u
/*
 * the offset in the TCP header of the byte whose upper four bits have the header's length in 4-byte
 * words
 */
#define NET_TCP_OFFSET_AT 12u

enum net_outcome { NET_DELIVERED, NET_TOO_LONG, NET_NO_BUFFERS };

/*
 * Returns the length of all headers of a frame to be segmented, the TCP header included, as the
 * frame gives it; it is a hint, never beyond the frame (virtio 1.2, 5.1.6.4.1).
 */
static u16 net_header_bytes_of(const struct frame_header *frame, const u8 *bytes)
{
	u32 end = frame->checksum_start + NET_TCP_HEADER_BYTES;

	if (end <= frame->bytes)
		end = frame->checksum_start +
		      (bytes[frame->checksum_start + NET_TCP_OFFSET_AT] >> 4) * 4u;
	return (u16)MIN(end, MIN(frame->bytes, 0xffffu));
}

static bool net_segments_for_guest(const struct virtio_net *net, const struct frame_header *frame,
				   const u8 *bytes, struct net_header *header)
{
	u32 feature = frame->segments == FRAME_TCP4 ? NET_F_GUEST_TSO4 : NET_F_GUEST_TSO6;

	header->segmentation = frame->segments == FRAME_TCP4 ? NET_GSO_TCP4 : NET_GSO_TCP6;
	header->segment_bytes = frame->segment_bytes;
	header->header_bytes = net_header_bytes_of(frame, bytes);
	return frame->segments < FRAME_SEGMENTS_COUNT && virtio_has(&net->virtio, feature) &&
	       frame->segment_bytes != 0 && (frame->flags & FRAME_NEEDS_CHECKSUM) != 0;
}

/*
 * Makes the virtio header of a frame for the guest. Returns false if the guest does not take such
 * frames, or the frame is impossible.
 */
static bool net_header_for_guest(const struct virtio_net *net, const struct frame_header *frame,
				 const u8 *bytes, struct net_header *header)
{
	*header = (struct net_header){.buffer_count = 1};
	if ((frame->flags & FRAME_NEEDS_CHECKSUM) != 0) {
		if (!virtio_has(&net->virtio, NET_F_GUEST_CSUM) ||
		    frame->checksum_start + frame->checksum_offset + 2u > frame->bytes)
			return false;
		header->flags = NET_HEADER_NEEDS_CHECKSUM;
		header->checksum_start = frame->checksum_start;
		header->checksum_offset = frame->checksum_offset;
	} else if ((frame->flags & FRAME_CHECKED) != 0 &&
		   virtio_has(&net->virtio, NET_F_GUEST_CSUM)) {
		header->flags = NET_HEADER_CHECKED;
	}
	return frame->segments == FRAME_WHOLE || net_segments_for_guest(net, frame, bytes, header);
}

/*
 * The buffers of a queue that have been filled for one frame; the guest is shown all of it, or
 * nothing.
 */
struct net_fill {
	u32 queue;
	u32 count;
	u16 head[VIRTIO_NET_QUEUE_SIZE];
	u32 written[VIRTIO_NET_QUEUE_SIZE];
};

static void net_fill_undo(struct virtio_device *device, const struct net_fill *fill)
{
	for (u32 i = fill->count; i > 0; i--)
		virtqueue_unpop(device, fill->queue, fill->head[i - 1]);
}

static void net_fill_note(struct net_fill *fill, const struct virtio_chain *chain, u64 written)
{
	fill->head[fill->count] = (u16)chain->head;
	fill->written[fill->count++] = (u32)written;
}

/* Puts the rest of a frame, of which `done` bytes are in net->chain, into further buffers. */
static enum net_outcome net_fill_more(struct virtio_net *net, struct net_fill *fill,
				      const u8 *frame, u64 done, u32 bytes)
{
	struct virtio_device *device = &net->virtio;

	while (done < bytes) {
		u64 piece;

		if (fill->count == device->state->queue[fill->queue].size)
			return NET_TOO_LONG;
		if (!virtqueue_pop(device, fill->queue, &net->more))
			return NET_NO_BUFFERS;
		piece = virtio_chain_write(device->memory, &net->more, 0, frame + done,
					   bytes - done);
		net_fill_note(fill, &net->more, piece);
		done += piece;
	}
	return NET_DELIVERED;
}

/*
 * Puts a frame into as many buffers as it takes, as net->chain is too short for it (virtio 1.2,
 * 5.1.6.3.2).
 */
static NOINLINE enum net_outcome net_fill_several(struct virtio_net *net, u32 queue,
						  struct net_header *header, const u8 *frame,
						  u32 bytes)
{
	struct virtio_device *device = &net->virtio;
	enum net_outcome outcome;
	/* not initialized, as the struct is too large to be cleared each time */
	struct net_fill fill;
	u64 done = 0;

	fill.queue = queue;
	fill.count = 0;
	if (net->chain.writable_bytes >= sizeof(*header))
		done = virtio_chain_write(device->memory, &net->chain, sizeof(*header), frame,
					  bytes);
	net_fill_note(&fill, &net->chain, sizeof(*header) + done);
	outcome = net->chain.writable_bytes < sizeof(*header)
			  ? NET_TOO_LONG
			  : net_fill_more(net, &fill, frame, done, bytes);
	if (outcome != NET_DELIVERED) {
		net_fill_undo(device, &fill);
		return outcome;
	}
	header->buffer_count = (u16)fill.count;
	(void)virtio_chain_write(device->memory, &net->chain, 0, header, sizeof(*header));
	for (u32 i = 0; i < fill.count; i++)
		virtqueue_put(device, queue, fill.head[i], fill.written[i]);
	return NET_DELIVERED;
}

static enum net_outcome net_fill_queue(struct virtio_net *net, u32 queue, struct net_header *header,
				       const u8 *frame, u32 bytes)
{
	struct virtio_device *device = &net->virtio;
	u32 size = net_header_size(net);

	if (!virtqueue_pop(device, queue, &net->chain))
		return NET_NO_BUFFERS;
	if (unlikely(net->chain.writable_bytes < size + bytes)) {
		if (virtio_has(device, NET_F_MRG_RXBUF))
			return net_fill_several(net, queue, header, frame, bytes);
		virtqueue_unpop(device, queue, net->chain.head);
		return NET_TOO_LONG;
	}
	(void)virtio_chain_write(device->memory, &net->chain, 0, header, size);
	(void)virtio_chain_write(device->memory, &net->chain, size, frame, bytes);
	virtqueue_put(device, queue, net->chain.head, size + bytes);
	return NET_DELIVERED;
}

/*
 * Returns the queue pair from which a frame's flow was last sent; or the first if the guest does
 * not use that pair any more.
 */
static u32 net_pair_of(const struct virtio_net *net, const u8 *frame, u32 bytes)
{
	u32 pairs = net_pairs(net);
	u32 pair = pairs > 1 ? net->flow[net_flow_of(frame, bytes)] : 0;

	return pair < pairs ? pair : 0;
}

/*
 * Puts a frame into the receive queue of the pair that last sent on its flow. If that pair has no
 * buffers, the next pair takes the frame: a guest that is slow on one CPU is not cut off on the
 * others.
 */
static enum net_outcome net_fill_any(struct virtio_net *net, struct net_header *header,
				     const u8 *frame, u32 bytes, u32 *touched)
{
	u32 pairs = net_pairs(net);
	u32 pair = net_pair_of(net, frame, bytes);
	enum net_outcome outcome;

	for (u32 i = 0; i < pairs; i++) {
		outcome = net_fill_queue(net, net_receive_queue(pair), header, frame, bytes);
		*touched |= 1u << pair;
		if (outcome != NET_NO_BUFFERS)
			return outcome;
		pair = pair + 1 < pairs ? pair + 1 : 0;
	}
	return NET_NO_BUFFERS;
}

/*
 * Returns why a frame does not get as far as the guest's buffers; NET_LOSS_COUNT: it does get
 * there.
 */
static enum net_loss net_loss_before_buffers(const struct virtio_net *net,
					     const struct frame_header *header, const u8 *frame,
					     struct net_header *for_guest)
{
	if (!net_is_connected(net))
		return NET_LOSS_NOBODY;
	if (!net_is_wanted(net, frame, header->bytes))
		return NET_LOSS_FILTERED;
	return net_header_for_guest(net, header, frame, for_guest) ? NET_LOSS_COUNT
								   : NET_LOSS_REFUSED;
}

/* Gives the guest one frame of the switch. Returns false if it has to wait for buffers. */
static bool net_receive_one(struct virtio_net *net, const struct frame_header *header,
			    const u8 *frame, u32 *touched)
{
	struct net_header for_guest;
	enum net_loss loss = net_loss_before_buffers(net, header, frame, &for_guest);
	enum net_outcome outcome = NET_TOO_LONG;

	if (likely(loss == NET_LOSS_COUNT)) {
		outcome = net_fill_any(net, &for_guest, frame, header->bytes, touched);
		loss = NET_LOSS_BUFFERS;
	}
	if (outcome == NET_TOO_LONG)
		net->counts.lost[loss]++;
	if (outcome != NET_DELIVERED)
		return outcome == NET_TOO_LONG;
	net->counts.received_frames++;
	net->counts.received_bytes += header->bytes;
	return true;
}

static bool net_is_plain(const struct frame_header *frame)
{
	return (frame->flags | frame->segments) == 0;
}

/*
 * Puts a whole frame into as many buffers of a batch as it takes, or none of it. Returns false if
 * there are not enough buffers, or not all of them are in one piece.
 */
static ALWAYS_INLINE bool net_fill_batch(struct virtqueue_batch *batch, struct net_header *header,
					 const u8 *frame, u32 bytes, bool several)
{
	const u16 next = batch->next;
	const u16 used = batch->used;
	struct virtqueue_piece first;
	struct virtqueue_piece piece;
	u32 done;

	if (!virtqueue_batch_front(batch, true, &first) || first.bytes < sizeof(*header))
		return false;
	done = MIN(bytes, first.bytes - (u32)sizeof(*header));
	if (unlikely(done < bytes) && !several)
		return false;
	memcpy(first.at + sizeof(*header), frame, done);
	virtqueue_batch_give(batch, first.head, (u32)sizeof(*header) + done);
	for (; unlikely(done < bytes); done += piece.bytes, header->buffer_count++) {
		if (header->buffer_count > batch->last ||
		    !virtqueue_batch_front(batch, true, &piece)) {
			virtqueue_batch_back(batch, next, used);
			return false;
		}
		piece.bytes = MIN(piece.bytes, bytes - done);
		memcpy(piece.at, frame + done, piece.bytes);
		virtqueue_batch_give(batch, piece.head, piece.bytes);
	}
	guest_words_write(first.at, header, sizeof(*header));
	return true;
}

/*
 * Receives the frame at the front of the link into a batch. Returns false if the frame is not one
 * for the batch.
 */
static ALWAYS_INLINE bool net_receive_piece(struct virtio_net *net, struct virtqueue_batch *batch,
					    u32 pair, const struct frame_header *header,
					    const u8 *frame)
{
	struct net_header for_guest = {.buffer_count = 1};

	if ((unlikely((net->state.mode & NET_MODE_PROMISCUOUS) == 0) &&
	     !net_is_wanted(net, frame, header->bytes)) ||
	    (unlikely(!net_is_plain(header)) &&
	     !net_header_for_guest(net, header, frame, &for_guest)) ||
	    (unlikely(net_pairs(net) > 1) &&
	     net->flow[net_flow_of(frame, header->bytes)] != pair) ||
	    !net_fill_batch(batch, &for_guest, frame, header->bytes,
			    virtio_has(&net->virtio, NET_F_MRG_RXBUF)))
		return false;
	net->counts.received_frames++;
	net->counts.received_bytes += header->bytes;
	return true;
}

/*
 * Gives the guest up to `left` frames in succession that go to one queue pair. Returns how many of
 * `left` remain.
 */
static u32 net_receive_batch(struct virtio_net *net, u32 pair, u32 left, u32 *touched)
{
	struct virtqueue_batch batch;
	struct frame_header header;
	const u8 *frame;

	if (!net_is_connected(net) || unlikely(!net_header_is_whole(net)) ||
	    !virtqueue_batch_begin(&batch, &net->virtio, net_receive_queue(pair)))
		return left;
	for (; left > 0 && frames_next(&net->end, &header, &frame); left--) {
		if (!net_receive_piece(net, &batch, pair, &header, frame))
			break;
		frames_drop(&net->end, &header);
	}
	if (batch.used != batch.queue->used_next)
		*touched |= 1u << pair;
	virtqueue_batch_end(&batch);
	return left;
}

/*
 * Gives the guest at most `left` frames. Returns how many of `left` remain: 0 if there may be more
 * frames.
 */
static u32 net_receive_some(struct virtio_net *net, u32 left)
{
	struct frame_header header;
	const u8 *frame;
	u32 touched = 0;
	u32 pair = 0;

	for (;; left--) {
		left = net_receive_batch(net, pair, left, &touched);
		if (left == 0 || !frames_next(&net->end, &header, &frame))
			break;
		if (!net_receive_one(net, &header, frame, &touched)) {
			net->hungry = true;
			break;
		}
		pair = net_pair_of(net, frame, header.bytes);
		frames_drop(&net->end, &header);
	}
	for (; touched != 0; touched &= touched - 1) {
		u32 queue = net_receive_queue((u32)__builtin_ctz(touched));

		virtqueue_show(&net->virtio, queue);
		virtqueue_announce(&net->virtio, queue);
	}
	net_publish(net);
	return left;
}

void net_answer(struct virtio_net *net)
{
	struct net_header header = {.buffer_count = 1};
	enum net_outcome outcome;
	u32 touched = 0;

	if (likely(net->answer_bytes == 0) || !virtio_is_live(&net->virtio))
		return;
	outcome = net_fill_any(net, &header, net->answer, net->answer_bytes, &touched);
	if (outcome == NET_NO_BUFFERS)
		return;
	if (outcome == NET_TOO_LONG)
		net->counts.lost[NET_LOSS_BUFFERS]++;
	net->answer_bytes = 0;
	for (; touched != 0; touched &= touched - 1) {
		u32 queue = net_receive_queue((u32)__builtin_ctz(touched));

		virtqueue_show(&net->virtio, queue);
		virtqueue_announce(&net->virtio, queue);
	}
}

void net_receive(struct virtio_net *net)
{
	/* the switch may add frames as fast as the card takes them */
	u32 left = VIRTIO_NET_QUEUE_SIZE;

	if (net->quiet && link_waiting(&net->end) == 0)
		return;
	if (unlikely(net->cut))
		net_discard(net);
	for (; left > 0 && virtio_is_live(&net->virtio) && !net->hungry; left -= left > 0) {
		left = net_receive_some(net, left);
		if (net->hungry)
			/* there are no buffers: the guest will notify the device of new ones */
			return;
		net->quiet = link_may_wait(&net->end);
		if (net->quiet)
			return;
	}
	if (left == 0)
		virtio_look_again(&net->virtio, net_receive_queue(0));
}

void net_discard(struct virtio_net *net)
{
	struct frame_header header;
	const u8 *frame;

	/*
	 * at most as many as the link holds: a broken switch may add more before it is shown any
	 * room
	 */
	for (u32 left = NET_FRAMES_MAX; left > 0 && frames_next(&net->end, &header, &frame);
	     left--) {
		frames_drop(&net->end, &header);
		net->counts.lost[NET_LOSS_EARLY]++;
	}
	net_publish(net);
}
