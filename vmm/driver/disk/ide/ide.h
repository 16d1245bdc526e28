/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/driver/disk/driver.h"
#include "vmm/hw/ide.h"

/*
 * One ATA disk on a channel of an IDE controller: one command at a time, the other requests wait
 * here. Data goes by bus mastering; what that cannot reach, by the CPU. Neither disk nor controller
 * is believed: each wait has an end, and after it the channel is reset.
 */
#define IDE_RESET_NS	(10 * NS_PER_S) /* from a reset until the disk is ready */
#define IDE_READY_NS	NS_PER_S	/* until it takes or gives the next data, or a command */
#define IDE_IDENTIFY_NS (5 * NS_PER_S)
/* Twice that is still less than the manager's patience. */
#define IDE_COMMAND_NS	(2 * NS_PER_S)
#define IDE_ATTEMPTS	2u /* of one request */
#define IDE_DEPTH	2u /* one is with the disk, one waits: whose it is is not decided here */

struct ide {
	u16 command_port;
	u16 control_port;
	u16 dma_port; /* 0: the controller has no bus mastering */
	bool slave;
	struct driver_dma memory; /* one page at least: the table of regions */

	bool dma; /* disk and controller can, and the table is within reach */
	bool lba48;
	bool flush; /* it has a command for that */
	struct driver_request *queue[DRIVER_DEPTH]; /* with the disk is the first, if `running` */
	u32 first;
	u32 count;
	bool running;
	bool moving; /* and the controller moves its data */
	u32 attempts;
	u64 deadline_tsc;
	const char *failure; /* why nothing more is to be hoped for */
	u64 resets;
};

/*
 * Resets the channel and finds out what the disk is. False: `problem` says why it cannot be used.
 */
bool ide_start(struct ide *ide, struct driver_disk *disk, char *problem, size_t size);

/* False: there is no room now. */
bool ide_submit(struct ide *ide, struct driver_request *request);
/* Ends what is done (driver_finish) and begins what comes next. */
void ide_poll(struct ide *ide);

/* The ports, and what lets others run while the disk is waited for: the program's, or a test's. */
u8 ide_in8(u16 port);
u16 ide_in16(u16 port);
void ide_out8(u16 port, u8 value);
void ide_out16(u16 port, u16 value);
void ide_out32(u16 port, u32 value);
void ide_pause(void);

/* Of ide_command.c. */
struct ide_task {
	enum ata_command command;
	u8 features;
	u32 count; /* of sectors, at most 256 */
	u64 sector;
	bool lba48;
};
/* Resets the channel's disks. False: the disk is not ready in time, or there is none. */
bool ide_reset(struct ide *ide);
/* Gives the disk a command. False: it does not take one. */
bool ide_issue(const struct ide *ide, const struct ide_task *task);
/* Waits until the disk is not busy. False: it still is. */
bool ide_wait(const struct ide *ide, u64 ns);
/* The status, without effect on the interrupt. */
u8 ide_status(const struct ide *ide);
/* 512 bytes by the CPU. False: the disk does not give or take them. */
bool ide_read_sector(const struct ide *ide, u8 *data);
bool ide_write_sector(const struct ide *ide, const u8 *data);
/* Whether the last command is over and went well; takes the interrupt back. */
bool ide_ended_well(const struct ide *ide);
