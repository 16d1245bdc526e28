/* SPDX-License-Identifier: MIT */
#include "vmm/manager/log.h"
#include "kernel/abi/pages.h"
#include "lib/bits.h"
#include "lib/format.h"
#include "lib/json.h"
#include "vmm/manager/events.h"
#include "vmm/manager/log_format.h"
#include "vmm/manager/log_names.h"
#include "vmm/manager/machine.h"
#include "vmm/manager/perf.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/start.h"
#include "vmm/rt/syscall.h"

static struct log_store store;
static struct log_stats stats;
static enum log_level threshold[LOG_CATEGORY_COUNT];

/* The kernel's rings by CPU, and how many entries of each have been read. */
static const struct log_ring *rings[CPU_MAX];
static u64 taken[CPU_MAX];
static u32 ring_count;
static struct text formats;

static const void *map_entry(const struct start_entry *entry, u64 bytes)
{
	u64 address;

	if (entry == NULL ||
	    sys_space_map(start_handle(START_SPACE), 0, entry->handle, 0,
			  align_up(entry->offset + bytes, PAGE_SIZE), RIGHT_READ,
			  &address) != STATUS_OK)
		return NULL;
	return (const char *)address + entry->offset;
}

enum status log_init(void)
{
	const struct start_entry *entry = start_find(START_LOG_FORMATS);

	log_store_init(&store);
	for (u32 i = 0; i < LOG_CATEGORY_COUNT; i++)
		threshold[i] = LOG_INFO;
	formats.start = entry != NULL ? map_entry(entry, entry->value) : NULL;
	formats.length = formats.start != NULL ? entry->value : 0;
	for (entry = start_find(START_LOG); entry != NULL && ring_count < CPU_MAX;
	     entry = start_next(entry)) {
		rings[ring_count] = map_entry(entry, machine_page()->log_bytes);
		if (rings[ring_count] == NULL)
			return STATUS_NO_MEMORY;
		sys_handle_close(entry->handle); /* it stays mapped */
		ring_count++;
	}
	log_take_kernel();
	return events_bind(start_handle(START_ROOT), EVENT_LOG, 0);
}

static u64 tsc_to_log_ns(u64 tsc)
{
	u64 boot = machine_page()->boot_tsc;

	return tsc > boot ? clock_tsc_to_ns(tsc - boot) : 0;
}

static void add(enum log_level level, enum log_category category, const char *vm, struct text text)
{
	struct log_line line = {
		.time_ns = tsc_to_log_ns(clock_tsc()),
		.level = (u8)level,
		.category = (u8)category,
		.vm = text_of(vm),
		.text = text,
	};

	log_store_add(&store, &line);
}

void log_message(enum log_level level, enum log_category category, const char *vm,
		 const char *pattern, ...)
{
	char text[LOG_TEXT_BYTES + 1];
	va_list arguments;

	/* Who did what to the machine cannot be silenced. */
	if (level < threshold[category] && category != LOG_AUDIT)
		return;
	va_start(arguments, pattern);
	format_va(text, sizeof(text), pattern, arguments);
	va_end(arguments);
	stats.messages++;
	add(level, category, vm, text_of(text));
}

void log_monitor_line(const char *vm, struct text text)
{
	stats.monitor_lines++;
	if (threshold[LOG_VM] <= LOG_INFO)
		add(LOG_INFO, LOG_VM, vm, text);
}

void log_monitor_dropped(u64 count)
{
	stats.monitor_dropped += count;
}

static void add_kernel_entry(const struct log_entry *entry)
{
	char text[LOG_TEXT_BYTES + 1];
	struct text pattern = TEXT("?");
	struct log_line line = {
		.time_ns = tsc_to_log_ns(entry->tsc),
		.cpu = entry->cpu,
		.level = entry->level,
		.category = entry->category,
		.text.start = text,
	};

	if (entry->format < formats.length) {
		pattern.start = formats.start + entry->format;
		pattern.length = strnlen(pattern.start, formats.length - entry->format);
	}
	if (perf_take(entry, pattern))
		return;
	line.text.length = log_format(text, sizeof(text), pattern, entry->argument,
				      MIN(entry->argument_count, LOG_ARGUMENTS));
	stats.kernel_entries++;
	log_store_add(&store, &line);
}

/*
 * Copies the next entry of a ring. An entry counts only when its sequence is right after the
 * copy (kernel/abi/log.h): else it is being written or was overwritten meanwhile.
 */
static bool peek(u32 index, struct log_entry *entry)
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
				return false; /* its writer is not done */
		}
		stats.kernel_lost++;
		taken[index]++;
	}
	return false;
}

/* Merges the rings by time: the oldest of the first entries comes next. */
void log_take_kernel(void)
{
	u64 start = clock_tsc();

	for (;;) {
		struct log_entry oldest = {.tsc = ~0ull};
		struct log_entry entry;
		u32 from = ring_count;

		for (u32 i = 0; i < ring_count; i++) {
			if (peek(i, &entry) && entry.tsc < oldest.tsc) {
				oldest = entry;
				from = i;
			}
		}
		if (from == ring_count)
			break;
		add_kernel_entry(&oldest);
		taken[from]++;
	}
	stats.tsc += clock_tsc() - start;
}

void log_level_set(u32 category, enum log_level level)
{
	enum status status;

	for (u32 i = 0; i < LOG_CATEGORY_COUNT; i++) {
		if (category == i || category == LOG_CATEGORY_COUNT)
			threshold[i] = level;
	}
	status = sys_log_level(start_handle(START_ROOT),
			       category == LOG_CATEGORY_COUNT ? ~0u : category, level);
	if (status != STATUS_OK)
		log_message(LOG_WARNING, LOG_CONFIG, "", "the kernel refused the log level: %s",
			    status_text(status));
}

enum log_level log_level_get(enum log_category category)
{
	return threshold[category];
}

struct log_store *log_lines(void)
{
	return &store;
}

const struct log_stats *log_stats(void)
{
	return &stats;
}

size_t log_line_text(const struct log_line *line, char *buffer, size_t size)
{
	size_t length = format(buffer, size, "[%5llu.%06llu] %u %-7s %-7s %.*s%s%.*s\n",
			       (unsigned long long)(line->time_ns / NS_PER_S),
			       (unsigned long long)(line->time_ns % NS_PER_S / NS_PER_US),
			       line->cpu, log_level_name(line->level),
			       log_category_name(line->category), (int)line->vm.length,
			       line->vm.start, line->vm.length > 0 ? ": " : "",
			       (int)line->text.length, line->text.start);

	return MIN(length, size - 1);
}

size_t log_line_json(const struct log_line *line, char *buffer, size_t size)
{
	struct json json;

	json_start(&json, buffer, size);
	json_object_begin(&json, NULL);
	json_u64(&json, "time_ns", line->time_ns);
	json_u64(&json, "cpu", line->cpu);
	json_string(&json, "level", log_level_name(line->level));
	json_string(&json, "category", log_category_name(line->category));
	json_text(&json, "vm", line->vm);
	json_text(&json, "text", line->text);
	json_object_end(&json);
	return json_finish(&json);
}
