/* SPDX-License-Identifier: MIT */
/* What the manager reads of ACPI's DMAR, behind a good checksum. */
#include "tests/fuzz/iommu_table.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	fuzz_table(bytes, size, dmar_parse);
	return 0;
}
