/* SPDX-License-Identifier: MIT */
/* Writes a guest's ACPI tables. Called by load.c before a guest starts; writes to guest RAM. */
#include "vmm/monitor/load/acpi_tables.h"

#include "arch/x86_64/hw/ioapic.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/hw/acpi_fixed.h"
#include "vmm/hw/lapic_guest.h"
#include "vmm/hw/uart.h"
#include "vmm/monitor/dev/acpi_pm.h"
#include "vmm/monitor/dev/hpet.h"
#include "vmm/hw/i8042.h"
#include "vmm/monitor/dev/mc146818.h"
#include "vmm/monitor/dev/pvpanic.h"
#include "vmm/monitor/irqchip/irqchip.h"
#include "vmm/monitor/load/acpi_pci.h"
#include "vmm/monitor/load/aml.h"
#include "vmm/monitor/load/bytes.h"
#include "vmm/monitor/memory/layout.h"
#include "vmm/monitor/load/wdat.h"
#include "vmm/rt/format.h"

/* the alignment of tables, which the FACS table needs (ACPI 6.4, 5.2.10) */
#define TABLE_ALIGNMENT 64u
#define TABLES_BYTES	(LAYOUT_RSDP - LAYOUT_ACPI)

#define TABLES_MAX 5u

#define NOTIFY_CHANGED 0x80u /* the first code that a device may define itself */

_Static_assert(ACPI_PM_GPE_GENERATION == 0, "_E00");

/* The guest's RAM, and the guest address at which the next table goes. */
struct acpi_writer {
	u8 *ram;
	u64 at;
};

/* Fills the table's header and puts the table into guest RAM; returns the table's guest address. */
static u32 acpi_tables_put(struct acpi_writer *writer, struct acpi_header *table,
			   const char *signature, u8 revision, u64 length)
{
	u64 at = writer->at;

	memcpy(table->signature, signature, sizeof(table->signature));
	table->length = (u32)length;
	table->revision = revision;
	table->checksum = 0;
	memcpy(table->oem_id, "SKERRY", sizeof(table->oem_id));
	memcpy(table->oem_table_id, "SKERRYVM", sizeof(table->oem_table_id));
	table->oem_revision = 1;
	memcpy(table->creator_id, "SKRY", sizeof(table->creator_id));
	table->creator_revision = 1;
	table->checksum = bytes_checksum(table, length);
	memcpy(writer->ram + at, table, length);
	writer->at = align_up(at + length, TABLE_ALIGNMENT);
	return (u32)at;
}

static void acpi_tables_dsdt_processors(struct aml *aml, u32 vcpu_count)
{
	char name[8];

	for (u32 i = 0; i < vcpu_count; i++) {
		u32 device = aml_open(aml, AML_DEVICE);

		format(name, sizeof(name), "C%03X", i);
		aml_name(aml, name);
		aml_name_string(aml, "_HID", "ACPI0007");
		aml_name_integer(aml, "_UID", (u8)i);
		aml_close(aml, device);
	}
}

static void acpi_tables_dsdt_isa_device(struct aml *aml, const char *name, const char *id, u16 port,
					u8 ports, u8 irq)
{
	u32 device = aml_open(aml, AML_DEVICE);

	aml_name(aml, name);
	aml_name_eisa(aml, "_HID", id);
	aml_name_integer(aml, "_UID", 1);
	aml_isa_resources(aml, port, ports, irq);
	aml_close(aml, device);
}

/* Writes the pvpanic device as QEMU has it, so that the drivers for QEMU's device find it. */
static void acpi_tables_dsdt_pvpanic(struct aml *aml)
{
	u32 device = aml_open(aml, AML_DEVICE);

	aml_name(aml, "PEVT");
	aml_name_string(aml, "_HID", "QEMU0001");
	aml_port_resources(aml, PVPANIC_PORT, PVPANIC_PORT_COUNT);
	aml_close(aml, device);
}

/*
 * Writes the device of the generation ID (Microsoft, "Virtual Machine Generation ID", 2012):
 * drivers find it by its _CID, and ADDR has the two halves of the address of 16 bytes.
 */
static void acpi_tables_dsdt_generation(struct aml *aml, u32 address)
{
	u32 device = aml_open(aml, AML_DEVICE);
	u32 package;

	aml_name(aml, "VGEN");
	aml_name_string(aml, "_HID", "SKRY0001");
	aml_name_string(aml, "_CID", "VM_Gen_Counter");
	aml_name_string(aml, "_DDN", "VM_Gen_Counter");
	aml_byte(aml, AML_NAME);
	aml_name(aml, "ADDR");
	package = aml_open(aml, AML_PACKAGE);
	aml_byte(aml, 2);
	aml_dword(aml, address);
	aml_integer(aml, 0);
	aml_close(aml, package);
	aml_close(aml, device);
}

/*
 * Writes Scope (\_GPE) { Method (_E00) { Notify (\_SB.VGEN, 0x80) } }: an edge event (ACPI 6.4,
 * 5.6.4.1).
 */
static void acpi_tables_dsdt_generation_event(struct aml *aml)
{
	u32 scope = aml_open(aml, AML_SCOPE);
	u32 method;

	aml_name(aml, "\\_GPE");
	method = aml_open(aml, AML_METHOD);
	aml_name(aml, "_E00");
	aml_byte(aml, 0); /* the method has no arguments */
	aml_byte(aml, AML_NOTIFY);
	aml_path(aml, "_SB", "VGEN");
	aml_integer(aml, NOTIFY_CHANGED);
	aml_close(aml, method);
	aml_close(aml, scope);
}

static u32 acpi_tables_put_dsdt(struct acpi_writer *writer, const struct acpi_machine *machine)
{
	static u8 bytes[32 * KIB];
	struct aml aml = {
		.bytes = bytes, .size = sizeof(bytes), .length = sizeof(struct acpi_header)};
	u32 opened = aml_open(&aml, AML_SCOPE);

	aml_name(&aml, "\\_SB");
	acpi_tables_dsdt_processors(&aml, machine->vcpu_count);
	acpi_tables_dsdt_isa_device(&aml, "COM1", "PNP0501", UART_COM1, UART_PORT_COUNT,
				    UART_COM1_IRQ);
	acpi_tables_dsdt_isa_device(&aml, "RTC", "PNP0B00", RTC_INDEX_PORT, 2, RTC_IRQ);
	acpi_tables_dsdt_pvpanic(&aml);
	if (machine->pci) {
		acpi_pci_dsdt(&aml, machine);
		acpi_tables_dsdt_generation(&aml, machine->firmware
							  ? (u32)LAYOUT_FIRMWARE_GENERATION
							  : (u32)LAYOUT_GENERATION);
	}
	aml_close(&aml, opened);
	if (machine->pci)
		acpi_tables_dsdt_generation_event(&aml);

	/* This is Name (\_S5, Package (4) {SLP_TYPa, SLP_TYPb, 0, 0}) (ACPI 6.4, 7.4.2). */
	aml_byte(&aml, AML_NAME);
	aml_name(&aml, "\\_S5");
	opened = aml_open(&aml, AML_PACKAGE);
	aml_byte(&aml, 4);
	aml_integer(&aml, ACPI_PM_S5);
	for (u32 i = 0; i < 3; i++)
		aml_integer(&aml, 0);
	aml_close(&aml, opened);
	/* the DSDT has revision 2, in which integers have 64 bits */
	return acpi_tables_put(writer, (struct acpi_header *)bytes, "DSDT", 2, aml.length);
}

static u32 acpi_tables_put_facs(struct acpi_writer *writer)
{
	struct acpi_facs facs = {.signature = "FACS", .length = sizeof(facs), .version = 2};
	u64 at = writer->at;

	memcpy(writer->ram + at, &facs, sizeof(facs));
	writer->at += sizeof(facs);
	return (u32)at;
}

static struct acpi_address acpi_tables_io_address(u16 port, u8 bytes)
{
	return (struct acpi_address){
		.space = ACPI_SPACE_IO,
		.bit_width = (u8)(bytes * 8),
		.access_size = bytes == 1   ? 1
			       : bytes == 2 ? 2
					    : 3,
		.address = port,
	};
}

static u32 acpi_tables_put_fadt(struct acpi_writer *writer, u32 facs, u32 dsdt)
{
	struct acpi_fadt fadt = {
		/*
		 * x_firmware_ctrl stays 0: only one of firmware_ctrl and x_firmware_ctrl may be set
		 */
		.firmware_ctrl = facs,
		.dsdt = dsdt,
		.x_dsdt = dsdt,
		.preferred_pm_profile = 4, /* the profile "enterprise server" */
		.sci_int = IRQCHIP_SCI,
		/* smi_cmd is 0: the VM is in ACPI mode from the start */
		.pm1a_evt_blk = ACPI_PM_EVENT_PORT,
		.pm1a_cnt_blk = ACPI_PM_CONTROL_PORT,
		.pm_tmr_blk = ACPI_PM_TIMER_PORT,
		.gpe0_blk = ACPI_PM_GPE0_PORT,
		.pm1_evt_len = ACPI_PM_EVENT_BYTES,
		.pm1_cnt_len = ACPI_PM_CONTROL_BYTES,
		.pm_tmr_len = ACPI_PM_TIMER_BYTES,
		.gpe0_blk_len = ACPI_PM_GPE0_BYTES,
		/* latencies above 100 and 1000 mean that there is no C2 and no C3 */
		.p_lvl2_lat = 0xfff,
		.p_lvl3_lat = 0xfff,
		.century = RTC_CENTURY,
		.iapc_boot_arch = ACPI_BOOT_LEGACY_DEVICES | ACPI_BOOT_NO_VGA,
		.flags = ACPI_FADT_WBINVD | ACPI_FADT_PROC_C1 | ACPI_FADT_SLP_BUTTON |
			 ACPI_FADT_TMR_VAL_EXT | ACPI_FADT_RESET_REG_SUP | ACPI_FADT_HEADLESS,
		.reset_reg = acpi_tables_io_address(RESET_CONTROL_PORT, 1),
		.reset_value = RESET_CONTROL_SYSTEM | RESET_CONTROL_CPU,
		.x_pm1a_evt_blk = acpi_tables_io_address(ACPI_PM_EVENT_PORT, ACPI_PM_EVENT_BYTES),
		.x_pm1a_cnt_blk =
			acpi_tables_io_address(ACPI_PM_CONTROL_PORT, ACPI_PM_CONTROL_BYTES),
		.x_pm_tmr_blk = acpi_tables_io_address(ACPI_PM_TIMER_PORT, ACPI_PM_TIMER_BYTES),
		.x_gpe0_blk = acpi_tables_io_address(ACPI_PM_GPE0_PORT, ACPI_PM_GPE0_BYTES),
	};

	/* access size 2 (a word): the event register, two words, is accessed a word at a time */
	fadt.x_pm1a_evt_blk.access_size = 2;
	fadt.x_gpe0_blk.access_size = 1;
	memcpy(&fadt.hypervisor_vendor, "Skerry", 6);
	return acpi_tables_put(writer, &fadt.header, "FACP", 6, sizeof(fadt));
}

/* Appends a structure to the MADT under construction. */
static void acpi_tables_madt_add(u8 *bytes, u64 *length, const void *entry, u64 entry_bytes)
{
	memcpy(bytes + *length, entry, entry_bytes);
	*length += entry_bytes;
}

static void acpi_tables_madt_override(u8 *bytes, u64 *length, u8 source, u32 gsi, u16 flags)
{
	const struct acpi_madt_override override = {
		.entry = {ACPI_MADT_OVERRIDE, sizeof(override)},
		.source = source,
		.gsi = gsi,
		.flags = flags,
	};

	acpi_tables_madt_add(bytes, length, &override, sizeof(override));
}

static u32 acpi_tables_put_madt(struct acpi_writer *writer, u32 vcpu_count)
{
	static u8 bytes[sizeof(struct acpi_madt) + 255 * sizeof(struct acpi_madt_lapic) + 64];
	struct acpi_madt *madt = (struct acpi_madt *)bytes;
	const struct acpi_madt_ioapic ioapic = {
		.entry = {ACPI_MADT_IOAPIC, sizeof(ioapic)},
		.address = IOAPIC_DEFAULT_ADDRESS,
	};
	const struct acpi_madt_lapic_nmi nmi = {
		.entry = {ACPI_MADT_LAPIC_NMI, sizeof(nmi)}, .processor_uid = 0xff, .lint = 1};
	u64 length = sizeof(*madt);

	madt->lapic_address = LAPIC_DEFAULT_ADDRESS;
	madt->flags = ACPI_MADT_PCAT_COMPAT;
	for (u32 i = 0; i < vcpu_count; i++) {
		const struct acpi_madt_lapic lapic = {
			.entry = {ACPI_MADT_LAPIC, sizeof(lapic)},
			.processor_uid = (u8)i,
			.apic_id = (u8)i,
			.flags = ACPI_CPU_ENABLED,
		};

		acpi_tables_madt_add(bytes, &length, &lapic, sizeof(lapic));
	}
	acpi_tables_madt_add(bytes, &length, &ioapic, sizeof(ioapic));
	/* interrupt 0, the PIT's, is wired to pin 2 of the I/O APIC */
	acpi_tables_madt_override(bytes, &length, 0, 2, 0);
	acpi_tables_madt_override(bytes, &length, IRQCHIP_SCI, IRQCHIP_SCI,
				  ACPI_INTI_ACTIVE_HIGH | ACPI_INTI_LEVEL);
	acpi_tables_madt_add(bytes, &length, &nmi, sizeof(nmi));
	return acpi_tables_put(writer, &madt->header, "APIC", 4, length);
}

static u32 acpi_tables_put_hpet(struct acpi_writer *writer)
{
	struct acpi_hpet hpet = {
		.block_id = HPET_ID,
		.address = {.space = ACPI_SPACE_MEMORY, .address = HPET_DEFAULT_ADDRESS},
		.minimum_tick = HPET_PERIOD_MIN,
	};

	return acpi_tables_put(writer, &hpet.header, "HPET", 1, sizeof(hpet));
}

static u32 acpi_tables_put_wdat(struct acpi_writer *writer)
{
	struct wdat wdat;

	wdat_fill(&wdat);
	return acpi_tables_put(writer, &wdat.header, "WDAT", 1, sizeof(wdat));
}

static u32 acpi_tables_put_mcfg(struct acpi_writer *writer)
{
	struct mcfg mcfg;

	acpi_pci_mcfg(&mcfg);
	return acpi_tables_put(writer, &mcfg.header, "MCFG", 1, sizeof(mcfg));
}

static u32 acpi_tables_put_root(struct acpi_writer *writer, const u32 *tables, u32 count, bool wide)
{
	struct {
		struct acpi_header header;
		u8 entries[TABLES_MAX * sizeof(u64)];
	} PACKED root = {0};
	u64 width = wide ? sizeof(u64) : sizeof(u32);

	for (u32 i = 0; i < count; i++)
		memcpy(root.entries + i * width, &tables[i], sizeof(u32));
	return acpi_tables_put(writer, &root.header, wide ? "XSDT" : "RSDT", 1,
			       sizeof(root.header) + count * width);
}

void acpi_tables_write(u8 *ram, const struct acpi_machine *machine)
{
	struct acpi_writer writer = {.ram = ram, .at = LAYOUT_ACPI};
	struct acpi_rsdp rsdp = {.revision = 2, .length = sizeof(rsdp)};
	u32 table[TABLES_MAX];
	u32 count = 0;

	memset(ram + LAYOUT_ACPI, 0, TABLES_BYTES + PAGE_SIZE);
	table[count++] = acpi_tables_put_fadt(&writer, acpi_tables_put_facs(&writer),
					      acpi_tables_put_dsdt(&writer, machine));
	table[count++] = acpi_tables_put_madt(&writer, machine->vcpu_count);
	table[count++] = acpi_tables_put_wdat(&writer);
	if (machine->hpet)
		table[count++] = acpi_tables_put_hpet(&writer);
	if (machine->pci && !machine->firmware)
		table[count++] = acpi_tables_put_mcfg(&writer);
	memcpy(rsdp.signature, ACPI_RSDP_SIGNATURE, sizeof(rsdp.signature));
	memcpy(rsdp.oem_id, "SKERRY", sizeof(rsdp.oem_id));
	rsdp.rsdt_address = acpi_tables_put_root(&writer, table, count, false);
	rsdp.xsdt_address = acpi_tables_put_root(&writer, table, count, true);
	rsdp.checksum = bytes_checksum(&rsdp, ACPI_RSDP_V1_BYTES);
	rsdp.extended_checksum = bytes_checksum(&rsdp, sizeof(rsdp));
	memcpy(ram + LAYOUT_RSDP, &rsdp, sizeof(rsdp));
}
