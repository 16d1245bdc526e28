/* SPDX-License-Identifier: MIT */
/*
 * Reserves CPU time for the vCPUs in rounds, in each of which every vCPU's thread asks the kernel
 * once (struct reserve). Called by command.c, machine_setup.c and loop.c under the machine's lock;
 * a thread can reserve for itself only.
 */
#include "vmm/monitor/life/reserve.h"

#include "vmm/monitor/life/command.h"
#include "vmm/monitor/machine/machine.h"
#include "vmm/rt/start.h"
#include "vmm/rt/syscall.h"

static void reserve_begin_round(struct machine *machine, struct reserve_time wanted)
{
	struct reserve *reserve = &machine->reserve;

	reserve->wanted = wanted;
	reserve->round++;
	reserve->waiting = machine->vcpu_count;
}

/* Publishes to the manager whether the kernel has granted the reservation. */
static void reserve_show_result(struct machine *machine)
{
	struct reserve *reserve = &machine->reserve;
	struct vm_channel *channel = machine->channel;

	channel->reserve_refused = reserve->refused;
	channel->reserve_left = (u32)reserve->left_permille;
	channel->reserve_vcpu = reserve->refused_vcpu;
	if (channel->ready == 0 && reserve->refused)
		machine_crash(machine,
			      "reserve: vCPU %u cannot be given %lu us of each %lu us; only %lu "
			      "permille of a CPU are left",
			      reserve->refused_vcpu,
			      start_info->parameter[MONITOR_RESERVE_BUDGET_NS] / NS_PER_US,
			      start_info->parameter[MONITOR_RESERVE_PERIOD_NS] / NS_PER_US,
			      reserve->left_permille);
	else
		__atomic_store_n(&channel->ready, 1, __ATOMIC_RELEASE);
	machine->signal = true;
	command_handle(machine);
}

static void reserve_end_round(struct machine *machine)
{
	struct reserve *reserve = &machine->reserve;
	bool back = reserve->wanted.budget_ns == reserve->kept.budget_ns &&
		    reserve->wanted.period_ns == reserve->kept.period_ns;

	if (reserve->refused && !back) {
		reserve_begin_round(machine, reserve->kept);
		machine_wake_all(machine);
		return;
	}
	reserve->kept = reserve->wanted;
	reserve_show_result(machine);
}

void reserve_start(struct machine *machine)
{
	const u64 *parameter = start_info->parameter;

	if (parameter[MONITOR_RESERVE_BUDGET_NS] == 0)
		reserve_show_result(machine);
	else
		reserve_begin_round(machine,
				    (struct reserve_time){parameter[MONITOR_RESERVE_BUDGET_NS],
							  parameter[MONITOR_RESERVE_PERIOD_NS]});
}

void reserve_change(struct machine *machine, u64 budget_ns, u64 period_ns)
{
	machine->reserve.refused = false;
	reserve_begin_round(machine, (struct reserve_time){budget_ns, period_ns});
	machine_wake_all(machine);
}

bool reserve_under_way(const struct machine *machine)
{
	return machine->reserve.waiting != 0;
}

void reserve_ask(struct vcpu *vcpu)
{
	struct machine *machine = vcpu->machine;
	struct reserve *reserve = &machine->reserve;
	u64 left = 0;

	/*
	 * if the kernel has refused a vCPU, the last to ask starts a second round, in which all
	 * vCPUs ask for the reservation that they had before
	 */
	while (vcpu->reserve_round != reserve->round) {
		vcpu->reserve_round = reserve->round;
		if (sys_thread_reserve(HANDLE_NONE, reserve->wanted.budget_ns,
				       reserve->wanted.period_ns, &left) != STATUS_OK) {
			reserve->refused = true;
			reserve->refused_vcpu = vcpu->id;
			reserve->left_permille = left;
		}
		if (--reserve->waiting == 0)
			reserve_end_round(machine);
	}
}
