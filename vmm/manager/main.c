/* SPDX-License-Identifier: MIT */
/* The manager: reads the configuration, creates monitors, owns the console, keeps the log. */
#include "vmm/manager/config/files.h"
#include "vmm/manager/config/setup.h"
#include "vmm/manager/console/console.h"
#include "vmm/manager/console/console_script.h"
#include "vmm/manager/events.h"
#include "vmm/manager/gdb/gdb.h"
#include "vmm/manager/host/machine.h"
#include "vmm/manager/host/shutdown.h"
#include "vmm/manager/log/log.h"
#include "vmm/manager/log/log_export.h"
#include "vmm/manager/machine_channel.h"
#include "vmm/manager/perf.h"
#include "vmm/manager/random.h"
#include "vmm/manager/vm/vm.h"
#include "vmm/manager/vm/vm_build.h"
#include "vmm/rt/start.h"

static void handle(const struct event *event)
{
	struct vm *vm;

	switch (event->source) {
	case EVENT_SERIAL:
		serial_interrupt((enum serial_name)event->number);
		break;
	case EVENT_LOG:
		break; /* read each turn */
	case EVENT_CHANNEL:
	case EVENT_PROCESS:
		vm = vm_by_id(event->number);
		if (vm == NULL)
			break; /* its last signal outlived it */
		if (event->source == EVENT_CHANNEL)
			vm_channel_signalled(vm);
		else
			vm_process_ended(vm);
		break;
	}
}

extern char __data_end[];
extern char __bss_end[];

/* As deep as anything here goes; the kernel gives a first thread 64 KiB. */
#define STACK_PAGES_TOUCHED 13u

/*
 * Takes every page the manager will ever write, so that what `mem` shows from then on is what VMs
 * cost.
 */
static void touch_all(void)
{
	volatile char *stack = __builtin_frame_address(0);

	for (volatile char *page = __data_end; page < __bss_end; page += PAGE_SIZE)
		*page = *page;
	for (u32 i = 1; i <= STACK_PAGES_TOUCHED; i++)
		stack[-(s64)(i * PAGE_SIZE)] = 0;
}

/* One turn: whatever has happened, then one step of everything that is under way. */
static void turn(void)
{
	struct event event;
	bool more;
	u64 deadline;

	while (events_wait(0, &event))
		handle(&event);
	log_take_kernel();
	perf_step();
	gdb_step();
	more = vm_step();
	more |= console_step();
	more |= log_export_step();
	more |= machine_channel_step();
	shutdown_step();
	if (more)
		return;
	deadline = MIN(vm_deadline(), console_deadline());
	deadline = MIN(deadline, machine_channel_deadline());
	deadline = MIN(deadline, MIN(setup_deadline(), log_deadline()));
	deadline = MIN(deadline, MIN(perf_deadline(), gdb_deadline()));
	if (events_wait(deadline, &event))
		handle(&event);
}

int main(void)
{
	if (events_init() != STATUS_OK || machine_init() != STATUS_OK || log_init() != STATUS_OK)
		rt_fail("setup");
	touch_all();
	random_init();
	console_init(SERIAL_COM1);
	setup_banner();
	setup_options();
	setup_serial();
	setup_config_file();
	setup_host();
	vm_build_init();
	while (setup_start_next()) {
		while (!setup_settled())
			turn();
	}
	console_script_set(setup_options_get()->run);
	console_open();
	for (;;)
		turn();
}
