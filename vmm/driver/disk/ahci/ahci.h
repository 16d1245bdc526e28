/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/driver/disk/driver.h"
#include "vmm/hw/ahci.h"

/*
 * An AHCI controller with some disks, one at a port. A disk with a queue (NCQ) has as many reads
 * and writes as it takes; everything else, and what has failed once, is done alone, when the queue
 * is empty. Neither disk nor controller is believed: what ends is looked up, each wait has an end,
 * and after an error the port is reset. AHCI 1.3.1.
 */
#define AHCI_RESET_NS	NS_PER_S	/* of the controller, 10.4.3 */
#define AHCI_HAND_OFF_NS (2 * NS_PER_S) /* 10.6.3 */
#define AHCI_STOP_NS	(500 * NS_PER_MS) /* 10.1.2 */
/* Until a disk is there: 10 ms (10.4.2); of one that shows itself, until it can be talked to. */
#define AHCI_DETECT_NS	(200 * NS_PER_MS)
#define AHCI_CONNECT_NS	NS_PER_S
/* From a reset until the disk is ready; while others wait it shall not take as long. */
#define AHCI_SPIN_UP_NS (10 * NS_PER_S)
#define AHCI_READY_NS	(2 * NS_PER_S)
#define AHCI_IDENTIFY_NS (5 * NS_PER_S)
/* Twice that is still less than the manager's patience. */
#define AHCI_COMMAND_NS	(2 * NS_PER_S)
#define AHCI_ATTEMPTS	2u /* of one request */
#define AHCI_ALARMS_MAX	16u
#define AHCI_ALONE_DEPTH 2u /* of a disk without a queue: one is with it, one waits */

/* The pages that a port works with. */
enum ahci_page {
	AHCI_PAGE_LIST, /* and what is received, and blocks of data of the driver's own */
	AHCI_PAGE_TABLES,
	AHCI_PAGES = AHCI_PAGE_TABLES + 4,
};
/* In the first one: */
#define AHCI_FIS_AT  1024u
#define AHCI_TRIM_AT 1536u
#define AHCI_DATA_AT 2048u
#define AHCI_TABLE_BYTES 512u
_Static_assert(AHCI_TABLE_REGIONS + BLOCK_REQUEST_PAGES * sizeof(struct ahci_region) <=
		       AHCI_TABLE_BYTES,
	       "a request's pages");
_Static_assert((AHCI_PAGES - AHCI_PAGE_TABLES) * PAGE_SIZE == AHCI_SLOTS * AHCI_TABLE_BYTES,
	       "a table for each slot");

struct ahci_slot {
	struct driver_request *request; /* NULL: free */
	u32 attempts;
	u32 number; /* grows with each request */
	u64 deadline_tsc;
};

struct ahci_port {
	u32 number; /* of the controller's */
	struct driver_dma memory; /* AHCI_PAGES */
	bool there; /* a disk that takes requests */
	u32 depth;  /* requests that it has at once */
	u32 busy;   /* that it has */
	bool queue;
	bool flush;
	u32 block_shift;
	struct ahci_slot slot[AHCI_SLOTS];
	u32 queued;  /* slots that are in the disk's queue, a bit for each */
	u32 alone;   /* slots to be done one at a time */
	u32 running; /* that of these which is with the disk, a bit; 0: none is */
	u32 events;  /* AHCI_PORT_IS, what was not looked at yet */
	u32 numbers;
	u64 resets;
	u32 alarms; /* errors when it had nothing to do, since a request ended well */
};

struct ahci {
	volatile u8 *registers;
	u64 register_bytes;
	struct driver_dma memory; /* AHCI_PAGES for each port */
	bool interrupts;	  /* it has one */

	u32 capabilities;
	u32 port_count;
	bool up;
	struct ahci_port port[DISK_UNIT_MAX];
	const char *failure; /* why nothing more is to be hoped for */
};

/*
 * Takes the controller from the firmware and resets it. `ports` are those that have disks to be
 * used, a bit for each. False: `problem` says why it cannot be used.
 */
bool ahci_start(struct ahci *ahci, u32 ports, char *problem, size_t size);
/* Brings the disk at ahci->port[disk->unit] up. False: `problem` says why it cannot be used. */
bool ahci_start_disk(struct ahci *ahci, struct driver_disk *disk, char *problem, size_t size);

/* False: there is no room now. */
bool ahci_submit(struct ahci *ahci, struct driver_request *request);
/* Ends the requests that are done (driver_finish); what has failed is begun anew, or ends too. */
void ahci_poll(struct ahci *ahci);
/* Whether a request takes too long, or the controller is gone: to be asked from time to time. */
void ahci_look(struct ahci *ahci);

/* While the controller is waited for: lets others run. The program's, or a test's. */
void ahci_pause(void);

/* Of ahci_access.c, or a test's. */
u32 ahci_read(const struct ahci *ahci, u32 offset);
void ahci_write(const struct ahci *ahci, u32 offset, u32 value);

/* Of ahci_port.c. */
u32 ahci_port_read(const struct ahci *ahci, const struct ahci_port *port,
		   enum ahci_port_register at);
void ahci_port_write(const struct ahci *ahci, const struct ahci_port *port,
		     enum ahci_port_register at, u32 value);
/* Host-physical, of a byte of the port's memory. */
u64 ahci_address(const struct ahci_port *port, u64 offset);
/*
 * Ends what the port does; afterwards the controller touches no memory for it but what is
 * received. The disk is reset, and ready within `ns`. False: it is not.
 */
bool ahci_port_reset(const struct ahci *ahci, struct ahci_port *port, u64 ns);
/* From now on it takes commands. */
void ahci_port_go(const struct ahci *ahci, const struct ahci_port *port);

/* Of ahci_command.c: a slot's command, with data in so many bytes of pages at these addresses. */
void ahci_make(const struct ahci_port *port, u32 slot, const struct ahci_fis *fis, bool write,
	       const u64 *address, u32 bytes);
/* Makes the command of a request. */
void ahci_make_request(const struct ahci_port *port, u32 slot,
		       const struct driver_request *request, bool queued);
