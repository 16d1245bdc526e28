/* SPDX-License-Identifier: MIT */
#pragma once

/* A virtio balloon with its guest's memory, of which it gives pages back. */
#include "tests/unit/virtio_fixture.h"

#define BALLOON	  PCI_SLOT_BALLOON
#define RAM_PAGES (RAM_BYTES / PAGE_SIZE)
#define STATS	  BIT(BALLOON_STATS_VQ)
#define REPORTS	  BIT(BALLOON_REPORTING)

static u32 discarded[RAM_PAGES]; /* how often each page was discarded */
static u32 discard_calls;
static enum status discard_answer;

static enum status discard_pages(u64 first, u64 count)
{
	discard_calls++;
	assert_true(count != 0 && first < RAM_PAGES && count <= RAM_PAGES - first);
	if (discard_answer != STATUS_OK)
		return discard_answer;
	for (u64 i = first; i < first + count; i++)
		discarded[i]++;
	memset(ram + first * PAGE_SIZE, 0, count * PAGE_SIZE);
	return STATUS_OK;
}

static struct virtio_balloon *the_balloon(void)
{
	return fixture_platform.virtio_balloon;
}

static int balloon_setup(void **state)
{
	const struct platform_config config = {
		.memory = &ram_map,
		.virtio_balloon = true,
		.ram_discard = discard_pages,
	};

	pci_setup(state);
	fixture_attach(virtio_balloon_attach, &config);
	memset(discarded, 0, sizeof(discarded));
	discard_calls = 0;
	discard_answer = STATUS_OK;
	return 0;
}
