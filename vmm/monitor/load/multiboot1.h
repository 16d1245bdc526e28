/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/load/load.h"

/* Returns whether there is a Multiboot 1 header in the file's first 8 KiB. */
bool multiboot1_recognise(const struct load_file *kernel);

/* Loads the file, ELF or flat: 32-bit protected mode, EAX = 0x2badb002, EBX = the information. */
bool multiboot1_load(struct load_job *job);
