/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/hw/acpi_fixed.h"
#include "vmm/monitor/bus/device.h"

/* The ports of the ACPI fixed hardware, as the FADT gives them. */
/* the port of the PM1 block: its status, then its enable register, two bytes each */
#define ACPI_PM_EVENT_PORT    0x600u
#define ACPI_PM_EVENT_BYTES   4u
#define ACPI_PM_CONTROL_PORT  0x604u
#define ACPI_PM_CONTROL_BYTES 2u
#define ACPI_PM_TIMER_PORT    0x608u /* the PM timer counts 32 bits (TMR_VAL_EXT) */
#define ACPI_PM_TIMER_BYTES   4u
/* the port of the GPE0 block: its status, then its enable register, two bytes each */
#define ACPI_PM_GPE0_PORT  0x620u
#define ACPI_PM_GPE0_BYTES 4u
/* the bit of the generation ID's event, the only event there is */
#define ACPI_PM_GPE_GENERATION 0u
#define ACPI_PM_S5	       5u /* the SLP_TYP of power-off */

struct acpi_pm_state {
	u64 timer_tick; /* the count of the PM timer up to which TMR_STS is up to date */
	u16 status;
	u16 enable;
	u16 control;
	u16 gpe_status;
	u16 gpe_enable;
	u16 pressed; /* not 0: the power button was pressed while its event was disabled */
	u16 reserved[2];
};

/*
 * ACPI fixed hardware (ACPI 6.4, 4.8), always in ACPI mode: there is no SMI_CMD and SCI_EN reads 1.
 */
struct acpi_pm {
	struct device device;
	struct acpi_pm_state state;
};

enum status acpi_pm_attach(struct platform *platform,
			   const struct platform_config *config) MUST_CHECK;
/* Presses the power button; the press is kept until the guest enables its event. */
void acpi_pm_power_button(struct acpi_pm *pm);
/* Signals the RTC's alarm to a sleeping guest. */
void acpi_pm_alarm(struct acpi_pm *pm);
/* Tells the guest, by a GPE0 event, that its VM generation ID has changed. */
void acpi_pm_generation(struct acpi_pm *pm);
