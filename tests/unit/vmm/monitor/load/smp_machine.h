/* SPDX-License-Identifier: MIT */
#pragma once

/* One machine with four vCPUs, whose threads are run one round at a time. */
#include "tests/unit/monitor_fixture.h"

static int make_four(void **state)
{
	(void)state;
	fixture_make_many(4);
	for (u32 i = 1; i < 4; i++)
		irq_pending[i] = PENDING_WAIT;
	return 0;
}

/* Runs one round of the vCPU's thread, up to its next wait or run. */
static bool round_of(u32 cpu)
{
	u64 deadline_tsc;

	return loop_between_runs(&machine.vcpu[cpu], &deadline_tsc);
}

static bool round_after(u32 cpu, enum exit_reason reason)
{
	machine.vcpu[cpu].page->exit.reason = reason;
	machine.vcpu[cpu].page->exit.io_size = 1;
	machine.vcpu[cpu].page->exit.instruction_length = 2;
	machine.vcpu[cpu].page->request = 0;
	return round_of(cpu);
}

static void all_in_guest(void)
{
	memset(irq_pending, 0, sizeof(irq_pending));
	for (u32 i = 0; i < 4; i++)
		assert_true(round_of(i));
	assert_int_equal(machine.guest_count, 4);
}
