/* SPDX-License-Identifier: MIT */
/* A disk driver's life: starts its device, reads the partition table, serves. */
#include "vmm/driver/disk/driver.h"

#include "lib/string.h"
#include "vmm/driver/disk/client.h"
#include "vmm/driver/disk/gpt.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/format.h"
#include "vmm/rt/start.h"
#include "vmm/rt/syscall.h"

/* The device may take so long for a read of the driver's own. */
#define READ_NS (5 * NS_PER_S)
/* A device with requests is looked at so often even if its interrupt is lost. */
#define LOOK_NS (100 * NS_PER_MS)

enum key { KEY_MANAGER = 1, KEY_DEVICE = 2, KEY_CLIENTS = 16 };

static struct driver_channel *channel;
static handle_t queue;
static handle_t interrupt;
static struct driver_dma own; /* for driver_read: the first pages of all */
static struct driver_dma rest;

void client_tell_manager(void)
{
	(void)sys_event_signal(start_handle(START_CHANNEL_OUT));
}

void driver_give_up(const char *pattern, ...)
{
	va_list arguments;

	va_start(arguments, pattern);
	format_va(channel->reason, sizeof(channel->reason), pattern, arguments);
	va_end(arguments);
	__atomic_store_n(&channel->state, DRIVER_FAILED, __ATOMIC_RELEASE);
	client_tell_manager();
	rt_fail("device");
}

struct driver_dma driver_dma(void)
{
	return rest;
}

static void find_memory(void)
{
	const struct start_entry *memory = start_find(START_DMA);
	const struct start_entry *address = start_find(START_DMA_ADDRESSES);

	if (memory == NULL || memory->value < DRIVER_OWN_PAGES * PAGE_SIZE)
		rt_fail("memory");
	own.memory = (u8 *)(uintptr_t)memory->offset;
	own.address = address != NULL ? (const u64 *)(uintptr_t)address->offset : NULL;
	own.pages = DRIVER_OWN_PAGES;
	rest.memory = own.memory + DRIVER_OWN_PAGES * PAGE_SIZE;
	rest.address = own.address != NULL ? own.address + DRIVER_OWN_PAGES : NULL;
	rest.pages = memory->value / PAGE_SIZE - DRIVER_OWN_PAGES;
}

bool driver_read(u64 sector, u32 sectors, const u8 **data)
{
	struct driver_request *request;
	u64 until = clock_tsc() + clock_ns_to_tsc(READ_NS);

	if (sectors > BLOCK_REQUEST_BYTES / BLOCK_SECTOR_BYTES)
		return false;
	request = client_request();
	if (request == NULL)
		return false;
	request->operation = BLOCK_READ;
	request->sector = sector;
	request->sectors = sectors;
	request->data = own.memory;
	request->address = own.address;
	request->since_tsc = clock_tsc();
	if (!driver_ops.submit(request)) {
		driver_finish(request, BLOCK_ERROR);
		return false;
	}
	while (client_waiting() != 0 && clock_tsc() < until)
		driver_ops.poll();
	*data = own.memory;
	return client_waiting() == 0 && request->status == BLOCK_OK;
}

static void open_channel(void)
{
	channel = (struct driver_channel *)(uintptr_t)start_find(START_CHANNEL)->offset;
	if (sys_queue_create(start_handle(START_GROUP), &queue) != STATUS_OK ||
	    sys_object_bind(start_handle(START_CHANNEL_IN), queue, KEY_MANAGER) != STATUS_OK)
		rt_fail("queue");
	client_init(channel, queue, KEY_CLIENTS);
	interrupt = start_handle(START_IRQ);
	if (interrupt != HANDLE_NONE &&
	    (sys_object_bind(interrupt, queue, KEY_DEVICE) != STATUS_OK ||
	     sys_irq_unmask(interrupt) != STATUS_OK))
		rt_fail("irq");
}

/* The numbers are the manager's to read from the moment when the state says so. */
static void show_disk(const struct driver_disk *disk)
{
	channel->disk.sectors = disk->sectors;
	channel->disk.block_bytes = disk->block_bytes;
	channel->disk.features = disk->features;
	string_copy(channel->model, sizeof(channel->model), disk->model);
	string_copy(channel->disk.serial, sizeof(channel->disk.serial), disk->serial);
	gpt_read(disk, channel);
	__atomic_store_n(&channel->state, DRIVER_READY, __ATOMIC_RELEASE);
	client_tell_manager();
}

static void start_device(void)
{
	struct driver_disk disk = {.block_bytes = BLOCK_SECTOR_BYTES};
	char problem[DRIVER_TEXT_BYTES] = "";

	if (!driver_ops.start(&disk, problem, sizeof(problem)))
		driver_give_up("%s", problem);
	show_disk(&disk);
}

static void wait(void)
{
	u64 deadline = client_waiting() != 0 ? clock_tsc() + clock_ns_to_tsc(LOOK_NS) : ~0ull;
	u64 key = 0;
	enum status status = sys_queue_wait(queue, deadline, &key);

	if (status == STATUS_OK && key == KEY_DEVICE)
		(void)sys_irq_unmask(interrupt);
	if (status == STATUS_OK && key == KEY_MANAGER)
		client_attend();
}

int main(void)
{
	open_channel();
	find_memory();
	start_device();
	client_attend();
	for (;;) {
		bool more = client_serve();

		driver_ops.poll();
		client_publish();
		channel->waiting = client_waiting();
		if (!more && client_may_wait())
			wait();
	}
}
