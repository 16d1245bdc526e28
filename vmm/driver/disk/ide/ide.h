/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/driver/disk/core/device.h"
#include "vmm/hw/ide.h"

/*
 * The state of one ATA disk on a channel of an IDE controller. The disk does one command at a time;
 * the other requests wait in `queue`. Bus mastering moves the data; the CPU moves data that bus
 * mastering cannot reach. The driver trusts neither disk nor controller: it bounds each wait, and
 * resets the channel when a wait ends without success.
 */
#define IDE_RESET_NS (10 * NS_PER_S) /* time limit from a reset until the disk is ready */
/* time limit for the disk to be ready for a command or for the next sector of data */
#define IDE_READY_NS	NS_PER_S
#define IDE_IDENTIFY_NS (5 * NS_PER_S)
/*
 * The time limit of one command. Twice this limit is still below the time after which the manager
 * takes the driver for hung.
 */
#define IDE_COMMAND_NS (2 * NS_PER_S)
#define IDE_ATTEMPTS   2u /* the most attempts at one request */
/* one request at the disk and one waiting; scheduler.c decides their order */
#define IDE_DEPTH 2u

struct ide {
	u16 command_port;
	u16 control_port;
	/* the first I/O port of the channel's bus-master registers; 0: the controller has none */
	u16 dma_port;
	bool slave;
	/* DMA memory, at least one page: the bus master's table of memory regions (PRD table) */
	struct driver_dma memory;

	bool dma; /* the disk and the controller can do DMA, and the PRD table lies below 4 GiB */
	bool lba48;
	bool flush; /* the disk has a command to flush its cache */
	/* the requests in the order of their coming; if `running`, the disk works at the first */
	struct driver_request *queue[DRIVER_DEPTH];
	u32 first;
	u32 count;
	bool running;
	bool moving; /* bus mastering, not the CPU, moves the data of the current command */
	u32 attempts;
	u64 deadline_tsc;
	const char *failure; /* why the driver has to end; NULL: it need not */
	u64 resets;
};

/*
 * Resets the channel and identifies the disk. Returns false if the disk cannot be used; `problem`
 * then says why.
 */
bool ide_start(struct ide *ide, struct driver_disk *disk, char *problem, size_t size);

/* Queues a request. Returns false if there is no room now. */
bool ide_submit(struct ide *ide, struct driver_request *request);
/* Ends the request that the disk has completed (request_finish) and begins the next. */
void ide_poll(struct ide *ide);

/* Accesses to ports; ide_port.c or a test defines them. */
u8 ide_in8(u16 port);
u16 ide_in16(u16 port);
void ide_out8(u16 port, u8 value);
void ide_out16(u16 port, u16 value);
void ide_out32(u16 port, u32 value);

/* A command that ide_command.c gives to the disk. */
struct ide_task {
	enum ata_command command;
	u8 features;
	u32 count; /* the number of sectors, at most 256 */
	u64 sector;
	bool lba48;
};
/* Resets the disks of the channel. Returns false if there is no disk, or none is ready in time. */
bool ide_reset(struct ide *ide);
/* Gives the disk a command. Returns false if the disk does not accept it. */
bool ide_issue(const struct ide *ide, const struct ide_task *task);
/* Waits until the disk is not busy. Returns false if it is still busy after `ns` nanoseconds. */
bool ide_wait(const struct ide *ide, u64 ns);
/* Reads the disk's status without clearing its interrupt. */
u8 ide_status(const struct ide *ide);
/* Move 512 bytes by the CPU. Return false if the disk does not give or take these bytes. */
bool ide_read_sector(const struct ide *ide, u8 *data);
bool ide_write_sector(const struct ide *ide, const u8 *data);
/* Returns whether the disk's last command has ended without error; clears its interrupt. */
bool ide_ended_well(const struct ide *ide);
