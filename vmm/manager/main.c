/* SPDX-License-Identifier: MIT */
/*
 * The manager's start: sets up the manager's parts in order, starts drivers and VMs, then runs the
 * event loop for ever. Run by the kernel as the first process.
 */
#include "vmm/manager/config/boot_config.h"
#include "vmm/manager/inspect/perf.h"
#include "vmm/manager/setup.h"
#include "vmm/manager/console/console.h"
#include "vmm/manager/console/console_script.h"
#include "vmm/manager/disk/disk.h"
#include "vmm/manager/disk/store.h"
#include "vmm/manager/net/net.h"
#include "vmm/manager/process/events.h"
#include "vmm/manager/host/machine.h"
#include "vmm/manager/iommu/iommu.h"
#include "vmm/manager/log/log.h"
#include "vmm/manager/log/log_text.h"
#include "vmm/manager/pci/pci.h"
#include "vmm/manager/process/random.h"
#include "vmm/manager/event_loop.h"
#include "vmm/manager/vm/process/vm_build.h"
#include "vmm/rt/start.h"
#include "vmm/rt/syscall.h"

#define MANAGER_RESERVE_PERMILLE 50u
#define MANAGER_RESERVE_NS	 NS_PER_MS

static const struct log_hooks log_hooks = {.vm_name = vm_name_by_low_id, .take_entry = perf_take};

extern char __data_end[];
extern char __bss_end[];

/*
 * The number of pages of the stack that the manager's deepest calls reach; the kernel gives a first
 * thread 64 KiB.
 */
#define STACK_PAGES_TOUCHED 13u

/*
 * Touches every page that the manager will ever write, so that the kernel populates them now and
 * later changes in the output of `mem` are due to VMs.
 */
static void main_touch_all(void)
{
	volatile char *stack = __builtin_frame_address(0);

	for (volatile char *page = __data_end; page < __bss_end; page += PAGE_SIZE)
		*page = *page;
	for (u32 i = 1; i <= STACK_PAGES_TOUCHED; i++)
		stack[-(s64)(i * PAGE_SIZE)] = 0;
}

/*
 * Reserves CPU time for the manager, so that operators' commands are handled and can end VMs under
 * any load. Without the reservation (another CPU would have to be found, or the time is reserved
 * already) the manager has only its weight.
 */
static void main_reserve_time(void)
{
	u64 ignored;

	if (sys_group_set(start_handle(START_GROUP), GROUP_RESERVABLE_PERMILLE,
			  MANAGER_RESERVE_PERMILLE) == STATUS_OK)
		(void)!sys_thread_reserve(HANDLE_NONE, MANAGER_RESERVE_NS,
					  MANAGER_RESERVE_NS * 1000 / MANAGER_RESERVE_PERMILLE,
					  &ignored);
}

int main(void)
{
	main_reserve_time();
	if (events_init() != STATUS_OK || machine_init() != STATUS_OK || log_init() != STATUS_OK)
		rt_fail("setup");
	log_hooks_set(&log_hooks);
	log_text_start(machine_start_unix_ns());
	main_touch_all();
	random_init();
	console_init(SERIAL_COM1);
	setup_banner();
	setup_options();
	setup_serial();
	setup_config_file();
	setup_host();
	pci_init();
	iommu_init();
	vm_build_init();
	disks_start();
	stores_init();
	nets_start();
	while (!drivers_settled() || !stores_settled())
		event_loop_run_once();
	while (setup_start_next()) {
		while (!setup_settled())
			event_loop_run_once();
	}
	console_script_set(boot_config_options()->run);
	console_open();
	for (;;)
		event_loop_run_once();
}
