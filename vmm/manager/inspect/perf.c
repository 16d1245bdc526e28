/* SPDX-License-Identifier: MIT */
/*
 * Records sampling profiles: starts the timer and counts the samples that the kernel logs. Called
 * by the commands `perf`, the event loop and, for each log entry, log.c. Owns the profile and the
 * PIT's channel 0.
 */
#include "kernel/abi/syscall.h"
#include "vmm/hw/pit.h"
#include "vmm/manager/host/machine.h"
#include "vmm/manager/host/port_io.h"
#include "vmm/manager/log/log.h"
#include "vmm/manager/inspect/perf.h"
#include "vmm/manager/inspect/symbols.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/start.h"
#include "vmm/rt/status_text.h"
#include "vmm/rt/syscall.h"

#define SAMPLE_TEXT "NMI: ring "
#define LOOK_NS	    (100 * NS_PER_MS)

/* Arguments of the kernel's samples (cpu_loop_log_nmi in kernel/cpu/cpu_loop.c). */
enum sample_argument { SAMPLE_RING, SAMPLE_GROUP, SAMPLE_OFFSET, SAMPLE_COUNT, SAMPLE_ARGUMENTS };

static struct perf_profile profile;
static handle_t irq;
static u64 end_tsc;  /* the TSC at which the recording ends; 0: no recording is under way */
static u64 late_tsc; /* the TSC until which CPUs may still report samples of the last recording */

const struct perf_profile *perf_profile(void)
{
	return &profile;
}

bool perf_recording(void)
{
	return end_tsc != 0;
}

u64 perf_deadline(void)
{
	return end_tsc != 0 ? MIN(end_tsc, clock_tsc() + clock_ns_to_tsc(LOOK_NS)) : ~0ull;
}

/*
 * Lets the kernel log samples, which have the level debug, or restores its log level. The kernel
 * wakes no reader for entries of this level.
 */
static void perf_let_samples_pass(bool pass)
{
	enum status status = sys_log_level(start_handle(START_ROOT), LOG_CPU,
					   pass ? LOG_DEBUG : log_level_get(LOG_CPU));

	if (status != STATUS_OK)
		log_message(LOG_WARNING, LOG_CPU, "", "the kernel refused the log level: %s",
			    status_text(status));
}

/* Starts the PIT's channel 0 in mode 2: a low pulse each time the count has run out. */
static void perf_start_pit(void)
{
	u32 count = PIT_HZ / PERF_HZ;

	port_out8(PIT_CONTROL_PORT, PIT_CONTROL_LOW_HIGH | PIT_MODE_RATE << PIT_CONTROL_MODE_SHIFT);
	port_out8(PIT_PORT, (u8)count);
	port_out8(PIT_PORT, (u8)(count >> 8));
}

const char *perf_start(u64 duration_tsc)
{
	handle_t root = start_handle(START_ROOT);

	if (sys_ports_grant(root, start_handle(START_SELF), PIT_PORT, 4) != STATUS_OK)
		return "the timer's ports are not available";
	if (machine_isa_irq(PIT_IRQ, IRQ_NMI, &irq) != STATUS_OK)
		return "the timer's interrupt is not available";
	profile = (struct perf_profile){.began_tsc = clock_tsc()};
	end_tsc = profile.began_tsc + duration_tsc;
	perf_let_samples_pass(true);
	perf_start_pit();
	(void)sys_irq_unmask(irq);
	return NULL;
}

static void perf_swap(struct perf_row *a, struct perf_row *b)
{
	struct perf_row kept = *a;

	*a = *b;
	*b = kept;
}

/* Sorts the profile's rows by selection: there are almost always few. */
static void perf_sort(void)
{
	for (u32 i = 0; i < profile.row_count; i++) {
		u32 most = i;

		for (u32 j = i + 1; j < profile.row_count; j++) {
			if (profile.row[j].count > profile.row[most].count)
				most = j;
		}
		perf_swap(&profile.row[i], &profile.row[most]);
	}
}

void perf_step(void)
{
	u64 now = clock_tsc();

	if (end_tsc == 0 || now < end_tsc ||
	    (log_behind() && now < end_tsc + clock_ns_to_tsc(NS_PER_S)))
		return;
	(void)sys_object_destroy(irq); /* destroying the irq masks the line */
	perf_let_samples_pass(false);
	log_take_kernel();
	end_tsc = 0;
	late_tsc = now + clock_ns_to_tsc(LOOK_NS);
	profile.tsc = now - profile.began_tsc;
	perf_sort();
}

/*
 * Returns whether the sample hit a guest: the kernel takes the NMI of such a sample at a known
 * place, on the way out of the guest.
 */
static bool perf_is_guest(const char *name)
{
	return string_equal(name, "svm_switch_out") || string_equal(name, "vmx_decode_exception");
}

static bool perf_same_place(const struct perf_row *a, const struct perf_row *b)
{
	return a->vm_id == b->vm_id && a->symbol == b->symbol && a->guest == b->guest;
}

static void perf_count(const struct perf_row *row)
{
	u32 i = 0;

	profile.samples += row->count;
	while (i < profile.row_count && !perf_same_place(&profile.row[i], row))
		i++;
	if (i == PERF_ROWS_MAX) {
		profile.lost += row->count;
		return;
	}
	if (i == profile.row_count) {
		profile.row[profile.row_count++] = *row;
		return;
	}
	profile.row[i].count += row->count;
}

/*
 * Returns the row of the profile for a sample: samples in ring 0 count for the kernel, in any
 * group's thread.
 */
static struct perf_row perf_row_of(bool kernel, u32 group, u64 offset)
{
	enum symbol_image image = kernel       ? SYMBOLS_KERNEL
				  : group == 0 ? SYMBOLS_MANAGER
					       : SYMBOLS_MONITOR;
	const struct symbol_table *table = symbols_of(image);
	struct perf_row row = {.vm_id = kernel ? PERF_NOT_A_VM : group};
	const char *name = NULL;
	u64 distance = 0;

	if (table != NULL)
		name = symbols_name(table, offset, &distance);
	row.symbol = name != NULL ? (u32)(offset - distance) : 0;
	row.guest = kernel && group != 0 && name != NULL && perf_is_guest(name);
	if (row.guest)
		row.vm_id = group;
	return row;
}

bool perf_take(const struct log_entry *entry, struct text pattern)
{
	const u64 *argument = entry->argument;
	struct perf_row row;

	if (entry->argument_count != SAMPLE_ARGUMENTS || pattern.length < sizeof(SAMPLE_TEXT) - 1 ||
	    memcmp(pattern.start, SAMPLE_TEXT, sizeof(SAMPLE_TEXT) - 1) != 0)
		return false;
	if (end_tsc == 0)
		return entry->tsc < late_tsc;
	row = perf_row_of(argument[SAMPLE_RING] == 0, (u32)argument[SAMPLE_GROUP],
			  argument[SAMPLE_OFFSET]);
	row.count = argument[SAMPLE_COUNT];
	profile.cpu_samples[entry->cpu] += row.count;
	perf_count(&row);
	return true;
}
