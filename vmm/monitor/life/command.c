/* SPDX-License-Identifier: MIT */
/*
 * Carries out the manager's commands for the VM. Called by pending.c under the machine's lock;
 * changes the VM's state, or notes work for todo.c.
 */
#include "vmm/monitor/life/command.h"

#include "vmm/monitor/dev/acpi_pm.h"
#include "vmm/monitor/life/handover.h"
#include "vmm/monitor/life/reserve.h"
#include "vmm/monitor/life/todo.h"
#include "vmm/monitor/machine/machine.h"
#include "vmm/rt/syscall.h"

/*
 * Carries out one command. A command that does not fit the VM's present state has no effect: the
 * manager sees that in the state.
 */
static void command_handle_one(struct machine *machine, u32 command)
{
	switch (command) {
	case VM_COMMAND_START:
		if (machine->handover.loaded)
			handover_start(machine);
		else if (machine->state == VM_CREATED || machine->state == VM_CRASHED)
			machine_start(machine);
		break;
	case VM_COMMAND_PAUSE:
		machine_pause(machine);
		break;
	case VM_COMMAND_RESUME:
		machine_resume(machine);
		break;
	case VM_COMMAND_RESET:
		if (machine->state == VM_RUNNING || machine->state == VM_PAUSED)
			machine_reset(machine);
		break;
	case VM_COMMAND_POWER_BUTTON:
		acpi_pm_power_button(machine->platform.acpi_pm);
		break;
	case VM_COMMAND_TRAP:
		machine_trap(machine);
		break;
	case VM_COMMAND_RESERVE:
		reserve_change(machine, machine->channel->reserve_budget_ns,
			       machine->channel->reserve_period_ns);
		break;
	case VM_COMMAND_SAVE:
		machine_save(machine);
		break;
	case VM_COMMAND_CONTINUE:
		quiesce_thaw(machine);
		handover_continue(machine);
		break;
	case VM_COMMAND_HOLD:
		machine_hold_still(machine);
		break;
	case VM_COMMAND_QUIESCE:
		quiesce_begin(machine);
		break;
	case VM_COMMAND_THAW:
		quiesce_thaw(machine);
		break;
	case VM_COMMAND_LOAD:
		handover_load(machine);
		break;
	default:
		break;
	}
}

void command_handle(struct machine *machine)
{
	struct vm_channel *channel = machine->channel;
	u32 sequence = __atomic_load_n(&channel->command_sequence, __ATOMIC_ACQUIRE);

	/*
	 * the command carried out last may still wait until all vCPUs have left the guest, or have
	 * asked the kernel for their CPU time
	 */
	if (machine->todo != 0 || reserve_under_way(machine))
		return;
	if (sequence != machine->obeyed) {
		machine->obeyed = sequence;
		command_handle_one(machine, channel->command);
		todo_do(machine);
	}
	if (machine->todo != 0 || reserve_under_way(machine) ||
	    machine->obeyed == channel->done_sequence)
		return;
	__atomic_store_n(&channel->done_sequence, machine->obeyed, __ATOMIC_RELEASE);
	machine->signal = true;
}
