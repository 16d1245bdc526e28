/* SPDX-License-Identifier: MIT */
#pragma once

/* The functions that the files of the socket device call in each other. */
#include "vmm/hw/virtio.h"
#include "vmm/monitor/virtio/virtio_vsock.h"

/* The numbers of the queues: virtio 1.2, 5.10.2. */
enum virtio_vsock_queue {
	VSOCK_QUEUE_RECEIVE, /* the queue of packets to the guest */
	VSOCK_QUEUE_TRANSMIT,
	VSOCK_QUEUE_EVENT,
	VSOCK_QUEUES,
};

/* --- virtio_vsock_slots.c: the monitor's side of the area shared with the manager --- */

/* Sets the monitor's mark of a slot in the shared area, and has the manager told. */
void virtio_vsock_mark(struct virtio_vsock *vsock, u32 slot, enum vsock_mark mark);
/* Drops all connections, those of an earlier monitor process too, without telling the guest. */
void virtio_vsock_forget(struct virtio_vsock *vsock);
/* Handles the manager's changes in all slots of the shared area. */
void virtio_vsock_look(struct virtio_vsock *vsock);
/*
 * Returns whether the manager may accept a connection to that port of that CID: a client of its
 * waits there, or the guest may have a peer there.
 */
bool virtio_vsock_listens(const struct virtio_vsock *vsock, u64 cid, u32 port);
/* Returns the number of a free slot for a connection that the guest opens, or VSOCK_SLOTS. */
u32 virtio_vsock_free(const struct virtio_vsock *vsock);
/* Ends a connection of which the guest need not be told. */
void virtio_vsock_drop(struct virtio_vsock *vsock, u32 slot);
/* Ends a connection: the guest is sent an RST. */
void virtio_vsock_break(struct virtio_vsock *vsock, u32 slot);
/*
 * Returns how many bytes of the guest the manager has read from the slot's ring; after an
 * impossible count, the ring counts as full.
 */
u32 virtio_vsock_taken(const struct virtio_vsock *vsock, u32 slot);
/* Returns how many bytes of the manager wait in the slot's ring for the guest. */
u32 virtio_vsock_waiting(const struct virtio_vsock *vsock, u32 slot);
/*
 * Count bytes in the slot's rings as sent to the guest, or as received from it, and have the
 * manager told.
 */
void virtio_vsock_count_sent(struct virtio_vsock *vsock, u32 slot, u32 bytes);
void virtio_vsock_count_received(struct virtio_vsock *vsock, u32 slot, u32 bytes);

/* --- virtio_vsock_receive.c --- */

/* Handles a packet that the guest has sent. */
void virtio_vsock_take(struct virtio_vsock *vsock, const struct virtio_chain *chain);

/* --- virtio_vsock_send.c --- */

/* Sends the guest the packets that are due, as far as the guest has given buffers and credit. */
void virtio_vsock_send_all(struct virtio_vsock *vsock);
