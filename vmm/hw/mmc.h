/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/hw/scsi.h"

/* Commands of CD-ROM drives and their answers, besides those that all SCSI units have: MMC-6. */

#define MMC_BLOCK_BYTES 2048u

enum mmc_command_code {
	MMC_START_STOP_UNIT = 0x1b,
	MMC_PREVENT_ALLOW_REMOVAL = 0x1e,
	MMC_READ_CAPACITY = 0x25,
	MMC_READ_10 = 0x28,
	MMC_READ_TOC = 0x43,
	MMC_GET_CONFIGURATION = 0x46,
	MMC_GET_EVENT_STATUS = 0x4a,
	MMC_MODE_SENSE_10 = 0x5a,
	MMC_REPORT_LUNS = 0xa0,
	MMC_READ_12 = 0xa8,
};

#define MMC_TYPE_CD	   0x05u
#define MMC_TYPE_NONE	   0x7fu /* peripheral type in INQUIRY data: there is no such SCSI unit */
#define MMC_REMOVABLE	   0x80u
#define MMC_VERSION_SPC_3  0x05u
#define MMC_SENSE_BYTES	   18u
#define MMC_EJECT	   0x02u /* bit of START STOP UNIT: the drive's tray is to be moved */
#define MMC_START	   0x01u
#define MMC_PAGE_ALL	   0x3fu
#define MMC_PAGE_MECHANISM 0x2au

/* Codes of sense data (ASC); the low byte is the qualifier (ASCQ). */
#define MMC_ASC_READ_ERROR	  0x1100u
#define MMC_ASC_NO_COMMAND	  (SCSI_ASC_NO_COMMAND << 8)
#define MMC_ASC_OUT_OF_RANGE	  0x2100u
#define MMC_ASC_NO_FIELD	  (SCSI_ASC_NO_FIELD << 8)
#define MMC_ASC_NO_UNIT		  0x2500u
#define MMC_ASC_CHANGED		  0x2800u
#define MMC_ASC_NO_MEDIUM_CLOSED  0x3a01u
#define MMC_ASC_NO_MEDIUM_OPEN	  0x3a02u
#define MMC_ASC_REMOVAL_PREVENTED 0x5302u

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
