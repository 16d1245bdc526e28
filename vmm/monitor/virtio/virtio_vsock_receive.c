/* SPDX-License-Identifier: MIT */
/*
 * Takes packets that a guest sends through its socket device (virtio 1.2, 5.10.6). Called by
 * virtio_vsock.c. Every header is hostile: it is copied once, then checked, then used.
 */
#include "vmm/monitor/virtio/virtio_vsock_parts.h"

/*
 * Answers a packet that belongs to no connection with an RST; virtio_vsock.c ensures that there is
 * room for it.
 */
static void virtio_vsock_refuse(struct virtio_vsock *vsock, const struct vio_vsock_header *header)
{
	if (header->operation == VIO_VSOCK_RST || vsock->stray_count == VIRTIO_VSOCK_STRAYS)
		return;
	vsock->stray[vsock->stray_count++] = (struct vsock_stray){
		.cid = header->target_cid,
		.guest_port = header->source_port,
		.host_port = header->target_port,
	};
}

/* Returns the number of the slot with the packet's connection, or VSOCK_SLOTS. */
static u32 virtio_vsock_find(const struct virtio_vsock *vsock,
			     const struct vio_vsock_header *header)
{
	for (u32 i = 0; i < VSOCK_SLOTS; i++) {
		const struct vsock_connection *connection = &vsock->connection[i];

		if (connection->phase != VSOCK_PHASE_NONE &&
		    connection->phase != VSOCK_PHASE_DRAINS &&
		    connection->peer_cid == header->target_cid &&
		    connection->guest_port == header->source_port &&
		    connection->host_port == header->target_port)
			return i;
	}
	return VSOCK_SLOTS;
}

/*
 * Handles the guest's request for a connection. If a client listens at that port, or the guest may
 * have a peer there, the manager decides about the connection; otherwise the request is refused.
 */
static void virtio_vsock_take_request(struct virtio_vsock *vsock,
				      const struct vio_vsock_header *header)
{
	u32 slot = virtio_vsock_listens(vsock, header->target_cid, header->target_port)
			   ? virtio_vsock_free(vsock)
			   : VSOCK_SLOTS;
	struct vsock_slot *shared;
	u32 use;

	if (slot == VSOCK_SLOTS) {
		virtio_vsock_refuse(vsock, header);
		return;
	}
	shared = &vsock->area->slot[slot];
	use = (vsock->connection[slot].use + 1) & VSOCK_USE_MASK;
	vsock->connection[slot] = (struct vsock_connection){
		.use = use,
		.phase = VSOCK_PHASE_ASKED,
		.guest_port = header->source_port,
		.host_port = header->target_port,
		.peer_cid = (u32)header->target_cid,
		.guest_room = header->room,
		.guest_taken = header->taken,
	};
	vsock_store(&shared->asked_port, header->target_port);
	vsock_store(&shared->asked_cid, (u32)header->target_cid);
	vsock_store(&shared->guest_port, header->source_port);
	vsock_store(&shared->input_read, 0);
	vsock_store(&shared->output_written, 0);
	virtio_vsock_mark(vsock, slot, VSOCK_ASKS);
}

/*
 * Copies a packet's data into the slot's ring for the manager, where they lie in two pieces at
 * most. Returns false if the packet has fewer bytes than its header says.
 */
static bool virtio_vsock_copy(struct virtio_vsock *vsock, u32 slot,
			      const struct virtio_chain *chain, u32 bytes)
{
	u8 *ring = vsock->area->rings[slot].output;
	u32 at = vsock->connection[slot].output_written % VSOCK_RING_BYTES;
	u32 first = MIN(bytes, VSOCK_RING_BYTES - at);
	u64 offset = sizeof(struct vio_vsock_header);

	return virtio_chain_read(vsock->virtio.memory, chain, offset, ring + at, first) == first &&
	       virtio_chain_read(vsock->virtio.memory, chain, offset + first, ring,
				 bytes - first) == bytes - first;
}

/*
 * Takes the data of a packet. Returns false if the guest sends more than it has credit for, or has
 * already ended its stream.
 */
static bool virtio_vsock_take_bytes(struct virtio_vsock *vsock, u32 slot,
				    const struct virtio_chain *chain,
				    const struct vio_vsock_header *header)
{
	const struct vsock_connection *connection = &vsock->connection[slot];
	u32 held = connection->output_written - virtio_vsock_taken(vsock, slot);

	if (connection->guest_ended || header->bytes > VSOCK_RING_BYTES - held ||
	    !virtio_vsock_copy(vsock, slot, chain, header->bytes))
		return false;
	if (header->bytes != 0)
		virtio_vsock_count_received(vsock, slot, header->bytes);
	return true;
}

/*
 * Handles a shutdown packet, whose flags only add up (virtio 1.2, 5.10.6.5). With both flags the
 * guest wants no more than an RST.
 */
static void virtio_vsock_take_shutdown(struct virtio_vsock *vsock, u32 slot, u32 flags)
{
	struct vsock_connection *connection = &vsock->connection[slot];
	bool ends = (flags & VIO_VSOCK_NO_SEND) != 0 && !connection->guest_ended;

	connection->guest_ended |= (flags & VIO_VSOCK_NO_SEND) != 0;
	connection->guest_deaf |= (flags & VIO_VSOCK_NO_RECEIVE) != 0;
	if (connection->guest_ended && connection->guest_deaf) {
		connection->phase = VSOCK_PHASE_DRAINS;
		connection->owed = VSOCK_OWES_RST;
		virtio_vsock_mark(vsock, slot, VSOCK_CLOSED);
	} else if (ends) {
		virtio_vsock_mark(vsock, slot, VSOCK_ENDED);
	}
}

/*
 * Handles a packet of an open connection. Returns false if an open connection allows no such
 * packet.
 */
static bool virtio_vsock_take_open(struct virtio_vsock *vsock, u32 slot,
				   const struct virtio_chain *chain,
				   const struct vio_vsock_header *header)
{
	switch (header->operation) {
	case VIO_VSOCK_RW:
		return virtio_vsock_take_bytes(vsock, slot, chain, header);
	case VIO_VSOCK_SHUTDOWN:
		virtio_vsock_take_shutdown(vsock, slot, header->flags);
		return true;
	case VIO_VSOCK_CREDIT_REQUEST:
		vsock->connection[slot].owed |= VSOCK_OWES_CREDIT;
		return true;
	default:
		return header->operation == VIO_VSOCK_CREDIT_UPDATE;
	}
}

/*
 * Handles a packet of a connection that has a slot. Returns false if the connection's phase allows
 * no such packet.
 */
static bool virtio_vsock_take_known(struct virtio_vsock *vsock, u32 slot,
				    const struct virtio_chain *chain,
				    const struct vio_vsock_header *header)
{
	struct vsock_connection *connection = &vsock->connection[slot];

	connection->guest_room = header->room;
	connection->guest_taken = header->taken;
	switch (connection->phase) {
	case VSOCK_PHASE_OPEN:
		return virtio_vsock_take_open(vsock, slot, chain, header);
	case VSOCK_PHASE_CALLS:
		if (header->operation != VIO_VSOCK_RESPONSE || connection->owed != 0)
			return false;
		connection->phase = VSOCK_PHASE_OPEN;
		virtio_vsock_mark(vsock, slot, VSOCK_OPEN);
		return true;
	/*
	 * in VSOCK_PHASE_ASKED the guest has to wait; in VSOCK_PHASE_RESETS the connection is over
	 */
	default:
		return connection->phase == VSOCK_PHASE_RESETS;
	}
}

/*
 * Handles a packet whose source is not the guest's CID. Linux in a clone may still answer a call
 * under the CID of the clone's source: that call is over then, and the caller may call again.
 */
static void virtio_vsock_take_stale(struct virtio_vsock *vsock,
				    const struct vio_vsock_header *header)
{
	u32 slot = virtio_vsock_find(vsock, header);

	if (slot != VSOCK_SLOTS && vsock->connection[slot].phase == VSOCK_PHASE_CALLS)
		virtio_vsock_drop(vsock, slot);
}

void virtio_vsock_take(struct virtio_vsock *vsock, const struct virtio_chain *chain)
{
	struct vio_vsock_header header;
	u32 slot;

	if (virtio_chain_read(vsock->virtio.memory, chain, 0, &header, sizeof(header)) !=
	    sizeof(header))
		return;
	if (header.source_cid != vsock->cid) {
		virtio_vsock_take_stale(vsock, &header);
		return; /* no answer, as no device has that CID (virtio 1.2, 5.10.6.4.1) */
	}
	if (header.type != VIO_VSOCK_TYPE_STREAM) {
		virtio_vsock_refuse(vsock, &header);
		return;
	}
	slot = virtio_vsock_find(vsock, &header);
	if (slot == VSOCK_SLOTS && header.operation == VIO_VSOCK_REQUEST)
		virtio_vsock_take_request(vsock, &header);
	else if (slot == VSOCK_SLOTS)
		virtio_vsock_refuse(vsock, &header);
	else if (header.operation == VIO_VSOCK_RST)
		virtio_vsock_drop(vsock, slot);
	else if (!virtio_vsock_take_known(vsock, slot, chain, &header))
		virtio_vsock_break(vsock, slot);
}
