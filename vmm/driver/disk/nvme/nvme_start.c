/* SPDX-License-Identifier: MIT */
/*
 * Brings a controller from any state to one with queues for requests: NVMe 1.4, 7.6.1. Defines
 * `driver_ops`, which the core calls. Resets the controller and sends admin commands; owns the
 * controller whose registers the manager has mapped.
 */
#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/driver/disk/nvme/nvme.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/format.h"

#define ADMIN_ENTRIES	16u
#define ADMIN_NS	(10 * NS_PER_S)
#define READY_UNIT_NS	(500 * NS_PER_MS)
#define BLOCK_SHIFT_MIN 9u
#define BLOCK_SHIFT_MAX 12u

static bool nvme_start_refuse(char *problem, size_t size, const char *text)
{
	format(problem, size, "%s", text);
	return false;
}

/*
 * Waits until the controller's CSTS.RDY has that value, at most the controller's own limit plus one
 * second.
 */
static bool nvme_start_wait_ready(const struct nvme *nvme, bool ready)
{
	u64 units = bits_get(nvme->capabilities, 31, NVME_CAP_TIMEOUT_SHIFT);
	u64 until = clock_tsc() + clock_ns_to_tsc(units * READY_UNIT_NS + NS_PER_S);

	for (;;) {
		u32 status = nvme_read32(nvme, NVME_CSTS);

		if (status != ~0u && ((status & NVME_CSTS_READY) != 0) == ready)
			return true;
		if ((ready && (status & NVME_CSTS_FATAL) != 0) || clock_tsc() >= until)
			return false;
		process_pause();
	}
}

static bool nvme_start_check_registers(struct nvme *nvme, char *problem, size_t size)
{
	if (nvme->memory.pages < NVME_PAGES || nvme->memory.address == NULL)
		return nvme_start_refuse(problem, size, "no memory that the controller could use");
	if (nvme->register_bytes < NVME_DOORBELLS)
		return nvme_start_refuse(problem, size, "the controller's registers are missing");
	nvme->capabilities = nvme_read64(nvme, NVME_CAP);
	if (nvme->capabilities == ~0ull)
		return nvme_start_refuse(problem, size, "the controller does not answer");
	if ((nvme->capabilities & NVME_CAP_NVM) == 0)
		return nvme_start_refuse(problem, size, "the controller has no NVM commands");
	if ((nvme->capabilities & NVME_CAP_MPSMIN) != 0)
		return nvme_start_refuse(problem, size,
					 "the controller needs pages larger than 4 KiB");
	if (!nvme_has_doorbells(nvme, NVME_IO_QUEUE))
		return nvme_start_refuse(problem, size,
					 "the controller's doorbells are out of reach");
	return true;
}

static u64 nvme_start_page_address(const struct nvme *nvme, enum nvme_page page)
{
	return nvme->memory.address[page];
}

static bool nvme_start_reset(struct nvme *nvme, char *problem, size_t size)
{
	nvme_write32(nvme, NVME_CC, nvme_read32(nvme, NVME_CC) & ~(u32)NVME_CC_ENABLE);
	if (!nvme_start_wait_ready(nvme, false))
		return nvme_start_refuse(problem, size, "the controller does not stop");
	nvme_queue_init(nvme, &nvme->admin, 0, NVME_PAGE_ADMIN_SQ, ADMIN_ENTRIES);
	nvme_write32(nvme, NVME_AQA, (ADMIN_ENTRIES - 1) << 16 | (ADMIN_ENTRIES - 1));
	nvme_write64(nvme, NVME_ASQ, nvme_start_page_address(nvme, NVME_PAGE_ADMIN_SQ));
	nvme_write64(nvme, NVME_ACQ, nvme_start_page_address(nvme, NVME_PAGE_ADMIN_CQ));
	nvme_write32(nvme, NVME_CC, (u32)(NVME_CC_IOSQES | NVME_CC_IOCQES | NVME_CC_ENABLE));
	if (!nvme_start_wait_ready(nvme, true))
		return nvme_start_refuse(problem, size, "the controller does not become ready");
	return true;
}

/*
 * Runs one admin command and waits for its completion. Counts and ignores every completion of
 * another command.
 */
static bool nvme_start_command(struct nvme *nvme, struct nvme_command *command)
{
	u64 until = clock_tsc() + clock_ns_to_tsc(ADMIN_NS);
	struct nvme_completion done;

	command->id = ++nvme->admin_id;
	nvme_queue_put(&nvme->admin, command);
	while (clock_tsc() < until && nvme->bad < NVME_BAD_MAX) {
		if (!nvme_queue_next(&nvme->admin, &done)) {
			process_pause();
			continue;
		}
		nvme_queue_taken(&nvme->admin);
		if (done.id == command->id && done.queue == 0)
			return (done.status & NVME_STATUS) == 0;
		nvme->bad++;
	}
	return false;
}

static const u8 *nvme_start_identify(struct nvme *nvme, u32 namespace, enum nvme_identify what)
{
	memset(nvme->memory.memory + NVME_PAGE_IDENTIFY * PAGE_SIZE, 0, PAGE_SIZE);
	return nvme_start_command(nvme,
				  &(struct nvme_command){
					  .opcode = NVME_ADMIN_IDENTIFY,
					  .namespace = namespace,
					  .prp1 = nvme_start_page_address(nvme, NVME_PAGE_IDENTIFY),
					  .cdw10 = what,
				  })
		       ? nvme->memory.memory + NVME_PAGE_IDENTIFY * PAGE_SIZE
		       : NULL;
}

static bool nvme_start_set_feature(struct nvme *nvme, enum nvme_feature feature, u32 value)
{
	return nvme_start_command(nvme, &(struct nvme_command){.opcode = NVME_ADMIN_SET_FEATURES,
							       .cdw10 = feature,
							       .cdw11 = value});
}

/* Copies ASCII text padded with spaces; replaces every other character by '?'. */
static void nvme_start_copy_text(char *to, size_t size, const u8 *from, size_t length)
{
	length = MIN(length, size - 1);
	while (length > 0 && (from[length - 1] == ' ' || from[length - 1] == 0))
		length--;
	for (size_t i = 0; i < length; i++)
		to[i] = from[i] >= ' ' && from[i] <= '~' ? (char)from[i] : '?';
	to[length] = '\0';
}

/* Reads the controller's limits. Enables a write cache, which is safe as flushes reach the disk. */
static bool nvme_start_read_controller(struct nvme *nvme, struct driver_disk *disk, char *problem,
				       size_t size)
{
	const u8 *data = nvme_start_identify(nvme, 0, NVME_IDENTIFY_CONTROLLER);
	u32 most, commands;

	if (data == NULL)
		return nvme_start_refuse(problem, size, "the controller does not say what it is");
	nvme_start_copy_text(disk->model, sizeof(disk->model), data + NVME_CTRL_MODEL, 40);
	nvme_start_copy_text(disk->serial, sizeof(disk->serial), data + NVME_CTRL_SERIAL, 20);
	/* a power of two of pages; 0: any number */
	most = data[NVME_CTRL_MDTS] == 0 ? BLOCK_DIRECT_PAGES : 1u << MIN(data[NVME_CTRL_MDTS], 16);
	if (most < BLOCK_REQUEST_PAGES)
		return nvme_start_refuse(problem, size,
					 "the controller moves less than 64 KiB at once");
	disk->direct_pages = MIN(most, BLOCK_DIRECT_PAGES);
	commands = data[NVME_CTRL_ONCS] | (u32)data[NVME_CTRL_ONCS + 1] << 8;
	if ((commands & NVME_ONCS_DATASET) != 0)
		disk->features |= DISK_DISCARD;
	if ((commands & NVME_ONCS_WRITE_ZEROES) != 0)
		disk->features |= DISK_WRITE_ZEROES;
	if ((data[NVME_CTRL_VWC] & NVME_VWC_PRESENT) != 0) {
		disk->features |= DISK_FLUSH;
		(void)nvme_start_set_feature(nvme, NVME_FEATURE_WRITE_CACHE, 1);
	}
	return true;
}

static bool nvme_start_read_namespace(struct nvme *nvme, struct driver_disk *disk, char *problem,
				      size_t size)
{
	const u8 *data = nvme_start_identify(nvme, NVME_THE_NAMESPACE, NVME_IDENTIFY_NAMESPACE);
	u32 number, format_word;
	u64 blocks;

	if (data == NULL)
		return nvme_start_refuse(problem, size, "the controller has no namespace 1");
	number = (u32)(data[NVME_NS_FORMAT] & NVME_NS_FORMAT_NUMBER);
	memcpy(&blocks, data + NVME_NS_SIZE, sizeof(blocks));
	memcpy(&format_word, data + NVME_NS_LBAF + 4 * (size_t)number, sizeof(format_word));
	nvme->block_shift = (u32)((format_word & NVME_LBAF_SHIFT) >> 16);
	if (blocks == 0)
		return nvme_start_refuse(problem, size, "the controller has no namespace 1");
	if ((nvme->block_shift != BLOCK_SHIFT_MIN && nvme->block_shift != BLOCK_SHIFT_MAX) ||
	    number > data[NVME_NS_FORMATS])
		return nvme_start_refuse(problem, size,
					 "its blocks have neither 512 nor 4096 bytes");
	if ((format_word & NVME_LBAF_METADATA) != 0)
		return nvme_start_refuse(problem, size, "its blocks have metadata");
	if (blocks > ~0ull >> BLOCK_SHIFT_MAX)
		return nvme_start_refuse(problem, size, "its size cannot be true");
	disk->block_bytes = 1u << nvme->block_shift;
	disk->sectors = blocks << (nvme->block_shift - BLOCK_SHIFT_MIN);
	if ((data[NVME_NS_ATTRIBUTES] & NVME_NS_PROTECTED) != 0)
		disk->features |= DISK_READ_ONLY;
	return true;
}

static bool nvme_start_create_queues(struct nvme *nvme, struct driver_disk *disk, char *problem,
				     size_t size)
{
	u32 entries = (u32)MIN((nvme->capabilities & NVME_CAP_MQES) + 1, NVME_DEPTH);
	/* interrupts enabled, with interrupt vector 0 */
	u32 interrupt = nvme->interrupts ? (u32)NVME_QUEUE_INTERRUPT : 0;

	if (entries < 2)
		return nvme_start_refuse(problem, size, "its queues are too short");
	(void)nvme_start_set_feature(nvme, NVME_FEATURE_QUEUES, 0);
	disk->depth = entries - 1;
	nvme_queue_init(nvme, &nvme->io, NVME_IO_QUEUE, NVME_PAGE_SQ, entries);
	if (!nvme_start_command(nvme, &(struct nvme_command){
					      .opcode = NVME_ADMIN_CREATE_CQ,
					      .prp1 = nvme_start_page_address(nvme, NVME_PAGE_CQ),
					      .cdw10 = (entries - 1) << 16 | NVME_IO_QUEUE,
					      .cdw11 = (u32)NVME_QUEUE_CONTIGUOUS | interrupt}))
		return nvme_start_refuse(problem, size, "the controller gives no completion queue");
	if (!nvme_start_command(nvme,
				&(struct nvme_command){
					.opcode = NVME_ADMIN_CREATE_SQ,
					.prp1 = nvme_start_page_address(nvme, NVME_PAGE_SQ),
					.cdw10 = (entries - 1) << 16 | NVME_IO_QUEUE,
					.cdw11 = NVME_IO_QUEUE << 16 | (u32)NVME_QUEUE_CONTIGUOUS}))
		return nvme_start_refuse(problem, size,
					 "the controller gives no queue for requests");
	return true;
}

bool nvme_start(struct nvme *nvme, struct driver_disk *disk, char *problem, size_t size)
{
	return nvme_start_check_registers(nvme, problem, size) &&
	       nvme_start_reset(nvme, problem, size) &&
	       nvme_start_read_controller(nvme, disk, problem, size) &&
	       nvme_start_read_namespace(nvme, disk, problem, size) &&
	       nvme_start_create_queues(nvme, disk, problem, size);
}

/* --- driver_ops, for core/device.h --- */

/*
 * The interval of checks whether the controller still works, which are rare because the registers
 * are slow to read.
 */
#define LOOK_NS (100 * NS_PER_MS)

static struct nvme nvme;
static u64 look_tsc;

static bool nvme_ops_start(struct driver_disk *disk, char *problem, size_t size)
{
	nvme.registers = process_registers("0", &nvme.register_bytes);
	nvme.memory = driver_dma();
	nvme.interrupts = process_has_interrupt();
	return nvme_start(&nvme, disk, problem, size);
}

static bool nvme_ops_submit(struct driver_request *request)
{
	return nvme_submit(&nvme, request);
}

static void nvme_ops_poll(void)
{
	const char *failure = NULL;

	nvme_poll(&nvme);
	if (nvme.bad >= NVME_BAD_MAX || (nvme.busy > 0 && clock_tsc() >= look_tsc)) {
		look_tsc = clock_tsc() + clock_ns_to_tsc(LOOK_NS);
		failure = nvme_failure(&nvme);
	}
	if (failure != NULL)
		driver_give_up("%s", failure);
}

const struct driver_ops driver_ops = {
	.start = nvme_ops_start, .submit = nvme_ops_submit, .poll = nvme_ops_poll};
