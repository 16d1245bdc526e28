/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The socket device: streams between programs in the guest and clients of the manager or programs
 * in other guests, through an area of memory that monitor and manager share.
 */
#include "vmm/monitor/virtio/virtio.h"
#include "vmm/rt/vsock.h"

struct platform_config;

#define VIRTIO_VSOCK_QUEUE_SIZE 64u
/*
 * The most RST packets that wait for a buffer of the guest's; at this number the device takes no
 * more packets from the guest.
 */
#define VIRTIO_VSOCK_STRAYS 32u
/* The most packets sent to the guest in one call; further packets follow soon. */
#define VIRTIO_VSOCK_BURST 64u

struct virtio_vsock_state {
	struct virtio_state virtio;
	u32 reset_owed; /* 1: the guest is still to be told that all connections are gone */
	u32 reserved;
};

enum vsock_phase {
	VSOCK_PHASE_NONE,
	/* the manager has asked for the connection, the guest has not answered */
	VSOCK_PHASE_CALLS,
	/* the guest has asked for the connection, the manager has not answered */
	VSOCK_PHASE_ASKED,
	VSOCK_PHASE_OPEN, /* bytes may flow in both directions */
	/* the guest has closed the connection, the manager may still read its last bytes */
	VSOCK_PHASE_DRAINS,
	VSOCK_PHASE_RESETS, /* all that is left to do is to send the guest an RST */
};

/* Packets without data that are still to be sent to the guest for a connection, in this order. */
enum vsock_owed {
	VSOCK_OWES_REQUEST = 1 << 0,
	VSOCK_OWES_RESPONSE = 1 << 1,
	VSOCK_OWES_CREDIT = 1 << 2,
	VSOCK_OWES_RST = 1 << 3,
};

/*
 * The monitor's own record of the connection in a slot: nothing here is read from the area shared
 * with the manager, nor saved. Bytes sent to the guest are counted by `input_read`, and bytes
 * received by `output_written`.
 */
struct vsock_connection {
	u32 use;
	u8 phase;	  /* enum vsock_phase */
	u8 owed;	  /* enum vsock_owed */
	bool guest_ended; /* the guest has ended its stream: it writes no more */
	bool guest_deaf;  /* the guest reads no more: bytes for it are dropped */
	bool end_told;	  /* the guest has been told that the manager writes no more */
	u32 guest_port;
	u32 host_port; /* the port at the other end */
	u32 peer_cid;  /* the CID of the other end: the host's, or that of another guest */
	/* the size of the guest's buffer in bytes, as the guest claims */
	u32 guest_room;
	/* the number of bytes that the guest has read, as the guest claims */
	u32 guest_taken;
	u32 input_read;
	u32 output_written;
	/* the number of the guest's bytes that the manager had read when the guest was last told */
	u32 taken_told;
};

/* An RST to the sender of a packet that belongs to no connection. */
struct vsock_stray {
	u64 cid; /* the CID to which the packet was addressed */
	u32 guest_port;
	u32 host_port;
};

/*
 * Sockets (virtio 1.2, 5.10): streams between the guest and clients of the manager. Connections
 * outlive neither the process nor a reset of the device nor the load of a saved state.
 */
struct virtio_vsock {
	struct virtio_device virtio;
	struct virtio_vsock_state state;
	struct vsock_area *area;
	u64 cid;
	void (*tell)(void *context); /* tells the manager to look at the area shared with it */
	void *context;
	/*
	 * virtio_vsock_poll has yet to drop the connections from before a reset or a loaded state
	 */
	bool stale;
	bool news; /* the manager has yet to be told of changes in the shared area */
	u32 bell_seen;
	u32 next; /* the slot of the connection that next sends to the guest */
	u32 stray_count;
	struct vsock_stray stray[VIRTIO_VSOCK_STRAYS];
	struct vsock_connection connection[VSOCK_SLOTS];
};

/* Attaches the socket device, if the configuration asks for it. */
enum status virtio_vsock_attach(struct platform *platform,
				const struct platform_config *config) MUST_CHECK;
/*
 * Handles the manager's changes in the shared area. Call it only while the VM runs in this process.
 */
void virtio_vsock_poll(struct virtio_vsock *vsock);
