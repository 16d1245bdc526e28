/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/hw/ata.h"

/* An ATA disk's answer about itself; shared by the AHCI and IDE drivers. */
struct ata_identity {
	u64 sectors; /* the disk's size in sectors of 512 bytes */
	u32 block_bytes;
	u32 depth; /* the most commands that the disk takes at once; 1: the disk has no queue */
	bool lba48;
	bool flush;
	bool cache; /* the disk has, or may have, a write cache */
	bool trim;
	char model[41];
	char serial[21];
};

/*
 * Parses the answer to IDENTIFY DEVICE in `word`. Returns false if the disk cannot be used;
 * `problem` then says why.
 */
bool ata_identify(const u16 word[ATA_IDENTIFY_WORDS], struct ata_identity *identity, char *problem,
		  size_t size);
