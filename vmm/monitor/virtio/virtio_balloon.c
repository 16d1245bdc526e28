/* SPDX-License-Identifier: MIT */
/*
 * A memory balloon (virtio 1.2, 5.5): takes pages from the guest and reports its statistics.
 * Attached by platform.c; query.c sets how many pages it takes. Gives RAM pages back to the kernel.
 */
#include "vmm/monitor/virtio/virtio_balloon.h"

#include "vmm/monitor/platform/platform_add.h"

#define CLASS_MEMORY	      0x050000u /* the PCI class of a RAM controller */
#define BALLOON_STATS_VQ      1u
#define BALLOON_DEFLATE_OOM   2u
#define BALLOON_REPORTING     5u
#define BALLOON_CONFIG_BYTES  8u
#define BALLOON_CONFIG_ACTUAL 4u
#define NUMBERS_PIECE	      64u

/*
 * The numbers of the queues (virtio 1.2, 5.5.2). Without a free_page_vq Linux numbers its queues
 * without a gap, so that its reporting_vq comes one number earlier.
 */
#define QUEUE_INFLATE 0u
#define QUEUE_DEFLATE 1u
#define QUEUE_STATS   2u
#define QUEUES	      5u

/* A statistic that the guest reports (virtio 1.2, 5.5.6.3). */
struct balloon_stat {
	u16 tag;
	u64 value;
} __attribute__((packed));

/* A run of RAM pages that lie one behind the other. */
struct run {
	u64 first;
	u64 count;
};

static struct virtio_balloon *virtio_balloon_of(struct virtio_device *device)
{
	return CONTAINER_OF(device, struct virtio_balloon, virtio);
}

/*
 * Returns the number of pages of RAM, including those behind the VGA window, as the configuration
 * counts them.
 */
static u64 virtio_balloon_ram_pages(const struct guest_memory *memory)
{
	u64 bytes = 0;

	for (u32 i = 0; i < memory->count; i++)
		bytes = MAX(bytes, (u64)(memory->region[i].host - memory->host) +
					   memory->region[i].length);
	return bytes / PAGE_SIZE;
}

/* Gives the run's pages back to the kernel, adds their number to *count, and begins a new run. */
static void virtio_balloon_run_end(struct virtio_balloon *balloon, struct run *run, u64 *count)
{
	if (run->count != 0 && balloon->discard(run->first, run->count) == STATUS_OK)
		*count += run->count;
	else
		balloon->state.refused += run->count;
	run->count = 0;
}

/* Adds the guest's page `number` to the run; drivers give pages upwards or downwards. */
static void virtio_balloon_run_add(struct virtio_balloon *balloon, struct run *run, u32 number)
{
	const struct guest_memory *memory = balloon->virtio.memory;
	const u8 *page = guest_memory_pointer(memory, GPA((u64)number << PAGE_SHIFT), PAGE_SIZE);
	u64 index;

	if (page == NULL) {
		balloon->state.refused++;
		return;
	}
	index = (u64)(page - memory->host) / PAGE_SIZE;
	if (run->count != 0 && index == run->first + run->count) {
		run->count++;
	} else if (run->count != 0 && index + 1 == run->first) {
		run->first--;
		run->count++;
	} else {
		virtio_balloon_run_end(balloon, run, &balloon->state.inflated);
		*run = (struct run){index, 1};
	}
}

/*
 * Takes the pages from the guest whose numbers are in the request (virtio 1.2, 5.5.6). Pages beyond
 * VIRTIO_BALLOON_PAGES_MAX stay with the guest.
 */
static void virtio_balloon_inflate(struct virtio_balloon *balloon, const struct virtio_chain *chain)
{
	u64 count = chain->readable_bytes / sizeof(u32);
	u64 taken = MIN(count, (u64)VIRTIO_BALLOON_PAGES_MAX);
	u32 numbers[NUMBERS_PIECE];
	struct run run = {0};

	balloon->state.refused += count - taken;
	for (u64 done = 0; done < taken; done += NUMBERS_PIECE) {
		u64 bytes = MIN(taken - done, (u64)NUMBERS_PIECE) * sizeof(u32);
		u64 copied = virtio_chain_read(balloon->virtio.memory, chain, done * sizeof(u32),
					       numbers, bytes);

		for (u64 i = 0; i < copied / sizeof(u32); i++)
			virtio_balloon_run_add(balloon, &run, numbers[i]);
	}
	virtio_balloon_run_end(balloon, &run, &balloon->state.inflated);
}

/*
 * Handles the guest's report of free memory (virtio 1.2, 5.5.6.7): the whole pages in each reported
 * buffer are given back to the kernel.
 */
static void virtio_balloon_report(struct virtio_balloon *balloon, const struct virtio_chain *chain)
{
	const struct guest_memory *memory = balloon->virtio.memory;
	u64 left = VIRTIO_BALLOON_REPORT_MAX;

	for (u32 i = chain->readable_count; i < chain->count; i++) {
		u64 gpa = align_up(chain->segment[i].gpa.value, PAGE_SIZE);
		u64 end = align_down(chain->segment[i].gpa.value + chain->segment[i].bytes,
				     PAGE_SIZE);
		u64 pages = gpa < end ? (end - gpa) / PAGE_SIZE : 0;
		u64 taken = MIN(pages, left);
		const u8 *host = guest_memory_pointer(memory, GPA(gpa), taken * PAGE_SIZE);
		struct run run = {.count = taken};

		balloon->state.refused += pages - taken;
		left -= taken;
		if (host == NULL) /* cannot be: every buffer of a chain lies in RAM */
			continue;
		run.first = (u64)(host - memory->host) / PAGE_SIZE;
		virtio_balloon_run_end(balloon, &run, &balloon->state.reported);
	}
}

/*
 * Takes the guest's statistics, and keeps the guest's buffer until the device asks for statistics
 * again.
 */
static void virtio_balloon_take_statistics(struct virtio_balloon *balloon,
					   const struct virtio_chain *chain)
{
	struct virtio_balloon_state *state = &balloon->state;
	struct balloon_stat stat;

	for (u32 i = 0; i < 2 * BALLOON_STATS; i++) {
		if (virtio_chain_read_any(balloon->virtio.memory, chain, i * sizeof(stat), &stat,
					  sizeof(stat)) != sizeof(stat))
			break;
		if (stat.tag >= BALLOON_STATS)
			continue;
		state->stats[stat.tag] = stat.value;
		state->stats_seen |= BIT(stat.tag);
	}
	state->stats_ns = device_now_ns(&balloon->virtio.function.device);
	state->stats_held = 1;
	state->stats_head = chain->head;
}

/* Handles one request of a queue; returns whether the guest gets its buffer back at once. */
static bool virtio_balloon_handle(struct virtio_balloon *balloon, u32 queue,
				  const struct virtio_chain *chain)
{
	if (queue == QUEUE_INFLATE)
		virtio_balloon_inflate(balloon, chain);
	else if (queue == QUEUE_STATS && virtio_has(&balloon->virtio, BALLOON_STATS_VQ))
		virtio_balloon_take_statistics(balloon, chain);
	else if (queue >= QUEUE_STATS && virtio_has(&balloon->virtio, BALLOON_REPORTING))
		virtio_balloon_report(balloon, chain);
	/* deflating needs nothing: the guest makes a page present by touching it */
	return queue != QUEUE_STATS || balloon->state.stats_held == 0;
}

static void virtio_balloon_notify(struct virtio_device *device, u32 queue)
{
	struct virtio_balloon *balloon = virtio_balloon_of(device);
	struct virtio_chain chain;
	u32 left = VIRTIO_BALLOON_REQUESTS_MAX;

	if (queue == QUEUE_STATS && balloon->state.stats_held != 0)
		return;
	for (; left > 0 && virtqueue_pop(device, queue, &chain); left--) {
		if (!virtio_balloon_handle(balloon, queue, &chain))
			return;
		virtqueue_push(device, queue, chain.head, 0);
	}
	if (left == 0)
		virtio_look_again(device, queue);
	virtqueue_announce(device, queue);
}

/*
 * Resets the counts: the guest has all of its memory again, and is to give up as many pages as
 * before.
 */
static void virtio_balloon_restart(struct virtio_device *device)
{
	struct virtio_balloon_state *state = &virtio_balloon_of(device)->state;

	state->actual = 0;
	state->stats_held = 0;
	state->stats_head = 0;
	state->stats_seen = 0;
	memset(state->stats, 0, sizeof(state->stats));
}

static u32 virtio_balloon_config_read(struct virtio_device *device, u32 offset, u32 size)
{
	const struct virtio_balloon_state *state = &virtio_balloon_of(device)->state;
	const u32 words[] = {state->target, state->actual};
	u32 value = 0;

	memcpy(&value, (const u8 *)words + offset, size);
	return value;
}

static void virtio_balloon_config_write(struct virtio_device *device, u32 offset, u32 size,
					u32 value)
{
	if (offset == BALLOON_CONFIG_ACTUAL && size == sizeof(u32))
		virtio_balloon_of(device)->state.actual = value;
}

enum status virtio_balloon_aim(struct virtio_balloon *balloon, u64 pages)
{
	if (pages > virtio_balloon_ram_pages(balloon->virtio.memory))
		return STATUS_TOO_BIG;
	balloon->state.target = (u32)pages;
	virtio_config_changed(&balloon->virtio);
	return STATUS_OK;
}

/* Asks the guest for statistics, by returning its buffer, which the guest fills again. */
static void balloon_ask(struct virtio_balloon *balloon)
{
	struct virtio_balloon_state *state = &balloon->state;
	u64 now = device_now_ns(&balloon->virtio.function.device);

	if (state->stats_held == 0 || !virtio_queue_is_live(&balloon->virtio, QUEUE_STATS) ||
	    now - state->asked_ns < VIRTIO_BALLOON_STATS_NS)
		return;
	state->stats_held = 0;
	state->asked_ns = now;
	virtqueue_push(&balloon->virtio, QUEUE_STATS, state->stats_head, 0);
	/*
	 * announces the returned buffer, and takes statistics that the guest may have added already
	 */
	virtio_balloon_notify(&balloon->virtio, QUEUE_STATS);
}

void virtio_balloon_look(struct virtio_balloon *balloon, struct query_balloon *answer)
{
	const struct virtio_balloon_state *state = &balloon->state;

	*answer = (struct query_balloon){
		.live = virtio_is_live(&balloon->virtio),
		.reports = virtio_is_live(&balloon->virtio) &&
			   virtio_has(&balloon->virtio, BALLOON_REPORTING),
		.ram = virtio_balloon_ram_pages(balloon->virtio.memory),
		.target = state->target,
		.actual = state->actual,
		.inflated = state->inflated,
		.reported = state->reported,
		.refused = state->refused,
		.stats_seen = state->stats_seen,
		.stats_age_ns = device_now_ns(&balloon->virtio.function.device) - state->stats_ns,
	};
	memcpy(answer->stats, state->stats, sizeof(answer->stats));
	balloon_ask(balloon);
}

static const struct virtio_ops virtio_balloon_virtio_ops = {
	.notify = virtio_balloon_notify,
	.reset = virtio_balloon_restart,
	.config_read = virtio_balloon_config_read,
	.config_write = virtio_balloon_config_write,
};

static bool virtio_balloon_valid(const void *bytes)
{
	const struct virtio_balloon_state *state = bytes;

	return state->stats_held <= 1 && state->stats_head < VIRTQUEUE_SIZE_MAX &&
	       virtio_valid(&state->virtio);
}

static const struct device_ops virtio_balloon_ops = {
	.widest = VIRTIO_WIDEST,
	.read = virtio_read,
	.write = virtio_write,
	.reset = virtio_reset,
	.tick = virtio_tick,
	.loaded = virtio_loaded,
	.valid = virtio_balloon_valid,
};

enum status virtio_balloon_attach(struct platform *platform, const struct platform_config *config)
{
	static const struct virtio_identity identity = {
		.type = VIRTIO_BALLOON,
		.class_code = CLASS_MEMORY,
		.subsystem = VIRTIO_BALLOON,
	};
	struct virtio_balloon *balloon;

	if (!config->virtio_balloon)
		return STATUS_OK;
	balloon = platform_take(platform, sizeof(*balloon));
	if (balloon == NULL)
		return STATUS_NO_MEMORY;
	balloon->discard = config->ram_discard;
	balloon->virtio = (struct virtio_device){
		.function.device =
			{
				.name = "virtio_balloon",
				.ops = &virtio_balloon_ops,
				.state = &balloon->state,
				.state_bytes = sizeof(balloon->state),
				.kind = STATE_VIRTIO_BALLOON,
				.version = 1,
			},
		.ops = &virtio_balloon_virtio_ops,
		.state = &balloon->state.virtio,
		.features =
			BIT(BALLOON_STATS_VQ) | BIT(BALLOON_DEFLATE_OOM) | BIT(BALLOON_REPORTING),
		.queue_count = QUEUES,
		.config_bytes = BALLOON_CONFIG_BYTES,
		.queue_size = {VIRTIO_BALLOON_QUEUE_SIZE, VIRTIO_BALLOON_QUEUE_SIZE,
			       VIRTIO_BALLOON_QUEUE_SIZE, VIRTIO_BALLOON_QUEUE_SIZE,
			       VIRTIO_BALLOON_QUEUE_SIZE},
	};
	platform->virtio_balloon = balloon;
	return virtio_add(platform, config->memory, &balloon->virtio, &identity, PCI_SLOT_BALLOON);
}
