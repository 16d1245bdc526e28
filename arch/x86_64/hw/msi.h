/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/bits.h"

/* Message-signalled interrupts: SDM vol. 3, 11.11. Fields of the message's address: */
#define MSI_ADDRESS_FIXED BITS(63, 20)
#define MSI_ADDRESS_BASE  0xfee00000ull
/* lowest bit of the destination's APIC id, which has eight bits */
#define MSI_ADDRESS_DESTINATION_SHIFT 12
#define MSI_DESTINATION_MAX	      254u /* 255 means every CPU; larger APIC ids need an IOMMU */
/*
 * the message names an interrupt entry of the IOMMU in place of a destination (VT-d specification,
 * 5.1.2.2)
 */
#define MSI_ADDRESS_REMAPPED	BIT(4)
#define MSI_ADDRESS_ENTRY_SHIFT 5
#define MSI_ADDRESS_REDIRECTION BIT(3) /* the platform chooses one of the destinations */
#define MSI_ADDRESS_LOGICAL	BIT(2)

/* Fields of the message's data: */
#define MSI_DATA_VECTOR		BITS(7, 0)
#define MSI_DATA_DELIVERY_SHIFT 8 /* three bits: enum apic_delivery, without APIC_SIPI */
#define MSI_DATA_ASSERT		BIT(14)
#define MSI_DATA_LEVEL		BIT(15)
