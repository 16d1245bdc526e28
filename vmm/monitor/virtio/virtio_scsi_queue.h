/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The part that all SCSI hosts of a VM share (virtio 1.2, 5.6): their queues, the layout of
 * requests and answers, and their configuration.
 */
#include "vmm/hw/mmc.h"
#include "vmm/hw/virtio.h"
#include "vmm/monitor/virtio/virtio.h"

#define CLASS_SCSI	   0x010000u
#define SCSI_CONFIG_BYTES  36u
#define SCSI_COMMAND_BYTES 32u
#define SCSI_DATA_BYTES	   256u

/* The queues of a SCSI host (virtio 1.2, 5.6.2); more queues with requests may follow. */
enum scsi_queue { SCSI_QUEUE_CONTROL, SCSI_QUEUE_EVENT, SCSI_QUEUE_REQUESTS };

/*
 * The result of a command to a SCSI unit: data that are returned at once, an error, or blocks that
 * are to be read or changed.
 */
struct scsi_answer {
	u8 status; /* SCSI_GOOD or SCSI_CHECK_CONDITION */
	u8 key;	   /* the sense key, if `status` is SCSI_CHECK_CONDITION */
	u16 code;
	bool asks;    /* the unit's disk is to do something before the command is answered */
	u8 operation; /* the request's operation: enum block_operation, or BLK_WRITE_THROUGH */
	u32 blocks;   /* the number of blocks, from `first` on */
	u64 first;
	u32 bytes; /* the number of bytes of `data` in use */
	u8 data[SCSI_DATA_BYTES];
};

/* A request in the control queue that is about other requests (virtio 1.2, 5.6.6.2). */
struct scsi_task_request {
	u32 type;
	u32 function; /* enum scsi_task_function */
	u8 unit[8];
	u64 tag;
};
_Static_assert(sizeof(struct scsi_task_request) == 24, "virtio 1.2, 5.6.6.2");

enum scsi_task_function {
	SCSI_ABORT_TASK,
	SCSI_ABORT_TASK_SET,
	SCSI_CLEAR_ACA,
	SCSI_CLEAR_TASK_SET,
	SCSI_NEXUS_RESET,
	SCSI_UNIT_RESET,
	SCSI_QUERY_TASK,
	SCSI_QUERY_TASK_SET,
};

/* Sets the sense data of a command that fails. */
void scsi_fail(struct scsi_answer *answer, u8 key, u16 code);
/* Sets how many bytes of the answer's data are returned: no more than the command allows. */
void scsi_return(struct scsi_answer *answer, u32 bytes, u64 allowed);
/* Writes sense data that say why a command has failed; SCSI_FIXED_SENSE_BYTES bytes. */
void scsi_write_sense(u8 *sense, u32 key, u32 code);
/* Answers REPORT LUNS of a target that has one unit, whose number is 0. */
void scsi_report_units(const u8 *command, struct scsi_answer *answer);

/*
 * Copies a guest's request from its chain. Returns false, and the device needs a reset, if the
 * chain lacks a whole request or room for a response.
 */
bool scsi_read_request(struct virtio_device *device, const struct virtio_chain *chain,
		       struct vio_scsi_request *request) MUST_CHECK;
/* Returns the number of the addressed logical unit within its target (virtio 1.2, 5.6.6.1). */
u32 scsi_unit_of(const u8 unit[8]);
/*
 * Writes the response to a command, which is followed by `bytes` bytes of data, and returns the
 * request to the guest.
 */
void scsi_give_back(struct virtio_device *device, const struct virtio_chain *chain, u32 queue,
		    struct vio_scsi_response *response, u32 bytes);
void scsi_set_sense(struct vio_scsi_response *response, u32 key, u32 code);
/* Returns a request with the answer to its command, which needs nothing of a disk. */
void scsi_give_answer(struct virtio_device *device, u32 queue, const struct virtio_chain *chain,
		      const struct scsi_answer *answer);
/* Returns a request whose command reached no unit. */
void scsi_reject(struct virtio_device *device, u32 queue, const struct virtio_chain *chain,
		 enum vio_scsi_answer code);

/*
 * Handles the requests in the control queue. `manage` carries out one that is about other requests
 * and sets *response, or returns false if it has to wait: then it stays in the queue, and
 * virtio_look_again has to be called when it may be done.
 */
void scsi_control(struct virtio_device *device,
		  bool (*manage)(struct virtio_device *device, const struct scsi_task_request *task,
				 u8 *response));
/*
 * Reads the configuration of a host with `queues` queues for requests and targets up to
 * `target_last`. Commands have the longest possible length, and sense data the drivers' default
 * size; a driver that writes another size reads back that this had no effect.
 */
u32 scsi_config_read(u32 queues, u32 target_last, u32 offset, u32 size);
