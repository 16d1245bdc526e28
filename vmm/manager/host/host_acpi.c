/* SPDX-License-Identifier: MIT */
/*
 * Reads the firmware's ACPI tables: how to switch the host off and reset it, and where PCI's
 * configuration space lies. Called by machine.c, which maps memory for it. Holds no state; every
 * table is checked.
 */
#include "lib/bits.h"
#include "lib/checked.h"
#include "lib/string.h"
#include "vmm/hw/acpi_fixed.h"
#include "vmm/hw/pci.h"
#include "vmm/manager/host/host_acpi.h"

#define TABLE_BYTES_MAX (4 * MIB)
#define TABLE_COUNT_MAX 128u
_Static_assert(sizeof(struct acpi_rsdp) == HOST_ACPI_RSDP_BYTES, "as the header says");
/* the least size of an FADT: that of ACPI 1.0 has 116 bytes */
#define FADT_BYTES_MIN offsetof(struct acpi_fadt, reset_reg)

/* ACPI 20.2: the encodings of which the value of \_S5 is made */
enum aml {
	AML_ZERO = 0x00,
	AML_ONE = 0x01,
	AML_NAME = 0x08,
	AML_BYTE = 0x0a,
	AML_WORD = 0x0b,
	AML_DWORD = 0x0c,
	AML_PACKAGE = 0x12,
	AML_ROOT = '\\',
};

struct reader {
	host_acpi_read *read;
	void *context;
	u64 root; /* physical address of the XSDT or RSDT */
	u32 root_bytes;
	u32 pointer_bytes; /* size of the root table's pointers: 8 in an XSDT, 4 in an RSDT */
};

/*
 * Returns a complete table with a good checksum, or NULL. If `signature` is NULL, a table with any
 * signature is returned.
 */
static const u8 *host_acpi_read_table(const struct reader *reader, u64 hpa, const char *signature,
				      u32 *bytes)
{
	struct acpi_header header;
	const u8 *table = hpa != 0 ? reader->read(reader->context, hpa, sizeof(header)) : NULL;

	if (table == NULL)
		return NULL;
	memcpy(&header, table, sizeof(header));
	if (header.length < sizeof(header) || header.length > TABLE_BYTES_MAX ||
	    (signature != NULL && memcmp(header.signature, signature, 4) != 0))
		return NULL;
	table = reader->read(reader->context, hpa, header.length);
	if (table == NULL || !host_acpi_checksum_good(table, header.length))
		return NULL;
	*bytes = header.length;
	return table;
}

static bool host_acpi_find_root(struct reader *reader, const u8 *bytes)
{
	struct acpi_rsdp rsdp;

	memcpy(&rsdp, bytes, sizeof(rsdp));
	if (memcmp(rsdp.signature, ACPI_RSDP_SIGNATURE, sizeof(rsdp.signature)) != 0 ||
	    !host_acpi_checksum_good(bytes, ACPI_RSDP_V1_BYTES))
		return false;
	reader->root = rsdp.xsdt_address;
	reader->pointer_bytes = 8;
	if (rsdp.revision >= 2 && host_acpi_checksum_good(bytes, sizeof(rsdp)) &&
	    host_acpi_read_table(reader, reader->root, "XSDT", &reader->root_bytes) != NULL)
		return true;
	reader->root = rsdp.rsdt_address;
	reader->pointer_bytes = 4;
	return host_acpi_read_table(reader, reader->root, "RSDT", &reader->root_bytes) != NULL;
}

/* Returns the address of the table at `index` in the root table, or 0 behind the last. */
static u64 host_acpi_table_at(const struct reader *reader, u32 index)
{
	u32 offset = (u32)sizeof(struct acpi_header) + index * reader->pointer_bytes;
	const u8 *root;
	u64 address = 0;

	if (index >= TABLE_COUNT_MAX || offset + reader->pointer_bytes > reader->root_bytes)
		return 0;
	root = reader->read(reader->context, reader->root, reader->root_bytes);
	if (root != NULL)
		memcpy(&address, root + offset, reader->pointer_bytes);
	return address;
}

/*
 * Moves *at past a package's length (ACPI 20.2.4): two bits of its first byte say how many bytes of
 * length follow.
 */
static bool host_acpi_skip_package_length(const u8 *aml, u32 bytes, u32 *at)
{
	if (*at >= bytes)
		return false;
	*at += 1 + (aml[*at] >> 6);
	return *at < bytes;
}

static bool host_acpi_take_integer(const u8 *aml, u32 bytes, u32 *at, u8 *value)
{
	u32 size;

	if (*at >= bytes)
		return false;
	switch ((enum aml)aml[*at]) {
	case AML_ZERO:
	case AML_ONE:
		*value = aml[(*at)++];
		return true;
	case AML_BYTE:
		size = 1;
		break;
	case AML_WORD:
		size = 2;
		break;
	case AML_DWORD:
		size = 4;
		break;
	default:
		return false;
	}
	if (bytes - *at <= size)
		return false;
	*value = aml[*at + 1];
	*at += 1 + size;
	return true;
}

/*
 * Looks for Name(_S5_, Package(){SLP_TYPa, SLP_TYPb, ...}) by its bytes: no interpreter is needed
 * for a package of constants, which is what every firmware writes.
 */
static bool host_acpi_find_s5(const u8 *aml, u32 bytes, struct host_power *power)
{
	for (u32 i = sizeof(struct acpi_header) + 2; i + 4 < bytes; i++) {
		u32 at = i + 4;

		if (memcmp(aml + i, "_S5_", 4) != 0 || aml[at] != AML_PACKAGE ||
		    !(aml[i - 1] == AML_NAME || (aml[i - 1] == AML_ROOT && aml[i - 2] == AML_NAME)))
			continue;
		at++;
		if (!host_acpi_skip_package_length(aml, bytes, &at) || aml[at] < 1)
			continue;
		power->sleep_type_b = 0;
		if (aml[at] >= 2) {
			at++;
			if (host_acpi_take_integer(aml, bytes, &at, &power->sleep_type_a) &&
			    host_acpi_take_integer(aml, bytes, &at, &power->sleep_type_b))
				return true;
			continue;
		}
		at++;
		if (host_acpi_take_integer(aml, bytes, &at, &power->sleep_type_a))
			return true;
	}
	return false;
}

static bool host_acpi_find_s5_in_tables(const struct reader *reader, u64 dsdt,
					struct host_power *power)
{
	u32 bytes;
	const u8 *table = host_acpi_read_table(reader, dsdt, "DSDT", &bytes);
	u64 address;

	if (table != NULL && host_acpi_find_s5(table, bytes, power))
		return true;
	for (u32 i = 0; (address = host_acpi_table_at(reader, i)) != 0; i++) {
		table = host_acpi_read_table(reader, address, "SSDT", &bytes);
		if (table != NULL && host_acpi_find_s5(table, bytes, power))
			return true;
	}
	return false;
}

/*
 * Returns the port of the FADT's old field if that is set, else that of the extended field if it is
 * in I/O space, else 0.
 */
static u16 host_acpi_control_port(u32 port, const struct acpi_address *extended)
{
	if (port != 0 && port <= 0xffff)
		return (u16)port;
	if (extended->space == ACPI_SPACE_IO && extended->address <= 0xffff)
		return (u16)extended->address;
	return 0;
}

static void host_acpi_take_fadt(const struct acpi_fadt *fadt, struct host_power *power)
{
	power->pm1a_control = host_acpi_control_port(fadt->pm1a_cnt_blk, &fadt->x_pm1a_cnt_blk);
	power->pm1b_control = host_acpi_control_port(fadt->pm1b_cnt_blk, &fadt->x_pm1b_cnt_blk);
	power->smi_command = fadt->smi_cmd <= 0xffff ? (u16)fadt->smi_cmd : 0;
	power->acpi_enable = fadt->acpi_enable;
	power->century = fadt->century;
	if ((fadt->flags & ACPI_FADT_RESET_REG_SUP) != 0 &&
	    fadt->reset_reg.space == ACPI_SPACE_IO && fadt->reset_reg.address <= 0xffff) {
		power->reset_port = (u16)fadt->reset_reg.address;
		power->reset_value = fadt->reset_value;
	}
}

static bool host_acpi_find_fadt(const struct reader *reader, struct acpi_fadt *fadt)
{
	const u8 *table;
	u64 address;
	u32 bytes;

	memset(fadt, 0, sizeof(*fadt));
	for (u32 i = 0; (address = host_acpi_table_at(reader, i)) != 0; i++) {
		table = host_acpi_read_table(reader, address, "FACP", &bytes);
		if (table == NULL || bytes < FADT_BYTES_MIN)
			continue;
		memcpy(fadt, table, MIN(bytes, sizeof(*fadt)));
		return true;
	}
	return false;
}

void host_acpi_parse(const u8 rsdp[HOST_ACPI_RSDP_BYTES], host_acpi_read *read, void *context,
		     struct host_power *power)
{
	struct reader reader = {.read = read, .context = context};
	struct acpi_fadt fadt;

	*power = (struct host_power){.problem = NULL};
	if (!host_acpi_find_root(&reader, rsdp)) {
		power->problem = "the firmware has no ACPI tables";
		return;
	}
	if (!host_acpi_find_fadt(&reader, &fadt)) {
		power->problem = "the firmware's ACPI tables have no FADT";
		return;
	}
	host_acpi_take_fadt(&fadt, power);
	if (power->pm1a_control == 0)
		power->problem = "the ACPI tables name no PM1a control port";
	else if (!host_acpi_find_s5_in_tables(&reader, fadt.x_dsdt != 0 ? fadt.x_dsdt : fadt.dsdt,
					      power))
		power->problem = "the ACPI tables do not describe \\_S5";
}

/*
 * Returns whether the MCFG's entry can be true: buses in order, 1 MiB each, none of them in an
 * earlier entry.
 */
static bool host_acpi_ecam_valid(const struct host_ecam *ecam, u32 count,
				 const struct host_ecam *entry)
{
	if (entry->base == 0 || entry->base % MIB != 0 || entry->base > ~0ull - PCI_BUSES * MIB ||
	    entry->first_bus > entry->last_bus)
		return false;
	for (u32 i = 0; i < count; i++) {
		if (ecam[i].segment == entry->segment && ecam[i].first_bus <= entry->last_bus &&
		    entry->first_bus <= ecam[i].last_bus)
			return false;
	}
	return true;
}

const u8 *host_acpi_find(const u8 rsdp[HOST_ACPI_RSDP_BYTES], host_acpi_read *read, void *context,
			 const char *signature, u32 *bytes)
{
	struct reader reader = {.read = read, .context = context};
	const u8 *table = NULL;
	u64 address;

	if (!host_acpi_find_root(&reader, rsdp))
		return NULL;
	for (u32 i = 0; table == NULL && (address = host_acpi_table_at(&reader, i)) != 0; i++)
		table = host_acpi_read_table(&reader, address, signature, bytes);
	return table;
}

u32 host_acpi_ecam(const u8 rsdp[HOST_ACPI_RSDP_BYTES], host_acpi_read *read, void *context,
		   struct host_ecam *ecam, u32 room)
{
	u32 bytes = 0;
	const u8 *table = host_acpi_find(rsdp, read, context, "MCFG", &bytes);
	u32 count = 0;

	if (table == NULL)
		return 0;
	for (u32 at = sizeof(struct acpi_mcfg);
	     count < room && range_within(at, sizeof(struct acpi_mcfg_entry), bytes);
	     at += sizeof(struct acpi_mcfg_entry)) {
		struct acpi_mcfg_entry entry;

		memcpy(&entry, table + at, sizeof(entry));
		ecam[count] = (struct host_ecam){entry.base, entry.segment, entry.first_bus,
						 entry.last_bus};
		count += host_acpi_ecam_valid(ecam, count, &ecam[count]);
	}
	return count;
}
