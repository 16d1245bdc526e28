/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/bits.h"
#include "lib/types.h"

/*
 * Virtio 1.2 as a driver sees it: over PCI (4.1), with split queues (2.7). Sections are those of
 * virtio 1.2.
 */

/* Registers of the common configuration structure (virtio 1.2, 4.1.4.3). */
enum vio_common {
	VIO_DEVICE_FEATURE_SELECT = 0x00,
	VIO_DEVICE_FEATURE = 0x04,
	VIO_DRIVER_FEATURE_SELECT = 0x08,
	VIO_DRIVER_FEATURE = 0x0c,
	/* this register and the next, the number of queues, have 16 bits */
	VIO_CONFIG_VECTOR = 0x10,
	VIO_QUEUES = 0x12,
	VIO_STATUS = 0x14,	 /* 8 bits */
	VIO_GENERATION = 0x15,	 /* 8 bits */
	VIO_QUEUE_SELECT = 0x16, /* this register and the next five have 16 bits */
	VIO_QUEUE_SIZE = 0x18,
	VIO_QUEUE_VECTOR = 0x1a,
	VIO_QUEUE_ENABLE = 0x1c,
	VIO_QUEUE_NOTIFY_OFFSET = 0x1e,
	/* this register and the next two have 64 bits, written in two halves */
	VIO_QUEUE_DESCRIPTORS = 0x20,
	VIO_QUEUE_DRIVER = 0x28,
	VIO_QUEUE_DEVICE = 0x30,
	VIO_COMMON_BYTES = 0x38,
};
#define VIO_NO_VECTOR 0xffffu

/* Bits of the device status (virtio 1.2, 2.1). */
#define VIO_ACKNOWLEDGE 1u
#define VIO_DRIVER	2u
#define VIO_DRIVER_OK	4u
#define VIO_FEATURES_OK 8u
#define VIO_NEEDS_RESET 0x40u

/* Feature bits of all devices (virtio 1.2, 6). */
#define VIO_F_EVENT_IDX	      BIT(29)
#define VIO_F_VERSION_1	      BIT(32)
#define VIO_F_ACCESS_PLATFORM BIT(33)

/* 2.7.5: a descriptor. */
struct vio_descriptor {
	u64 address;
	u32 bytes;
	u16 flags;
	u16 next;
};
_Static_assert(sizeof(struct vio_descriptor) == 16, "virtio 2.7.5");
#define VIO_NEXT     1u
#define VIO_WRITE    2u /* flag of a descriptor: the device writes to the buffer */
#define VIO_INDIRECT 4u

/*
 * The beginning of a queue's two rings (virtio 1.2, 2.7.6 and 2.7.8). Their entries follow, u16 or
 * struct vio_used, then the other side's event index (2.7.10).
 */
struct vio_ring {
	u16 flags;
	u16 index;
};
struct vio_used {
	u32 id;
	u32 bytes;
};
#define VIO_QUIET 1u /* flag of a ring: the ring's owner need not be notified by the other side */

/* 5.1: network card. */
#define VIO_NET_F_CTRL_VQ BIT(17)
#define VIO_NET_F_MTU	  BIT(3)
#define VIO_NET_F_MAC	  BIT(5)
#define VIO_NET_F_STATUS  BIT(16)
#define VIO_NET_F_CTRL_RX BIT(18)
#define VIO_NET_MAC	  0u /* offset in the card's configuration: the MAC, 6 bytes */
#define VIO_NET_STATUS	  6u
#define VIO_NET_LINK_UP	  1u
#define VIO_NET_MTU	  10u
/* size in bytes of the header before each frame (virtio 1.2, 5.1.6) */
#define VIO_NET_HEADER	       12u
#define VIO_NET_CTRL_RX	       0u
#define VIO_NET_RX_PROMISCUOUS 0u

/* 5.2: disk. */
#define VIO_BLK_F_SIZE_MAX     BIT(1)
#define VIO_BLK_F_SEG_MAX      BIT(2)
#define VIO_BLK_F_RO	       BIT(5)
#define VIO_BLK_F_BLK_SIZE     BIT(6)
#define VIO_BLK_F_FLUSH	       BIT(9)
#define VIO_BLK_F_DISCARD      BIT(13)
#define VIO_BLK_F_WRITE_ZEROES BIT(14)
enum vio_blk_config {
	VIO_BLK_CAPACITY = 0, /* the disk's size, 64 bits, in sectors of 512 bytes */
	VIO_BLK_SIZE_MAX = 8,
	VIO_BLK_SEG_MAX = 12,
	VIO_BLK_BLOCK = 20,
	VIO_BLK_DISCARD_SECTORS = 36,
	VIO_BLK_ZEROES_SECTORS = 48,
};
enum vio_blk_type {
	VIO_BLK_IN = 0,
	VIO_BLK_OUT = 1,
	VIO_BLK_FLUSH = 4,
	VIO_BLK_DISCARD = 11,
	VIO_BLK_WRITE_ZEROES = 13,
};
#define VIO_BLK_S_OK	 0u
#define VIO_BLK_S_UNSUPP 2u
struct vio_blk_header {
	u32 type;
	u32 reserved;
	u64 sector;
};
struct vio_blk_range {
	u64 sector;
	u32 sectors;
	u32 flags;
};
_Static_assert(sizeof(struct vio_blk_header) == 16, "virtio 5.2.6");
_Static_assert(sizeof(struct vio_blk_range) == 16, "virtio 5.2.6");

/* 5.6: SCSI controller. */
/* number of the first request queue; the two queues before it are for control and events */
#define VIO_SCSI_FIRST_REQUESTS 2u
enum vio_scsi_config {
	VIO_SCSI_SEG_MAX = 4,
	VIO_SCSI_MAX_SECTORS = 8,
	/* offset of the number of commands that a SCSI unit takes at once */
	VIO_SCSI_PER_UNIT = 12,
	VIO_SCSI_MAX_TARGET = 30, /* 16 bits */
};
struct vio_scsi_request {
	/*
	 * address of a SCSI unit: byte 0 is 1, byte 1 the target, bytes 2 and 3 the number of the
	 * logical unit
	 */
	u8 unit[8];
	u64 tag;
	u8 attributes;
	u8 priority;
	u8 crn;
	u8 cdb[32];
} PACKED;
struct vio_scsi_response {
	u32 sense_bytes;
	u32 residual;
	u16 qualifier;
	u8 status;
	u8 response;
	u8 sense[96];
};
_Static_assert(sizeof(struct vio_scsi_request) == 51, "virtio 5.6.6.1");
_Static_assert(sizeof(struct vio_scsi_response) == 108, "virtio 5.6.6.1");
enum vio_scsi_answer {
	VIO_SCSI_S_OK = 0,
	VIO_SCSI_S_OVERRUN = 1,
	VIO_SCSI_S_BAD_TARGET = 3,
	VIO_SCSI_S_RESET = 4,
	VIO_SCSI_S_BUSY = 5,
	VIO_SCSI_S_FUNCTION_REJECTED = 11,
	VIO_SCSI_S_BAD_UNIT = 12,
};

/* 5.10: sockets */
#define VIO_VSOCK_F_STREAM    BIT(0)
#define VIO_VSOCK_TYPE_STREAM 1u
#define VIO_VSOCK_NO_RECEIVE  1u /* VIO_VSOCK_SHUTDOWN: the sender of the flag reads no more */
#define VIO_VSOCK_NO_SEND     2u /* VIO_VSOCK_SHUTDOWN: the sender of the flag writes no more */
enum vio_vsock_operation {
	VIO_VSOCK_INVALID = 0,
	VIO_VSOCK_REQUEST = 1,
	VIO_VSOCK_RESPONSE = 2,
	VIO_VSOCK_RST = 3,
	VIO_VSOCK_SHUTDOWN = 4,
	VIO_VSOCK_RW = 5,
	VIO_VSOCK_CREDIT_UPDATE = 6,
	VIO_VSOCK_CREDIT_REQUEST = 7,
};
struct vio_vsock_header {
	u64 source_cid;
	u64 target_cid;
	u32 source_port;
	u32 target_port;
	u32 bytes; /* the number of bytes of data that follow the header */
	u16 type;
	u16 operation;
	u32 flags;
	u32 room;  /* buf_alloc: size in bytes of the sender's receive buffer */
	u32 taken; /* fwd_cnt: number of bytes that the sender's user has taken from that buffer */
} PACKED;
_Static_assert(sizeof(struct vio_vsock_header) == 44, "virtio 5.10.6");
#define VIO_VSOCK_TRANSPORT_RESET 0u /* 5.10.6.7: an event */
