/* SPDX-License-Identifier: MIT */
/*
 * Loads a guest's kernel: recognizes the format, and writes firmware tables. Called by todo.c at
 * each start; writes guest RAM and the first vCPU's registers.
 */
#include "vmm/monitor/load/load.h"

#include "lib/string.h"
#include "vmm/monitor/load/acpi_tables.h"
#include "vmm/monitor/load/bios.h"
#include "vmm/monitor/load/bzimage.h"
#include "vmm/monitor/load/elf_pvh.h"
#include "vmm/monitor/load/firmware.h"
#include "vmm/monitor/memory/layout.h"
#include "vmm/monitor/load/multiboot1.h"
#include "vmm/monitor/load/place.h"
#include "vmm/monitor/load/start_state.h"

#define DEMO_AT	   0x7c00u
#define DEMO_BYTES (LAYOUT_EBDA - DEMO_AT)

static bool load_demo(struct load_job *job)
{
	if (job->kernel.size == 0 || job->kernel.size > DEMO_BYTES)
		return load_fail(job, "built-in guest: it has %lu bytes; it can have 1 to %llu",
				 job->kernel.size, DEMO_BYTES);
	memcpy(job->ram + DEMO_AT, job->kernel.bytes, job->kernel.size);
	start_state_real(job->page, DEMO_AT);
	job->firmware = true;
	return true;
}

bool load_guest(struct load_job *job)
{
	job->error[0] = '\0';
	job->firmware = false;
	job->kernel_end = 0;
	if (job->ram_bytes < LAYOUT_RAM_MINIMUM)
		return load_fail(job, "memory: %lu bytes are too few, at least %lu are needed",
				 job->ram_bytes, LAYOUT_RAM_MINIMUM);
	if (job->rom != NULL)
		return firmware_load(job);
	e820_build(&job->map, job->ram_bytes, job->pci);
	bios_write(job->ram);
	acpi_tables_write(job->ram, &(struct acpi_machine){.vcpu_count = job->vcpu_count,
							   .hpet = job->hpet,
							   .pci = job->pci,
							   .pci_high_base = job->pci_high_base});
	mp_table_write(job->ram, job->vcpu_count, job->cpu, job->pci);
	job->rsdp = LAYOUT_RSDP;

	if (job->demo)
		return load_demo(job);
	if (bzimage_recognise(&job->kernel))
		return bzimage_load(job);
	if (elf_pvh_recognise(job))
		return elf_pvh_load(job);
	if (job->error[0] != '\0')
		return false;
	if (multiboot1_recognise(&job->kernel))
		return multiboot1_load(job);
	return load_fail(job,
			 "kernel file: its %lu bytes are neither a bzImage (HdrS at 0x202), an ELF "
			 "with a PVH note nor a Multiboot 1 image",
			 job->kernel.size);
}
