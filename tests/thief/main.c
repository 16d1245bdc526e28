/* SPDX-License-Identifier: MIT */
/*
 * The entry of the image of time thieves: finds out whether the process is the boss, a victim or an
 * attacker, and plays that role.
 */
#include "lib/bits.h"
#include "tests/thief/thief.h"

struct shared *shared;
handle_t own_self, own_space, own_group;

static void find_shared(void)
{
	u64 at;

	if (sys_space_map(own_space, 0, start_handle(START_CHANNEL), 0, PAGE_SIZE,
			  RIGHT_READ | RIGHT_WRITE, &at) != STATUS_OK)
		rt_fail("channel");
	shared = (struct shared *)at;
}

int main(void)
{
	own_self = start_handle(START_SELF);
	own_space = start_handle(START_SPACE);
	own_group = start_handle(START_GROUP);
	if (start_handle(START_ROOT) != HANDLE_NONE)
		boss_main();
	find_shared();
	if (start_info->parameter[PARAMETER_ROLE] == ROLE_VICTIM)
		victim_main();
	if (start_info->parameter[PARAMETER_ROLE] == ROLE_LIGHT)
		light_main();
	attacker_main();
}
