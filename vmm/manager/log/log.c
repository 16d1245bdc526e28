/* SPDX-License-Identifier: MIT */
/*
 * The log of Skerry: keeps the manager's messages, monitors' lines and the kernel's entries. Called
 * by most of the manager. Owns the two stores, the levels and the counts.
 */
#include "vmm/manager/log/log.h"
#include "kernel/abi/pages.h"
#include "lib/bits.h"
#include "vmm/manager/process/events.h"
#include "vmm/manager/host/machine.h"
#include "vmm/manager/log/log_format.h"
#include "vmm/manager/log/log_kernel.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/format.h"
#include "vmm/rt/memory.h"
#include "vmm/rt/start.h"
#include "vmm/rt/status_text.h"
#include "vmm/rt/syscall.h"

#define AUDIT_SEGMENTS	    4u
#define AUDIT_SEGMENT_BYTES 24576u
#define DEBUG_LOOK_NS	    (100 * NS_PER_MS)
/* the most kernel entries taken in one call: a flood must not hold up the event loop */
#define KERNEL_AT_ONCE 4096u
#define ACTOR_DEFAULT  "manager"

static struct log_store store;
static struct log_store audit;
static u8 audit_bytes[AUDIT_SEGMENTS * AUDIT_SEGMENT_BYTES] ALIGNED(8);
static struct log_stats stats;
static u8 threshold[LOG_CATEGORY_COUNT];
static const char *actor = ACTOR_DEFAULT;
static bool behind;
static const struct log_hooks *hooks;

/*
 * Maps memory for a store and takes every page at once, so that later changes in the output of
 * `mem` are due to VMs.
 */
static enum status log_map_store(u64 bytes, void **at)
{
	u64 address = 0;
	enum status status = memory_map(bytes, &address);

	if (status != STATUS_OK)
		return status;
	for (u64 offset = 0; offset < bytes; offset += PAGE_SIZE)
		*(volatile u8 *)(address + offset) = 0;
	*at = (void *)address;
	return STATUS_OK;
}

static u64 log_bytes_of_store(u32 segment_count, u32 segment_bytes)
{
	return align_up((u64)segment_count * segment_bytes, PAGE_SIZE);
}

enum status log_store_resize(u32 segment_count, u32 segment_bytes, u64 age_ns)
{
	static struct log_store old; /* static, as the struct is too large for the stack */
	struct log_cursor cursor = {.index = 0};
	struct log_line line;
	enum status status;
	void *bytes;

	status = log_map_store(log_bytes_of_store(segment_count, segment_bytes), &bytes);
	if (status != STATUS_OK)
		return status;
	old = store;
	log_store_init(&store, bytes, segment_count, segment_bytes, age_ns);
	if (old.bytes == NULL)
		return STATUS_OK;
	while (log_store_next(&old, &cursor, &line))
		log_store_add(&store, &line);
	return sys_space_unmap(start_handle(START_SPACE), (u64)old.bytes,
			       log_bytes_of_store(old.segment_count, old.segment_bytes));
}

enum status log_init(void)
{
	enum status status;

	log_store_init(&audit, audit_bytes, AUDIT_SEGMENTS, AUDIT_SEGMENT_BYTES, 0);
	log_store_chain(&audit);
	status = log_store_resize(LOG_SEGMENTS_DEFAULT, LOG_SEGMENT_BYTES_DEFAULT, 0);
	if (status != STATUS_OK)
		return status;
	for (u32 i = 0; i < LOG_CATEGORY_COUNT; i++)
		threshold[i] = LOG_INFO;
	status = log_kernel_init();
	if (status != STATUS_OK)
		return status;
	log_take_kernel();
	return events_bind(start_handle(START_ROOT), EVENT_LOG, 0);
}

static u64 log_ns_of_tsc(u64 tsc)
{
	u64 boot = machine_page()->boot_tsc;

	return tsc > boot ? clock_tsc_to_ns(tsc - boot) : 0;
}

static void log_add_line(struct log_line *line)
{
	line->sequence = ++stats.line_count;
	log_store_add(line->category == LOG_AUDIT ? &audit : &store, line);
}

static void log_add(enum log_level level, enum log_category category, const char *vm,
		    struct text text)
{
	struct log_line line = {
		.time_ns = log_ns_of_tsc(clock_tsc()),
		.level = (u8)level,
		.category = (u8)category,
		.vm = text_of(vm),
		.text = text,
	};

	log_add_line(&line);
}

void log_message(enum log_level level, enum log_category category, const char *vm,
		 const char *pattern, ...)
{
	u64 start = clock_tsc();
	char text[LOG_TEXT_BYTES + 1];
	size_t length = 0;
	va_list arguments;

	/* Audit lines cannot be silenced. */
	if (level < threshold[category] && category != LOG_AUDIT) {
		stats.below_count++;
		return;
	}
	if (category == LOG_AUDIT)
		length = format(text, sizeof(text), "%s: ", actor);
	va_start(arguments, pattern);
	format_va(text + length, sizeof(text) - length, pattern, arguments);
	va_end(arguments);
	stats.messages++;
	log_add(level, category, vm, text_of(text));
	log_cost_add(&stats.message, clock_tsc() - start);
}

void log_actor_set(const char *name)
{
	actor = name != NULL ? name : ACTOR_DEFAULT;
}

void log_monitor_line(const char *vm, struct text text)
{
	u64 start = clock_tsc();

	if (threshold[LOG_VM] > LOG_INFO) {
		stats.below_count++;
		return;
	}
	stats.monitor_lines++;
	log_add(LOG_INFO, LOG_VM, vm, text);
	log_cost_add(&stats.message, clock_tsc() - start);
}

void log_monitor_dropped(u64 count)
{
	stats.monitor_dropped += count;
}

void log_hooks_set(const struct log_hooks *set)
{
	hooks = set;
}

/* Returns the VM whose thread ran on the CPU when the entry was written. */
static struct text log_vm_of(const struct log_entry *entry)
{
	return entry->vm != 0 && hooks != NULL ? text_of(hooks->vm_name(entry->vm)) : TEXT("");
}

static void log_add_kernel_entry(const struct log_entry *entry)
{
	struct text pattern = log_kernel_format(entry);
	char text[LOG_TEXT_BYTES + 1];
	struct log_line line = {
		.time_ns = log_ns_of_tsc(entry->tsc),
		.cpu = entry->cpu,
		.level = entry->level,
		.category = entry->category,
		.vm = log_vm_of(entry),
		.text.start = text,
	};

	if (hooks != NULL && hooks->take_entry(entry, pattern))
		return;
	if (line.category < LOG_CATEGORY_COUNT && line.level < threshold[line.category]) {
		/*
		 * the kernel wrote this entry below the log level only because a profile is being
		 * recorded
		 */
		stats.below_count++;
		return;
	}
	line.text.length = log_format(text, sizeof(text), pattern, entry->argument,
				      MIN(entry->argument_count, LOG_ARGUMENTS));
	stats.kernel_entries++;
	log_add_line(&line);
}

void log_take_kernel(void)
{
	u64 start = clock_tsc();
	u64 now;
	u32 left = KERNEL_AT_ONCE;
	struct log_entry entry;

	for (; left > 0 && log_kernel_take(&entry, &stats.kernel_lost); left--) {
		log_add_kernel_entry(&entry);
		now = clock_tsc();
		log_cost_add(&stats.kernel, now - start);
		start = now;
	}
	behind = left == 0;
}

bool log_behind(void)
{
	return behind;
}

u64 log_deadline(void)
{
	if (behind)
		return 0;
	for (u32 i = 0; i < LOG_CATEGORY_COUNT; i++) {
		if (threshold[i] == LOG_DEBUG)
			return clock_tsc() + clock_ns_to_tsc(DEBUG_LOOK_NS);
	}
	return ~0ull;
}

void log_level_set(u32 category, u32 level)
{
	enum status status = STATUS_OK;

	for (u32 i = 0; i < LOG_CATEGORY_COUNT; i++) {
		if (category != i && category != LOG_CATEGORY_COUNT)
			continue;
		threshold[i] = (u8)level;
		if (status == STATUS_OK)
			status = sys_log_level(start_handle(START_ROOT), i, level);
	}
	if (status != STATUS_OK)
		log_message(LOG_WARNING, LOG_CONFIG, "", "the kernel refused the log level: %s",
			    status_text(status));
}

u32 log_level_get(enum log_category category)
{
	return threshold[category];
}

u64 log_overtaken(struct log_reader *reader)
{
	return log_store_catch_up(&store, &reader->lines) +
	       log_store_catch_up(&audit, &reader->audit);
}

bool log_next(struct log_reader *reader, struct log_line *line)
{
	struct log_cursor lines = reader->lines;
	struct log_cursor audits = reader->audit;
	struct log_line audit_line;
	bool is_line = log_store_next(&store, &lines, line);
	bool is_audit = log_store_next(&audit, &audits, &audit_line);

	if (is_audit && (!is_line || audit_line.sequence < line->sequence)) {
		*line = audit_line;
		reader->audit = audits;
		return true;
	}
	reader->lines = lines;
	return is_line;
}

struct log_store *log_lines(void)
{
	return &store;
}

const struct log_store *log_audit_lines(void)
{
	return &audit;
}

struct log_stats *log_stats(void)
{
	return &stats;
}
