/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/load/load.h"

/* Returns whether the file is an ELF executable with the note XEN_ELFNOTE_PHYS32_ENTRY. */
bool elf_pvh_recognise(struct load_job *job);

/* Loads the file for the PVH entry: 32-bit protected mode, EBX = struct hvm_start_info. */
bool elf_pvh_load(struct load_job *job);
