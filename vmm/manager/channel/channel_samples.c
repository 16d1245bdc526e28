/* SPDX-License-Identifier: MIT */
/*
 * Sends a client the numbers of each VM and of the host in each period. Called by machine_channel.c
 * each turn and by `samples`. Owns channel->samples; reads VMs' accounts and the kernel's page.
 */
#include "vmm/manager/channel/channel_samples.h"
#include "vmm/manager/channel/channel_state.h"
#include "lib/read_once.h"
#include "vmm/rt/exit_names.h"
#include "vmm/manager/host/machine.h"
#include "vmm/manager/vm/process/vm_usage.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/format.h"

#define LINE_BYTES 4095u
/* the most CPUs in one line of a sample, which has room for that many with the largest values */
#define CPUS_SHOWN 60u

/* The order of a VM's values in a sample; the counts of its exits by reason follow them. */
enum value { GUEST, MONITOR, STEAL, HALTED, RESIDENT, EXITS, VALUE_COUNT };
#define FIELD_COUNT ((u32)VALUE_COUNT + (u32)EXIT_REASON_COUNT)

const char *channel_sample_field(u32 number, char *buffer, size_t size)
{
	static const char names[VALUE_COUNT][16] = {
		[GUEST] = "guest_ns",	[MONITOR] = "monitor_ns",      [STEAL] = "steal_ns",
		[HALTED] = "halted_ns", [RESIDENT] = "resident_bytes", [EXITS] = "exits",
	};

	if (number >= FIELD_COUNT)
		return NULL;
	if (number < VALUE_COUNT)
		string_copy(buffer, size, names[number]);
	else
		format(buffer, size, "exit.%s", exit_name(number - VALUE_COUNT));
	return buffer;
}

void channel_samples_set(struct machine_channel *channel, u64 period_ms)
{
	struct channel_samples *samples = &channel->samples;

	memset(samples, 0, sizeof(*samples));
	samples->period_tsc = clock_ns_to_tsc(period_ms * NS_PER_MS);
	samples->next_tsc = clock_tsc();
}

static u64 channel_samples_mix(u64 mark, u64 value)
{
	return ((mark ^ value) * 0x9e3779b97f4a7c15ull) ^ (mark >> 29);
}

static void channel_samples_read_values(struct channel_samples *samples, u64 place,
					const struct vm *vm, u64 *values)
{
	struct vm_usage usage = vm_usage(vm);
	const struct group_page *account = vm_account(vm);

	if (samples->last[place].id != vm->id || samples->last[place].boots != vm->boots) {
		memset(&samples->last[place], 0, sizeof(samples->last[place]));
		samples->last[place].id = vm->id;
		samples->last[place].boots = vm->boots;
	}
	values[GUEST] = MAX(usage.guest_ns, samples->last[place].guest_ns);
	values[MONITOR] = MAX(usage.monitor_ns, samples->last[place].monitor_ns);
	values[STEAL] = usage.steal_ns;
	values[HALTED] = MAX(usage.halted_ns, samples->last[place].halted_ns);
	values[RESIDENT] = vm_resident_bytes(vm);
	values[EXITS] = 0;
	for (u32 i = 0; i < EXIT_REASON_COUNT; i++) {
		values[VALUE_COUNT + i] = READ_ONCE(account->exits_by_reason[i]);
		values[EXITS] += values[VALUE_COUNT + i];
	}
	samples->last[place].guest_ns = values[GUEST];
	samples->last[place].monitor_ns = values[MONITOR];
	samples->last[place].halted_ns = values[HALTED];
}

/* Returns whether a value of the VM has changed since its last line of a sample. */
static bool channel_samples_has_changed(struct channel_samples *samples, u64 place,
					const u64 *values)
{
	u64 mark = 1;

	for (u32 i = 0; i < FIELD_COUNT; i++)
		mark = channel_samples_mix(mark, values[i]);
	if (samples->last[place].mark == mark)
		return false;
	samples->last[place].mark = mark;
	return true;
}

static void channel_samples_send_line(struct machine_channel *channel, struct json *json,
				      char *line)
{
	size_t length = json_finish(json);

	if (length == 0)
		return;
	line[length++] = '\n';
	channel_line(channel, (struct text){line, length});
}

static void channel_samples_send_vm(struct machine_channel *channel, u64 place, const struct vm *vm)
{
	static char line[LINE_BYTES + 1];
	u64 values[FIELD_COUNT];
	struct json json;

	channel_samples_read_values(&channel->samples, place, vm, values);
	if (!channel_samples_has_changed(&channel->samples, place, values))
		return;
	json_start(&json, line, LINE_BYTES);
	json_object_begin(&json, NULL);
	json_string(&json, "sample", vm->config.name);
	json_string(&json, "uuid", vm->uuid);
	json_u64(&json, "time_ns", machine_time_ns());
	json_array_begin(&json, "values");
	for (u32 i = 0; i < ARRAY_COUNT(values); i++)
		json_u64(&json, NULL, values[i]);
	json_array_end(&json);
	json_object_end(&json);
	channel_samples_send_line(channel, &json, line);
}

/*
 * Adds a CPU's busy and idle time. The part of the busy time that guests ran is null: the kernel
 * counts that by VM.
 */
static void channel_samples_show_cpu(struct json *json, const struct cpu_counters *counters,
				     u64 now)
{
	u64 since = READ_ONCE(counters->idle_since_tsc);
	u64 idle = READ_ONCE(counters->idle_tsc) + (since != 0 && since < now ? now - since : 0);
	u64 passed = now - machine_page()->boot_tsc;

	json_array_begin(json, NULL);
	json_u64(json, NULL, clock_tsc_to_ns(passed - MIN(idle, passed)));
	json_null(json, NULL);
	json_u64(json, NULL, clock_tsc_to_ns(MIN(idle, passed)));
	json_array_end(json);
}

static void channel_samples_send_host(struct machine_channel *channel)
{
	static char line[LINE_BYTES + 1];
	const struct kernel_page *page = machine_page();
	struct channel_samples *samples = &channel->samples;
	u64 now = clock_tsc();
	struct json json;

	json_start(&json, line, LINE_BYTES);
	json_object_begin(&json, NULL);
	json_null(&json, "sample");
	json_u64(&json, "time_ns", machine_time_ns());
	json_array_begin(&json, "cpus");
	for (u32 i = 0; i < MIN(page->cpu_count, CPUS_SHOWN); i++)
		channel_samples_show_cpu(&json, &page->cpu[i], now);
	json_array_end(&json);
	json_u64(&json, "free_bytes", READ_ONCE(page->pages[PAGE_FREE]) * PAGE_SIZE);
	if (samples->skipped != 0)
		json_u64(&json, "skipped", samples->skipped);
	samples->skipped = 0;
	json_object_end(&json);
	channel_samples_send_line(channel, &json, line);
}

/*
 * Begins a round, the lines of one sample of all VMs and the host, if one is due. Rounds that came
 * due while another one was under way, or that are late by a whole period, are skipped and counted.
 */
static void channel_samples_begin_round(struct channel_samples *samples, u64 now)
{
	u64 late;

	if (now < samples->next_tsc)
		return;
	late = (now - samples->next_tsc) / samples->period_tsc;
	samples->next_tsc += (late + 1) * samples->period_tsc;
	if (samples->under_way) {
		samples->skipped += late + 1;
		return;
	}
	samples->skipped += late;
	samples->under_way = true;
	samples->place = 0;
}

bool channel_samples_step(struct machine_channel *channel)
{
	struct channel_samples *samples = &channel->samples;
	bool moved = false;

	if (!channel->login.open)
		samples->period_tsc = 0;
	if (samples->period_tsc == 0)
		return false;
	channel_samples_begin_round(samples, clock_tsc());
	while (samples->under_way && channel_takes_line(channel)) {
		const struct vm *vm = samples->place > 0 ? vm_at(samples->place - 1) : NULL;

		if (samples->place == 0)
			channel_samples_send_host(channel);
		else if (vm != NULL && !(vm_is_ending(vm) && vm->after == AFTER_REMOVE))
			channel_samples_send_vm(channel, samples->place - 1, vm);
		samples->under_way = samples->place++ < VM_MAX;
		moved = true;
	}
	return moved;
}

u64 channel_samples_deadline(const struct machine_channel *channel)
{
	return channel->samples.period_tsc != 0 ? channel->samples.next_tsc : ~0ull;
}
