/* SPDX-License-Identifier: MIT */
/*
 * The part of a SCSI host that a CD-ROM drive and disks share (virtio 1.2, 5.6). Called by
 * virtio_scsi.c for a CD-ROM drive and by virtio_scsi_host.c for disks; reads and writes guest RAM.
 */
#include "vmm/monitor/virtio/virtio_scsi_queue.h"

#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/monitor/virtio/virtio_blk.h"

#define CONTROL_CHAINS 16u /* requests that are taken from the control queue in one call */

/* The host's configuration (virtio 1.2, 5.6.4). */
struct scsi_config {
	u32 num_queues;
	u32 seg_max;
	u32 max_sectors;
	u32 cmd_per_lun;
	u32 event_info_size;
	u32 sense_size;
	u32 cdb_size;
	u16 max_channel;
	u16 max_target;
	u32 max_lun;
};
_Static_assert(sizeof(struct scsi_config) == SCSI_CONFIG_BYTES, "5.6.4");

/*
 * The types of requests in the control queue (virtio 1.2, 5.6.6.2), and the sizes of their answers.
 */
enum scsi_control { SCSI_T_TMF = 0, SCSI_T_AN_QUERY = 1, SCSI_T_AN_SUBSCRIBE = 2 };
#define TMF_ANSWER_BYTES    1u
#define NOTICE_ANSWER_BYTES 5u

/* --- answers --- */

void scsi_fail(struct scsi_answer *answer, u8 key, u16 code)
{
	answer->status = SCSI_CHECK_CONDITION;
	answer->key = key;
	answer->code = code;
	answer->bytes = 0;
}

void scsi_return(struct scsi_answer *answer, u32 bytes, u64 allowed)
{
	answer->bytes = (u32)MIN(bytes, allowed);
}

void scsi_write_sense(u8 *sense, u32 key, u32 code)
{
	memset(sense, 0, SCSI_FIXED_SENSE_BYTES);
	sense[0] = SCSI_SENSE_FIXED;
	sense[2] = (u8)key;
	sense[7] = SCSI_FIXED_SENSE_BYTES - 8;
	sense[12] = (u8)(code >> 8);
	sense[13] = (u8)code;
}

void scsi_report_units(const u8 *command, struct scsi_answer *answer)
{
	scsi_put(answer->data, 4, 8); /* the length of a list with unit 0 */
	scsi_return(answer, 16, scsi_get(command + 6, 4));
}

void scsi_give_back(struct virtio_device *device, const struct virtio_chain *chain, u32 queue,
		    struct vio_scsi_response *response, u32 bytes)
{
	response->residual = (u32)(chain->writable_bytes - sizeof(*response) - bytes);
	virtio_chain_write(device->memory, chain, 0, response, sizeof(*response));
	virtqueue_push(device, queue, chain->head, (u32)sizeof(*response) + bytes);
}

void scsi_set_sense(struct vio_scsi_response *response, u32 key, u32 code)
{
	response->status = SCSI_CHECK_CONDITION;
	response->sense_bytes = SCSI_FIXED_SENSE_BYTES;
	scsi_write_sense(response->sense, key, code);
}

void scsi_give_answer(struct virtio_device *device, u32 queue, const struct virtio_chain *chain,
		      const struct scsi_answer *answer)
{
	u64 room = chain->writable_bytes - sizeof(struct vio_scsi_response);
	u32 bytes = (u32)MIN((u64)answer->bytes, room);
	struct vio_scsi_response response = {.status = answer->status};

	if (answer->status == SCSI_CHECK_CONDITION)
		scsi_set_sense(&response, answer->key, answer->code);
	virtio_chain_write(device->memory, chain, sizeof(response), answer->data, bytes);
	scsi_give_back(device, chain, queue, &response, bytes);
}

void scsi_reject(struct virtio_device *device, u32 queue, const struct virtio_chain *chain,
		 enum vio_scsi_answer code)
{
	struct vio_scsi_response response = {.response = (u8)code};

	scsi_give_back(device, chain, queue, &response, 0);
}

/* --- requests --- */

bool scsi_read_request(struct virtio_device *device, const struct virtio_chain *chain,
		       struct vio_scsi_request *request)
{
	if (chain->writable_bytes >= sizeof(struct vio_scsi_response) &&
	    chain->readable_bytes >= sizeof(*request) &&
	    virtio_chain_read(device->memory, chain, 0, request, sizeof(*request)) ==
		    sizeof(*request))
		return true;
	virtio_needs_reset(device);
	return false;
}

u32 scsi_unit_of(const u8 unit[8])
{
	return (unit[2] & 0x3fu) << 8 | unit[3];
}

/* --- the control queue --- */

/* Answers a request in the control queue. Returns false if it has to wait. */
static bool scsi_control_one(struct virtio_device *device, const struct virtio_chain *chain,
			     bool (*manage)(struct virtio_device *device,
					    const struct scsi_task_request *task, u8 *response))
{
	u8 answer[NOTICE_ANSWER_BYTES] = {0};
	struct scsi_task_request task = {0};
	u32 bytes = NOTICE_ANSWER_BYTES;

	if (virtio_chain_read(device->memory, chain, 0, &task, sizeof(task)) < sizeof(task.type)) {
		virtio_needs_reset(device);
		return true;
	}
	if (task.type == SCSI_T_TMF) {
		bytes = TMF_ANSWER_BYTES;
		if (chain->readable_bytes < sizeof(task))
			answer[0] = VIO_SCSI_S_FUNCTION_REJECTED;
		else if (!manage(device, &task, &answer[0]))
			return false;
	} else if (task.type != SCSI_T_AN_QUERY && task.type != SCSI_T_AN_SUBSCRIBE) {
		answer[NOTICE_ANSWER_BYTES - 1] = VIO_SCSI_S_FUNCTION_REJECTED;
	}
	bytes = (u32)virtio_chain_write(device->memory, chain, 0, answer, bytes);
	virtqueue_push(device, SCSI_QUEUE_CONTROL, chain->head, bytes);
	return true;
}

void scsi_control(struct virtio_device *device,
		  bool (*manage)(struct virtio_device *device, const struct scsi_task_request *task,
				 u8 *response))
{
	struct virtio_chain chain;

	for (u32 i = 0; i < CONTROL_CHAINS; i++) {
		if (!virtio_queue_is_live(device, SCSI_QUEUE_CONTROL) ||
		    !virtqueue_pop(device, SCSI_QUEUE_CONTROL, &chain)) {
			virtqueue_announce(device, SCSI_QUEUE_CONTROL);
			return;
		}
		if (!scsi_control_one(device, &chain, manage)) {
			virtqueue_unpop(device, SCSI_QUEUE_CONTROL, chain.head);
			virtqueue_announce(device, SCSI_QUEUE_CONTROL);
			return;
		}
	}
	virtqueue_announce(device, SCSI_QUEUE_CONTROL);
	virtio_look_again(device, SCSI_QUEUE_CONTROL);
}

/* --- the configuration --- */

u32 scsi_config_read(u32 queues, u32 target_last, u32 offset, u32 size)
{
	const struct scsi_config config = {
		.num_queues = queues,
		.seg_max = VIRTIO_BLK_DATA_MAX,
		.max_sectors = 0xffff,
		.cmd_per_lun = VIRTIO_BLK_REQUESTS,
		.event_info_size = 16,
		.sense_size = SCSI_SENSE_BYTES,
		.cdb_size = SCSI_COMMAND_BYTES,
		.max_target = (u16)target_last,
	};
	u32 value = 0;

	memcpy(&value, (const u8 *)&config + offset, size);
	return value;
}
