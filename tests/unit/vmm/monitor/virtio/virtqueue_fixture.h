/* SPDX-License-Identifier: MIT */
#pragma once

/* A queue whose requests a test takes, rather than the rng behind it. */
#include "tests/unit/virtio_fixture.h"

#define SIZE 8u

static struct virtio_device *rng;
static struct virtio_chain chain;

static void take_nothing(struct virtio_device *device, u32 queue)
{
	(void)device, (void)queue;
}

static const struct virtio_ops test_ops = {.notify = take_nothing};

static void start(u64 features)
{
	rng = virtio_of(&function_at(RNG)->device);
	rng->ops = &test_ops;
	memset(ram, 0, sizeof(ram));
	message_count = 0;
	bring_up(RNG, VERSION_1 | features, 1, SIZE);
}
