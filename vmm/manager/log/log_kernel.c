/* SPDX-License-Identifier: MIT */
/*
 * Reads the kernel's rings of log entries, one for each CPU. Called by log.c and `log stat`. Owns
 * the position up to which each ring was read; the kernel may overwrite entries at any time.
 */
#include "vmm/manager/log/log_kernel.h"
#include "kernel/abi/pages.h"
#include "lib/bits.h"
#include "vmm/manager/host/machine.h"
#include "vmm/manager/log/log.h"
#include "vmm/rt/start.h"
#include "vmm/rt/syscall.h"

/* The kernel's rings of log entries by CPU, and the number of entries read from each. */
static const struct log_ring *rings[CPU_MAX];
static u64 taken[CPU_MAX];
static u32 ring_count;
static struct text formats;

static const void *log_kernel_map_entry(const struct start_entry *entry, u64 bytes)
{
	u64 address;

	if (entry == NULL || sys_space_map(start_handle(START_SPACE), 0, entry->handle, 0,
					   align_up(entry->offset + bytes, PAGE_SIZE), RIGHT_READ,
					   &address) != STATUS_OK)
		return NULL;
	return (const char *)address + entry->offset;
}

enum status log_kernel_init(void)
{
	const struct start_entry *entry = start_find(START_LOG_FORMATS);

	formats.start = entry != NULL ? log_kernel_map_entry(entry, entry->value) : NULL;
	formats.length = formats.start != NULL ? entry->value : 0;
	for (entry = start_find(START_LOG); entry != NULL && ring_count < CPU_MAX;
	     entry = start_next(entry)) {
		rings[ring_count] = log_kernel_map_entry(entry, machine_page()->log_bytes);
		if (rings[ring_count] == NULL)
			return STATUS_NO_MEMORY;
		sys_handle_close(entry->handle); /* the ring stays mapped without its handle */
		ring_count++;
	}
	return STATUS_OK;
}

/*
 * Copies the next entry of CPU `index`'s ring. An entry counts only if its sequence is still the
 * expected one after the copy (kernel/abi/log.h): otherwise it is being written or was overwritten
 * meanwhile.
 */
static bool log_kernel_peek(u32 index, struct log_entry *entry, u64 *lost)
{
	const struct log_ring *ring = rings[index];
	u64 written = __atomic_load_n(&ring->written, __ATOMIC_ACQUIRE);

	while (taken[index] < written) {
		const struct log_entry *source;
		u64 sequence = taken[index] + 1;

		if (written - taken[index] <= ring->capacity) {
			source = &ring->entry[taken[index] & (ring->capacity - 1)];
			*entry = *source;
			__atomic_thread_fence(__ATOMIC_ACQUIRE);
			if (__atomic_load_n(&source->sequence, __ATOMIC_RELAXED) == sequence &&
			    entry->sequence == sequence)
				return true;
			if (source->sequence < sequence)
				return false; /* the entry is still being written */
		}
		++*lost;
		taken[index]++;
	}
	return false;
}

bool log_kernel_take(struct log_entry *oldest, u64 *lost)
{
	struct log_entry entry;
	u32 from = ring_count;

	for (u32 i = 0; i < ring_count; i++) {
		if (log_kernel_peek(i, &entry, lost) &&
		    (from == ring_count || entry.tsc < oldest->tsc)) {
			*oldest = entry;
			from = i;
		}
	}
	if (from == ring_count)
		return false;
	taken[from]++;
	return true;
}

struct text log_kernel_format(const struct log_entry *entry)
{
	struct text pattern = TEXT("?");

	if (entry->format < formats.length) {
		pattern.start = formats.start + entry->format;
		pattern.length = strnlen(pattern.start, formats.length - entry->format);
	}
	return pattern;
}

u64 log_kernel_written(void)
{
	u64 count = 0;

	for (u32 i = 0; i < ring_count; i++)
		count += __atomic_load_n(&rings[i]->written, __ATOMIC_RELAXED);
	return count;
}

u64 log_kernel_write_tsc(void)
{
	u64 tsc = 0;

	for (u32 i = 0; i < ring_count; i++)
		tsc += __atomic_load_n(&rings[i]->sampled_tsc, __ATOMIC_RELAXED);
	return tsc * LOG_SAMPLE_EVERY;
}
