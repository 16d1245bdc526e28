/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/status.h"
#include "vmm/monitor/dev/flash.h"
#include "vmm/monitor/save/save_disk.h"

struct machine;

/* A VM's flash memory with its firmware's variables, and the disk, if any, that keeps them. */
struct flash_memory {
	struct flash_config config;
	struct machine *machine;
	handle_t rom; /* the memory object of the ROM, which begins with the content */
	bool shown;   /* the content is mapped for the guest */
	bool has_disk;
	bool failed; /* the disk did not take the blocks that changed last */
	handle_t queue;
	struct save_disk disk;
	struct disk_client client;
};

/* Returns whether the VM's disk number `number` keeps its firmware's variables. */
bool flash_is_disk(u64 number);
/*
 * Returns how many bytes of variables the VM's UEFI firmware has: those with which its file begins
 * (also set in `job->kept`), or else, if a disk keeps them, those that lie below the ROM; 0 if it
 * has none, or no disk keeps them.
 */
u64 flash_find(struct machine *machine);
/*
 * Returns whether a disk is to keep the firmware's variables, for which flash_find has found no
 * bytes.
 */
bool flash_lacks_place(u64 flash_bytes);
/*
 * Gives the VM its firmware's variables, in the first `bytes` of the memory object `rom`, before
 * the ROM: those on its disk, or those with which the firmware's file begins. Returns false if the
 * VM has crashed.
 */
bool flash_open(struct machine *machine, handle_t rom, u64 bytes);
/*
 * Binds the signals of the disk with the variables to this process's queue again, after another
 * monitor process had them.
 */
enum status flash_bind(struct machine *machine) MUST_CHECK;
