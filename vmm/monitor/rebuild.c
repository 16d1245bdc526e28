/* SPDX-License-Identifier: MIT */
#include "vmm/monitor/rebuild.h"

#include "lib/bits.h"
#include "vmm/monitor/dev/platform_state.h"
#include "vmm/monitor/machine_setup.h"
#include "vmm/monitor/virtio/virtio_blk.h"
#include "vmm/monitor/virtio/virtio_net.h"
#include "vmm/rt/start.h"
#include "vmm/rt/status_text.h"
#include "vmm/rt/syscall.h"

#define CPUS_MAX    8u /* of machines whose devices are made anew */
#define DEVICES_MAX                                                                            \
	(CPUS_MAX * sizeof(struct lapic_saved) + 64 * KIB +                                    \
	 VIRTIO_BLK_MAX * (sizeof(struct virtio_blk_state) + KIB) +                            \
	 VIRTIO_NET_MAX * (sizeof(struct virtio_net_state) + KIB))
#define POISON	    0xcc

/* All under the machine's lock; one machine is all that a monitor has. */
static struct vcpu_page saved_page;
static u8 saved_cpuid[PAGE_SIZE];
static u8 saved_xsave[PAGE_SIZE];
static u8 saved_devices[DEVICES_MAX] ALIGNED(8);
static size_t saved_devices_used;
static struct lapic kept_lapic[CPUS_MAX];
static struct lapic_page unused_page;

static void save_vcpu(struct vcpu *vcpu)
{
	vcpu_need(vcpu, (VCPU_ALL & ~(u32)VCPU_EVENT) | VCPU_XSAVE);
	saved_page = *vcpu->page;
	memcpy(saved_cpuid, vcpu->cpuid_page, sizeof(saved_cpuid));
	memcpy(saved_xsave, vcpu->xsave_page, sizeof(saved_xsave));
}

/* The local APIC's page comes back with the devices. */
static void load_vcpu(struct vcpu *vcpu)
{
	*vcpu->page = saved_page;
	vcpu->page->valid = 0;
	vcpu->page->dirty = (VCPU_ALL & ~(u32)VCPU_EVENT) | VCPU_XSAVE | VCPU_TRAPS;
	memcpy(vcpu->cpuid_page, saved_cpuid, sizeof(saved_cpuid));
	memcpy(vcpu->xsave_page, saved_xsave, sizeof(saved_xsave));
}

static enum status make_vcpu_anew(struct vcpu *vcpu)
{
	enum status status = sys_object_destroy(vcpu->handle);

	if (status == STATUS_OK)
		status = sys_space_unmap(start_handle(START_SPACE), (u64)(uintptr_t)vcpu->page,
					 VCPU_PAGES_MAX * PAGE_SIZE);
	return status == STATUS_OK ? vcpu_make(vcpu) : status;
}

/* The APIC's page is in use by a CPU: that local APIC stays as it is. */
static bool keeps_lapic(const struct machine *machine, u32 cpu)
{
	return machine->vcpu[cpu].place == VCPU_IN_GUEST;
}

/* Those that are saved, a bit for each CPU. */
static u64 saved_lapics(const struct machine *machine)
{
	u64 lapics = 0;

	for (u32 i = 0; i < machine->vcpu_count; i++)
		if (!keeps_lapic(machine, i))
			lapics |= BIT(i);
	return lapics;
}

static bool save_devices(struct machine *machine)
{
	struct platform *platform = &machine->platform;

	memcpy(kept_lapic, platform->irqchip.lapic, machine->vcpu_count * sizeof(*kept_lapic));
	return platform_save(platform, saved_lapics(machine), saved_devices,
			     sizeof(saved_devices), &saved_devices_used) == STATUS_OK;
}

static bool make_devices_anew(struct machine *machine)
{
	bool made;

	for (u32 i = 0; i < machine->vcpu_count; i++)
		if (keeps_lapic(machine, i))
			machine->vcpu[i].lapic_page = &unused_page;
	made = machine_make_devices(machine) &&
	       platform_load(&machine->platform, saved_lapics(machine), saved_devices,
			     saved_devices_used) == STATUS_OK;
	for (u32 i = 0; i < machine->vcpu_count; i++)
		if (keeps_lapic(machine, i)) {
			machine->platform.irqchip.lapic[i] = kept_lapic[i];
			machine->vcpu[i].lapic_page = kept_lapic[i].page;
		}
	return made;
}

/* Of the platform only the time stays. */
static bool make_platform_anew(struct machine *machine)
{
	struct platform *platform = &machine->platform;
	const struct machine_clock clock = platform->clock;

	memset(platform, POISON, sizeof(*platform));
	platform->clock = clock;
	return make_devices_anew(machine);
}

void rebuild(struct vcpu *vcpu)
{
	struct machine *machine = vcpu->machine;
	enum status status;

	vcpu->rebuilt_at = vcpu->page->run_count;
	if (machine->vcpu_count > CPUS_MAX ||
	    (machine->platform.events.pending & ~(u32)MACHINE_DEADLINE) != 0)
		return;
	save_vcpu(vcpu);
	if (!save_devices(machine)) {
		machine_crash(machine, "a device cannot be saved");
		return;
	}
	status = make_vcpu_anew(vcpu);
	if (status != STATUS_OK) {
		machine_crash(machine, "its vCPU %u cannot be made anew: %s", vcpu->id,
			      status_text(status));
		return;
	}
	if (!make_platform_anew(machine)) {
		machine_crash(machine, "its devices cannot be made anew");
		return;
	}
	load_vcpu(vcpu);
	vapic_prepare_anew(vcpu);
	/* a mark set by the kernel would have been cleared by the kernel */
	vcpu->steal_time.marked = vcpu->page->preempted_gpa != 0;
	if (vcpu->id == 0)
		machine->job.page = vcpu->page;
	if (is_power_of_two(++machine->rebuilt_count))
		machine_log(machine, "rebuilt %u times, last with vCPU %u",
			    machine->rebuilt_count, vcpu->id);
}
