/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/host/host_acpi.h"

/*
 * Reads the host's UUID from the firmware's SMBIOS tables, found by the anchor in the BIOS area of
 * memory. Returns false if there is no such anchor (as with UEFI firmware, whose anchor lies
 * elsewhere), or if the host's maker has set no UUID.
 */
bool host_smbios_uuid(host_acpi_read *read, void *context, u8 id[16]);
