/* SPDX-License-Identifier: MIT */
#include "vmm/monitor/rebuild.h"

#include "lib/bits.h"
#include "vmm/monitor/dev/test_device.h"
#include "vmm/monitor/machine_setup.h"
#include "vmm/rt/start.h"
#include "vmm/rt/status_text.h"
#include "vmm/rt/syscall.h"

#define DEVICE_STATE_MAX sizeof(struct test_device_state) /* the largest */
#define CPUS_MAX	 8u /* of machines whose devices are made anew */
#define POISON		 0xcc

/* All under the machine's lock; one machine is all that a monitor has. */
static struct vcpu_page saved_page;
static u8 saved_cpuid[PAGE_SIZE];
static u8 saved_xsave[PAGE_SIZE];
static u8 saved_device[PLATFORM_DEVICE_MAX][DEVICE_STATE_MAX] ALIGNED(8);
static struct lapic_saved saved_lapic[CPUS_MAX];
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

static bool save_devices(const struct machine *machine)
{
	const struct platform *platform = &machine->platform;

	for (u32 i = 0; i < platform->device_count; i++) {
		const struct device *device = platform->device[i];

		if (device->state_bytes > DEVICE_STATE_MAX ||
		    device_save(device, saved_device[i], device->state_bytes) != STATUS_OK)
			return false;
	}
	for (u32 i = 0; i < platform->irqchip.cpu_count; i++) {
		kept_lapic[i] = platform->irqchip.lapic[i];
		if (!keeps_lapic(machine, i))
			lapic_save(&platform->irqchip.lapic[i], &saved_lapic[i]);
	}
	return true;
}

/* The interrupt controllers come first: the others raise lines there. */
static bool load_devices(struct machine *machine)
{
	struct platform *platform = &machine->platform;
	bool good = true;

	for (u32 i = 0; i < platform->irqchip.cpu_count; i++)
		good = good &&
		       (keeps_lapic(machine, i) ||
			lapic_load(&platform->irqchip.lapic[i], &saved_lapic[i]) == STATUS_OK);
	for (u32 i = 0; i < platform->device_count; i++)
		good = good && device_load(platform->device[i], saved_device[i],
					   platform->device[i]->state_bytes) == STATUS_OK;
	return good;
}

static bool make_devices_anew(struct machine *machine)
{
	bool made;

	for (u32 i = 0; i < machine->vcpu_count; i++)
		if (keeps_lapic(machine, i))
			machine->vcpu[i].lapic_page = &unused_page;
	made = machine_make_devices(machine) && load_devices(machine);
	for (u32 i = 0; i < machine->vcpu_count; i++)
		if (keeps_lapic(machine, i)) {
			machine->platform.irqchip.lapic[i] = kept_lapic[i];
			machine->vcpu[i].lapic_page = kept_lapic[i].page;
		}
	return made;
}

/* Of the platform only the time, pending kicks and the counters stay. */
static bool make_platform_anew(struct machine *machine)
{
	struct platform *platform = &machine->platform;
	const struct machine_clock clock = platform->clock;
	u64 kick = platform->irqchip.kick;
	u32 lowest_last = platform->irqchip.lowest_last;
	const struct bus ports = platform->ports;
	const struct bus memory = platform->memory;

	memset(platform, POISON, sizeof(*platform));
	platform->clock = clock;
	if (!make_devices_anew(machine))
		return false;
	platform->ports.unknown_count = ports.unknown_count;
	platform->ports.unknown_last = ports.unknown_last;
	platform->memory.unknown_count = memory.unknown_count;
	platform->memory.unknown_last = memory.unknown_last;
	platform->irqchip.lowest_last = lowest_last;
	platform->irqchip.kick |= kick;
	return true;
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
