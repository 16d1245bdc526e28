/* SPDX-License-Identifier: MIT */
/* The tables that ring 0 reads: RSDP, RSDT or XSDT, MADT, SRAT. */
#include "tests/fuzz/fuzz.h"

#include "boot/init/acpi.c"
#include "tests/fuzz/acpi.h"

static const void *map(hpa_t address, u64 length)
{
	return fuzz_acpi_at(address.value, length);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static struct acpi_info info;

	fuzz_acpi_start(bytes, size);
	memset(&info, 0xa5, sizeof(info));
	(void)!acpi_read(HPA(FUZZ_ACPI_BASE), map, &info);
	CHECK_THAT(info.cpu_count <= ACPI_CPU_MAX && info.ioapic_count <= IOAPIC_MAX);
	CHECK_THAT(info.node_count <= ACPI_NODE_MAX && info.range_count <= ACPI_RANGE_MAX);
	for (u32 i = 0; i < info.range_count; i++)
		CHECK_THAT(info.range[i].node < info.node_count);
	for (u32 i = 0; i < info.cpu_count; i++)
		CHECK_THAT(info.cpu[i].node == 0 || info.cpu[i].node < info.node_count);
	for (u32 i = 0; i < info.cpu_count; i++)
		for (u32 j = 0; j < i; j++)
			CHECK_THAT(info.cpu[i].apic_id != info.cpu[j].apic_id);
	free(fuzz_acpi_memory);
	return 0;
}
