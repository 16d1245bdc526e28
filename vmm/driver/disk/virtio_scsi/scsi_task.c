/* SPDX-License-Identifier: MIT */
/*
 * Sends commands through the queue and reads their responses: virtio 1.2, 5.6.6.1. Called by
 * scsi_start.c; owns the tasks and each disk's share of the queue.
 */
#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/driver/disk/virtio_scsi/scsi_host.h"
#include "vmm/rt/clock.h"

/* the value of a command's response as long as the device has not written it */
#define NO_RESPONSE 0xffu

static u64 vscsi_page_offset(u32 slot)
{
	return VSCSI_PAGE_SLOTS * PAGE_SIZE + slot * sizeof(struct vscsi_slot);
}

static struct vscsi_slot *vscsi_shared_slot(const struct vscsi *vscsi, u32 slot)
{
	return (struct vscsi_slot *)(uintptr_t)(vscsi->host.memory.memory +
						vscsi_page_offset(slot));
}

static struct virtio_part vscsi_slot_part(const struct vscsi *vscsi, u32 slot, size_t offset,
					  u32 bytes, bool write)
{
	return (struct virtio_part){
		virtio_host_address(&vscsi->host, vscsi_page_offset(slot) + offset), bytes, write};
}

static struct virtio_part vscsi_page_part(const struct vscsi *vscsi, enum vscsi_page page,
					  u32 bytes, bool write)
{
	return (struct virtio_part){virtio_host_address(&vscsi->host, (u64)page * PAGE_SIZE), bytes,
				    write};
}

static u32 vscsi_count_pages(u32 bytes)
{
	return (u32)(align_up(bytes, PAGE_SIZE) / PAGE_SIZE);
}

static u32 vscsi_count_parts(const struct scsi_command *command)
{
	return VSCSI_PARTS_MIN +
	       (command->data == SCSI_NO_DATA ? 0 : vscsi_count_pages(command->bytes));
}

/* Adds the command's data as parts, from parts[count] on. Returns the number of parts in all. */
static u32 vscsi_add_data_parts(const struct vscsi *vscsi, u32 slot, struct virtio_part *parts,
				u32 count)
{
	const struct vscsi_task *task = &vscsi->task[slot];
	const struct scsi_command *command = &task->command;
	u32 left = command->bytes;

	switch (command->data) {
	case SCSI_DATA_REQUEST:
		for (u32 i = 0; left != 0 && i < BLOCK_REQUEST_PAGES; i++) {
			u32 bytes = MIN(left, (u32)PAGE_SIZE);

			parts[count++] = (struct virtio_part){task->request->address[i], bytes,
							      command->reads};
			left -= bytes;
		}
		break;
	case SCSI_DATA_LIST:
		parts[count++] = vscsi_slot_part(vscsi, slot, offsetof(struct vscsi_slot, list),
						 command->bytes, false);
		break;
	case SCSI_DATA_ZEROES:
		parts[count++] = vscsi_page_part(vscsi, VSCSI_PAGE_ZEROES, command->bytes, false);
		break;
	case SCSI_DATA_OWN:
		parts[count++] = vscsi_page_part(vscsi, VSCSI_PAGE_OWN, command->bytes, true);
		break;
	case SCSI_NO_DATA:
	default:
		break;
	}
	return count;
}

/*
 * Builds the parts of a command in the queue: first those the device reads, then those it writes.
 */
static u32 vscsi_make_command_parts(const struct vscsi *vscsi, u32 slot, struct virtio_part *parts)
{
	bool reads = vscsi->task[slot].command.reads;
	u32 count = 0;

	parts[count++] = vscsi_slot_part(vscsi, slot, offsetof(struct vscsi_slot, request),
					 sizeof(struct vio_scsi_request), false);
	if (!reads)
		count = vscsi_add_data_parts(vscsi, slot, parts, count);
	parts[count++] = vscsi_slot_part(vscsi, slot, offsetof(struct vscsi_slot, response),
					 sizeof(struct vio_scsi_response), true);
	return reads ? vscsi_add_data_parts(vscsi, slot, parts, count) : count;
}

static void vscsi_fill_slot(const struct vscsi *vscsi, u32 slot)
{
	const struct vscsi_task *task = &vscsi->task[slot];
	struct vscsi_slot *shared = vscsi_shared_slot(vscsi, slot);

	*shared = (struct vscsi_slot){
		/* flat addressing of the logical unit: SAM-5 4.7.7 */
		.request = {.unit = {1, (u8)vscsi->unit[task->unit].target, 0x40, 0}, .tag = slot},
		.response = {.response = NO_RESPONSE},
	};
	memcpy(shared->request.cdb, task->command.cdb, SCSI_CDB_BYTES);
	memcpy(shared->list, task->command.list, sizeof(shared->list));
}

/*
 * Adds a task's command to the queue. The descriptors for it stay reserved, also while it waits for
 * another attempt.
 */
static void vscsi_send_command(struct vscsi *vscsi, u32 slot)
{
	struct virtio_part parts[VSCSI_PARTS_MAX];
	u32 count = vscsi_make_command_parts(vscsi, slot, parts);
	u16 id;

	vscsi_fill_slot(vscsi, slot);
	if (!virtio_ring_add(&vscsi->ring, parts, count, &id)) {
		/*
		 * full only if the device breaks a rule, as all shares together are less than the
		 * ring
		 */
		vscsi->ring.bad = VIRTIO_HOST_BAD_MAX;
		return;
	}
	vscsi->task[slot].state = VSCSI_SENT;
	vscsi->task[slot].attempts++;
	vscsi->task_of[id] = (u16)slot;
	virtio_ring_tell(&vscsi->ring);
}

/*
 * Begins a task: reserves room in its disk's share of the queue and sends the command. Returns
 * false if there is no room now.
 */
static bool vscsi_begin(struct vscsi *vscsi, const struct vscsi_task *task, u32 *slot)
{
	struct vscsi_unit *unit = &vscsi->unit[task->unit];

	if (vscsi->busy == DRIVER_DEPTH || unit->parts_left < task->parts)
		return false;
	*slot = 0;
	while (vscsi->task[*slot].state != VSCSI_FREE)
		++*slot;
	vscsi->task[*slot] = *task;
	vscsi->busy++;
	unit->parts_left -= task->parts;
	vscsi_send_command(vscsi, *slot);
	return true;
}

static void vscsi_release(struct vscsi *vscsi, u32 slot)
{
	struct vscsi_task *task = &vscsi->task[slot];

	vscsi->unit[task->unit].parts_left += task->parts;
	vscsi->busy--;
	task->state = VSCSI_FREE;
}

bool vscsi_submit(struct vscsi *vscsi, struct driver_request *request)
{
	struct vscsi_unit *unit = &vscsi->unit[request->unit];
	struct vscsi_task task = {.request = request, .unit = request->unit};
	u32 slot;

	if (request->operation == BLOCK_FLUSH && !unit->flush) {
		request_finish(request, BLOCK_OK);
		return true;
	}
	scsi_make_request(&task.command, request, unit->block_bytes);
	task.parts = vscsi_count_parts(&task.command);
	return vscsi_begin(vscsi, &task, &slot);
}

/* Reads the device's response to a task's command once, since the device may still change it. */
static enum scsi_outcome vscsi_read_response(const struct vscsi *vscsi, u32 slot)
{
	const struct vscsi_task *task = &vscsi->task[slot];
	struct vio_scsi_response response = vscsi_shared_slot(vscsi, slot)->response;
	enum scsi_outcome outcome;

	__asm__ volatile("" : "+m"(response));
	if (response.response == VIO_SCSI_S_RESET || response.response == VIO_SCSI_S_BUSY)
		return SCSI_AGAIN;
	if (response.response != VIO_SCSI_S_OK)
		return SCSI_FAILED;
	outcome = scsi_outcome_of(response.status, response.sense,
				  MIN(response.sense_bytes, (u32)sizeof(response.sense)));
	if (outcome == SCSI_DONE && response.residual != 0 && task->request != NULL)
		return SCSI_FAILED; /* the device has moved less data than the command asked for */
	return outcome;
}

static enum block_status vscsi_block_status_of(enum scsi_outcome outcome)
{
	switch (outcome) {
	case SCSI_DONE:
		return BLOCK_OK;
	case SCSI_UNSUPPORTED:
		return BLOCK_UNSUPPORTED;
	default:
		return BLOCK_ERROR;
	}
}

static void vscsi_end(struct vscsi *vscsi, u32 slot)
{
	struct vscsi_task *task = &vscsi->task[slot];

	task->response = *(volatile u8 *)&vscsi_shared_slot(vscsi, slot)->response.response;
	task->outcome = vscsi_read_response(vscsi, slot);
	if (task->outcome == SCSI_AGAIN && task->attempts < VSCSI_ATTEMPTS) {
		task->state = VSCSI_WAITS;
		task->again_tsc = clock_tsc() + clock_ns_to_tsc(VSCSI_AGAIN_NS);
		vscsi->waiting++;
	} else if (task->request == NULL) {
		task->state = VSCSI_ENDED;
	} else {
		vscsi_release(vscsi, slot);
		request_finish(task->request, vscsi_block_status_of(task->outcome));
	}
}

static void vscsi_send_again(struct vscsi *vscsi)
{
	u64 now = clock_tsc();

	for (u32 slot = 0; vscsi->waiting != 0 && slot < DRIVER_DEPTH; slot++) {
		if (vscsi->task[slot].state != VSCSI_WAITS || now < vscsi->task[slot].again_tsc)
			continue;
		vscsi->waiting--;
		vscsi_send_command(vscsi, slot);
	}
}

/* Ends completed commands until none is left, and asks the device for an interrupt at the next. */
void vscsi_poll(struct vscsi *vscsi)
{
	u32 left = 2 * DRIVER_DEPTH;
	u32 bytes;
	u16 id;

	virtio_host_acknowledge(&vscsi->host);
	do {
		while (left > 0 && virtio_ring_take(&vscsi->ring, &id, &bytes)) {
			vscsi_end(vscsi, vscsi->task_of[id]);
			left--;
		}
	} while (left > 0 && !virtio_ring_may_wait(&vscsi->ring));
	if (vscsi->waiting != 0)
		vscsi_send_again(vscsi);
}

const char *vscsi_failure(const struct vscsi *vscsi)
{
	if (vscsi->ring.bad >= VIRTIO_HOST_BAD_MAX)
		return "the controller ends commands that it was not given";
	return virtio_host_failure(&vscsi->host);
}

/*
 * Runs a command and waits. A command that exceeds its time keeps its slot in use: the device may
 * still write to the slot's memory.
 */
bool vscsi_run(struct vscsi *vscsi, u32 unit, const struct scsi_command *command, u8 *data,
	       u8 *response)
{
	const struct vscsi_task task = {
		.unit = unit, .command = *command, .parts = vscsi_count_parts(command)};
	u8 *own = vscsi->host.memory.memory + VSCSI_PAGE_OWN * PAGE_SIZE;
	u64 until = clock_tsc() + clock_ns_to_tsc(VSCSI_COMMAND_NS);
	u32 slot;

	memset(own, 0, command->bytes);
	if (!vscsi_begin(vscsi, &task, &slot))
		return false;
	while (vscsi->task[slot].state != VSCSI_ENDED) {
		if (clock_tsc() >= until)
			return false;
		process_pause();
		vscsi_poll(vscsi);
	}
	vscsi_release(vscsi, slot);
	memcpy(data, own, command->bytes);
	*response = vscsi->task[slot].response;
	return vscsi->task[slot].outcome == SCSI_DONE;
}
