/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/object.h"
#include "vmm/io/disk_channel.h"
#include "vmm/io/net_channel.h"

/*
 * What the manager and one driver share: the process behind a disk controller, a network card or a
 * network's switch. Each field has one writer; the reader takes it once and checks it, for a driver
 * may be broken.
 */
#define DRIVER_CLIENT_MAX 64u /* room for; a disk driver has at most DISK_CLIENT_MAX */
#define DRIVER_TEXT_BYTES 128u
#define DRIVER_OWN_PAGES  16u /* of START_DMA, the first ones: for the driver's own reading */

enum driver_state {
	DRIVER_STARTING,
	DRIVER_READY,
	DRIVER_FAILED, /* `reason` says why; its process ends */
	DRIVER_STATE_COUNT
};

/* One link, as the manager hands it over: addresses are the driver's. */
struct driver_client {
	u64 link; /* of struct link_memory, what belongs to it behind it */
	union {
		struct disk_client_part disk;
		struct net_port port;
	};
	handle_t doorbell; /* event that the client signals */
	handle_t bell;	   /* event that it is signalled with */
	u32 number;	   /* another one for each attachment, written last; 0: detach */
};

struct driver_channel {
	/* written by the manager */
	struct driver_client client[DRIVER_CLIENT_MAX];
	u32 asked;  /* grows now and then: it is said back by who lives, a card's driver excepted */
	u32 opened; /* not 0: the clients that the process begins with are there */

	/* written by the driver */
	u32 answered; /* what `asked` was */
	u32 state;    /* enum driver_state; what it has is fixed once that is DRIVER_READY */
	char reason[DRIVER_TEXT_BYTES];
	char model[48];
	u32 served[DRIVER_CLIENT_MAX]; /* the number in force; 0: the device has nothing of it */
	u64 finished;		       /* requests, all clients' */
	u64 waiting;		       /* with the device */
	u64 first_answer_tsc;	       /* when a client's request was answered first; 0: none was */
	union {
		struct disk_part disk;
		struct card_part card;
		struct switch_part net;
	};
};
/* Of the driver of so many disks, at least 1. */
#define DRIVER_CHANNEL_BYTES(units)                                                                \
	(sizeof(struct driver_channel) - (DISK_UNIT_MAX - (units)) * sizeof(struct disk_unit))
_Static_assert(DRIVER_CHANNEL_BYTES(1) >=
			       offsetof(struct driver_channel, net) + sizeof(struct switch_part) &&
		       DRIVER_CHANNEL_BYTES(1) >=
			       offsetof(struct driver_channel, card) + sizeof(struct card_part),
	       "room for what others have instead");

/* Of a driver in start_info.parameter. */
enum driver_parameter {
	DRIVER_DISK_BYTES, /* RAM disk: its size */
	DRIVER_UNIT,	   /* IDE: 0 the channel's master, 1 its slave */
	DRIVER_UNITS,	   /* a bit for each disk of the controller that it has; 0: one disk */
	DRIVER_MTU,	   /* network card, switch */
	DRIVER_NOTIFY_MULTIPLIER, /* virtio: of the queues' notify offsets */
	DRIVER_PCI_DEVICE,	  /* network card: its device ID */
};

/* `value` of START_IRQ: a line, raised until the device is asked why. 0: a message. */
#define DRIVER_IRQ_LINE 1u

/* Names of START_PORTS: IDE's command block, control register and bus mastering. */
#define DRIVER_PORTS_COMMAND "command"
#define DRIVER_PORTS_CONTROL "control"
#define DRIVER_PORTS_DMA     "bus master"

/*
 * Names of START_REGISTERS: a BAR's number; of a virtio device its structures (virtio 1.2, 4.1.4),
 * each an entry of its own.
 */
#define DRIVER_VIRTIO_COMMON "common"
#define DRIVER_VIRTIO_NOTIFY "notify"
#define DRIVER_VIRTIO_ISR    "isr"
#define DRIVER_VIRTIO_DEVICE "device"
