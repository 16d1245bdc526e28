/* SPDX-License-Identifier: MIT */
/*
 * A virtio entropy device (virtio 1.2, 5.4). Attached by platform.c; writes bytes of random.c into
 * guest RAM.
 */
#include "vmm/monitor/virtio/virtio_rng.h"

#include "vmm/monitor/platform/platform_add.h"

#define CLASS_OTHER 0xff0000u
#define PIECE_BYTES 256u

/* Fills a request's buffer with random bytes; returns how many. */
static u32 virtio_rng_fill(struct virtio_rng *rng, const struct virtio_chain *chain)
{
	u32 wanted = (u32)MIN(chain->writable_bytes, (u64)VIRTIO_RNG_REQUEST_MAX);
	u8 piece[PIECE_BYTES];
	u32 done = 0;
	u32 copied = 1;

	while (done < wanted && copied != 0) {
		u32 bytes = MIN(wanted - done, PIECE_BYTES);

		rng->random_draw(piece, bytes);
		copied = (u32)virtio_chain_write(rng->virtio.memory, chain, done, piece, bytes);
		done += copied;
	}
	return done;
}

static void virtio_rng_notify(struct virtio_device *device, u32 queue)
{
	struct virtio_rng *rng = CONTAINER_OF(device, struct virtio_rng, virtio);
	struct virtio_chain chain;
	/* other vCPUs may add requests as fast as this thread takes them */
	u32 left = VIRTIO_RNG_QUEUE_SIZE;

	for (; left > 0 && virtqueue_pop(device, queue, &chain); left--)
		virtqueue_push(device, queue, chain.head, virtio_rng_fill(rng, &chain));
	if (left == 0)
		virtio_look_again(device, queue);
	virtqueue_announce(device, queue);
}

static const struct virtio_ops virtio_rng_virtio_ops = {
	.notify = virtio_rng_notify,
};

static const struct device_ops virtio_rng_ops = {
	.widest = VIRTIO_WIDEST,
	.read = virtio_read,
	.write = virtio_write,
	.reset = virtio_reset,
	.tick = virtio_tick,
	.loaded = virtio_loaded,
	.valid = virtio_valid,
};

enum status virtio_rng_attach(struct platform *platform, const struct platform_config *config)
{
	static const struct virtio_identity identity = {
		.type = VIRTIO_RNG,
		.class_code = CLASS_OTHER,
		.subsystem = VIRTIO_RNG,
	};
	struct virtio_rng *rng;

	if (!config->virtio_rng)
		return STATUS_OK;
	rng = platform_take(platform, sizeof(*rng));
	if (rng == NULL)
		return STATUS_NO_MEMORY;
	rng->random_draw = config->random_draw;
	rng->virtio = (struct virtio_device){
		.function.device =
			{
				.name = "virtio_rng",
				.ops = &virtio_rng_ops,
				.state = &rng->state,
				.state_bytes = sizeof(rng->state),
				.kind = STATE_VIRTIO_RNG,
				.version = 1,
			},
		.ops = &virtio_rng_virtio_ops,
		.state = &rng->state,
		.queue_count = 1,
		.queue_size = {VIRTIO_RNG_QUEUE_SIZE},
	};
	return virtio_add(platform, config->memory, &rng->virtio, &identity, PCI_SLOT_RNG);
}
