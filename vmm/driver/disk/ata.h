/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/hw/ata.h"

/* What an ATA disk says of itself, for all drivers of such disks. */
struct ata_identity {
	u64 sectors; /* of 512 bytes */
	u32 block_bytes;
	u32 depth; /* commands that it takes at once; 1: it has no queue */
	bool lba48;
	bool flush;
	bool cache; /* it has one for writes, or may have */
	bool trim;
	char model[41];
	char serial[21];
};

/* `word` is what IDENTIFY DEVICE has returned. False: `problem` says why it is no disk of use. */
bool ata_identify(const u16 word[ATA_IDENTIFY_WORDS], struct ata_identity *identity, char *problem,
		  size_t size);
