/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/dev/platform.h"
#include "vmm/monitor/state.h"

/*
 * All state of a platform but its clock, as one list: whoever saves, loads or compares walks it.
 * Fills in number `index` of it; false: there are not so many. A section is loaded after those
 * before it.
 */
bool platform_section(struct platform *platform, u32 index, struct state_section *section);

/*
 * Writes all sections to bytes[size], 8-byte aligned, without those of local APICs that are not in
 * `lapics` (a bit for each CPU). Sets *used; STATUS_TOO_BIG when they do not fit.
 */
enum status platform_save(struct platform *platform, u64 lapics, void *bytes, size_t size,
			  size_t *used) MUST_CHECK;
/*
 * Loads what platform_save wrote, with the same `lapics`, into a platform of the same
 * configuration. Without effect: STATUS_NOT_FOUND when a section is missing, STATUS_NOT_SUPPORTED
 * when one has another version, STATUS_BAD_FORMAT when one has another size or there are more.
 * STATUS_BAD_FORMAT also when a section's content is refused: those before it are loaded then.
 */
enum status platform_load(struct platform *platform, u64 lapics, const void *bytes,
			  size_t size) MUST_CHECK;
