/* SPDX-License-Identifier: MIT */
#pragma once

/* Saving and loading a platform alone, without the rest of a machine. */
#include "vmm/monitor/dev/platform_state.c"
#include "vmm/monitor/state/list.h"
#include "vmm/monitor/state/record.c"
#include "vmm/rt/crc32c.h"
#include "tests/unit/state_reseal.h"

static struct state_problem platform_problem; /* the problem of the last load */

static UNUSED enum status platform_save(struct platform *of, u64 lapics, void *bytes, size_t size,
					size_t *used_bytes)
{
	struct platform_part part = {of, lapics};
	const struct state_list list = {&part, platform_section};

	return state_list_save(&list, "alpha", STATE_VENDOR_VMX, bytes, size, used_bytes);
}

static UNUSED enum status platform_load_sealed(struct platform *to, u64 lapics, const void *bytes,
					       size_t size)
{
	struct platform_part part = {to, lapics};
	const struct state_list list = {&part, platform_section};

	return state_list_load(&list, STATE_VENDOR_VMX, bytes, size, &platform_problem)
		       ? STATUS_OK
		       : STATUS_BAD_FORMAT;
}

static UNUSED enum status platform_load(struct platform *to, u64 lapics, void *bytes, size_t size)
{
	state_reseal(bytes, size);
	return platform_load_sealed(to, lapics, bytes, size);
}

static UNUSED struct state_record *platform_find(void *bytes, enum state_kind kind, u32 instance)
{
	return (struct state_record *)(uintptr_t)state_find(bytes, kind, instance);
}
