/* SPDX-License-Identifier: MIT */
/*
 * Saves, destroys and rebuilds the VM's vCPU and devices to show that its saved state is complete.
 * Called by loop.c in images built with TEST=1; replaces the vCPU and all devices.
 */
#include "vmm/monitor/life/rebuild.h"

#include "lib/bits.h"
#include "vmm/monitor/dev/flash.h"
#include "vmm/monitor/life/machine_setup.h"
#include "vmm/monitor/life/vcpu_setup.h"
#include "vmm/monitor/state/machine_state.h"
#include "vmm/monitor/virtio/virtio_blk.h"
#include "vmm/monitor/virtio/virtio_net.h"
#include "vmm/rt/memory.h"
#include "vmm/rt/start.h"
#include "vmm/rt/status_text.h"
#include "vmm/rt/syscall.h"

#define CPUS_MAX 8u /* the most vCPUs of a VM whose devices can be rebuilt */
#define SAVED_MAX                                                                                  \
	(CPUS_MAX * (sizeof(struct lapic_saved) + 2 * PAGE_SIZE) + 64 * KIB +                      \
	 VIRTIO_BLK_MAX * (sizeof(struct virtio_scsi_state) + KIB) +                               \
	 VIRTIO_NET_MAX * (sizeof(struct virtio_net_state) + KIB))
#define POISON 0xcc

/* The size of the saved state. The machine's lock guards it, and a monitor has one VM only. */
static size_t saved_used;
static struct lapic kept_lapic[CPUS_MAX];
static struct lapic_page unused_page;

/*
 * Makes a vCPU anew. The kernel's counters in the vCPU page go on; everything else in the new pages
 * comes from the saved state.
 */
static enum status rebuild_make_vcpu_anew(struct vcpu *vcpu)
{
	u32 run_count = vcpu->page->run_count;
	u64 waited_tsc = vcpu->page->waited_tsc;
	enum status status = sys_object_destroy(vcpu->handle);

	if (status == STATUS_OK)
		status = sys_space_unmap(start_handle(START_SPACE), (u64)(uintptr_t)vcpu->page,
					 VCPU_PAGES_MAX * PAGE_SIZE);
	if (status == STATUS_OK)
		status = vcpu_setup_pages(vcpu);
	if (status != STATUS_OK)
		return status;
	vcpu->page->run_count = run_count;
	vcpu->page->waited_tsc = waited_tsc;
	return STATUS_OK;
}

/*
 * Returns whether a vCPU's local APIC is kept, because the vCPU is in the guest and uses the APIC's
 * page.
 */
static bool rebuild_keeps_lapic(const struct machine *machine, u32 cpu)
{
	return machine->vcpu[cpu].place == VCPU_IN_GUEST;
}

/*
 * Chooses the parts that are saved and rebuilt: everything, or, while vCPUs are in the guest, only
 * this vCPU, the devices and the local APICs of vCPUs outside the guest.
 */
static struct state_choice rebuild_choose_still(const struct machine *machine,
						const struct vcpu *vcpu)
{
	struct state_choice choice = state_choose_all(machine);

	if (machine->guest_count == 0)
		return choice;
	choice.whole = false;
	choice.vcpus = BIT(vcpu->id);
	for (u32 i = 0; i < machine->vcpu_count; i++)
		if (rebuild_keeps_lapic(machine, i))
			choice.lapics &= ~BIT(i);
	return choice;
}

static bool rebuild_make_devices_anew(struct machine *machine)
{
	bool made;

	for (u32 i = 0; i < machine->vcpu_count; i++)
		if (rebuild_keeps_lapic(machine, i))
			machine->vcpu[i].lapic_page = &unused_page;
	made = machine_make_devices(machine);
	for (u32 i = 0; i < machine->vcpu_count; i++)
		if (rebuild_keeps_lapic(machine, i)) {
			machine->platform.irqchip.lapic[i] = kept_lapic[i];
			machine->vcpu[i].lapic_page = kept_lapic[i].page;
		}
	return made;
}

/* Makes the platform's devices anew; only the clock keeps its values. */
static bool rebuild_make_platform_anew(struct machine *machine)
{
	struct platform *platform = &machine->platform;
	const struct machine_clock clock = platform->clock;

	memcpy(kept_lapic, platform->irqchip.lapic, machine->vcpu_count * sizeof(*kept_lapic));
	memset(platform, POISON, sizeof(*platform));
	platform->clock = clock;
	return rebuild_make_devices_anew(machine);
}

/* Saves the machine's state, in memory that is taken for that the first time. */
static enum status rebuild_save_machine(struct machine *machine, const struct state_choice *choice)
{
	size_t size =
		align_up(SAVED_MAX + (machine->flash != NULL ? FLASH_BYTES_MAX : 0), PAGE_SIZE);
	enum status status;
	u64 at;

	if (machine->rebuilt_from == NULL) {
		status = memory_map(size, &at);
		if (status != STATUS_OK)
			return status;
		machine->rebuilt_from = (u8 *)(uintptr_t)at;
	}
	return state_save(machine, choice, "", machine->rebuilt_from, size, &saved_used);
}

static void rebuild_load_machine(struct machine *machine, const struct state_choice *choice)
{
	struct state_problem problem;
	char text[128];

	if (state_load(machine, choice, machine->rebuilt_from, saved_used, &problem))
		return;
	state_problem_text(&problem, text, sizeof(text));
	machine_crash(machine, "its state cannot be loaded: %s", text);
}

void rebuild(struct vcpu *vcpu)
{
	struct machine *machine = vcpu->machine;
	struct state_choice choice = rebuild_choose_still(machine, vcpu);
	enum status status;

	vcpu->rebuilt_at = vcpu->page->run_count;
	if (machine->vcpu_count > CPUS_MAX ||
	    (machine->platform.events.pending & ~(u32)MACHINE_DEADLINE) != 0)
		return;
	if (rebuild_save_machine(machine, &choice) != STATUS_OK) {
		machine_crash(machine, "its state cannot be saved");
		return;
	}
	status = rebuild_make_vcpu_anew(vcpu);
	if (status != STATUS_OK) {
		machine_crash(machine, "its vCPU %u cannot be made anew: %s", vcpu->id,
			      status_text(status));
		return;
	}
	if (!rebuild_make_platform_anew(machine)) {
		machine_crash(machine, "its devices cannot be made anew");
		return;
	}
	rebuild_load_machine(machine, &choice);
	vcpu->page->deadline_tsc = machine_time_to_host(&machine->time, vcpu->deadline_ns);
	if (vcpu->id == 0)
		machine->job.page = vcpu->page;
	if (is_power_of_two(++machine->rebuilt_count))
		machine_log(machine, "rebuilt %u times, last with vCPU %u", machine->rebuilt_count,
			    vcpu->id);
}
