/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/virtio/virtio.h"

struct platform_config;

#define VIRTIO_RNG_QUEUE_SIZE 32u
/* the most bytes that one request gets; the guest asks again */
#define VIRTIO_RNG_REQUEST_MAX 4096u

/* Entropy for the guest (virtio 1.2, 5.4), as unpredictable as the owner's `random_draw`. */
struct virtio_rng {
	struct virtio_device virtio;
	struct virtio_state state;
	void (*random_draw)(void *bytes, size_t count);
};

/* Attaches the device; does nothing where the configuration asks for none. */
enum status virtio_rng_attach(struct platform *platform,
			      const struct platform_config *config) MUST_CHECK;
