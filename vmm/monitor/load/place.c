/* SPDX-License-Identifier: MIT */
/*
 * Places kernel, initrd, modules and command line in guest RAM without overlaps. Called by all
 * loaders; writes guest RAM and reports why something does not fit.
 */
#include "vmm/monitor/load/place.h"

#include "lib/bits.h"
#include "lib/checked.h"
#include "lib/string.h"
#include "vmm/monitor/memory/layout.h"
#include "vmm/rt/checked.h"
#include "vmm/rt/format.h"

bool load_fail(struct load_job *job, const char *pattern, ...)
{
	va_list arguments;

	va_start(arguments, pattern);
	format_va(job->error, sizeof(job->error), pattern, arguments);
	va_end(arguments);
	return false;
}

bool load_fail_memory(struct load_job *job, u64 end)
{
	u64 needed = align_up(end, PAGE_SIZE) + align_up(job->initrd.size, PAGE_SIZE);

	return load_fail(job, "memory: %luM is too little; use %luM or more for this kernel%s",
			 job->ram_bytes / MIB, align_up(needed, MIB) / MIB,
			 job->initrd.size != 0 ? " and its initrd" : "");
}

bool place_needs_memory(const struct load_job *job, u64 at, u64 length)
{
	return at >= LAYOUT_HIGH_START && range_within(at, length, LAYOUT_LOW_END) &&
	       !range_within(at, length, layout_low_bytes(job->ram_bytes));
}

static bool place_allowed(const struct load_job *job, u64 at, u64 length)
{
	u64 low_end = layout_low_bytes(job->ram_bytes);

	if (at >= LAYOUT_HIGH_START)
		return range_within(at, length, low_end);
	if (at >= LAYOUT_LOADER_END)
		return range_within(at, length, LAYOUT_EBDA);
	return range_within(at, length, LAYOUT_GDT);
}

bool place_kernel(struct load_job *job, u64 at, const u8 *bytes, u64 length, u64 clear,
		  const char *what)
{
	u64 total;

	if (checked_add(length, clear, &total) && place_needs_memory(job, at, total))
		return load_fail_memory(job, at + total);
	if (!checked_add(length, clear, &total) || !place_allowed(job, at, total))
		return load_fail(
			job,
			"kernel file: %s, 0x%lx bytes at 0x%lx, lies outside the VM's RAM: "
			"0-0x%lx, 0x%lx-0x%lx",
			what, length + clear, at, (u64)LAYOUT_GDT, (u64)LAYOUT_HIGH_START,
			layout_low_bytes(job->ram_bytes));
	memcpy(job->ram + at, bytes, length);
	memset(job->ram + at + length, 0, clear);
	job->kernel_end = MAX(job->kernel_end, at + total);
	return true;
}

/*
 * Finds room for the initrd. *bottom is the first page after the kernel. Returns false if the
 * initrd does not fit between *bottom and guest address `top`.
 */
static bool place_find_room(struct load_job *job, u64 top, u64 *bottom)
{
	*bottom = MAX(align_up(job->kernel_end, PAGE_SIZE), LAYOUT_HIGH_START);
	if (top == job->ram_bytes && place_needs_memory(job, *bottom, job->initrd.size))
		return load_fail_memory(job, *bottom);
	if (top < *bottom || job->initrd.size > top - *bottom)
		return load_fail(job,
				 "initrd: its %lu bytes do not fit between the end of the kernel "
				 "at 0x%lx and 0x%lx",
				 job->initrd.size, *bottom, top);
	return true;
}

bool place_initrd(struct load_job *job, u64 limit, u64 *at)
{
	u64 top = MIN(layout_low_bytes(job->ram_bytes), limit);
	u64 bottom;

	*at = 0;
	if (job->initrd.size == 0)
		return true;
	if (!place_find_room(job, top, &bottom))
		return false;
	*at = align_down(top - job->initrd.size, PAGE_SIZE);
	memcpy(job->ram + *at, job->initrd.bytes, job->initrd.size);
	return true;
}

bool place_module(struct load_job *job, u64 *at)
{
	*at = 0;
	if (job->initrd.size == 0)
		return true;
	if (!place_find_room(job, layout_low_bytes(job->ram_bytes), at))
		return false;
	memcpy(job->ram + *at, job->initrd.bytes, job->initrd.size);
	return true;
}

bool place_command_line(struct load_job *job, const char *prefix, u64 limit)
{
	u64 length = strlen(job->command_line);
	u64 skipped = strlen(prefix);

	limit = MIN(limit, LAYOUT_COMMAND_BYTES - 1) - skipped;
	if (length > limit)
		return load_fail(job, "cmdline: %lu characters, this kernel takes at most %lu",
				 length, limit);
	memcpy(job->ram + LAYOUT_COMMAND, prefix, skipped);
	memcpy(job->ram + LAYOUT_COMMAND + skipped, job->command_line, length + 1);
	return true;
}
