/* SPDX-License-Identifier: MIT */
/*
 * Writes the tables of the MultiProcessor Specification 1.4. Called by load.c; writes to guest RAM.
 */
#include "vmm/monitor/load/mp_table.h"

#include "arch/x86_64/hw/ioapic.h"
#include "lib/string.h"
#include "vmm/hw/lapic_guest.h"
#include "vmm/monitor/dev/acpi_pm.h"
#include "vmm/monitor/irqchip/ioapic.h"
#include "vmm/monitor/irqchip/irqchip.h"
#include "vmm/monitor/irqchip/lapic.h"
#include "vmm/monitor/load/bytes.h"
#include "vmm/monitor/memory/layout.h"
#include "vmm/monitor/pci/pci.h"

/*
 * The floating pointer structure: MultiProcessor Specification 1.4, chapter 4. All numbers are
 * little-endian.
 */
struct mp_pointer {
	char signature[4]; /* the signature "_MP_" */
	u32 table;
	u8 length; /* the length in units of 16 bytes */
	u8 revision;
	u8 checksum;
	/* all bytes are 0: there is a configuration table, and no IMCR (virtual wire mode) */
	u8 features[5];
} PACKED;
_Static_assert(sizeof(struct mp_pointer) == 16, "MP 4.1");

struct mp_header {
	char signature[4]; /* the signature "PCMP" */
	u16 length;	   /* the bytes of the base table, header and entries */
	u8 revision;
	u8 checksum;
	char oem_id[8];
	char product_id[12];
	u32 oem_table;
	u16 oem_table_bytes;
	u16 entry_count;
	u32 lapic_address;
	u16 extended_bytes;
	u8 extended_checksum;
	u8 reserved;
} PACKED;
_Static_assert(sizeof(struct mp_header) == 44, "MP 4.2");

enum mp_entry_type {
	MP_PROCESSOR = 0,
	MP_BUS = 1,
	MP_IOAPIC = 2,
	MP_IO_INTERRUPT = 3,
	MP_LOCAL_INTERRUPT = 4,
};

#define MP_CPU_ENABLED	  (1u << 0)
#define MP_CPU_BOOT	  (1u << 1)
#define MP_IOAPIC_ENABLED (1u << 0)

struct mp_processor {
	u8 type;
	u8 lapic_id;
	u8 lapic_version;
	u8 flags;
	struct mp_cpu cpu;
	u32 reserved[2];
} PACKED;
_Static_assert(sizeof(struct mp_processor) == 20, "MP 4.3.1");

struct mp_bus {
	u8 type;
	u8 id;
	char name[6];
} PACKED;
_Static_assert(sizeof(struct mp_bus) == 8, "MP 4.3.2");

struct mp_ioapic {
	u8 type;
	u8 id;
	u8 version;
	u8 flags;
	u32 address;
} PACKED;
_Static_assert(sizeof(struct mp_ioapic) == 8, "MP 4.3.3");

enum mp_interrupt_kind { MP_INT = 0, MP_NMI = 1, MP_EXTINT = 3 };

#define MP_ACTIVE_HIGH_LEVEL (1u | 3u << 2)
#define MP_ALL_LAPICS	     0xffu
#define PCI_BUS		     0u /* the number of the PCI bus, as in its configuration space */
#define ISA_IRQS	     16u
#define ISA_CASCADE	     2u
#define PIT_PIN		     2u

/*
 * An entry of the table: an interrupt at a pin of an I/O APIC, or for an input of the local APICs.
 */
struct mp_interrupt {
	u8 type;
	u8 kind;
	/* polarity and trigger mode; 0: as usual on the bus, edges on ISA and levels on PCI */
	u16 flags;
	u8 bus;
	u8 bus_irq;
	u8 apic;
	u8 input;
} PACKED;
_Static_assert(sizeof(struct mp_interrupt) == 8, "MP 4.3.4");

/*
 * The MP configuration table under construction. A device that reaches the guest's RAM may write to
 * the table meanwhile: nothing that the rest of the construction relies on is read from there.
 */
struct mp_writer {
	u8 *table;
	struct mp_header header; /* the table's header, which is written last */
};

static void mp_table_add(struct mp_writer *writer, const void *entry, u16 bytes)
{
	memcpy(writer->table + writer->header.length, entry, bytes);
	writer->header.length = (u16)(writer->header.length + bytes);
	writer->header.entry_count++;
}

/*
 * Adds INTA of each PCI slot with its pin of the I/O APIC, the same as in the ACPI table _PRT:
 * level-triggered, active low, as on PCI.
 */
static void mp_table_add_pci(struct mp_writer *writer)
{
	struct mp_interrupt interrupt = {.type = MP_IO_INTERRUPT, .kind = MP_INT, .bus = PCI_BUS};

	for (u32 slot = 1; slot < PCI_SLOTS; slot++) {
		/* the device's number and INTA, as MP 1.4, table D-1, encodes them */
		interrupt.bus_irq = (u8)(slot << 2);
		interrupt.input = (u8)(PCI_LINE_FIRST + slot % PCI_LINES);
		mp_table_add(writer, &interrupt, sizeof(interrupt));
	}
}

static void mp_table_add_interrupts(struct mp_writer *writer, u8 isa_bus)
{
	struct mp_interrupt interrupt = {.type = MP_IO_INTERRUPT, .kind = MP_INT, .bus = isa_bus};

	for (u8 irq = 0; irq < ISA_IRQS; irq++) {
		if (irq == ISA_CASCADE)
			continue;
		interrupt.bus_irq = irq;
		interrupt.input = irq == 0 ? PIT_PIN : irq;
		interrupt.flags = irq == IRQCHIP_SCI ? MP_ACTIVE_HIGH_LEVEL : 0;
		mp_table_add(writer, &interrupt, sizeof(interrupt));
	}
	/* the local interrupts as in the MADT: the 8259s at LINT0, NMI at LINT1 */
	interrupt = (struct mp_interrupt){
		.type = MP_LOCAL_INTERRUPT, .kind = MP_EXTINT, .apic = MP_ALL_LAPICS, .input = 0};
	mp_table_add(writer, &interrupt, sizeof(interrupt));
	interrupt.kind = MP_NMI;
	interrupt.input = 1;
	mp_table_add(writer, &interrupt, sizeof(interrupt));
}

/*
 * Adds the buses, numbered from 0 on, PCI buses first: their numbers are those in configuration
 * space.
 */
static u8 mp_table_add_buses(struct mp_writer *writer, bool pci)
{
	struct mp_bus bus = {.type = MP_BUS, .id = PCI_BUS, .name = "PCI   "};

	if (pci)
		mp_table_add(writer, &bus, sizeof(bus));
	bus.id = pci ? PCI_BUS + 1 : 0;
	memcpy(bus.name, "ISA   ", sizeof(bus.name));
	mp_table_add(writer, &bus, sizeof(bus));
	return bus.id;
}

static void mp_table_add_processors(struct mp_writer *writer, u32 vcpu_count, struct mp_cpu cpu)
{
	for (u32 i = 0; i < vcpu_count; i++) {
		const struct mp_processor processor = {
			.type = MP_PROCESSOR,
			.lapic_id = (u8)i,
			.lapic_version = LAPIC_VERSION_VALUE & LAPIC_VERSION_NUMBER,
			.flags = MP_CPU_ENABLED | (i == 0 ? MP_CPU_BOOT : 0),
			.cpu = cpu,
		};

		mp_table_add(writer, &processor, sizeof(processor));
	}
}

/*
 * Ends the MP configuration table. The checksum is computed over the entries as they lie in RAM; if
 * one was changed, the checksum is wrong, and no harm is done.
 */
static void mp_table_end(struct mp_writer *writer)
{
	struct mp_header *header = &writer->header;
	const u8 *entries = writer->table + sizeof(*header);
	u8 of_entries = bytes_checksum(entries, header->length - sizeof(*header));

	header->checksum = (u8)(bytes_checksum(header, sizeof(*header)) + of_entries);
	memcpy(writer->table, header, sizeof(*header));
}

void mp_table_write(u8 *ram, u32 vcpu_count, struct mp_cpu cpu, bool pci)
{
	struct mp_pointer pointer = {
		.signature = {'_', 'M', 'P', '_'},
		.table = (u32)(LAYOUT_MP + sizeof(pointer)),
		.length = 1,
		.revision = 4,
	};
	struct mp_writer writer = {
		.table = ram + pointer.table,
		.header = {.signature = {'P', 'C', 'M', 'P'},
			   .length = sizeof(writer.header),
			   .revision = 4,
			   .lapic_address = LAPIC_DEFAULT_ADDRESS},
	};
	const struct mp_ioapic ioapic = {
		.type = MP_IOAPIC,
		.version = IOAPIC_VERSION_VALUE & 0xff,
		.flags = MP_IOAPIC_ENABLED,
		.address = IOAPIC_DEFAULT_ADDRESS,
	};
	u8 isa_bus;

	memcpy(writer.header.oem_id, "SKERRY  ", sizeof(writer.header.oem_id));
	memcpy(writer.header.product_id, "VM          ", sizeof(writer.header.product_id));
	memset(ram + LAYOUT_MP, 0, LAYOUT_MP_BYTES);
	mp_table_add_processors(&writer, vcpu_count, cpu);
	isa_bus = mp_table_add_buses(&writer, pci);
	mp_table_add(&writer, &ioapic, sizeof(ioapic));
	if (pci)
		mp_table_add_pci(&writer);
	mp_table_add_interrupts(&writer, isa_bus);
	mp_table_end(&writer);
	pointer.checksum = bytes_checksum(&pointer, sizeof(pointer));
	memcpy(ram + LAYOUT_MP, &pointer, sizeof(pointer));
}
