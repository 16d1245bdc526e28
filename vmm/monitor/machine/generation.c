/* SPDX-License-Identifier: MIT */
/*
 * Keeps the guest's generation ID (generation.h). Called by todo.c at a start, and by restore.c and
 * handover.c after a load; writes guest RAM and raises the ACPI event.
 */
#include "vmm/monitor/machine/generation.h"

#include "vmm/monitor/dev/acpi_pm.h"
#include "vmm/monitor/memory/layout.h"
#include "vmm/monitor/machine/machine.h"
#include "vmm/monitor/machine/random.h"

#define GENERATION_BYTES 16u

static u8 *generation_bytes(const struct machine *machine)
{
	return machine->job.ram + (machine->job.rom != NULL ? LAYOUT_VGA : LAYOUT_GENERATION);
}

static void generation_draw(struct machine *machine)
{
	u8 id[GENERATION_BYTES];

	random_draw(id, sizeof(id));
	memcpy(generation_bytes(machine), id, sizeof(id));
}

void generation_begin(struct machine *machine)
{
	static const u8 none[GENERATION_BYTES];

	if (machine->job.pci && memcmp(generation_bytes(machine), none, sizeof(none)) == 0)
		generation_draw(machine);
}

void generation_change(struct machine *machine)
{
	if (!machine->job.pci)
		return;
	generation_draw(machine);
	acpi_pm_generation(machine->platform.acpi_pm);
}
