/* SPDX-License-Identifier: MIT */
/*
 * Sends packets to a guest through its socket device (virtio 1.2, 5.10.6): packets without data
 * that are due, and data as far as the guest has given credit. Called by virtio_vsock.c.
 */
#include "vmm/monitor/virtio/virtio_vsock_parts.h"

static struct vio_vsock_header virtio_vsock_header(const struct virtio_vsock *vsock, u32 slot,
						   enum vio_vsock_operation operation)
{
	const struct vsock_connection *connection = &vsock->connection[slot];

	return (struct vio_vsock_header){
		.source_cid = connection->peer_cid,
		.target_cid = vsock->cid,
		.source_port = connection->host_port,
		.target_port = connection->guest_port,
		.type = VIO_VSOCK_TYPE_STREAM,
		.operation = (u16)operation,
		.room = VSOCK_RING_BYTES,
		.taken = virtio_vsock_taken(vsock, slot),
	};
}

/* Takes a buffer for a packet from the guest's receive queue. Returns false if there is none. */
static bool virtio_vsock_take_buffer(struct virtio_vsock *vsock, struct virtio_chain *chain)
{
	if (!virtqueue_pop(&vsock->virtio, VSOCK_QUEUE_RECEIVE, chain))
		return false;
	if (chain->writable_bytes >= sizeof(struct vio_vsock_header))
		return true;
	virtio_needs_reset(&vsock->virtio);
	return false;
}

static void virtio_vsock_give_back(struct virtio_vsock *vsock, const struct virtio_chain *chain,
				   const struct vio_vsock_header *header)
{
	(void)virtio_chain_write(vsock->virtio.memory, chain, 0, header, sizeof(*header));
	virtqueue_push(&vsock->virtio, VSOCK_QUEUE_RECEIVE, chain->head,
		       (u32)sizeof(*header) + header->bytes);
}

static bool virtio_vsock_send_stray(struct virtio_vsock *vsock)
{
	struct vio_vsock_header header = {
		.target_cid = vsock->cid,
		.type = VIO_VSOCK_TYPE_STREAM,
		.operation = VIO_VSOCK_RST,
	};
	struct virtio_chain chain;
	const struct vsock_stray *stray;

	if (vsock->stray_count == 0 || !virtio_vsock_take_buffer(vsock, &chain))
		return false;
	stray = &vsock->stray[--vsock->stray_count];
	header.source_cid = stray->cid;
	header.source_port = stray->host_port;
	header.target_port = stray->guest_port;
	virtio_vsock_give_back(vsock, &chain, &header);
	return true;
}

static enum vio_vsock_operation virtio_vsock_operation_of(u32 owed)
{
	switch (owed) {
	case VSOCK_OWES_REQUEST:
		return VIO_VSOCK_REQUEST;
	case VSOCK_OWES_RESPONSE:
		return VIO_VSOCK_RESPONSE;
	case VSOCK_OWES_CREDIT:
		return VIO_VSOCK_CREDIT_UPDATE;
	default:
		return VIO_VSOCK_RST;
	}
}

static bool virtio_vsock_send_owed(struct virtio_vsock *vsock, u32 slot)
{
	struct vsock_connection *connection = &vsock->connection[slot];
	u32 owed = connection->owed & (u32) - (u32)connection->owed;
	struct vio_vsock_header header =
		virtio_vsock_header(vsock, slot, virtio_vsock_operation_of(owed));
	struct virtio_chain chain;

	if (!virtio_vsock_take_buffer(vsock, &chain))
		return false;
	connection->owed &= (u8)~owed;
	connection->taken_told = header.taken;
	virtio_vsock_give_back(vsock, &chain, &header);
	if (connection->phase == VSOCK_PHASE_RESETS)
		virtio_vsock_drop(vsock, slot);
	return true;
}

/* Returns how many more bytes the guest takes, by the credit that it has given. */
static u32 virtio_vsock_credit(const struct vsock_connection *connection)
{
	u32 under_way = connection->input_read - connection->guest_taken;

	return under_way < connection->guest_room ? connection->guest_room - under_way : 0;
}

static bool virtio_vsock_send_bytes(struct virtio_vsock *vsock, u32 slot, u32 count)
{
	struct vsock_connection *connection = &vsock->connection[slot];
	struct vio_vsock_header header = virtio_vsock_header(vsock, slot, VIO_VSOCK_RW);
	const u8 *ring = vsock->area->rings[slot].input;
	u32 at = connection->input_read % VSOCK_RING_BYTES;
	const struct guest_memory *memory = vsock->virtio.memory;
	struct virtio_chain chain;
	u32 first;

	if (!virtio_vsock_take_buffer(vsock, &chain))
		return false;
	header.bytes = (u32)MIN((u64)count, chain.writable_bytes - sizeof(header));
	first = MIN(header.bytes, VSOCK_RING_BYTES - at);
	(void)virtio_chain_write(memory, &chain, sizeof(header), ring + at, first);
	(void)virtio_chain_write(memory, &chain, sizeof(header) + first, ring,
				 header.bytes - first);
	connection->taken_told = header.taken;
	virtio_vsock_give_back(vsock, &chain, &header);
	virtio_vsock_count_sent(vsock, slot, header.bytes);
	return true;
}

/* Tells the guest, after the last byte, that the manager has ended its stream. */
static bool virtio_vsock_send_end(struct virtio_vsock *vsock, u32 slot)
{
	struct vio_vsock_header header = virtio_vsock_header(vsock, slot, VIO_VSOCK_SHUTDOWN);
	struct vsock_connection *connection = &vsock->connection[slot];
	u32 word = vsock_load(&vsock->area->slot[slot].manager_word);
	struct virtio_chain chain;

	/*
	 * reads the manager's mark of the end first, so that bytes written before the end are seen,
	 * too
	 */
	if (connection->end_told || word != vsock_word(connection->use, VSOCK_ENDED) ||
	    virtio_vsock_waiting(vsock, slot) != 0 || !virtio_vsock_take_buffer(vsock, &chain))
		return false;
	header.flags = VIO_VSOCK_NO_SEND;
	connection->end_told = true;
	virtio_vsock_give_back(vsock, &chain, &header);
	return true;
}

/*
 * Sends one packet of a connection. Returns false if the connection has none to send, or the guest
 * has given no buffer.
 */
static bool virtio_vsock_send_one(struct virtio_vsock *vsock, u32 slot)
{
	struct vsock_connection *connection = &vsock->connection[slot];
	u32 count;

	if (connection->owed != 0)
		return virtio_vsock_send_owed(vsock, slot);
	if (connection->phase != VSOCK_PHASE_OPEN || connection->guest_deaf)
		return false;
	count = MIN(virtio_vsock_waiting(vsock, slot), virtio_vsock_credit(connection));
	return count != 0 ? virtio_vsock_send_bytes(vsock, slot, count)
			  : virtio_vsock_send_end(vsock, slot);
}

/* Sends a packet of each connection in turn, so that no connection keeps others waiting. */
void virtio_vsock_send_all(struct virtio_vsock *vsock)
{
	u32 left = VIRTIO_VSOCK_BURST;
	u32 idle = 0; /* the number of connections in a row that had nothing to send */

	while (left > 0 && virtio_vsock_send_stray(vsock))
		left--;
	while (left > 0 && idle < VSOCK_SLOTS) {
		bool sent = virtio_vsock_send_one(vsock, vsock->next++ % VSOCK_SLOTS);

		left -= sent;
		idle = sent ? 0 : idle + 1;
	}
	if (left == 0)
		virtio_look_again(&vsock->virtio, VSOCK_QUEUE_RECEIVE);
	virtqueue_announce(&vsock->virtio, VSOCK_QUEUE_RECEIVE);
}
