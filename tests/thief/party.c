/* SPDX-License-Identifier: MIT */
/*
 * Makes, starts and ends one party of the image of time thieves: a group and a process with what a
 * monitor has. Called by the boss.
 */
#include "lib/bits.h"
#include "lib/string.h"
#include "tests/thief/boss.h"
#include "vmm/rt/status_text.h"

#define RAM_BYTES   (64 * PAGE_SIZE)
#define QUOTA_PAGES 12000u /* the quota of a monitor of a VM with 40 MiB */
#define WEIGHT	    256u

static bool step(const char *what, enum status status)
{
	if (status != STATUS_OK)
		say("THIEF FAIL %s: %s\n", what, status_text(status));
	return status == STATUS_OK;
}

#define STEP(call) step(#call, call)

/* Sets the CPUs on which a party may run, if the command line names any. */
static bool pin(const struct party *party, enum role role)
{
	u64 cpus =
		role == ROLE_ATTACKER ? option_number("attacker", 0) : option_number("victim", 0);

	return cpus == 0 || STEP(sys_group_set(party->group, GROUP_AFFINITY, cpus));
}

static bool make_objects(struct party *p, u64 reservable)
{
	handle_t root = start_handle(START_ROOT);

	return STEP(sys_group_create(root, QUOTA_PAGES, WEIGHT, &p->group)) &&
	       STEP(sys_group_set(p->group, GROUP_RESERVABLE_PERMILLE, reservable)) &&
	       STEP(sys_memory_create(p->group, RAM_BYTES, MEMORY_GUEST, &p->ram)) &&
	       STEP(sys_space_create(p->group, &p->space)) &&
	       STEP(sys_vm_create(p->group, p->space, &p->vm)) &&
	       STEP(sys_process_create(p->group, start_handle(START_MONITOR_IMAGE), 0,
				       &p->process)) &&
	       STEP(sys_process_space(p->process, &p->process_space)) &&
	       STEP(sys_memory_create(p->group, START_BYTES, 0, &p->start)) &&
	       STEP(sys_event_create(p->group, &p->wake)) &&
	       STEP(sys_event_create(p->group, &p->out)) &&
	       STEP(sys_space_map(own_space, 0, p->start, 0, START_BYTES, RIGHT_READ | RIGHT_WRITE,
				  &p->info_at));
}

/* The handles of a monitor: vm_grant_all in vmm/manager/vm/process/vm_build.c. */
static bool grant(const struct party *p, struct start_info *info)
{
	const struct {
		enum start_kind kind;
		handle_t handle;
		u32 rights;
	} grants[] = {
		{START_SELF, p->process, RIGHT_READ | RIGHT_WRITE | RIGHT_CONTROL},
		{START_SPACE, p->process_space, RIGHT_READ | RIGHT_MAP},
		{START_GROUP, p->group, RIGHT_READ | RIGHT_CREATE},
		{START_VM_SPACE, p->space, RIGHT_READ | RIGHT_MAP},
		{START_VM, p->vm, RIGHT_READ | RIGHT_CREATE | RIGHT_CONTROL},
		{START_RAM, p->ram, RIGHT_READ | RIGHT_WRITE},
		{START_CHANNEL, boss_channel, RIGHT_READ | RIGHT_WRITE},
		{START_CHANNEL_IN, p->wake, RIGHT_READ | RIGHT_BIND},
		{START_CHANNEL_OUT, p->out, RIGHT_WRITE},
	};
	handle_t theirs;

	for (u32 i = 0; i < ARRAY_COUNT(grants); i++) {
		if (!STEP(sys_handle_grant(p->process, grants[i].handle, grants[i].rights,
					   &theirs)))
			return false;
		info->entry[info->entry_count++] =
			(struct start_entry){.kind = grants[i].kind, .handle = theirs};
	}
	return true;
}

bool party_make(struct party *party, enum role role, u64 pattern, u64 reservable_permille)
{
	struct start_info *info;

	*party = (struct party){0};
	if (!make_objects(party, reservable_permille) || !pin(party, role))
		return false;
	info = (struct start_info *)party->info_at;
	*info = (struct start_info){
		.magic = START_MAGIC,
		.abi_version = start_info->abi_version,
		.syscall_method = start_info->syscall_method,
		.tsc_khz = start_info->tsc_khz,
	};
	memcpy(info->backend, start_info->backend, sizeof(info->backend));
	info->parameter[PARAMETER_ROLE] = role;
	info->parameter[PARAMETER_PATTERN] = pattern;
	info->parameter[PARAMETER_SEED] = option_number("seed", 1);
	info->parameter[PARAMETER_GUEST] = option_number("guest", 0);
	return grant(party, info);
}

bool party_start(struct party *party)
{
	return STEP(sys_process_start(party->process, party->start));
}

void party_end(struct party *party)
{
	if (party->info_at != 0)
		(void)sys_space_unmap(own_space, party->info_at, START_BYTES);
	party->info_at = 0;
}
