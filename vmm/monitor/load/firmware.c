/* SPDX-License-Identifier: MIT */
/*
 * Starts a guest by a PC's firmware instead of a kernel: the ROM's copy below 1 MiB, and the files
 * that the firmware reads. Called by load.c at each start and by firmware_open.c once; writes guest
 * RAM, the ROM and the firmware's files.
 */
#include "vmm/monitor/load/firmware.h"

#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/hw/acpi.h"
#include "vmm/hw/uart.h"
#include "vmm/monitor/load/acpi_tables.h"
#include "vmm/monitor/load/place.h"
#include "vmm/monitor/load/start_state.h"

/*
 * After RESET the processor begins this number of bytes below 4 GiB, in real mode (SDM vol. 3,
 * 10.1.4).
 */
#define RESET_VECTOR_BYTES 16u
#define JUMP_FAR	   0xeau
#define JUMP_NEAR	   0xe9u

/*
 * The time in ms (this value: for ever) for which the firmware waits after a failed boot: it then
 * says once that there is nothing to boot from, and does not reset again and again.
 */
#define WAIT_FOR_EVER (~0u)
/* how long the firmware waits for the key that opens its menu */
#define MENU_WAIT_MS 5000u

static bool firmware_check_bios(struct load_job *job)
{
	const struct load_file *file = &job->kernel;
	u8 first;

	if (file->size < FIRMWARE_BYTES_MIN || file->size > FIRMWARE_BYTES_MAX ||
	    !is_aligned(file->size, FIRMWARE_BYTES_MIN))
		return load_fail(job,
				 "firmware file: it has %lu bytes; a BIOS has 64, 128, 192 or 256 "
				 "KiB",
				 file->size);
	first = file->bytes[file->size - RESET_VECTOR_BYTES];
	if (first != JUMP_FAR && first != JUMP_NEAR)
		return load_fail(job,
				 "firmware file: 16 bytes before its end, where a processor "
				 "begins, there is 0x%x and no jump",
				 first);
	return true;
}

static bool firmware_check_uefi(struct load_job *job)
{
	const struct load_file *file = &job->kernel;
	const u8 *vector = file->bytes + file->size - RESET_VECTOR_BYTES;

	if (file->size < FIRMWARE_UEFI_BYTES_MIN || file->size > FIRMWARE_UEFI_BYTES_MAX ||
	    !is_aligned(file->size, PAGE_SIZE))
		return load_fail(job,
				 "firmware file: it has %lu bytes; UEFI firmware has 1 to 8 MiB, "
				 "in steps of 4 KiB",
				 file->size);
	for (u32 i = 1; i < RESET_VECTOR_BYTES; i++)
		if (vector[i] != vector[0])
			return true;
	return load_fail(job,
			 "firmware file: in its last 16 bytes, where a processor begins, there is "
			 "no code");
}

bool firmware_check(struct load_job *job)
{
	if (job->uefi)
		return firmware_check_uefi(job);
	return firmware_check_bios(job);
}

static void firmware_add_file(struct firmware *firmware, const char *name, const void *bytes,
			      u32 size_bytes)
{
	struct fw_cfg_file *file = &firmware->file[firmware->file_count++];

	memcpy(file->name, name, strlen(name) + 1);
	file->bytes = bytes;
	file->size_bytes = size_bytes;
}

/* Adds the files that tell the firmware its boot order, and whether to offer its menu. */
static void firmware_add_boot(struct firmware *firmware, const struct firmware_settings *settings,
			      const struct boot_devices *devices)
{
	boot_order_write(&firmware->boot_order, settings, devices);
	if (firmware->boot_order.bytes != 0)
		firmware_add_file(firmware, "bootorder", firmware->boot_order.text,
				  firmware->boot_order.bytes);
	firmware->menu_wait_ms = MENU_WAIT_MS;
	if (settings->menu != 0)
		firmware_add_file(firmware, "etc/boot-menu-wait", &firmware->menu_wait_ms,
				  sizeof(firmware->menu_wait_ms));
}

/*
 * Writes the file with the memory map for the firmware: RAM, and the reserved page of the VM
 * generation ID. Returns the file's size in bytes.
 */
static u32 firmware_write_e820(struct firmware *firmware, u64 ram_bytes)
{
	const struct firmware_e820 entries[FIRMWARE_E820_MAX] = {
		{0, layout_low_bytes(ram_bytes), E820_RAM},
		{LAYOUT_FIRMWARE_GENERATION, PAGE_SIZE, E820_RESERVED},
		{LAYOUT_ABOVE_4G, layout_high_bytes(ram_bytes), E820_RAM},
	};
	u32 count = 0;

	for (size_t i = 0; i < ARRAY_COUNT(entries); i++)
		if (entries[i].length != 0)
			firmware->e820[count++] = entries[i];
	return count * (u32)sizeof(struct firmware_e820);
}

/*
 * Makes the same ACPI tables as for a guest that starts by its kernel, and a script by which the
 * firmware places them. Returns how many bytes of `tables` are in use.
 */
static u32 firmware_write_tables(struct firmware *firmware, const struct load_job *job)
{
	const struct acpi_machine machine = {
		.vcpu_count = job->vcpu_count,
		.hpet = job->hpet,
		.pci = job->pci,
		.firmware = true,
		.pci_high_bytes = layout_pci_firmware_high(job->pci_high_base, job->physical_bits),
		.pci_low_base = layout_pci_firmware(job->ram_bytes),
		.pci_high_base = job->pci_high_base};

	_Static_assert(offsetof(struct firmware, rsdp) - offsetof(struct firmware, tables) ==
			       LAYOUT_RSDP - LAYOUT_ACPI,
		       "as in guest RAM");
	/*
	 * acpi_tables_write writes only from LAYOUT_ACPI on: the buffer takes the place of that
	 * part of the RAM
	 */
	acpi_tables_write((u8 *)((uintptr_t)firmware->tables - LAYOUT_ACPI), &machine);
	return table_loader_write(&firmware->loader, firmware->tables, firmware->rsdp, LAYOUT_ACPI);
}

void firmware_prepare(struct firmware *firmware, const struct load_job *job,
		      const struct firmware_settings *settings, const struct boot_devices *devices)
{
	u32 bytes = firmware_write_tables(firmware, job);

	firmware->file_count = 0;
	firmware_add_file(firmware, TABLE_LOADER_TABLES, firmware->tables, bytes);
	firmware_add_file(firmware, TABLE_LOADER_RSDP, firmware->rsdp, sizeof(struct acpi_rsdp));
	firmware_add_file(firmware, TABLE_LOADER_SCRIPT, firmware->loader.script,
			  firmware->loader.commands * TABLE_LOADER_COMMAND_BYTES);
	bytes = firmware_write_e820(firmware, job->ram_bytes);
	firmware_add_file(firmware, "etc/e820", firmware->e820, bytes);
	/*
	 * the firmware's text, and that of the boot loader, goes to this serial port, the console
	 */
	firmware->serial_port = UART_COM1;
	firmware_add_file(firmware, "etc/sercon-port", &firmware->serial_port,
			  sizeof(firmware->serial_port));
	firmware->fail_wait_ms = WAIT_FOR_EVER;
	firmware_add_file(firmware, "etc/boot-fail-wait", &firmware->fail_wait_ms,
			  sizeof(firmware->fail_wait_ms));
	smbios_write(&firmware->smbios, settings, job->vcpu_count, job->ram_bytes);
	firmware_add_file(firmware, "etc/smbios/smbios-anchor", firmware->smbios.anchor,
			  SMBIOS_ANCHOR_BYTES);
	firmware_add_file(firmware, "etc/smbios/smbios-tables", firmware->smbios.table,
			  firmware->smbios.bytes);
	firmware_add_boot(firmware, settings, devices);
}

bool firmware_load(struct load_job *job)
{
	u64 bytes = job->kernel.size;

	memcpy(job->rom + job->kept, job->kernel.bytes + job->kept, bytes - job->kept);
	if (!job->uefi)
		memcpy(job->ram + LAYOUT_HIGH_START - bytes, job->kernel.bytes, bytes);
	if (job->boot_order != NULL)
		boot_order_start(job->boot_order);
	start_state_reset(job->page);
	/* EDX holds the processor's signature after RESET (SDM vol. 3, table 10-1) */
	job->page->gpr[GPR_RDX] = job->cpu.signature;
	return true;
}
