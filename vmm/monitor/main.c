/* SPDX-License-Identifier: MIT */
/*
 * The monitor: one process for one VM. It loads the guest, provides its devices and handles the
 * exits that the CPU and the kernel leave. The manager starts it; it can reach its own guest's
 * memory and no other's. Runs the saver, copier, restorer or carrier instead if the start flags ask
 * for that.
 */
#include "vmm/monitor/life/loop.h"
#include "vmm/monitor/life/machine_setup.h"
#include "vmm/monitor/life/todo.h"
#include "vmm/monitor/machine/machine.h"
#include "vmm/monitor/save/carrier.h"
#include "vmm/monitor/save/copier.h"
#include "vmm/monitor/save/restorer.h"
#include "vmm/monitor/save/saver.h"
#include "vmm/rt/start.h"
#include "vmm/rt/syscall.h"

static struct machine machine;

/*
 * Waits for the end of the process, after the set-up has failed: the manager reads why, and ends
 * the process.
 */
static NORETURN void main_wait_for_the_end(void)
{
	u64 key;

	todo_do(&machine);
	(void)sys_event_signal(machine.channel_out);
	while (sys_queue_wait(machine.queue, ~0ull, &key) == STATUS_OK)
		;
	rt_fail("queue");
}

int main(void)
{
	if (copier_wanted())
		copier_run();
	if (restorer_wanted())
		restorer_run();
	if (carrier_wanted())
		carrier_run();
	if (saver_wanted())
		saver_run();
	if (!machine_setup(&machine))
		main_wait_for_the_end();
	loop_run(&machine.vcpu[0]);
}
