/* SPDX-License-Identifier: MIT */
/*
 * A VM's whole state: which sections there are, and how they are saved and loaded. Called by
 * handover.c, restore.c, rebuild.c and saver processes; a loaded state is untrusted until checked.
 */
#include "vmm/monitor/state/machine_state.h"

#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/monitor/dev/platform_state.h"
#include "vmm/monitor/state/vcpu_state.h"
#include "vmm/monitor/vcpu/vapic.h"
#include "vmm/rt/clock.h"

/*
 * The difference in parts per million that is allowed between the rate of a saved guest's TSC and
 * that of the host on which it is loaded.
 */
#define TSC_TOLERANCE_PPM 250u

struct chosen {
	struct machine *machine;
	const struct state_choice *choice;
};

static void state_save_policy(const void *owner, void *bytes)
{
	const struct machine *machine = owner;
	const struct cpuid_policy *cpuid = &machine->cpuid;
	struct policy_saved *saved = bytes;

	saved->ram_bytes = machine->job.ram_bytes;
	saved->vcpu_count = machine->vcpu_count;
	saved->physical_bits = machine->physical_bits;
	saved->xcr0 = cpuid->xcr0;
	saved->leaf_count = cpuid->count;
	for (u32 i = 0; i < cpuid->count; i++)
		saved->leaf[i] = (struct policy_leaf){cpuid->entry[i].leaf, cpuid->entry[i].subleaf,
						      cpuid->entry[i].regs};
}

/*
 * The difference between the saved policy (RAM, vCPUs, CPUID) and the VM's own, in words. The
 * machine's lock guards this text, and a process has one VM.
 */
static char policy_text[96];

static bool state_policy_valid(const void *owner, const void *bytes, const char **reason)
{
	struct policy_saved own;

	memset(&own, 0, sizeof(own));
	state_save_policy(owner, &own);
	*reason = policy_text;
	return !policy_differs(bytes, &own, policy_text, sizeof(policy_text));
}

/*
 * Loads nothing, for sections that are only compared: the policy (RAM, vCPUs, CPUID), and the date,
 * which the VM takes from the host.
 */
static void state_load_nothing(void *owner, const void *bytes)
{
	(void)owner, (void)bytes;
}

static u64 state_guest_tsc_now(const struct machine_time *time)
{
	return time->paused_tsc != 0 ? time->paused_tsc : clock_tsc();
}

static void state_save_time(const void *owner, void *bytes)
{
	const struct machine *machine = owner;
	const struct machine_time *time = &machine->time;

	*(struct time_saved *)bytes = (struct time_saved){
		.elapsed_tsc = state_guest_tsc_now(time) - time->base_tsc,
		.tsc_khz = time->tsc_khz,
	};
}

static bool state_time_valid(const void *owner, const void *bytes, const char **reason)
{
	const struct machine *machine = owner;
	const struct time_saved *saved = bytes;
	u64 own = machine->time.tsc_khz;
	u64 tolerated =
		own / 1000000 * TSC_TOLERANCE_PPM + own % 1000000 * TSC_TOLERANCE_PPM / 1000000;

	if (saved->tsc_khz > own + tolerated || saved->tsc_khz < own - tolerated) {
		*reason = "the TSC has another rate";
		return false;
	}
	if (saved->elapsed_tsc >> 63 != 0) {
		*reason = "its time is centuries ahead";
		return false;
	}
	return true;
}

static void state_load_time(void *owner, const void *bytes)
{
	struct machine *machine = owner;
	const struct time_saved *saved = bytes;

	machine->time.base_tsc = state_guest_tsc_now(&machine->time) - saved->elapsed_tsc;
	machine_update_clock(machine);
}

static void state_save_wall(const void *owner, void *bytes)
{
	const struct machine_time *time = &((const struct machine *)owner)->time;

	((struct wall_saved *)bytes)->unix_ns =
		machine_time_wall_ns(time, state_guest_tsc_now(time));
}

static bool state_wall_valid(const void *owner, const void *bytes, const char **reason)
{
	(void)owner, (void)bytes, (void)reason;
	return true;
}

u64 state_wall_ns(const void *bytes)
{
	const struct state_record *record = state_find(bytes, STATE_WALL | STATE_SKIPPABLE, 0);

	if (record == NULL || record->version != 1 || record->length != sizeof(struct wall_saved))
		return 0;
	return ((const struct wall_saved *)(record + 1))->unix_ns;
}

static struct state_section state_policy_section(struct machine *machine)
{
	return (struct state_section){
		.name = "policy",
		.kind = STATE_POLICY,
		.version = 1,
		.bytes = sizeof(struct policy_saved),
		.owner = machine,
		.save = state_save_policy,
		.valid = state_policy_valid,
		.load = state_load_nothing,
	};
}

static struct state_section state_time_section(struct machine *machine)
{
	return (struct state_section){
		.name = "time",
		.kind = STATE_TIME,
		.version = 1,
		.bytes = sizeof(struct time_saved),
		.owner = machine,
		.save = state_save_time,
		.valid = state_time_valid,
		.load = state_load_time,
	};
}

static struct state_section state_wall_section(struct machine *machine)
{
	return (struct state_section){
		.name = "wall",
		.kind = machine->time.wall_seconds != 0 ? STATE_WALL : 0,
		.version = 1,
		.optional = true,
		.bytes = sizeof(struct wall_saved),
		.owner = machine,
		.save = state_save_wall,
		.valid = state_wall_valid,
		.load = state_load_nothing,
	};
}

/*
 * The sections of the state that belong to no vCPU and no device, in the order of saving and
 * loading.
 */
static struct state_section (*const state_whole[])(struct machine *machine) = {
	state_policy_section,
	state_time_section,
	state_wall_section,
};

/*
 * Describes the section with this index among the chosen ones. The time comes before vCPUs and
 * devices, which take their times from it.
 */
bool state_section_at(struct machine *machine, const struct state_choice *choice, u32 index,
		      struct state_section *section)
{
	struct platform_part part = {&machine->platform, choice->lapics};
	u32 cpu;

	if (index < ARRAY_COUNT(state_whole)) {
		*section = state_whole[index](machine);
		if (!choice->whole)
			section->kind = 0;
		return true;
	}
	index -= (u32)ARRAY_COUNT(state_whole);
	cpu = index / 2;
	if (cpu < machine->vcpu_count) {
		*section = index % 2 == 0 ? vcpu_state_section(&machine->vcpu[cpu])
					  : vcpu_state_xsave(&machine->vcpu[cpu]);
		if ((choice->vcpus >> cpu & 1) == 0)
			section->kind = 0;
		return true;
	}
	return platform_section(&part, index - 2 * machine->vcpu_count, section);
}

static bool state_chosen_at(void *owner, u32 index, struct state_section *section)
{
	const struct chosen *chosen = owner;

	return state_section_at(chosen->machine, chosen->choice, index, section);
}

static enum state_vendor state_vendor_here(void)
{
	return vcpu_is_svm() ? STATE_VENDOR_SVM : STATE_VENDOR_VMX;
}

struct state_choice state_choose_all(const struct machine *machine)
{
	u64 all = BITS(machine->vcpu_count - 1, 0);

	return (struct state_choice){.vcpus = all, .lapics = all, .whole = true};
}

u64 state_bytes(struct machine *machine, const struct state_choice *choice)
{
	u64 bytes = sizeof(struct state_header) + state_record_bytes(sizeof(struct state_end));
	struct state_section section;

	for (u32 i = 0; state_section_at(machine, choice, i, &section); i++)
		bytes += section.kind != 0 ? state_record_bytes(section.bytes) : 0;
	return bytes;
}

enum status state_save(struct machine *machine, const struct state_choice *choice, const char *name,
		       void *bytes, size_t size, size_t *used)
{
	struct chosen chosen = {machine, choice};
	const struct state_list list = {&chosen, state_chosen_at};

	for (u32 i = 0; i < machine->vcpu_count; i++)
		if ((choice->vcpus >> i & 1) != 0)
			vcpu_need(&machine->vcpu[i], (VCPU_ALL & ~(u32)VCPU_EVENT) | VCPU_XSAVE);
	return state_list_save(&list, name, state_vendor_here(), bytes, size, used);
}

static void state_was_loaded(struct machine *machine, const struct state_choice *choice)
{
	for (u32 i = 0; i < machine->vcpu_count; i++) {
		if ((choice->vcpus >> i & 1) == 0)
			continue;
		vcpu_show_cpuid(&machine->vcpu[i]);
		vapic_prepare_anew(&machine->vcpu[i]);
	}
}

bool state_fits(struct machine *machine, const struct state_choice *choice, const void *bytes,
		size_t size, struct state_problem *problem)
{
	struct chosen chosen = {machine, choice};
	const struct state_list list = {&chosen, state_chosen_at};

	return state_list_check(&list, state_vendor_here(), bytes, size, problem);
}

bool state_load(struct machine *machine, const struct state_choice *choice, const void *bytes,
		size_t size, struct state_problem *problem)
{
	struct chosen chosen = {machine, choice};
	const struct state_list list = {&chosen, state_chosen_at};

	if (!state_list_load(&list, state_vendor_here(), bytes, size, problem))
		return false;
	state_was_loaded(machine, choice);
	return true;
}

void state_load_again(struct machine *machine, const struct state_choice *choice, const void *bytes)
{
	struct chosen chosen = {machine, choice};
	const struct state_list list = {&chosen, state_chosen_at};

	state_list_take(&list, bytes);
	state_was_loaded(machine, choice);
}
