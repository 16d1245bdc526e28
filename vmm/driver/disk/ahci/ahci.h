/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/driver/disk/core/device.h"
#include "vmm/hw/ahci.h"

/*
 * The state of an AHCI controller (AHCI 1.3.1) with disks, one at each port. A disk with a queue
 * (NCQ) gets several reads and writes at once; every other command, and each retry, runs alone
 * while the queue is empty. The driver trusts neither disk nor controller: it looks up each
 * completion, bounds each wait, and resets the port after an error.
 */
#define AHCI_RESET_NS NS_PER_S /* time limit for a reset of the controller (AHCI 1.3.1, 10.4.3) */
/* time limit for the firmware to hand the controller over (AHCI 1.3.1, 10.6.3) */
#define AHCI_HAND_OFF_NS (2 * NS_PER_S)
/* time limit for a port's command engine to stop (AHCI 1.3.1, 10.1.2) */
#define AHCI_STOP_NS (500 * NS_PER_MS)
/*
 * Time limits: for a disk to be detected after a reset (AHCI 1.3.1, 10.4.2 asks for 10 ms), and for
 * a detected disk to connect.
 */
#define AHCI_DETECT_NS	(200 * NS_PER_MS)
#define AHCI_CONNECT_NS NS_PER_S
/*
 * The time limit for a disk to become ready as the driver starts; a reset of its port while clients
 * wait has less time.
 */
#define AHCI_SPIN_UP_NS	 (10 * NS_PER_S)
#define AHCI_READY_NS	 (2 * NS_PER_S)
#define AHCI_IDENTIFY_NS (5 * NS_PER_S)
/*
 * The time limit of one command. Twice this limit is still below the time after which the manager
 * takes the driver for hung.
 */
#define AHCI_COMMAND_NS (2 * NS_PER_S)
#define AHCI_ATTEMPTS	2u /* the most attempts at one request */
#define AHCI_ALARMS_MAX 16u
/*
 * the most requests that a port takes for a disk without a queue: one is with the disk, one waits
 */
#define AHCI_ALONE_DEPTH 2u

/* The DMA pages of each port. */
enum ahci_page {
	/*
	 * the port's command list, the area for the FISes that the disk sends, and blocks of the
	 * driver's own data
	 */
	AHCI_PAGE_LIST,
	AHCI_PAGE_TABLES,
	AHCI_PAGES = AHCI_PAGE_TABLES + 4,
};
/* Offsets into AHCI_PAGE_LIST, the first of the port's pages. */
#define AHCI_FIS_AT	 1024u
#define AHCI_TRIM_AT	 1536u
#define AHCI_DATA_AT	 2048u
#define AHCI_TABLE_BYTES 512u
_Static_assert(AHCI_TABLE_REGIONS + BLOCK_REQUEST_PAGES * sizeof(struct ahci_region) <=
		       AHCI_TABLE_BYTES,
	       "a request's pages");
_Static_assert((AHCI_PAGES - AHCI_PAGE_TABLES) * PAGE_SIZE == AHCI_SLOTS * AHCI_TABLE_BYTES,
	       "a table for each slot");

struct ahci_slot {
	struct driver_request *request; /* the request in this slot; NULL: the slot is free */
	u32 attempts;
	u32 number; /* the request's number at this port: a later request has a higher one */
	u64 deadline_tsc;
};

struct ahci_port {
	u32 number;		  /* the port's number, counted from 0, at the controller */
	struct driver_dma memory; /* the port's memory: AHCI_PAGES pages */
	bool there;		  /* the port has a disk that takes requests */
	u32 depth; /* the most requests that the driver takes for this port at once */
	u32 busy;  /* the number of requests taken for this port that have not ended */
	bool queue;
	bool flush;
	u32 block_shift;
	struct ahci_slot slot[AHCI_SLOTS];
	u32 queued;  /* slots that are in the disk's queue, a bit for each */
	u32 alone;   /* slots whose commands run one at a time, outside the queue, a bit for each */
	u32 running; /* the bit of the slot in `alone` that is with the disk; 0: none is */
	u32 events;  /* bits of the port's interrupt status (AHCI_PORT_IS) not handled yet */
	u32 numbers;
	u64 resets;
	/* errors of the port while no command ran, since the last request that succeeded */
	u32 alarms;
};

struct ahci {
	volatile u8 *registers;
	u64 register_bytes;
	struct driver_dma memory; /* DMA memory: AHCI_PAGES pages for each port */
	bool interrupts;	  /* the driver has an interrupt of the controller */

	u32 capabilities;
	u32 port_count;
	bool up;
	struct ahci_port port[DISK_UNIT_MAX];
	const char *failure; /* why the driver has to end; NULL: it need not */
};

/*
 * Takes the controller from the firmware and resets it. `ports` has a bit for each port with a disk
 * to be used. Returns false if the controller cannot be used; `problem` then says why.
 */
bool ahci_start(struct ahci *ahci, u32 ports, char *problem, size_t size);
/*
 * Brings up the disk at ahci->port[disk->unit]. Returns false if the disk cannot be used; `problem`
 * then says why.
 */
bool ahci_start_disk(struct ahci *ahci, struct driver_disk *disk, char *problem, size_t size);

/* Starts a request. Returns false if no slot is free now. */
bool ahci_submit(struct ahci *ahci, struct driver_request *request);
/* Ends completed requests (request_finish); retries a failed request or ends it with an error. */
void ahci_poll(struct ahci *ahci);
/* Checks for overdue requests and for a controller that no longer answers; call it periodically. */
void ahci_look(struct ahci *ahci);

/* Register accesses, which ahci_access.c or a test defines. */
u32 ahci_read(const struct ahci *ahci, u32 offset);
void ahci_write(const struct ahci *ahci, u32 offset, u32 value);

/* Access and control one port (ahci_port.c). */
u32 ahci_port_read(const struct ahci *ahci, const struct ahci_port *port,
		   enum ahci_port_register at);
void ahci_port_write(const struct ahci *ahci, const struct ahci_port *port,
		     enum ahci_port_register at, u32 value);
/* Returns the host-physical address of a byte in the port's memory. */
u64 ahci_address(const struct ahci_port *port, u64 offset);
/*
 * Stops and resets the port; the controller then writes only received FISes to the port's memory.
 * Returns false if the disk is not ready within `ns` nanoseconds.
 */
bool ahci_port_reset(const struct ahci *ahci, struct ahci_port *port, u64 ns);
/* Starts the port's command engine. */
void ahci_port_go(const struct ahci *ahci, const struct ahci_port *port);

/*
 * Builds the command of a slot, with `bytes` bytes of data in the pages at `address`
 * (ahci_command.c).
 */
void ahci_make(const struct ahci_port *port, u32 slot, const struct ahci_fis *fis, bool write,
	       const u64 *address, u32 bytes);
/* Builds the command of a request. */
void ahci_make_request(const struct ahci_port *port, u32 slot, const struct driver_request *request,
		       bool queued);
