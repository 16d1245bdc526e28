/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/vcpu.h"

/* The registers of a vCPU as GDB numbers them, in one of two layouts. */
enum gdb_layout { GDB_16, GDB_32, GDB_64 };

/* Returns the layout for the mode that the vCPU is in. */
enum gdb_layout gdb_layout_of(const struct vcpu_page *page);

u32 gdb_register_count(enum gdb_layout layout);
/* Returns the register's size in bytes, or 0 if there is none of that number. */
u32 gdb_register_bytes(enum gdb_layout layout, u32 number);
/*
 * Writes the register's value to *value. Returns false if struct vcpu_page does not have it (the
 * FPU's registers). PC is linear: it includes the base of CS.
 */
bool gdb_register_get(enum gdb_layout layout, const struct vcpu_page *page, u32 number, u64 *value);
/*
 * gdb_register_set() returns the groups of struct vcpu_page that have changed, or 0 if the register
 * cannot be set. GDB_GPRS means the general registers alone.
 */
#define GDB_GPRS (1u << 31)
u32 gdb_register_set(enum gdb_layout layout, struct vcpu_page *page, u32 number, u64 value);

/* Writes the target description, in XML; returns its length, even if it did not fit. */
size_t gdb_description(enum gdb_layout layout, char *buffer, size_t size);
