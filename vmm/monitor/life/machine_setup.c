/* SPDX-License-Identifier: MIT */
/*
 * Builds the VM once from the objects that the manager has handed over: RAM, vCPUs, devices and
 * links. Called by main.c, rebuild.c and handover.c; maps memory and binds signals.
 */
#include "vmm/monitor/life/machine_setup.h"

#include "vmm/monitor/life/disk_open.h"
#include "vmm/monitor/life/disk_unlock.h"
#include "vmm/monitor/life/firmware_open.h"
#include "vmm/monitor/life/flash_open.h"
#include "vmm/monitor/life/handover.h"
#include "vmm/monitor/life/loop.h"
#include "vmm/monitor/life/reserve.h"
#include "vmm/monitor/life/seed_open.h"
#include "vmm/monitor/life/vcpu_setup.h"
#include "vmm/monitor/life/window_open.h"
#include "vmm/monitor/load/firmware.h"
#include "vmm/monitor/machine/console.h"
#include "vmm/monitor/memory/layout.h"
#include "vmm/monitor/life/net_open.h"
#include "vmm/monitor/machine/random.h"
#include "vmm/monitor/save/restore.h"
#include "vmm/monitor/state/machine_state.h"
#include "vmm/monitor/vcpu/trap.h"
#include "vmm/monitor/vcpu/vapic.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/memory.h"
#include "vmm/rt/start.h"
#include "vmm/rt/status_text.h"
#include "vmm/rt/syscall.h"
#include "vmm/rt/vsock.h"

enum machine_setup_key { KEY_CHANNEL = 1, KEY_DISK = 3, KEY_NET = 4, KEY_WINDOW = 5 };

/*
 * Crashes the VM, with `what` as the reason, if the kernel has refused a step of the set-up;
 * returns whether it has worked.
 */
static bool machine_worked(struct machine *machine, const char *what, enum status status)
{
	if (status != STATUS_OK)
		machine_crash(machine, "the kernel says \"%s\" while %s", status_text(status),
			      what);
	return status == STATUS_OK;
}

static enum status machine_map_own(handle_t memory, u64 bytes, void **address)
{
	u64 at = 0;
	enum status status = sys_space_map(start_handle(START_SPACE), 0, memory, 0, bytes,
					   RIGHT_READ | RIGHT_WRITE, &at);

	*address = (void *)(uintptr_t)at;
	return status;
}

static bool machine_open_channel(struct machine *machine)
{
	void *address;

	/*
	 * without its channel the manager cannot be told why the set-up has failed: the process
	 * ends
	 */
	if (machine_map_own(start_handle(START_CHANNEL), align_up(CHANNEL_BYTES, PAGE_SIZE),
			    &address) != STATUS_OK)
		rt_fail("channel");
	machine->channel = address;
	console_ports_init(machine);
	machine->channel_out = start_handle(START_CHANNEL_OUT);
	if (!machine_worked(machine, "creating its queue",
			    sys_queue_create(start_handle(START_GROUP), &machine->queue)))
		return false;
	return machine_worked(
		machine, "binding its channel",
		sys_object_bind(start_handle(START_CHANNEL_IN), machine->queue, KEY_CHANNEL));
}

/* Maps the memory shared with the manager for the socket device of a VM that has one. */
static bool machine_open_vsock(struct machine *machine)
{
	handle_t memory = start_handle_of(START_CHANNEL, VSOCK_BYTES);
	void *address = NULL;

	if (memory == HANDLE_NONE)
		return true;
	if (!machine_worked(machine, "mapping its sockets",
			    machine_map_own(memory, VSOCK_BYTES, &address)))
		return false;
	machine->vsock = address;
	return true;
}

/*
 * Maps one piece of RAM into the guest's physical space; does nothing if the RAM ends before the
 * piece.
 */
static enum status machine_map_guest(u64 gpa, u64 offset, u64 end)
{
	u64 address;

	if (offset >= end)
		return STATUS_OK;
	return sys_space_map(start_handle(START_VM_SPACE), gpa, start_handle(START_RAM), offset,
			     end - offset, RIGHT_READ | RIGHT_WRITE | RIGHT_EXECUTE, &address);
}

static bool machine_map_ram(struct machine *machine)
{
	const struct start_entry *entry = start_find(START_RAM);
	u64 bytes = entry != NULL ? align_down(entry->value, PAGE_SIZE) : 0;
	u64 low = layout_low_bytes(bytes);
	enum status status;
	void *address = NULL;

	if (bytes < LAYOUT_RAM_MINIMUM) {
		machine_crash(machine, "memory: %lu bytes are too few, at least %lu are needed",
			      bytes, LAYOUT_RAM_MINIMUM);
		return false;
	}
	if (!machine_worked(machine, "mapping its RAM",
			    machine_map_own(entry->handle, bytes, &address)))
		return false;
	status = machine_map_guest(0, 0, LAYOUT_VGA);
	if (status == STATUS_OK)
		status = machine_map_guest(LAYOUT_VGA_END, LAYOUT_VGA_END, low);
	if (status == STATUS_OK)
		status = machine_map_guest(LAYOUT_ABOVE_4G, LAYOUT_LOW_END, bytes);
	if (!machine_worked(machine, "mapping the guest's RAM", status))
		return false;
	guest_memory_init(&machine->memory, address, bytes);
	machine->job.ram = address;
	machine->job.ram_bytes = bytes;
	return true;
}

static struct load_file machine_find_file(enum start_kind kind)
{
	const struct start_entry *entry = start_find(kind);

	if (entry == NULL)
		return (struct load_file){0};
	return (struct load_file){(const u8 *)(uintptr_t)entry->offset, entry->value};
}

static bool machine_create_vcpus(struct machine *machine)
{
	u64 count = start_info->parameter[MONITOR_VCPUS];
	u64 at;

	if (count == 0 || count > MACHINE_VCPU_MAX) {
		machine_crash(machine, "vcpus: %lu is not possible; use 1 to %u", count,
			      MACHINE_VCPU_MAX);
		return false;
	}
	if (!machine_worked(machine, "memory for vCPUs",
			    memory_map(align_up(count * sizeof(*machine->vcpu), PAGE_SIZE), &at)))
		return false;
	machine->vcpu = (struct vcpu *)(uintptr_t)at;
	machine->vcpu_count = (u32)count;
	for (u32 i = 0; i < machine->vcpu_count; i++) {
		if (!machine_worked(machine, "creating a vCPU",
				    vcpu_setup(&machine->vcpu[i], machine, i)))
			return false;
	}
	return true;
}

/* Maps a page into the test device's window (test_device.h), which only test guests ask for. */
static void machine_show_in_window(u64 at, u64 page)
{
	while (sys_space_unmap(start_handle(START_VM_SPACE), at, PAGE_SIZE) == STATUS_AGAIN)
		;
	if (page != 0)
		(void)!machine_map_guest(at, page * PAGE_SIZE, page * PAGE_SIZE + PAGE_SIZE);
}

static enum status machine_discard(u64 first, u64 count)
{
	return sys_memory_discard(start_handle(START_RAM), first, count);
}

static bool machine_has_flag(enum monitor_flag flag)
{
	return (start_info->parameter[MONITOR_FLAGS] & flag) != 0;
}

static void machine_say_firmware(void *context, const char *line)
{
	machine_log(context, "firmware: %s", line);
}

bool machine_make_devices(struct machine *machine)
{
	struct lapic_page *pages[MACHINE_VCPU_MAX];
	enum status status;
	const struct platform_config config = {
		.cpu_count = machine->vcpu_count,
		.ram_below_4g = layout_low_bytes(machine->job.ram_bytes),
		.ram_above_4g = layout_high_bytes(machine->job.ram_bytes),
		.serial_put = console_put,
		.serial_context = machine,
		.lapic_page = pages,
		.hpet = machine->job.hpet,
		.firmware = machine->firmware != NULL,
		.firmware_file = machine->firmware != NULL ? machine->firmware->file : NULL,
		.firmware_file_count =
			machine->firmware != NULL ? machine->firmware->file_count : 0,
		.boot_menu = machine->firmware != NULL && firmware_settings()->menu != 0,
		.firmware_say = machine_say_firmware,
		.flash = machine->flash != NULL ? &machine->flash->config : NULL,
		.test_device = machine_has_flag(MONITOR_TEST_DEVICE),
		.test_show = machine_show_in_window,
		.pci = machine->job.pci,
		.pci_high_base = machine->job.pci_high_base,
		.memory = &machine->memory,
		.random_draw = random_draw,
		.virtio_rng = machine_has_flag(MONITOR_VIRTIO_RNG),
		.virtio_balloon = machine_has_flag(MONITOR_VIRTIO_BALLOON),
		.ram_discard = machine_discard,
		.virtio_console = machine_has_flag(MONITOR_VIRTIO_CONSOLE),
		.port_put = console_port_put,
		.port_name = machine->port_name,
		.blk = machine->blk,
		.blk_count = machine->blk_count,
		.seed = machine->seed,
		.net = machine->net,
		.net_count = machine->net_count,
		.vsock = machine->vsock,
		.vsock_cid = start_info->parameter[MONITOR_ID] + VSOCK_CID_FIRST - 1,
		.vsock_tell = console_tell,
		.window = machine->window.bytes != 0 ? &machine->window : NULL,
	};

	for (u32 i = 0; i < machine->vcpu_count; i++)
		pages[i] = machine->vcpu[i].lapic_page;
	status = platform_init(&machine->platform, &config);
	if (status != STATUS_OK) {
		machine_crash(machine, "its device %u cannot be added: %s",
			      machine->platform.device_count, status_text(status));
		return false;
	}
	for (u32 i = 0; i < machine->vcpu_count; i++)
		machine->platform.irqchip.lapic[i].by_cpu = machine->vapic.by_cpu;
	return true;
}

bool machine_make_devices_anew(struct machine *machine)
{
	struct platform *platform = &machine->platform;
	const struct machine_clock clock = platform->clock;

	/* platform_take() clears what it gives of the storage, most of which nobody takes */
	memset(platform, 0, offsetof(struct platform, storage));
	platform->clock = clock;
	return machine_make_devices(machine);
}

static void machine_run_vcpu(void *vcpu)
{
	loop_run(vcpu);
}

/* Starts a thread for each vCPU but the first, which runs in the present thread. */
static bool machine_start_threads(struct machine *machine)
{
	for (u32 i = 1; i < machine->vcpu_count; i++) {
		if (!machine_worked(machine, "creating a vCPU's thread",
				    thread_start(machine_run_vcpu, &machine->vcpu[i])))
			return false;
	}
	return true;
}

bool machine_bind_links(struct machine *machine)
{
	return machine_worked(machine, "binding its disks", disk_bind_all(machine, KEY_DISK)) &&
	       machine_worked(machine, "binding its firmware's disk", flash_bind(machine)) &&
	       machine_worked(machine, "binding its network cards",
			      net_bind_all(machine, KEY_NET)) &&
	       machine_worked(machine, "binding its window", window_bind(machine, KEY_WINDOW));
}

static void machine_show_state_bytes(struct machine *machine)
{
	const struct state_choice all = state_choose_all(machine);

	machine->channel->state_bytes = state_bytes(machine, &all);
}

bool machine_setup(struct machine *machine)
{
	random_init();
	machine->handover.number = (u32)start_info->parameter[MONITOR_RENEWAL];
	if (!machine_open_channel(machine) || !machine_open_vsock(machine) ||
	    !machine_map_ram(machine))
		return false;
	cpuid_build(&machine->cpuid, (u32)start_info->parameter[MONITOR_VCPUS]);
	xsave_layout_find(&machine->xsave);
	machine->physical_bits = cpuid_shown(&machine->cpuid, CPUID_ADDRESS_SIZES, 0).eax &
				 CPUID_88_EAX_PHYSICAL_BITS;
	if (machine->physical_bits < 36 || machine->physical_bits > 52)
		machine->physical_bits = 36;
	machine->memory.physical_bits = machine->physical_bits;
	if (!machine_worked(machine, "opening its disks", disk_open_all(machine, KEY_DISK)) ||
	    !machine_worked(machine, "opening its network cards", net_open_all(machine, KEY_NET)) ||
	    !machine_worked(machine, "opening its window", window_open(machine, KEY_WINDOW)))
		return false;
	if (!disk_unlock_all(machine))
		return false;
	if (!machine_create_vcpus(machine) ||
	    !machine_worked(machine, "making its APICs",
			    vapic_setup(machine, !machine_has_flag(MONITOR_APIC_EMULATED))))
		return false;
	/* the guest's EOIs do not exit anyway, as the CPU virtualizes the APIC */
	if (machine->vapic.by_cpu)
		cpuid_hide_kvm(&machine->cpuid, KVM_PV_EOI);
	trap_set(machine, (u32)start_info->parameter[MONITOR_TRAP],
		 (u32)start_info->parameter[MONITOR_CONTROLS]);
	machine->job.kernel = machine_find_file(START_FILE_KERNEL);
	machine->job.initrd = machine_find_file(START_FILE_INITRD);
	machine->job.command_line = start_info->command_line;
	machine->job.demo = machine_has_flag(MONITOR_DEMO);
	machine->job.hpet = machine_has_flag(MONITOR_HPET);
	machine->job.pci = machine_has_flag(MONITOR_PCI);
	machine->job.pci_high_base =
		layout_pci_high(machine->job.ram_bytes, machine->physical_bits);
	machine->job.physical_bits = machine->physical_bits;
	machine->job.vcpu_count = machine->vcpu_count;
	machine->job.cpu = (struct mp_cpu){
		.signature = cpuid_shown(&machine->cpuid, CPUID_VERSION, 0).eax,
		.features = cpuid_shown(&machine->cpuid, CPUID_VERSION, 0).edx,
	};
	machine->job.page = machine->vcpu[0].page;
	machine->platform.clock.update = machine_refresh_clock;
	machine_time_start(&machine->time, start_info->tsc_khz, clock_tsc());
	machine_update_clock(machine);
	if (machine_has_flag(MONITOR_FIRMWARE) &&
	    (!firmware_open(machine) ||
	     !machine_worked(machine, "making its seed", seed_open(machine))))
		return false;
	if (!machine_make_devices(machine))
		return false;
	if (machine->handover.number != 0 && !handover_take(machine))
		return false;
	if (machine->handover.number == 0 && start_find(START_STATE) != NULL &&
	    !handover_clone(machine))
		return false;
	if (restore_wanted() && !restore_load(machine))
		return false;
	machine_show_state_bytes(machine);
	reserve_start(machine);
	return machine_start_threads(machine);
}
