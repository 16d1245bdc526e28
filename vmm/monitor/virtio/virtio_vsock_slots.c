/* SPDX-License-Identifier: MIT */
/*
 * The monitor's side of the area that a socket device shares with the manager: marks and indices of
 * its slots. Called by the other parts of the device. Each word that the manager may change is read
 * only once, and its copy is then used.
 */
#include "vmm/monitor/virtio/virtio_vsock_parts.h"

void virtio_vsock_mark(struct virtio_vsock *vsock, u32 slot, enum vsock_mark mark)
{
	vsock_store(&vsock->area->slot[slot].monitor_word,
		    vsock_word(vsock->connection[slot].use, mark));
	vsock->news = true;
}

void virtio_vsock_forget(struct virtio_vsock *vsock)
{
	vsock->stray_count = 0;
	for (u32 i = 0; i < VSOCK_SLOTS; i++) {
		u32 word = vsock_load(&vsock->area->slot[i].monitor_word);

		vsock->connection[i] = (struct vsock_connection){.use = vsock_word_use(word)};
		if (vsock_word_mark(word) != VSOCK_GONE)
			virtio_vsock_mark(vsock, i, VSOCK_GONE);
	}
}

bool virtio_vsock_listens(const struct virtio_vsock *vsock, u64 cid, u32 port)
{
	bool host = cid == VSOCK_CID_HOST;
	const u32 *ports = host ? vsock->area->listen : vsock->area->peer;
	u32 count = host ? VSOCK_LISTEN_MAX : VSOCK_PEERS_MAX;

	if (port == 0 || cid < VSOCK_CID_HOST || cid > ~0u || cid == vsock->cid)
		return false;
	for (u32 i = 0; i < count; i++)
		if (vsock_load(&ports[i]) == port)
			return true;
	return false;
}

u32 virtio_vsock_free(const struct virtio_vsock *vsock)
{
	for (u32 i = VSOCK_SLOTS_MANAGER; i < VSOCK_SLOTS; i++) {
		const struct vsock_connection *connection = &vsock->connection[i];

		if (connection->phase == VSOCK_PHASE_NONE &&
		    vsock_load(&vsock->area->slot[i].manager_word) ==
			    vsock_word(connection->use, VSOCK_GONE))
			return i;
	}
	return VSOCK_SLOTS;
}

void virtio_vsock_drop(struct virtio_vsock *vsock, u32 slot)
{
	vsock->connection[slot].phase = VSOCK_PHASE_NONE;
	vsock->connection[slot].owed = 0;
	virtio_vsock_mark(vsock, slot, VSOCK_GONE);
}

void virtio_vsock_break(struct virtio_vsock *vsock, u32 slot)
{
	vsock->connection[slot].phase = VSOCK_PHASE_RESETS;
	vsock->connection[slot].owed = VSOCK_OWES_RST;
}

u32 virtio_vsock_taken(const struct virtio_vsock *vsock, u32 slot)
{
	u32 written = vsock->connection[slot].output_written;
	u32 read = vsock_load(&vsock->area->slot[slot].output_read);

	return written - read <= VSOCK_RING_BYTES ? read : written - VSOCK_RING_BYTES;
}

u32 virtio_vsock_waiting(const struct virtio_vsock *vsock, u32 slot)
{
	u32 count = vsock_load(&vsock->area->slot[slot].input_written) -
		    vsock->connection[slot].input_read;

	return count <= VSOCK_RING_BYTES ? count : 0;
}

void virtio_vsock_count_sent(struct virtio_vsock *vsock, u32 slot, u32 bytes)
{
	struct vsock_connection *connection = &vsock->connection[slot];

	connection->input_read += bytes;
	vsock_store(&vsock->area->slot[slot].input_read, connection->input_read);
	vsock->news = true;
}

void virtio_vsock_count_received(struct virtio_vsock *vsock, u32 slot, u32 bytes)
{
	struct vsock_connection *connection = &vsock->connection[slot];

	connection->output_written += bytes;
	vsock_store(&vsock->area->slot[slot].output_written, connection->output_written);
	vsock->news = true;
}

/* Begins a call of the manager to the guest; `use` is the number of the slot's new use. */
static void virtio_vsock_begin_call(struct virtio_vsock *vsock, u32 slot, u32 use)
{
	struct vsock_slot *shared = &vsock->area->slot[slot];

	vsock->connection[slot] = (struct vsock_connection){
		.use = use,
		.phase = VSOCK_PHASE_CALLS,
		.owed = VSOCK_OWES_REQUEST,
		.guest_port = vsock_load(&shared->called_port),
		.peer_cid = vsock_load(&shared->called_cid),
		.host_port =
			VSOCK_HOST_PORT_FIRST | (use * VSOCK_SLOTS + slot) % VSOCK_HOST_PORT_FIRST,
	};
	vsock_store(&shared->input_read, 0);
	vsock_store(&shared->output_written, 0);
	virtio_vsock_mark(vsock, slot, VSOCK_ASKS);
}

static void virtio_vsock_look_at_open(struct virtio_vsock *vsock, u32 slot)
{
	struct vsock_connection *connection = &vsock->connection[slot];

	if (connection->guest_deaf && virtio_vsock_waiting(vsock, slot) != 0)
		virtio_vsock_count_sent(vsock, slot, virtio_vsock_waiting(vsock, slot));
	/*
	 * the guest learns of room when half a ring is free again, so it never waits while there is
	 * room
	 */
	if (virtio_vsock_taken(vsock, slot) - connection->taken_told >= VSOCK_RING_BYTES / 2)
		connection->owed |= VSOCK_OWES_CREDIT;
}

/* Returns whether the guest has a driver, which can be told of a connection. */
static bool virtio_vsock_has_driver(const struct virtio_vsock *vsock)
{
	return virtio_queue_is_live(&vsock->virtio, VSOCK_QUEUE_RECEIVE);
}

/* Handles a slot whose connection the manager has ended. */
static void virtio_vsock_look_at_gone(struct virtio_vsock *vsock, u32 slot)
{
	struct vsock_connection *connection = &vsock->connection[slot];
	bool drained = connection->phase == VSOCK_PHASE_DRAINS && connection->owed == 0;

	if (drained || (connection->phase != VSOCK_PHASE_NONE && !virtio_vsock_has_driver(vsock)))
		virtio_vsock_drop(vsock, slot);
	else if (connection->phase != VSOCK_PHASE_NONE)
		virtio_vsock_break(vsock, slot);
}

/*
 * Handles a slot that the manager has begun to use for another call, and has perhaps ended already.
 * A guest without a driver cannot be called.
 */
static void virtio_vsock_look_at_other_use(struct virtio_vsock *vsock, u32 slot, u32 word)
{
	struct vsock_connection *connection = &vsock->connection[slot];

	if (slot >= VSOCK_SLOTS_MANAGER || connection->phase != VSOCK_PHASE_NONE)
		return;
	if (vsock_word_mark(word) == VSOCK_ASKS && virtio_vsock_has_driver(vsock)) {
		virtio_vsock_begin_call(vsock, slot, vsock_word_use(word));
	} else {
		connection->use = vsock_word_use(word);
		virtio_vsock_mark(vsock, slot, VSOCK_GONE);
	}
}

static void virtio_vsock_look_at(struct virtio_vsock *vsock, u32 slot)
{
	struct vsock_connection *connection = &vsock->connection[slot];
	u32 word = vsock_load(&vsock->area->slot[slot].manager_word);
	u32 mark = vsock_word_mark(word);

	if (vsock_word_use(word) != connection->use) {
		virtio_vsock_look_at_other_use(vsock, slot, word);
		return;
	}
	if (mark == VSOCK_GONE) {
		virtio_vsock_look_at_gone(vsock, slot);
		return;
	}
	if (connection->phase == VSOCK_PHASE_ASKED && mark != VSOCK_ASKS) {
		connection->phase = VSOCK_PHASE_OPEN;
		connection->owed |= VSOCK_OWES_RESPONSE;
		virtio_vsock_mark(vsock, slot, VSOCK_OPEN);
	}
	if (connection->phase == VSOCK_PHASE_OPEN)
		virtio_vsock_look_at_open(vsock, slot);
}

void virtio_vsock_look(struct virtio_vsock *vsock)
{
	for (u32 i = 0; i < VSOCK_SLOTS; i++)
		virtio_vsock_look_at(vsock, i);
}
