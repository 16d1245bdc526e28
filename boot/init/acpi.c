/* SPDX-License-Identifier: MIT */
/*
 * Reads CPUs, I/O APICs and memory nodes from the firmware's ACPI tables (MADT, SRAT).
 * boot/init/machine.c calls it once; a fuzzer calls it too. The tables may be broken: every length
 * and checksum is checked, and the results go to struct acpi_info alone.
 */
#include "boot/init/acpi.h"

#include "arch/x86_64/hw/lapic.h"
#include "lib/string.h"
#include "vmm/hw/acpi.h"

/* the largest length of an ACPI table that is believed, to bound the work for a wrong one */
#define ACPI_TABLE_BYTES_MAX (256 * KIB)
#define ACPI_TABLES_MAX	     256u

static bool acpi_checksum_right(const void *table, size_t bytes)
{
	const u8 *byte = table;
	u8 sum = 0;

	for (size_t i = 0; i < bytes; i++)
		sum = (u8)(sum + byte[i]);
	return sum == 0;
}

static bool acpi_signature_is(const struct acpi_header *header, const char *signature)
{
	return memcmp(header->signature, signature, sizeof(header->signature)) == 0;
}

static enum status acpi_table_map(u64 address, acpi_map_t map, const struct acpi_header **table)
{
	const struct acpi_header *header = map(HPA(address), sizeof(*header));
	u32 length;

	if (!header)
		return STATUS_BAD_ADDRESS;
	length = header->length;
	if (length < sizeof(*header) || length > ACPI_TABLE_BYTES_MAX)
		return STATUS_BAD_FORMAT;
	header = map(HPA(address), length);
	if (!header)
		return STATUS_BAD_ADDRESS;
	if (!acpi_checksum_right(header, length))
		return STATUS_BAD_FORMAT;
	*table = header;
	return STATUS_OK;
}

/*
 * Finds the table of ACPI tables: the XSDT if there is a usable one, else the RSDT (ACPI 5.2.5.3).
 */
static enum status acpi_root_find(hpa_t address, acpi_map_t map, const struct acpi_header **root,
				  size_t *entry_bytes)
{
	const struct acpi_rsdp *rsdp;
	const struct acpi_rsdp *whole;
	enum status status;

	if (address.value == 0)
		return STATUS_NOT_FOUND;
	rsdp = map(address, ACPI_RSDP_V1_BYTES);
	if (!rsdp)
		return STATUS_BAD_ADDRESS;
	if (memcmp(rsdp->signature, ACPI_RSDP_SIGNATURE, sizeof(rsdp->signature)) != 0 ||
	    !acpi_checksum_right(rsdp, ACPI_RSDP_V1_BYTES))
		return STATUS_BAD_FORMAT;

	whole = rsdp->revision >= 2 ? map(address, sizeof(*whole)) : NULL;
	if (whole && whole->length == sizeof(*whole) &&
	    acpi_checksum_right(whole, sizeof(*whole)) && whole->xsdt_address != 0) {
		*entry_bytes = sizeof(u64);
		status = acpi_table_map(whole->xsdt_address, map, root);
		if (status == STATUS_OK && acpi_signature_is(*root, "XSDT"))
			return STATUS_OK;
	}
	*entry_bytes = sizeof(u32);
	status = acpi_table_map(rsdp->rsdt_address, map, root);
	if (status == STATUS_OK && !acpi_signature_is(*root, "RSDT"))
		status = STATUS_BAD_FORMAT;
	return status;
}

static enum status acpi_table_find(const struct acpi_header *root, size_t entry_bytes,
				   acpi_map_t map, const char *signature, size_t least,
				   const void **found)
{
	const u8 *entries = (const u8 *)(root + 1);
	size_t count = (root->length - sizeof(*root)) / entry_bytes;

	for (size_t i = 0; i < count && i < ACPI_TABLES_MAX; i++) {
		const struct acpi_header *table;
		u64 address = 0;
		enum status status;

		memcpy(&address, entries + i * entry_bytes, entry_bytes);
		table = map(HPA(address), sizeof(*table));
		if (!table || !acpi_signature_is(table, signature))
			continue;
		status = acpi_table_map(address, map, &table);
		if (status != STATUS_OK)
			return status;
		*found = table;
		return table->length < least ? STATUS_BAD_FORMAT : STATUS_OK;
	}
	return STATUS_NOT_FOUND;
}

/*
 * Adds a CPU to info, unless it is listed there already: some firmware lists a CPU twice, as a
 * local APIC and as an x2APIC.
 */
static void acpi_cpu_add(struct acpi_info *info, u32 apic_id, u32 flags)
{
	if (!(flags & ACPI_CPU_ENABLED) || info->cpu_count >= ACPI_CPU_MAX)
		return;
	for (u32 i = 0; i < info->cpu_count; i++)
		if (info->cpu[i].apic_id == apic_id)
			return;
	info->cpu[info->cpu_count++] = (struct acpi_cpu){.apic_id = apic_id};
}

static void acpi_ioapic_found(struct acpi_info *info, const struct acpi_madt_ioapic *entry)
{
	if (info->ioapic_count >= IOAPIC_MAX)
		return;
	info->ioapic[info->ioapic_count++] =
		(struct acpi_ioapic){entry->gsi_base, HPA(entry->address)};
}

/* Reads an entry of the MADT; skips unknown types and entries too short for their type. */
static void acpi_entry_found(struct acpi_info *info, const struct acpi_madt_entry *entry)
{
	const void *at = entry;

	if (entry->type == ACPI_MADT_LAPIC && entry->length >= sizeof(struct acpi_madt_lapic)) {
		const struct acpi_madt_lapic *lapic = at;

		acpi_cpu_add(info, lapic->apic_id, lapic->flags);
	} else if (entry->type == ACPI_MADT_X2APIC &&
		   entry->length >= sizeof(struct acpi_madt_x2apic)) {
		const struct acpi_madt_x2apic *x2apic = at;

		acpi_cpu_add(info, x2apic->x2apic_id, x2apic->flags);
	} else if (entry->type == ACPI_MADT_IOAPIC &&
		   entry->length >= sizeof(struct acpi_madt_ioapic)) {
		acpi_ioapic_found(info, at);
	} else if (entry->type == ACPI_MADT_LAPIC_ADDRESS &&
		   entry->length >= sizeof(struct acpi_madt_lapic_address)) {
		info->lapic = HPA(((const struct acpi_madt_lapic_address *)at)->address);
	}
}

/*
 * Returns the node of a proximity domain. Domain numbers are arbitrary; NUMA nodes are numbered
 * from 0. Domains for which there is no node left go to node 0.
 */
static u32 acpi_node_of(struct acpi_info *info, u32 domain)
{
	u32 node = 0;

	while (node < info->node_count && info->domain[node] != domain)
		node++;
	if (node == ACPI_NODE_MAX)
		return 0;
	info->domain[node] = domain;
	info->node_count = MAX(info->node_count, node + 1);
	return node;
}

static void acpi_cpu_place(struct acpi_info *info, u32 apic_id, u32 domain, u32 flags)
{
	for (u32 i = 0; i < info->cpu_count && (flags & ACPI_SRAT_ENABLED); i++)
		if (info->cpu[i].apic_id == apic_id)
			info->cpu[i].node = acpi_node_of(info, domain);
}

static void acpi_range_found(struct acpi_info *info, const struct acpi_srat_memory *memory)
{
	if (!(memory->flags & ACPI_SRAT_ENABLED) || info->range_count == ACPI_RANGE_MAX)
		return;
	info->range[info->range_count++] = (struct acpi_range){HPA(memory->base), memory->length,
							       acpi_node_of(info, memory->domain)};
}

static void acpi_affinity_found(struct acpi_info *info, const struct acpi_madt_entry *entry)
{
	const void *at = entry;

	if (entry->type == ACPI_SRAT_MEMORY && entry->length >= sizeof(struct acpi_srat_memory)) {
		acpi_range_found(info, at);
	} else if (entry->type == ACPI_SRAT_LAPIC &&
		   entry->length >= sizeof(struct acpi_srat_lapic)) {
		const struct acpi_srat_lapic *lapic = at;
		u32 domain = lapic->domain_low;

		for (u32 i = 0; i < sizeof(lapic->domain_high); i++)
			domain |= (u32)lapic->domain_high[i] << (8 * i + 8);
		acpi_cpu_place(info, lapic->apic_id, domain, lapic->flags);
	} else if (entry->type == ACPI_SRAT_X2APIC &&
		   entry->length >= sizeof(struct acpi_srat_x2apic)) {
		const struct acpi_srat_x2apic *x2apic = at;

		acpi_cpu_place(info, x2apic->x2apic_id, x2apic->domain, x2apic->flags);
	}
}

/* Reads into info the entries of a MADT or SRAT, which begin `skip` bytes into the table. */
static enum status acpi_entries_read(const struct acpi_header *table, size_t skip,
				     struct acpi_info *info)
{
	const u8 *at = (const u8 *)table + skip;
	const u8 *end = (const u8 *)table + table->length;

	while (at < end) {
		const struct acpi_madt_entry *entry = (const void *)at;

		if ((size_t)(end - at) < sizeof(*entry) || entry->length < sizeof(*entry) ||
		    entry->length > end - at)
			return STATUS_BAD_FORMAT;
		if (acpi_signature_is(table, "SRAT"))
			acpi_affinity_found(info, entry);
		else
			acpi_entry_found(info, entry);
		at += entry->length;
	}
	return STATUS_OK;
}

static enum status acpi_madt_read(const struct acpi_madt *madt, struct acpi_info *info)
{
	enum status status;

	info->cpu_count = 0;
	info->lapic = HPA(madt->lapic_address);
	status = acpi_entries_read(&madt->header, sizeof(*madt), info);
	return status == STATUS_OK && info->cpu_count == 0 ? STATUS_BAD_FORMAT : status;
}

static void acpi_srat_read(const struct acpi_header *root, size_t entry_bytes, acpi_map_t map,
			   struct acpi_info *info)
{
	const void *srat;

	if (acpi_table_find(root, entry_bytes, map, "SRAT", sizeof(struct acpi_srat), &srat) ==
		    STATUS_OK &&
	    acpi_entries_read(srat, sizeof(struct acpi_srat), info) == STATUS_OK)
		return;
	info->node_count = 0;
	info->range_count = 0;
	for (u32 i = 0; i < info->cpu_count; i++)
		info->cpu[i].node = 0;
}

static void acpi_info_reset(struct acpi_info *info)
{
	memset(info, 0, sizeof(*info));
	info->lapic = HPA(LAPIC_DEFAULT_ADDRESS);
	info->cpu_count = 1;
}

enum status acpi_read(hpa_t rsdp, acpi_map_t map, struct acpi_info *info)
{
	const struct acpi_header *root;
	const void *madt;
	size_t entry_bytes;
	enum status status;

	acpi_info_reset(info);
	status = acpi_root_find(rsdp, map, &root, &entry_bytes);
	if (status == STATUS_OK)
		status = acpi_table_find(root, entry_bytes, map, "APIC", sizeof(struct acpi_madt),
					 &madt);
	if (status == STATUS_OK)
		status = acpi_madt_read(madt, info);
	if (status == STATUS_OK)
		acpi_srat_read(root, entry_bytes, map, info);
	else
		acpi_info_reset(info);
	return status;
}
