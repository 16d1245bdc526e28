/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/hw/scsi.h"

/* Commands of CD-ROM drives and their answers, besides those that all SCSI units have: MMC-6. */

#define MMC_BLOCK_BYTES 2048u

enum mmc_command_code {
	MMC_PREVENT_ALLOW_REMOVAL = 0x1e,
	MMC_READ_TOC = 0x43,
	MMC_GET_CONFIGURATION = 0x46,
	MMC_GET_EVENT_STATUS = 0x4a,
};

#define MMC_TYPE_CD	   0x05u
#define MMC_REMOVABLE	   0x80u
#define MMC_EJECT	   0x02u /* bit of START STOP UNIT: the drive's tray is to be moved */
#define MMC_START	   0x01u
#define MMC_PAGE_MECHANISM 0x2au

/* GET EVENT STATUS NOTIFICATION: MMC-6 6.6. */
#define MMC_EVENT_POLLED	0x01u
#define MMC_EVENT_CLASS_MEDIA	4u
#define MMC_EVENT_HAS_MEDIA	(1u << MMC_EVENT_CLASS_MEDIA)
#define MMC_EVENT_NONE		0x80u
#define MMC_EVENT_MEDIA_PRESENT 0x02u
#define MMC_EVENT_TRAY_OPEN	0x01u

/* GET CONFIGURATION: MMC-6 5.3 and 6.5. */
#define MMC_PROFILE_NONE   0x0000u
#define MMC_PROFILE_CD_ROM 0x0008u

/* READ TOC: MMC-6 6.25. */
#define MMC_TOC_LEAD_OUT 0xaau
/* ADR and control byte of a track: a data track, whose position is given */
#define MMC_TOC_DATA 0x14u
