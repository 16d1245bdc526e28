/* SPDX-License-Identifier: MIT */
/*
 * Gathers samples of the host, its VMs, disks, networks and stores, and writes them into their
 * files once a minute. Core's main function calls it with each round of samples, and a handler
 * reads it; it reads the cache of the host and knows nothing of requests.
 */
#include "gateway/core/history/history.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "gateway/base/string.h"
#include "gateway/core/common/clock.h"
#include "gateway/core/common/settings.h"
#include "gateway/core/history/history_form.h"
#include "gateway/core/host/host.h"

enum {
	/*
	 * the most samples of a thing that wait for its file; a thing with a file has at most a
	 * minute of them
	 */
	HISTORY_WAITING = 128,
	/* samples after which a thing gets a file; short runs never do */
	HISTORY_AGE = 60,
	/*
	 * the longest time between two rounds at which the second one's values cover the time
	 * between them
	 */
	HISTORY_GAP_S = 10,
	HISTORY_GONE_S = 300, /* seconds without a sample after which a thing is forgotten here */
	HISTORY_JUMP_S = 5,
	HISTORY_SPARE_MIB = 64,
};

/* A sample of one second that waits to be written to a file. */
struct history_waiting {
	uint32_t second; /* seconds since 1970 */
	float values[HISTORY_SERIES];
};

struct history_thing {
	struct history_thing *next;
	char what[HISTORY_WHAT_BYTES];
	const struct history_form *form;
	unsigned age;	/* number of samples so far, at most HISTORY_AGE */
	double seen_s;	/* when the last sample came, by clock_now_s() */
	bool refused;	/* no file could be made; stderr has a line about it */
	unsigned count; /* number of valid entries of `waiting` */
	struct history_waiting waiting[HISTORY_WAITING];
};

static struct {
	bool on;
	bool (*left_out)(const char *vm);
	history_heard *heard; /* gets each thing's values; may be NULL */
	size_t most_bytes, spare_bytes;
	struct history_thing *things;
	int64_t last_s; /* the second of the last round, since 1970; 0: there was none */
	double last_clock_s;
	bool follows; /* the round before was recent, so that rates are known */
	bool failing; /* the last write failed; stderr has a line about it */
} history;

void history_listen(history_heard *heard)
{
	history.heard = heard;
}

void history_each(void (*take)(const struct history_form *form, const char *what, void *context),
		  void *context)
{
	for (struct history_thing *thing = history.things; thing; thing = thing->next)
		take(thing->form, thing->what, context);
}

void history_setup(unsigned mib, bool (*left_out)(const char *vm))
{
	uint64_t audit_kib = (uint64_t)settings.audit_kib * (settings.audit_files + 1);
	uint64_t spare_mib = audit_kib / 1024 + 1;

	/* Room on the disk is left for the audit, without which no change is allowed. */
	if (spare_mib > HISTORY_SPARE_MIB || !settings.audit_files)
		spare_mib = HISTORY_SPARE_MIB;
	history.left_out = left_out;
	history.most_bytes = (size_t)mib << 20;
	history.spare_bytes = (size_t)spare_mib << 20;
	history.on = mib && history_file_setup();
}

static struct history_thing *history_find(const char *what)
{
	struct history_thing *thing = history.things;

	while (thing && strcmp(thing->what, what) != 0)
		thing = thing->next;
	return thing;
}

/* Returns whether a thing no longer exists, so that its file may make room for another thing's. */
static bool history_is_gone(const char *what)
{
	if (!strncmp(what, "vm/", 3))
		return host.known && !host_find(what + 3);
	return !history_find(what);
}

/* Returns the thing's file, which is made once the thing is old enough; -1: it has none. */
static int history_open(struct history_thing *thing)
{
	int fd = history_file_open(thing->form, thing->what);

	if (fd >= 0 || thing->age < HISTORY_AGE)
		return fd;
	if (history_file_find_room(thing->form, history.most_bytes, history.spare_bytes,
				   history_is_gone))
		fd = history_file_make(thing->form, thing->what);
	else if (!thing->refused)
		fprintf(stderr,
			"skerryd: no history of %s is kept: %u of its kind have one, or there is "
			"no room (--history)\n",
			thing->what, thing->form->most);
	thing->refused = fd < 0;
	return fd;
}

static struct history_point history_point_of(const struct history_waiting *waiting)
{
	struct history_point point = {.period = waiting->second, .count = 1};

	for (unsigned i = 0; i < HISTORY_SERIES; i++)
		point.least[i] = point.mean[i] = point.most[i] = (double)waiting->values[i];
	return point;
}

/* Adds the waiting samples of a minute to its record. */
static bool history_write_minute(int fd, const struct history_thing *thing, uint32_t minute)
{
	struct history_point point = history_file_point(fd, thing->form, HISTORY_MINUTE, minute);

	for (unsigned i = 0; i < thing->count; i++) {
		struct history_point second = history_point_of(&thing->waiting[i]);

		if (second.period / 60 == minute)
			history_record_merge(thing->form, &point, &second);
	}
	return history_file_write(fd, thing->form, HISTORY_MINUTE, &point, 1);
}

struct history_sum {
	const struct history_form *form;
	struct history_point point;
};

static void history_add_minute(const struct history_point *point, void *context)
{
	struct history_sum *sum = context;

	history_record_merge(sum->form, &sum->point, point);
}

/*
 * Recomputes the record of an hour from its minutes: adding minute by minute would round the mean
 * each time, and the errors would add up.
 */
static bool history_write_hour(int fd, const struct history_form *form, uint32_t hour)
{
	struct history_sum sum = {form, {.period = hour}};

	history_file_read(fd, form, HISTORY_MINUTE, hour * 60, 60, history_add_minute, &sum);
	return history_file_write(fd, form, HISTORY_HOUR, &sum.point, 1);
}

/* Returns whether an earlier waiting sample is of the same period of `step_s` as sample `index`. */
static bool history_is_repeated(const struct history_thing *thing, unsigned index, uint32_t step_s)
{
	for (unsigned i = 0; i < index; i++) {
		if (thing->waiting[i].second / step_s == thing->waiting[index].second / step_s)
			return true;
	}
	return false;
}

static bool history_write(int fd, const struct history_thing *thing)
{
	static struct history_point seconds[HISTORY_WAITING];
	bool done;

	for (unsigned i = 0; i < thing->count; i++)
		seconds[i] = history_point_of(&thing->waiting[i]);
	done = history_file_write(fd, thing->form, HISTORY_SECOND, seconds, thing->count);
	for (unsigned i = 0; i < thing->count; i++) {
		uint32_t second = thing->waiting[i].second;

		if (!history_is_repeated(thing, i, 60))
			done = history_write_minute(fd, thing, second / 60) && done;
	}
	for (unsigned i = 0; i < thing->count; i++) {
		uint32_t second = thing->waiting[i].second;

		if (!history_is_repeated(thing, i, 3600))
			done = history_write_hour(fd, thing->form, second / 3600) && done;
	}
	return done;
}

static void history_flush_thing(struct history_thing *thing)
{
	int fd = thing->count ? history_open(thing) : -1;
	bool done;

	if (fd < 0)
		return;
	done = history_write(fd, thing);
	close(fd);
	thing->count = 0;
	if (!done && !history.failing)
		fprintf(stderr, "skerryd: the history of %s cannot be written\n", thing->what);
	history.failing = !done;
}

void history_flush(void)
{
	for (struct history_thing *thing = history.things; thing; thing = thing->next)
		history_flush_thing(thing);
}

/* Adds a point of a second. A thing without a file keeps the last minute or two. */
static void history_add(struct history_thing *thing, uint32_t second, const double *values)
{
	struct history_waiting *waiting;

	if (thing->count && (thing->waiting[thing->count - 1].second / 60 != second / 60 ||
			     thing->count == HISTORY_WAITING))
		history_flush_thing(thing);
	if (thing->count == HISTORY_WAITING) {
		thing->count /= 2;
		memmove(thing->waiting, thing->waiting + thing->count,
			thing->count * sizeof(thing->waiting[0]));
	}
	waiting = &thing->waiting[thing->count++];
	waiting->second = second;
	for (unsigned i = 0; i < HISTORY_SERIES; i++)
		waiting->values[i] = (float)values[i];
	thing->age += thing->age < HISTORY_AGE;
}

/* Takes the values that a thing had in the seconds from `first` to `last`. */
static void history_take(unsigned form, const char *name, const double *values, int64_t first,
			 int64_t last)
{
	char what[HISTORY_WHAT_BYTES];
	struct history_thing *thing;

	snprintf(what, sizeof(what), "%s%s%s", history_forms[form].kind, *name ? "/" : "", name);
	if (history.heard)
		history.heard(&history_forms[form], what, values);
	if (!history.on)
		return;
	thing = history_find(what);
	if (!thing) {
		thing = calloc(1, sizeof(*thing));
		if (!thing)
			return;
		string_copy(thing->what, sizeof(thing->what), what);
		thing->form = &history_forms[form];
		thing->next = history.things;
		history.things = thing;
	}
	thing->seen_s = clock_now_s();
	for (int64_t second = first; second <= last; second++)
		history_add(thing, (uint32_t)second, values);
}

/*
 * Writes the waiting samples of things that get no more samples, and forgets things after
 * HISTORY_GONE_S.
 */
static void history_forget(double now_s)
{
	struct history_thing **at = &history.things;

	while (*at) {
		struct history_thing *thing = *at;

		if (thing->count && now_s - thing->seen_s > HISTORY_AGE)
			history_flush_thing(thing);
		if (now_s - thing->seen_s > HISTORY_GONE_S) {
			*at = thing->next;
			free(thing);
			continue;
		}
		at = &thing->next;
	}
}

static void history_sample_host(int64_t first, int64_t last)
{
	double values[HISTORY_SERIES] = {0};

	for (unsigned i = 0; i < host.cpu_count; i++)
		values[0] += host.cpus[i].busy_percent / host.cpu_count;
	if (!history.follows)
		values[0] = NAN;
	values[1] = (double)host.free_bytes;
	history_take(HISTORY_HOST, "", values, first, last);
}

static void history_sample_vm(const struct host_vm *vm, int64_t first, int64_t last)
{
	struct host_rates rates = host_rates(vm);
	const struct host_traffic *traffic = host_traffic_find(HOST_TRAFFIC_VM, vm->name);
	double values[HISTORY_SERIES] = {rates.cpu_percent,
					 rates.steal_percent,
					 rates.halted_percent,
					 rates.exits_per_s,
					 rates.resident_bytes,
					 NAN,
					 NAN,
					 NAN,
					 NAN};

	if (traffic)
		memcpy(values + 5, traffic->rates, 4 * sizeof(values[0]));
	history_take(HISTORY_VM, vm->name, values, first, last);
}

/*
 * Returns the first second that this round of samples covers. If the system's clock was set,
 * histories continue at its new time, by which users look things up.
 */
static int64_t history_first_second(int64_t now, double now_s)
{
	int64_t before = history.last_s;
	double jump = (double)(now - before) - (now_s - history.last_clock_s);

	history.last_s = now;
	history.last_clock_s = now_s;
	if (before && fabs(jump) > HISTORY_JUMP_S)
		fprintf(stderr,
			"skerryd: the clock of this system was set by %+.0f s, and histories go on "
			"there\n",
			jump);
	history.follows = now > before && now - before <= HISTORY_GAP_S;
	return history.follows ? before + 1 : now;
}

void history_sample(void)
{
	int64_t now = time(NULL), first;
	double now_s = clock_now_s();

	/*
	 * A second round in the same second is left out, and so is a time that 32 bits cannot hold.
	 */
	if ((!history.on && !history.heard) || now == history.last_s || now <= 0 ||
	    now >= UINT32_MAX)
		return;
	first = history_first_second(now, now_s);
	history_sample_host(first, now);
	for (unsigned i = 0; i < host.vm_count; i++) {
		const struct host_vm *vm = host.vms[i];
		const char *state = host_vm_state(vm);

		if (vm->sampled && (!strcmp(state, "running") || !strcmp(state, "paused")) &&
		    !history.left_out(vm->name))
			history_sample_vm(vm, first, now);
	}
	for (unsigned i = 0; i < host.traffic_count; i++) {
		const struct host_traffic *traffic = &host.traffic[i];
		double values[HISTORY_SERIES] = {traffic->rates[0], traffic->rates[1],
						 traffic->rates[2]};

		if (traffic->kind != HOST_TRAFFIC_VM)
			history_take(traffic->kind == HOST_TRAFFIC_DISK ? HISTORY_DISK
									: HISTORY_NET,
				     traffic->name, values, first, now);
	}
	for (unsigned i = 0; i < host.store_count; i++) {
		double values[HISTORY_SERIES] = {host.stores[i].free_bytes,
						 host.stores[i].used_bytes};

		history_take(HISTORY_STORE, host.stores[i].name, values, first, now);
	}
	history_forget(now_s);
}

struct history_reading {
	const struct history_form *form;
	uint32_t from, step_s, count, tier_step_s;
	struct history_point *points;
};

/* Adds a point to that of the answer in whose time it lies. */
static void history_read_point(const struct history_point *point, void *context)
{
	const struct history_reading *reading = context;
	uint32_t time_s = point->period * reading->tier_step_s;
	uint32_t place = (time_s - reading->from) / reading->step_s;

	if (time_s >= reading->from && place < reading->count)
		history_record_merge(reading->form, &reading->points[place], point);
}

/* Returns the coarsest tier of whose periods a step is a whole number. */
static unsigned history_tier(uint32_t step_s)
{
	unsigned tier = HISTORY_HOUR;

	while (tier > HISTORY_SECOND && step_s % history_tiers[tier].step_s)
		tier--;
	return tier;
}

uint32_t history_records(uint32_t step_s, uint32_t count)
{
	const struct history_tier *tier = &history_tiers[history_tier(step_s)];
	uint32_t periods = count * (step_s / tier->step_s);

	/* If more periods are asked for than the ring has records, only the last ones can exist. */
	return periods < tier->records ? periods : tier->records;
}

bool history_read(const char *what, uint32_t from, uint32_t step_s, uint32_t count,
		  struct history_point *points)
{
	const struct history_form *form = history_form(what);
	const struct history_thing *thing = history_find(what);
	uint32_t periods = history_records(step_s, count);
	unsigned tier = history_tier(step_s);
	struct history_reading reading;
	int fd;

	reading = (struct history_reading){form,  from, step_s, count, history_tiers[tier].step_s,
					   points};
	for (uint32_t i = 0; i < count; i++)
		points[i] = (struct history_point){.period = from / step_s + i};
	fd = history.on ? history_file_open(form, what) : -1;
	if (fd >= 0) {
		history_file_read(fd, form, tier,
				  (from + count * step_s) / reading.tier_step_s - periods, periods,
				  history_read_point, &reading);
		close(fd);
	}
	/* Waiting samples are in no file yet, so no sample is counted twice. */
	reading.tier_step_s = 1;
	for (unsigned i = 0; thing && i < thing->count; i++) {
		struct history_point second = history_point_of(&thing->waiting[i]);

		history_read_point(&second, &reading);
	}
	return fd >= 0 || thing;
}
