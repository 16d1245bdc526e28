/* SPDX-License-Identifier: MIT */
/* The tables that the manager reads: FADT and the AML of \_S5 for switching off, the MCFG for PCI.
 */
#include "tests/fuzz/fuzz.h"

#include "lib/string.c"
#include "vmm/manager/host/host_acpi.c"
#include "tests/fuzz/acpi.h"

static u8 *last_copy; /* freed at the next read, as the manager's window is */

static const u8 *read_memory(void *context, u64 hpa, u64 bytes)
{
	const u8 *there = fuzz_acpi_at(hpa, bytes);

	(void)context;
	free(last_copy);
	last_copy = NULL;
	if (there == NULL)
		return NULL;
	last_copy = malloc(bytes == 0 ? 1 : bytes);
	memcpy(last_copy, there, bytes);
	return last_copy;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	u8 rsdp[HOST_ACPI_RSDP_BYTES] = {0};
	struct host_ecam ecam[4];
	struct host_power power;

	fuzz_acpi_start(bytes, size);
	memcpy(rsdp, fuzz_acpi_memory, MIN(fuzz_acpi_bytes, sizeof(rsdp)));
	memset(&power, 0xa5, sizeof(power));
	host_acpi_parse(rsdp, read_memory, NULL, &power);
	if (power.problem == NULL)
		CHECK_THAT(power.pm1a_control != 0);
	CHECK_THAT(host_acpi_ecam(rsdp, read_memory, NULL, ecam, ARRAY_COUNT(ecam)) <= 4);
	free(fuzz_acpi_memory);
	return 0;
}
