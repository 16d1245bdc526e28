/* SPDX-License-Identifier: MIT */
#pragma once

/* A monitor process whose devices and links only count what is done to them. */
#define FIXTURE_HANDOVER
#include "tests/unit/monitor_fixture.h"

#include "vmm/monitor/life/handover.c"
#include "vmm/monitor/state/catch_up.c"
#include "vmm/monitor/state/list.c"
#include "vmm/monitor/state/machine_state.c"
#include "vmm/monitor/state/policy.c"
#include "vmm/monitor/state/problem.c"
#include "vmm/monitor/state/record.c"
#include "vmm/rt/crc32c.c"
#include "vmm/monitor/state/vcpu_state.c"

static u8 xsave_pages[2][PAGE_SIZE];
static struct start_entry given;
static bool disk_answers;
static u32 bound; /* links, how often */

/* The devices have tests of their own. */
bool platform_section(void *owner, u32 index, struct state_section *section)
{
	(void)owner, (void)index, (void)section;
	return false;
}

bool machine_bind_links(struct machine *of)
{
	(void)of;
	bound++;
	return true;
}

static u32 seeds_offered;

void seed_offer(struct machine *of)
{
	(void)of;
	seeds_offered++;
}

/* Devices have no part here; the time stays. */
static u32 made_anew;

bool machine_make_devices_anew(struct machine *of)
{
	(void)of;
	made_anew++;
	return true;
}

bool virtio_blk_drain(struct virtio_blk *blk)
{
	(void)blk;
	host_tsc += NS_PER_MS;
	return disk_answers;
}

const struct start_entry *start_find(enum start_kind kind)
{
	return kind == START_STATE && given.value != 0 ? &given : NULL;
}
