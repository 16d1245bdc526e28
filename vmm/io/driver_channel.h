/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/object.h"
#include "vmm/io/disk_channel.h"
#include "vmm/io/net_channel.h"

/*
 * The memory that the manager shares with one driver or switch: the process behind a disk
 * controller, a network card or a network. Each field has one writer; the reader takes it once and
 * checks it, as a driver may be broken.
 */
#define DRIVER_CLIENT_MAX 64u /* room for clients; a disk driver has at most DISK_CLIENT_MAX */
#define DRIVER_TEXT_BYTES 128u
#define DRIVER_OWN_PAGES  32u /* the first pages of START_DMA, for the driver's own requests */

enum driver_state {
	DRIVER_STARTING,
	DRIVER_READY,
	DRIVER_FAILED, /* the driver has failed, for the reason in `reason`, and its process ends */
	DRIVER_STATE_COUNT
};

/*
 * A client's link as the manager hands it to the driver; addresses are those in the driver's
 * address space.
 */
struct driver_client {
	u64 link; /* address of the link's struct link_memory, followed by its rings and pool */
	union {
		struct disk_client_part disk;
		struct net_port port;
	};
	handle_t doorbell; /* the event by which the client signals the driver */
	handle_t bell;	   /* the event by which the driver signals the client */
	/*
	 * differs for each time that a client is attached, and is written last; 0: the driver must
	 * detach the client
	 */
	u32 number;
};

struct driver_channel {
	/* The manager writes the fields from here on. */
	struct driver_client client[DRIVER_CLIENT_MAX];
	/*
	 * Grows at intervals, as a question whether the driver works, which repeats the value in
	 * `answered`; only a network card's driver need not.
	 */
	u32 asked;
	/*
	 * not 0: the manager has entered in `client` the clients that exist when the driver begins
	 */
	u32 opened;
	/* for a disk driver: the stores of volumes that it must open */
	struct store_given store[STORE_MAX];

	/* The driver writes the fields from here on. */
	u32 answered; /* the last value of `asked` that the driver has seen */
	/*
	 * enum driver_state; the driver's report about its device does not change after
	 * DRIVER_READY
	 */
	u32 state;
	char reason[DRIVER_TEXT_BYTES];
	char model[48];
	/*
	 * `number` of the client that the driver serves; 0: the driver and its device use nothing
	 * of the client any more
	 */
	u32 served[DRIVER_CLIENT_MAX];
	u64 finished; /* number of requests finished for all clients together */
	u64 waiting;  /* number of requests that the device is working on */
	/*
	 * the TSC when the driver answered the first request of any client; 0: no request was
	 * answered yet
	 */
	u64 first_answer_tsc;
	union {
		struct disk_part disk;
		struct card_part card;
		struct switch_part net;
	};
};
/* The size of the channel of a driver with `units` disks, at least 1. */
#define DRIVER_CHANNEL_BYTES(units)                                                                \
	(sizeof(struct driver_channel) - (DISK_UNIT_MAX - (units)) * sizeof(struct disk_unit))
_Static_assert(DRIVER_CHANNEL_BYTES(1) >=
			       offsetof(struct driver_channel, net) + sizeof(struct switch_part) &&
		       DRIVER_CHANNEL_BYTES(1) >=
			       offsetof(struct driver_channel, card) + sizeof(struct card_part),
	       "room for what others have instead");

/* Parameters of a driver in start_info.parameter. */
enum driver_parameter {
	DRIVER_DISK_BYTES, /* the size in bytes of a RAM disk */
	DRIVER_UNIT,	   /* the disk on an IDE channel: 0 is the master, 1 the slave */
	/*
	 * a bit for each of the controller's disks that this driver serves; 0: the controller has
	 * one disk
	 */
	DRIVER_UNITS,
	DRIVER_MTU, /* the MTU of a network card or a switch */
	/* the multiplier of the queues' notify offsets of a virtio device */
	DRIVER_NOTIFY_MULTIPLIER,
	DRIVER_PCI_DEVICE, /* the PCI device ID of a network card */
};

/*
 * The `value` of a start entry START_IRQ: 1 for a line, which interrupts until the driver has read
 * the reason from the device; 0 for a message (MSI).
 */
#define DRIVER_IRQ_LINE 1u

/*
 * Names of the start entries START_PORTS of an IDE disk: command block, control register, bus
 * mastering.
 */
#define DRIVER_PORTS_COMMAND "command"
#define DRIVER_PORTS_CONTROL "control"
#define DRIVER_PORTS_DMA     "bus master"

/*
 * Names of the start entries START_REGISTERS: a BAR's number, or for a virtio device the names of
 * its structures (virtio 1.2, 4.1.4).
 */
#define DRIVER_VIRTIO_COMMON "common"
#define DRIVER_VIRTIO_NOTIFY "notify"
#define DRIVER_VIRTIO_ISR    "isr"
#define DRIVER_VIRTIO_DEVICE "device"
