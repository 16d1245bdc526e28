/* SPDX-License-Identifier: MIT */
/*
 * Writes the kernel's log: one ring of binary entries per CPU, which the manager reads and turns
 * into text. Any code of ring 0 calls it through the macros of kernel/log/log.h, at any instruction
 * and under any lock. The writer takes no lock and never waits; each CPU writes only its own ring.
 */
#include "kernel/log/log.h"
#include "arch/x86_64/cpu/instructions.h"
#include "arch/x86_64/cpu/percpu.h"
#include "kernel/log/log_ring.h"
#include "mm/page.h"

extern const char __logfmt_start[];

u8 log_threshold[LOG_CATEGORY_COUNT] = {
	[0 ... LOG_CATEGORY_COUNT - 1] = LOG_INFO,
};

/* The boot CPU's ring is part of the image, because that CPU logs before there is an allocator. */
struct log_memory log_memory_boot ALIGNED(4096) = {.ring.capacity = LOG_RING_ENTRIES};
static struct log_ring *rings[CPU_MAX] = {&log_memory_boot.ring};

/*
 * Writes one entry. An NMI may write another between any two instructions here: so each writer
 * takes its own sequence number, and a reader trusts its copy of an entry only if the entry's
 * sequence is still right afterwards. `sampled_tsc` may lose an update by an NMI: it is only a
 * sample.
 */
void log_write(enum log_level level, enum log_category category, const char *text,
	       const u64 *arguments, unsigned int count)
{
	struct cpu *cpu = this_cpu();
	struct log_ring *ring = rings[cpu->id];
	u64 sequence = __atomic_add_fetch(&ring->written, 1, __ATOMIC_RELAXED);
	struct log_entry *entry = &ring->entry[(sequence - 1) & (ring->capacity - 1)];

	__atomic_store_n(&entry->sequence, 0, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	entry->tsc = rdtsc();
	entry->format = (u16)(text - __logfmt_start);
	entry->vm = cpu->counters != NULL ? (u16)cpu->counters->tag : 0;
	entry->cpu = (u8)cpu->id;
	entry->level = (u8)level;
	entry->category = (u8)category;
	entry->argument_count = (u8)count;
	for (unsigned int i = 0; i < count; i++)
		entry->argument[i] = arguments[i];
	__atomic_store_n(&entry->sequence, sequence, __ATOMIC_RELEASE);
	/*
	 * The manager is signalled only now and then by a category that is logged at debug level,
	 * which it polls: such entries may come with every exit, or as a profile's samples on all
	 * CPUs at once.
	 */
	if (log_threshold[category] > LOG_DEBUG || sequence % (LOG_RING_ENTRIES / 4) == 0)
		__atomic_fetch_or(&cpu->pending, PENDING_LOG, __ATOMIC_RELAXED);
	if (sequence % LOG_SAMPLE_EVERY == 0)
		ring->sampled_tsc += rdtsc() - entry->tsc;
}

bool log_ring_create(u32 cpu)
{
	void *memory;

	_Static_assert(sizeof(struct log_memory) <= PAGE_SIZE << LOG_MEMORY_ORDER, "it fits");
	if (page_alloc_cleared(LOG_MEMORY_ORDER, PAGE_KERNEL, NULL, &memory) != STATUS_OK)
		return false;
	rings[cpu] = memory;
	rings[cpu]->capacity = LOG_RING_ENTRIES;
	return true;
}

const struct log_ring *log_ring_of(u32 cpu)
{
	return rings[cpu];
}
